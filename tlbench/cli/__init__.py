"""The command line: one file a command, each imported only when it is asked for."""

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
from tlbench.cli.options import plugins_in
from tlbench.core import plugin_files
from tlbench.core.errors import UserError, as_options, nearest
from tlbench.core.text import disarmed, one_line
from tlbench.core.version import __version__

COMMANDS = {
    "run": "train and measure every cell of a suite",
    "plan": "list the cells of a suite; runs nothing",
    "init": "write a suite for a folder of your own images",
    "report": "write tables of one or several runs",
    "compare": "what changed between two runs, and is it worse",
    "ab": "measure two environments in turn, and compare",
    "baseline": "keep a run as a small text file to compare with",
    "history": "how numbers moved over many runs",
    "predict": "what a trained model sees in image files",
    "deploy": "what trained models cost and are worth after export",
    "classify": "what an ImageNet model sees in image files",
    "pairs": "which differences in accuracy are real",
    "advise": "which strategy to take for your images",
    "list": "list backbones, data sets, strategies, heads",
    "inspect": "layers, counts and sizes of one model",
    "data": "state and audit of a data set",
    "cache": "list and remove what is kept on disk",
    "doctor": "is this machine fit to measure on",
}

TAKE_PLUGINS = ("run", "plan", "report", "compare", "ab", "baseline", "history", "list", "inspect")
FAULT = 70
"""EX_SOFTWARE of sysexits.h."""
FULL, KEPT_OUT = "make room there", "name another place, or change who may use this one"
IN_THE_WAY = "a file is where a folder belongs, or a folder where a file does: name another place"
WAYS_OUT = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), FULL),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), KEPT_OUT),
    **dict.fromkeys((errno.EEXIST, errno.ENOTDIR, errno.EISDIR), IN_THE_WAY),
}
"""What to do about an error of the system."""
COLLECT_AFTER = (100_000, 50, 10)
"""Commands make many values and few cycles: with Python's own thresholds, to read and render 10,000 records takes half
as long again."""


class UnreadError(Exception):
    """The reader of our output has gone: `tlbench report ... | head`."""


class LazyGroup(click.Group):
    """Finds `tlbench.cli.<name>.command` when it is called, so that --help imports nothing else."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of `COMMANDS`, the order of a first session."""
        return [*COMMANDS]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Load plugin files before the command is imported, which makes options of what is registered."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}; {nearest(args[0], [*COMMANDS], 'commands')}")
        if args[0] in TAKE_PLUGINS:
            for file in plugins_in(args[1:]):
                plugin_files.load(file)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's file; None for an unknown name, which click then reports."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"tlbench.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises UnreadError: click itself would exit with 1, which says that something regressed."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise UnreadError from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from `COMMANDS`, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tlbench")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Benchmark transfer learning: every Keras backbone with every fine-tuning strategy.

    Example: tlbench run small
    """
    ctx.ensure_object(dict)["debug"] = debug


def main(args: list[str] | None = None) -> None:
    """Run the command line.

    Exit codes: 0 fine, 1 regression, 2 some cells failed, 3 nothing ran, 64 usage, 70 a fault of tlbench, 128 and more
    a signal.
    """
    gc.set_threshold(*COLLECT_AFTER)
    signals.listen()
    _print_anything()
    with as_options():
        code = _run(args)
    _forget_unwritten()
    sys.exit(code)


def _run(args: list[str] | None) -> int:
    """Run the command, and say what was wrong; the exit code."""
    try:
        status = cli.main(args=args, prog_name="tlbench", standalone_mode=False)
    except click.exceptions.Abort as error:
        if isinstance(error.__cause__, EOFError):  # click takes every one for the end of an input
            return _fault(error.__cause__, args)
        _say("interrupted")
        return signals.exit_code(error.__cause__)
    except click.exceptions.NoArgsIsHelpError as error:
        _print(error.format_message())
        return UserError.exit_code
    except click.UsageError as error:
        _wrong_usage(error)
        return UserError.exit_code
    except click.ClickException as error:
        _say(one_line(error.format_message()))
        return UserError.exit_code
    except UserError as error:
        _trace(args)
        _say(str(error))
        return error.exit_code
    except UnreadError:
        return 141
    except OSError as error:
        _trace(args)
        notes = (WAYS_OUT.get(error.errno or 0, ""), *getattr(error, "__notes__", ()))
        _say("; ".join(filter(None, (f"{error.filename or 'the output'}: {error.strerror or error}", *notes))))
        return UserError.exit_code
    except Exception as error:  # noqa: BLE001 - Python would exit with 1, which says that something regressed
        if not _of_memory(error):
            return _fault(error, args)
        _trace(args)
        _say(f"memory ran out here ({one_line(str(error)) or type(error).__name__}); free some, or raise its limit")
        return UserError.exit_code
    return status if isinstance(status, int) else 0


def _print_anything() -> None:
    """Let a terminal or a file of an old encoding show ``?`` where it has no sign, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def _of_memory(error: Exception) -> bool:
    """Whether memory ran out, also for a library that is loaded."""
    return isinstance(error, MemoryError) or (isinstance(error, ImportError) and "failed to map segment" in str(error))


def _forget_unwritten() -> None:
    """Let go of what a full disk or a closed pipe did not take: Python would try again, and exit with a code of its
    own.
    """
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fault(error: BaseException, args: list[str] | None) -> int:
    """Say in a sentence what nobody expected, and keep the rest; the exit code."""
    _trace(args)
    _say(f"a fault of tlbench, {type(error).__name__}: {one_line(str(error))}; {_kept(error)}")
    return FAULT


def _kept(error: BaseException) -> str:
    """Where the traceback is: in the cache's logs, else among temporary files."""
    text = "".join(traceback.format_exception(error))
    with suppress(OSError, UserError):
        return _in_folder(cache_dir() / "logs", text)
    with suppress(OSError):
        return _in_folder(Path(tempfile.gettempdir()), text)
    return "--debug shows where; please report it"


def _in_folder(folder: Path, text: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"fault-{os.getpid()}.log"
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return f"please report it with {path}"


def _trace(args: list[str] | None) -> None:
    if "--debug" in (sys.argv[1:] if args is None else args):
        with suppress(OSError):
            traceback.print_exc()


def _wrong_usage(error: click.UsageError) -> None:
    """Say what was wrong with a command, beside how it is used, as click does."""
    if error.ctx:
        _print(f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help' for help.\n")
    _say(one_line(error.format_message()))


def _say(message: str) -> None:
    _print(f"tlbench: {message}")


def _print(text: str) -> None:
    with suppress(OSError):  # then there is nobody to tell it
        click.echo(disarmed(text), err=True)
