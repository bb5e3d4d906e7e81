"""The command line: the only place that prints.

Every command has a module of its own with two functions, `add` (its flags) and `run` (what it does); a module is loaded
in full only when its command was given.
"""

import argparse
import contextlib
import io
import os
import sys

from aevb_np._version import __version__
from aevb_np.cli import (
    blas_kernel,
    check,
    cite,
    compare,
    complete,
    doctor,
    draw,
    evaluate,
    expect,
    explore,
    figure,
    grade,
    train,
)
from aevb_np.cli import data as data_command

COMMANDS = (train, evaluate, draw, complete, explore, compare, figure, expect, check, grade, data_command, doctor, cite)
BAD_INPUT, INTERRUPTED = 2, 130


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors take one line."""

    def error(self, message):
        self.exit(BAD_INPUT, f"{self.prog}: {message}. `{self.prog} --help` lists what there is\n")


def parser() -> argparse.ArgumentParser:
    """All commands with their flags."""
    top = Parser("aevb", description="Auto-Encoding Variational Bayes in pure NumPy.", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"aevb_np {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        sentence = (command.__doc__ or "").partition("\n")[0]
        flags = commands.add_parser(name, help=sentence, description=command.__doc__, allow_abbrev=False)
        flags.formatter_class = argparse.RawDescriptionHelpFormatter
        command.add(flags)
        flags.set_defaults(run=command.run)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command; what a person did wrong ends in one line and exit code 2, never in a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name that an old console cannot show must not stop a run
    args = parser().parse_args(argv)
    try:
        blas_kernel.choose(the_run(args))
        code = args.run(args)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code or 0
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except BrokenPipeError:  # `aevb ... | head` has read enough
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError as error:
        return fail(f"not enough memory ({error}); try smaller --hidden, --draws or --minibatch, or --dtype float32")
    except OSError as error:
        if error.filename and error.strerror:
            return fail(f"{error.filename}: {error.strerror}. Is it the right place, and may you write there?")
        return fail(str(error))
    except (ValueError, FloatingPointError) as error:
        return fail(str(error))
    except Exception as error:
        if os.environ.get("AEVB_TRACEBACK"):
            raise
        return fail(f"this is a mistake of ours: {type(error).__name__}: {error}. AEVB_TRACEBACK=1 shows where", 1)


def the_run(args: argparse.Namespace) -> str | os.PathLike | None:
    """The run that a command is about, if it is about one."""
    named = (getattr(args, "resume", None), getattr(args, "run_path", None), *getattr(args, "run_paths", ()))
    return next((path for path in named if path is not None), None)


def fail(message: str, code: int = BAD_INPUT) -> int:
    """One line on stderr."""
    print(f"aevb: {' '.join(message.split())}", file=sys.stderr)
    return code
