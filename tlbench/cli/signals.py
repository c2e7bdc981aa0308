"""SIGTERM and SIGHUP end a command as Ctrl-C does: child processes are ended, and finished results are kept."""

import signal
import threading
from types import FrameType

INTERRUPTED = 130
ENDS = ("SIGTERM", "SIGHUP")


class EndedError(KeyboardInterrupt):
    """A signal asked the command to end.

    Attributes:
        exit_code: 128 + the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def listen() -> None:
    """Make these signals raise EndedError in the main thread, unless they are ignored (nohup) or handled already."""
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ENDS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)


def exit_code(error: BaseException | None) -> int:
    """The exit code after an interruption: 128 + the number of the signal, 130 for Ctrl-C."""
    return error.exit_code if isinstance(error, EndedError) else INTERRUPTED


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    raise EndedError(number)
