"""Build it so that the next model just plugs in."""
