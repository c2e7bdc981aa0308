"""``python -m tlbench``, the same as ``tlbench``."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory, whose files such as inspect.py would shadow imports of tlbench
    from tlbench.cli import main

    main()
