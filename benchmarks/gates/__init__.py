"""Gates under attack: the adapter that a scorer of gates drives, and the victim of a fault injector."""
