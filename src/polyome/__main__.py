"""``python -m polyome``."""

from polyome.cli import main

if __name__ == "__main__":
    main()
