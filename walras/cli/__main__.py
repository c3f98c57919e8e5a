"""`python -m walras.cli`."""

from walras.cli import main

if __name__ == "__main__":
    main()
