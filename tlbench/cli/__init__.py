"""The command line. Each command has a file of its own, which is imported only when it is needed."""

import errno
import gc
import importlib
import io
import os
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from tlbench.cache.folders import cache_dir
from tlbench.cli import signals
from tlbench.cli.groups import Group
from tlbench.cli.options import plugins_in
from tlbench.core import plugin_files
from tlbench.core.errors import UserError, as_options
from tlbench.core.files import FULL_DISK, READ_ONLY
from tlbench.core.text import harmless, one_line
from tlbench.core.version import __version__

COMMANDS = {
    "run": "train and measure every cell of a suite",
    "plan": "list the cells of a suite without running them",
    "init": "write a suite for your own images",
    "report": "write tables and figures of one or more runs",
    "compare": "compare two runs and detect regressions",
    "ab": "measure two environments in turn and compare them",
    "baseline": "save a run as a small text file to compare with",
    "history": "show how results changed over many runs",
    "predict": "classify image files with a trained model",
    "deploy": "measure trained models after export",
    "classify": "classify image files with an ImageNet model",
    "pairs": "test which differences in accuracy are significant",
    "advise": "recommend a strategy for your images",
    "list": "list backbones, strategies and other names for suites",
    "inspect": "show layers, parameters and sizes of a model",
    "data": "list, check and download data sets",
    "cache": "list and remove cached files",
    "doctor": "check whether this machine is ready to measure",
}

TAKE_PLUGINS = ("run", "plan", "report", "compare", "ab", "baseline", "history", "list", "inspect")
INTERNAL_ERROR = 70
"""EX_SOFTWARE of sysexits.h."""
BROKEN_PIPE = 141
"""128 + SIGPIPE, as a shell reports a command that wrote to a closed pipe."""
FULL, NOT_PERMITTED = "free some space there", "name another place, or change its permissions"
REMOVED = "the working directory does not exist any more; change to a folder that does"
WRONG_KIND = "a file is in the place of a folder, or a folder in that of a file: name another place"
ADVICE = {
    **dict.fromkeys(FULL_DISK, FULL),
    **dict.fromkeys(READ_ONLY, NOT_PERMITTED),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR), WRONG_KIND),
}
"""What the user can do about an OSError, by its number."""
COLLECT_AFTER = (100_000, 50, 10)
"""Thresholds of the garbage collector. Commands create many objects and few cycles: with Python's defaults, reading and
rendering 10,000 records takes 1.5 times as long."""


class ClosedPipeError(Exception):
    """The reader of the output has closed it, as in ``tlbench report ... | head``."""


class LazyGroup(Group):
    """Imports `tlbench.cli.<name>` when that command is called, so that ``--help`` imports no command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of `COMMANDS`."""
        return [*COMMANDS]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Load plugin files before the command is imported: some options are made from what is registered."""
        if args[0] in TAKE_PLUGINS:
            for file in plugins_in(args[1:]):
                plugin_files.load(file)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command `cmd_name`, imported now; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"tlbench.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            ClosedPipeError: instead of BrokenPipeError, for which click exits with 1, the code of a regression.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ClosedPipeError from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tlbench")
@click.option("--debug", is_flag=True, help="Print the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Benchmark transfer learning: every Keras backbone with every fine-tuning strategy.

    Example: tlbench run small
    """
    ctx.ensure_object(dict)["debug"] = debug


def main(args: list[str] | None = None) -> None:
    """Run the command line, and exit.

    Exit codes: 0 success, 1 a regression, 2 some cells failed, 3 nothing to do or to compare, 64 wrong usage or input,
    70 an internal error, 128 + n ended by signal n.
    """
    gc.set_threshold(*COLLECT_AFTER)
    signals.listen()
    _replace_unencodable()
    with as_options():
        code = _run(args)
    _discard_unwritten()
    sys.exit(code)


def _run(args: list[str] | None) -> int:
    """Run the command and print its error, if any. Returns the exit code."""
    try:
        status = cli.main(args=args, prog_name="tlbench", standalone_mode=False)
    except click.exceptions.Abort as error:
        if isinstance(error.__cause__, EOFError):  # click takes any EOFError for the end of a prompt's input
            return _internal_error(error.__cause__, args)
        _say("interrupted")
        return signals.exit_code(error.__cause__)
    except click.exceptions.NoArgsIsHelpError as error:
        _print(error.format_message())
        return UserError.exit_code
    except click.UsageError as error:
        _print_usage_error(error)
        return UserError.exit_code
    except click.ClickException as error:
        _say(one_line(error.format_message()))
        return UserError.exit_code
    except UserError as error:
        _print_traceback(args)
        _say(REMOVED if _is_removed(error) else str(error))
        return error.exit_code
    except ClosedPipeError:
        return BROKEN_PIPE
    except OSError as error:
        _print_traceback(args)
        _say(REMOVED if _is_removed(error) else _sentence(error))
        return UserError.exit_code
    except Exception as error:  # noqa: BLE001 - Python would exit with 1, the code of a regression
        if not _out_of_memory(error):
            return _internal_error(error, args)
        _print_traceback(args)
        _say(f"out of memory ({one_line(str(error)) or type(error).__name__}); free some, or raise the limit")
        return UserError.exit_code
    return status if isinstance(status, int) else 0


def _sentence(error: OSError) -> str:
    """What could not be done with a file, and what the user can do about it."""
    notes = (ADVICE.get(error.errno or 0, ""), *getattr(error, "__notes__", ()))
    return "; ".join(filter(None, (f"{error.filename or 'the output'}: {error.strerror or error}", *notes)))


def _is_removed(error: Exception) -> bool:
    """Whether a file is missing because the working directory does not exist any more."""
    missing = error if isinstance(error, OSError) else error.__cause__
    if not isinstance(missing, FileNotFoundError) or Path(str(missing.filename or "")).is_absolute():
        return False
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _replace_unencodable() -> None:
    """Print ``?`` for characters that the encoding of the output lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def _out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, also while a library was loaded."""
    return isinstance(error, MemoryError) or (isinstance(error, ImportError) and "failed to map segment" in str(error))


def _discard_unwritten() -> None:
    """Discard output that could not be written: at exit, Python would try again and return an exit code of its own."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _internal_error(error: BaseException, args: list[str] | None) -> int:
    """Print one sentence about an unexpected error, and write its traceback to a file. Returns the exit code."""
    _print_traceback(args)
    _say(f"internal error, {type(error).__name__}: {one_line(str(error))}; {_write_traceback(error)}")
    return INTERNAL_ERROR


def _write_traceback(error: BaseException) -> str:
    """Write the traceback to the logs in the cache, or to the temporary folder. Returns what to do with it."""
    text = "".join(traceback.format_exception(error))
    with suppress(OSError, UserError):
        return _write_log(cache_dir() / "logs", text)
    with suppress(OSError):
        return _write_log(Path(tempfile.gettempdir()), text)
    return "please report it with the traceback that --debug prints"


def _write_log(folder: Path, text: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"error-{os.getpid()}.log"
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return f"please report it with {path}"


def _print_traceback(args: list[str] | None) -> None:
    if "--debug" in (sys.argv[1:] if args is None else args):
        _print(traceback.format_exc())


def _print_usage_error(error: click.UsageError) -> None:
    """Print how the command is used, then what was wrong, as click does."""
    if error.ctx:
        _print(f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help' for help.\n")
    _say(one_line(error.format_message()))


def _say(message: str) -> None:
    _print(f"tlbench: {message}")


def _print(text: str) -> None:
    with suppress(OSError):  # stderr is closed or full
        click.echo("\n".join(map(harmless, text.split("\n"))), err=True)
