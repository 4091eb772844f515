"""What a journal recorded, asked again: decisions as test cases, proposals in the shadow, runs rehearsed."""
