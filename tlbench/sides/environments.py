"""Python environments to compare: find or create the interpreter that the user asks for."""

import hashlib
import importlib.util
import os
import re
import shlex
import shutil
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
WITH_URL = re.compile(r"[\w.-]+(\[[\w.,-]+\])?\s*@\s*[\w+]+:")
"""The beginning of a requirement with a URL, ``keras @ git+https://...``, which has slashes but is not a path."""
NEEDED = "keras, numpy, pydantic, psutil, click, filelock, PIL, yaml"
"""Modules that an interpreter needs to run tlbench."""


def prepare(spec: str, folder: Path, say: Callable[[str], None]) -> Interpreter:
    """Find or create an environment.

    Args:
        spec: ``current``: this environment. A path: that interpreter. ``git:REVISION``: the project in the working
            directory at that revision, installed over this environment. Anything else: requirements such as
            ``keras==3.14.*``, installed over this environment; packages that they do not change stay as they are here.
        folder: where environments are created.
        say: receives a sentence about each environment that is being installed.

    Raises:
        UserError: the environment cannot be created, or a requirement has no version.
    """
    if spec == CURRENT:
        return Interpreter(Path(sys.executable), _ours(folder), CURRENT)
    if spec.startswith(GIT):
        return _revision(spec.removeprefix(GIT), folder, say)
    if not WITH_URL.match(spec) and (os.sep in spec or Path(spec).is_file()):
        return _interpreter(Path(spec), folder)
    return _requirements(spec, _versioned(spec), folder, say, _ours(folder))


def same_packages(base: Interpreter, new: Interpreter) -> bool:
    """Whether both have the same packages in the same versions; False if an interpreter cannot be asked."""
    said = [
        _run([str(made.python), "-c", VERSIONS], made.environment()) for made in (base, new) if made.python.exists()
    ]
    return len(said) == 2 and not said[0].returncode and said[0].stdout == said[1].stdout


VERSIONS = (
    "from importlib.metadata import distributions\n"
    "print(sorted({f'{one.name} {one.version}' for one in distributions()}))"
)
"""A program that prints the installed packages."""


def _versioned(spec: str) -> list[str]:
    """The requirements in `spec`. Each must have a version, because a bare name could be any project on the index.

    Raises:
        UserError: one has no version, or is an option.
    """
    try:
        wanted = shlex.split(re.sub(r"\s+@\s+", "@", spec))
    except ValueError as error:
        raise UserError(f"{spec!r} is not an environment ({error})") from error
    for word in wanted:
        if word.startswith("-"):
            raise UserError(
                f"{word!r} is not an environment; give a requirement like keras==3.14.*, a python, or git:REV"
            )
        if not set(word) & set("=<>~!@"):
            raise UserError(f"{word!r} has no version; did you mean git:{word}, or the requirement {word}==VERSION?")
    if not wanted:
        raise UserError("an empty word is not an environment; give a requirement, a python, or git:REV")
    return wanted


def _ours(folder: Path) -> dict[str, str]:
    """Environment variables that add this tlbench to an environment without its own, so that both sides measure alike.

    Only tlbench is put before the packages of that environment, because other packages here may have other versions.
    """
    link = folder / "ours" / "tlbench"
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(HERE / "tlbench")
    theirs = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {"PYTHONPATH": os.pathsep.join([str(link.parent.absolute()), *filter(None, theirs)])}


def _interpreter(python: Path, folder: Path) -> Interpreter:
    if not os.access(python, os.X_OK) or python.is_dir():
        raise UserError(
            f"{python} is not a Python interpreter; give a bin/python, a requirement like keras==3.14.*, or git:REV"
        )
    made = Interpreter(python.absolute(), _ours(folder), str(python))
    missing = f"import {NEEDED}"
    done = _run([str(made.python), "-c", missing], made.environment())
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no error message"])[-1]
        raise UserError(f"{python} cannot run tlbench ({last}); install tlbench's requirements there")
    return made


def _requirements(
    name: str, wanted: list[str], folder: Path, say: Callable[[str], None], variables: dict[str, str]
) -> Interpreter:
    """Create a virtual environment on top of this environment's packages, and install requirements."""
    place = folder / hashlib.sha256(name.encode()).hexdigest()[:12]
    python = place / "bin" / "python"
    say(f"setting up {name}")
    made = _run([sys.executable, "-P", "-m", "venv", "--clear", "--without-pip", str(place)])
    if made.returncode:
        raise UserError(
            f"{name}: cannot create a virtual environment in {place} ({_last(made)}); give an interpreter instead"
        )
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    below = [path for path in site.getsitepackages() if Path(path).is_dir()]
    lines = [f"import site; site.addsitedir({path!r})" for path in below]
    (place / "lib" / version / "site-packages" / "_below.pth").write_text("\n".join(lines) + "\n")
    installed = _run(
        [*_installer(name, python), *wanted], {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    )
    if installed.returncode:
        raise UserError(f"{name} cannot be installed ({_last(installed)}); check the name and the version")
    return Interpreter(python, variables, name)


def _installer(name: str, python: Path) -> list[str]:
    """The command that installs into the environment of `python`: pip of this environment, or uv.

    Raises:
        UserError: there is neither.
    """
    if importlib.util.find_spec("pip") is not None:
        quiet = ["--quiet", "--disable-pip-version-check"]
        return [sys.executable, "-P", "-m", "pip", "--python", str(python), "install", *quiet]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", str(python)]
    raise UserError(
        f"{name} cannot be installed: {sys.prefix} has no pip, and there is no uv; `python -m ensurepip` adds pip"
    )


def text_in(spec: str, file: Path) -> str | None:
    """The content of a file as it is in an environment of the form ``git:REVISION``; None in any other case.

    Args:
        spec: the environment.
        file: the file, in the repository of which the environment is a revision.
    """
    if not spec.startswith(GIT):
        return None
    here = file.resolve()
    shown = _run(["git", "-C", str(here.parent), "show", f"{spec.removeprefix(GIT)}:./{here.name}"])
    return None if shown.returncode else shown.stdout


def _revision(revision: str, folder: Path, say: Callable[[str], None]) -> Interpreter:
    """The project of the working directory at `revision`, in its own environment."""
    resolved = _run(["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"])
    if resolved.returncode:
        if _run(["git", "rev-parse"]).returncode:
            raise UserError(
                f"git:{revision}: {Path.cwd()} is not in a git repository; run this in the project's repository"
            )
        raise UserError(f"git:{revision}: {Path.cwd()} has no such revision; `git fetch` it, or give another")
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
            raise UserError(f"git:{revision} cannot be checked out in {tree} ({_last(cloned)})")
    own = (tree / "tlbench" / "__init__.py").exists()
    if own and not _agrees(tree.joinpath(*SIDE_HOST.split(".")).with_suffix(".py")):
        raise UserError(f"git:{revision}: {ANOTHER_WAY}")
    variables = {"PYTHONPATH": str(tree.resolve())} if own else _ours(folder)
    return _requirements(f"git:{revision}", [str(tree.resolve())], folder, say, variables)


def _agrees(host: Path) -> bool:
    """Whether the host in this file uses our protocol; checked before that revision is installed."""
    return host.exists() and f"\nPROTOCOL = {PROTOCOL}\n" in host.read_text(encoding="utf-8")


def _run(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def _last(done: subprocess.CompletedProcess[str]) -> str:
    """The most useful line of a failed command's output."""
    lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    said = (errors or lines or [f"exit {done.returncode}"])[0].removeprefix("ERROR: ")
    return re.sub(r"\(from versions: (?:[^)]*, )?([^,)]+)\)", r"(the latest is \1)", said)
