"""HTTP and HTTPS requests that fail if the server sends too slowly, in the headers or in the body.

The timeout of a socket does not detect this, because it only limits the wait for the next byte.
"""

import http.client
import io
import urllib.request
from collections.abc import Callable
from typing import Any

SLOWEST, PATIENCE = 1024, 30.0
"""The lowest accepted speed in bytes per second, and the seconds over which it is measured.

The headers must arrive within the same number of seconds.
"""
Clock = Callable[[], float]


class SlowServerError(Exception):
    """The server sends too slowly. The message is a clause about the server, without its name."""


def opener(clock: Clock) -> urllib.request.OpenerDirector:
    """An opener of HTTP and HTTPS URLs, also after redirects, through the proxies that the environment names.

    Opening a URL and reading its content raise SlowServerError.
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
    """The stream of a socket, with a check of its speed at each read."""

    def __init__(self, raw: io.RawIOBase, clock: Clock) -> None:
        self._raw, self._clock = raw, clock
        self.in_headers, self._came = True, 0
        self._since = clock()

    def readable(self) -> bool:
        """True; io.BufferedReader asks for it."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read as the socket does, then check the speed. Raises SlowServerError."""
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
        """Switch from the time limit of the headers to the speed limit of the body."""
        self.in_headers, self._came, self._since = False, 0, self._clock()

    def close(self) -> None:
        """Close the stream and the socket."""
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """A response that is read through `Watched`. http.client also reads a proxy's reply to CONNECT as one."""

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
    """Follows redirects without reading the body of the redirecting response, which may be endless."""

    def http_error_302(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any) -> Any:
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302
