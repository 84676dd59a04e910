"""``python -m failatlas``: the command, where the script is not on the path."""

from failatlas.cli import main

if __name__ == "__main__":
    main()
