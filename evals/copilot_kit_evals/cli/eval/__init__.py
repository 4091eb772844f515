"""`copilot-kit eval`: a module for each of its commands, named as the command is; `app` joins them."""
