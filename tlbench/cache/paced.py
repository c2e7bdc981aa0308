"""HTTP and HTTPS whose every byte is watched: a server that drips is given up, in its headers too.

A socket's own timeout bounds the wait for the next byte, not for the answer.
"""

import http.client
import io
import urllib.request
from collections.abc import Callable
from typing import Any

SLOWEST, PATIENCE = 1024, 30.0
"""Bytes a second, over so many seconds, below which a server is given up; its headers come within these seconds."""
Clock = Callable[[], float]


class SlowServerError(Exception):
    """The text is what the server does, without its name."""


def opener(clock: Clock) -> urllib.request.OpenerDirector:
    """HTTP and HTTPS alone, wherever an answer leads, through the proxies that the environment names.

    Opening an address, and reading what it gives, raise SlowServerError.
    """
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Http(clock),
        _Https(clock),
        _Redirect(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        made.add_handler(handler)
    return made


class Watched(io.RawIOBase):
    """The bytes of a socket, and when they came."""

    def __init__(self, raw: io.RawIOBase, clock: Clock) -> None:
        self._raw, self._clock = raw, clock
        self.in_headers, self._came = True, 0
        self._since = clock()

    def readable(self) -> bool:
        """Yes, for io.BufferedReader."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """As a socket's, and looks at the clock. Raises SlowServerError."""
        count = self._raw.readinto(buffer)
        self._came += count or 0
        if (now := self._clock()) - self._since >= PATIENCE:
            if self.in_headers:
                raise SlowServerError(f"takes more than {PATIENCE:g} s to begin an answer")
            if count and self._came < SLOWEST * PATIENCE:
                raise SlowServerError(f"sends less than {SLOWEST} bytes a second")
            self._since, self._came = now, 0
        return count

    def begin_body(self) -> None:
        """From now on a pace is asked for, not an end."""
        self.in_headers, self._came, self._since = False, 0, self._clock()

    def close(self) -> None:
        """The socket's end too."""
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """Answers of a proxy that opens a tunnel are read in this way as well."""

    def __init__(self, clock: Clock, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._watched = Watched(self.fp.detach(), clock)
        self.fp = io.BufferedReader(self._watched)

    def begin(self) -> None:
        super().begin()
        self._watched.begin_body()


class _Paced(urllib.request.AbstractHTTPHandler):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def do_open(self, http_class: Any, req: urllib.request.Request, **options: Any) -> http.client.HTTPResponse:
        def connection(*args: Any, **more: Any) -> Any:
            made = http_class(*args, **more)
            made.response_class = lambda *said, **how: _Answer(self._clock, *said, **how)
            return made

        return super().do_open(connection, req, **options)


class _Http(_Paced, urllib.request.HTTPHandler):
    pass


class _Https(_Paced, urllib.request.HTTPSHandler):
    pass


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Leaves unread what an answer says that leads elsewhere: it may have no end."""

    def http_error_302(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any) -> Any:
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302
