"""CPU cost of an agent loop: ours beside a hand-written loop, the raw SDKs and other frameworks."""
