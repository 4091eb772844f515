"""The simulation is run from a checkout and never installed: this puts the checkout on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
