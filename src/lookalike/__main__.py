"""``python -m lookalike`` is the command line (torchrun starts it this way)."""

from lookalike.cli.main import main

if __name__ == "__main__":
    main()
