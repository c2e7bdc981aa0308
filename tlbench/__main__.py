"""`python -m tlbench` is the same as `tlbench`."""

from tlbench.cli import main

if __name__ == "__main__":
    main()
