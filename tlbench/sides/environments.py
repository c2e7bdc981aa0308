"""Python environments to compare: from what the user names to an interpreter that can run tlbench."""

import hashlib
import os
import shlex
import site
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tlbench.core.errors import UserError
from tlbench.execution.entry_points import SIDE_HOST
from tlbench.sides.host import PROTOCOL
from tlbench.sides.remote import ANOTHER_WAY, Interpreter

HERE = Path(__file__).resolve().parents[2]
CURRENT, GIT = "current", "git:"
NEEDED = "keras, numpy, pydantic, psutil, click, filelock, PIL, yaml"


def prepare(spec: str, folder: Path, say: Callable[[str], None]) -> Interpreter:
    """The environment that `spec` names, made in `folder` where it has to be made.

    ``current``: this one. A path: that interpreter. ``git:REVISION``: the project in the working directory as it was at
    that revision, installed over this environment. Anything else: requirements, e.g. ``keras==3.14.*``, installed over
    this environment: all that they do not name stays as it is here. Raises UserError where it cannot be made.
    """
    if spec == CURRENT:
        return Interpreter(Path(sys.executable), _ours(), CURRENT)
    if spec.startswith(GIT):
        return _revision(spec.removeprefix(GIT), folder, say)
    if os.sep in spec or Path(spec).is_file():
        return _interpreter(Path(spec))
    return _requirements(spec, shlex.split(spec), folder, say, _ours())


def _ours() -> dict[str, str]:
    """Our own tlbench measures where an environment brings none of its own, so that both sides are measured alike."""
    return {"PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])}


def _interpreter(python: Path) -> Interpreter:
    if not os.access(python, os.X_OK) or python.is_dir():
        raise UserError(
            f"{python} is no Python interpreter; name its bin/python, a requirement like keras==3.14.*, or git:REV"
        )
    made = Interpreter(python.absolute(), _ours(), str(python))
    missing = f"import {NEEDED}"
    done = _run([str(made.python), "-c", missing], made.environment())
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise UserError(f"{python} cannot run tlbench ({last}); install tlbench's requirements there")
    return made


def _requirements(
    name: str, wanted: list[str], folder: Path, say: Callable[[str], None], variables: dict[str, str]
) -> Interpreter:
    """A virtual environment that sees this one's packages below its own."""
    place = folder / hashlib.sha256(name.encode()).hexdigest()[:12]
    python = place / "bin" / "python"
    say(f"setting up {name}")
    made = _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(place)])
    if made.returncode:
        raise UserError(
            f"{name}: no virtual environment can be made in {place} ({_last(made)}); name an interpreter instead"
        )
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    below = [path for path in site.getsitepackages() if Path(path).is_dir()]
    lines = [f"import site; site.addsitedir({path!r})" for path in below]
    (place / "lib" / version / "site-packages" / "_below.pth").write_text("\n".join(lines) + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    installed = _run([*pip, *wanted], {key: value for key, value in os.environ.items() if key != "PYTHONPATH"})
    if installed.returncode:
        raise UserError(f"{name} cannot be installed ({_last(installed)}); check the name and the version")
    return Interpreter(python, variables, name)


def _revision(revision: str, folder: Path, say: Callable[[str], None]) -> Interpreter:
    """The project of the working directory at `revision`, in an environment of its own."""
    resolved = _run(["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"])
    if resolved.returncode:
        raise UserError(f"git:{revision}: {Path.cwd()} has no such revision; `git fetch` it, or name another")
    commit = resolved.stdout.strip()
    tree = folder / f"tree-{commit[:12]}"
    if not tree.exists():
        tree.parent.mkdir(parents=True, exist_ok=True)
        tree = tree.resolve()
        top = Path(_run(["git", "rev-parse", "--show-toplevel"]).stdout.strip())
        cloned = _run(["git", "clone", "--quiet", "--no-checkout", "--shared", str(top), str(tree)])
        if not cloned.returncode:
            cloned = _run(["git", "-C", str(tree), "checkout", "--quiet", "--detach", commit])
        if cloned.returncode:
            raise UserError(f"git:{revision}: it cannot be checked out in {tree} ({_last(cloned)})")
    own = (tree / "tlbench" / "__init__.py").exists()
    if own and not _agrees(tree.joinpath(*SIDE_HOST.split(".")).with_suffix(".py")):
        raise UserError(f"git:{revision}: {ANOTHER_WAY}")
    variables = {"PYTHONPATH": str(tree.resolve())} if own else _ours()
    return _requirements(f"git:{revision}", [str(tree.resolve())], folder, say, variables)


def _agrees(host: Path) -> bool:
    """Whether another revision's host, in this file, speaks as ours does: known before that revision is installed."""
    return host.exists() and f"\nPROTOCOL = {PROTOCOL}\n" in host.read_text(encoding="utf-8")


def _run(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def _last(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or [f"exit {done.returncode}"])[0].removeprefix("ERROR: ")
