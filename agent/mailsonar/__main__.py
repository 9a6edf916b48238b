"""`python -m mailsonar` is the command `mailsonar`."""

from mailsonar.cli import main

if __name__ == "__main__":
    main()
