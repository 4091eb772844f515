"""`python -m copilot_kit` is `copilot-kit`."""

from copilot_kit.cli import main

if __name__ == "__main__":
    main()
