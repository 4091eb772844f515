"""One file per harness: `python FILE ITEMS FOLDER` runs a suite of trivial items and prints what it took."""
