"""SIGTERM and SIGHUP end a command as Ctrl-C does: children go, what is finished stays, the exit code says which."""

import signal
import threading
from types import FrameType

INTERRUPTED = 130
ENDS = ("SIGTERM", "SIGHUP")


class EndedError(KeyboardInterrupt):
    """The system, or who started the command, asks it to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def listen() -> None:
    """Raise EndedError in the main thread at such a signal, unless it is ignored (nohup) or answered already."""
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ENDS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)


def exit_code(error: BaseException | None) -> int:
    """128 and the number of the signal; 130 for Ctrl-C."""
    return error.exit_code if isinstance(error, EndedError) else INTERRUPTED


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    raise EndedError(number)
