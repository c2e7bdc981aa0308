"""`python -m tlbench` is the same as `tlbench`."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory: a keras/ or an inspect.py there is not what tlbench imports
    from tlbench.cli import main

    main()
