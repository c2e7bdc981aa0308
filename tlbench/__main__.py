"""The command line, as ``python -m tlbench`` and ``tlbench``."""

import signal
import sys


def main() -> None:
    """Run the command line. Ctrl-C ends it quietly even while it is imported, before it can answer by itself."""
    try:
        from tlbench.cli import main as run

        run()
    except KeyboardInterrupt as error:
        sys.exit(getattr(error, "exit_code", 128 + signal.SIGINT))


if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory, whose files such as inspect.py would shadow imports of tlbench
    main()
