"""A headless Chromium, driven through its DevTools protocol over two pipes: nothing but the browser is needed.

https://chromedevtools.github.io/devtools-protocol; `--remote-debugging-pipe` reads from file 3 and writes to file 4.
"""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find() -> str | None:
    """The browser: ``$TLBENCH_CHROMIUM``, or the first of the usual names on the path."""
    return os.environ.get("TLBENCH_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a browser. problems: errors and warnings of its console, and requests that went out."""

    def __init__(self, into: int, out: int) -> None:
        self._into, self._out, self._rest, self._number = into, out, b"", 0
        self._session: str | None = None
        self.problems: list[str] = []
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")
        self._send("Performance.enable", timeDomain="threadTicks")

    def open(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Show a page, as on a screen of that size, and wait until it is there."""
        self._send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._send("Emulation.setEmulatedMedia", features=scheme)
        self._send("Page.navigate", url="about:blank")
        self._send("Page.navigate", url=url)
        ready = f"document.readyState === 'complete' && location.href.startsWith({json.dumps(url.split('#')[0])})"
        for _ in range(200):
            if self.ask(ready):
                return
            time.sleep(0.05)
        raise TimeoutError(url)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        found = self._send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise ValueError(found["exceptionDetails"]["exception"].get("description"))
        return found["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self._send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def busy(self) -> float:
        """Seconds of a processor that the page's thread has taken since it was opened."""
        found = self._send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in found if metric["name"] == "TaskDuration"))

    def picture(self) -> bytes:
        """What is on the screen, as PNG."""
        return base64.b64decode(self._send("Page.captureScreenshot", format="png")["data"])

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._into, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise ValueError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._hear(answer)

    def _hear(self, event: dict[str, Any]) -> None:
        match event.get("method"), event.get("params", {}):
            case "Runtime.exceptionThrown", params:
                self.problems.append(str(params["exceptionDetails"]))
            case "Log.entryAdded", {"entry": {"level": "error" | "warning", "text": text}}:
                self.problems.append(text)
            case "Network.requestWillBeSent", {"request": {"url": url}} if not url.startswith(("file:", "about:")):
                self.problems.append(url)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._out, 1 << 20)
            if not more:
                raise EOFError("the browser has ended")
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message


@contextmanager
def started(program: str, profile: Path, options: Sequence[str] = ()) -> Iterator[Browser]:
    """A browser that reaches no network, ended at the end."""
    (their_in, our_in), (our_out, their_out) = os.pipe(), os.pipe()

    def arrange() -> None:
        os.dup2(their_in, 203)
        os.dup2(their_out, 204)
        os.dup2(203, 3)
        os.dup2(204, 4)

    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
    flags += [f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND", "--no-first-run", *options]
    child = subprocess.Popen(
        [program, *flags],
        preexec_fn=arrange,
        close_fds=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_in)
    os.close(their_out)
    try:
        yield Browser(our_in, our_out)
    finally:
        child.terminate()
        child.wait(timeout=20)
        os.close(our_in)
        os.close(our_out)
