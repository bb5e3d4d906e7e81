"""What flags have in common: numbers such as 1e6, shapes such as 28x20, the run that is meant when none is named."""

import argparse
from pathlib import Path

from aevb_np.runs import folders

RUNS = Path(folders.RUNS)
LATEST = RUNS / folders.LATEST


def whole(text: str) -> int:
    """A whole number, written as 1000000 or 1e6."""
    try:
        number = float(text)
        if number == int(number):
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise argparse.ArgumentTypeError(f"a whole number is needed, such as 100 or 1e6; got {text!r}")


def shape(text: str) -> tuple[int, int]:
    """Rows and columns, written as 28x20."""
    try:
        rows, columns = (int(part) for part in text.lower().split("x"))
        return rows, columns
    except ValueError:
        raise argparse.ArgumentTypeError(f"rows and columns are needed, such as 28x20; got {text!r}") from None


def add_run(parser: argparse.ArgumentParser) -> None:
    """The run that a command is about."""
    parser.add_argument(
        "run_path", metavar="RUN", nargs="?", default=LATEST, help="a run's folder (default: the latest)"
    )
    add_place(parser)


def add_place(parser: argparse.ArgumentParser) -> None:
    """Where a run's own data lie now."""
    parser.add_argument(
        "--data", dest="place", metavar="PATH", help="one's own data, when they are not where they were trained on"
    )
