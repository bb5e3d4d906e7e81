"""The numbers of a figure as a table: a line for every row of every curve, the same wherever it was made.

Bounds and log-likelihoods are in nats per image, to four decimals.
"""

import csv
import dataclasses
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aevb_np._atomic import replacing
from aevb_np.runs.config import Config, units
from aevb_np.runs.methods import own_settings

DECIMALS = 4


@dataclass(frozen=True)
class Marginal:
    """log p(x), the mean over the first images of each kind, estimated by Appendix D; NaN where it was not.

    `error` is the standard error from the choice of images, `noise` that of the estimates themselves.
    """

    train: float = math.nan
    train_error: float = math.nan
    train_noise: float = math.nan
    test: float = math.nan
    test_error: float = math.nan
    test_noise: float = math.nan


@dataclass(frozen=True)
class Line:
    """One row of one curve.

    `train_running` is the mean of the minibatch bounds since the row before, which is what the paper plots;
    `train_bound` and `test_bound` are evaluated afresh, at the parameters of this row.
    """

    curve: str
    data: str
    method: str
    n_z: int
    n_train: int
    seed: int
    samples: int
    train_running: float
    train_bound: float
    test_bound: float
    test_standard_error: float
    marginal: Marginal
    settings: str
    versions: str
    kernel: str


PLAIN = [field for field in dataclasses.fields(Line) if field.name != "marginal"]
MARGINAL = [field.name for field in dataclasses.fields(Marginal)]
TAIL = ("settings", "versions", "kernel")
COLUMNS = [
    *(field.name for field in PLAIN if field.name not in TAIL),
    *(f"marginal_{name}" for name in MARGINAL),
    *TAIL,
]


def write(path: Path, lines: Iterable[Line]) -> None:
    """Write a table, all of it or nothing.

    Raises
    ------
    OSError
        When it cannot be written; an older one survives.
    """
    with replacing(path, "w") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_cells(line) for line in lines)


def _cells(line: Line) -> dict[str, str]:
    values = {field.name: getattr(line, field.name) for field in PLAIN}
    values |= {f"marginal_{name}": getattr(line.marginal, name) for name in MARGINAL}
    return {name: _text(value) for name, value in values.items()}


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.{DECIMALS}f}"
    return str(value)


def read(path: Path) -> list[Line]:
    """The lines of a table; none if there is no such file.

    Raises
    ------
    ValueError
        If it is not one of these tables.
    """
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        try:
            return [_line(row) for row in csv.DictReader(file)]
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"{path} is not a table of curves as this version writes them ({error})") from None


def _line(row: dict[str, str]) -> Line:
    kinds: dict[Any, Callable[[str], Any]] = {int: int, float: _number, str: str}
    plain = {field.name: kinds[field.type](row[field.name]) for field in PLAIN}
    marginal = Marginal(**{name: _number(row[f"marginal_{name}"]) for name in MARGINAL})
    return Line(**plain, marginal=marginal)


def _number(text: str) -> float:
    return float(text) if text else math.nan


def merged(old: Iterable[Line], new: Iterable[Line]) -> list[Line]:
    """All curves of two tables, in the order of their names.

    Of a curve that is in both the new one is taken, unless the old one has the same settings and reaches further.
    """
    kept: dict[str, list[Line]] = {}
    for table in (old, new):
        for name, lines in by_curve(table).items():
            had = kept.get(name)
            if had is None or had[0].settings != lines[0].settings or had[-1].samples <= lines[-1].samples:
                kept[name] = lines
    return [line for name in sorted(kept) for line in kept[name]]


def by_curve(lines: Iterable[Line]) -> dict[str, list[Line]]:
    """The lines of each curve, in the order of the samples."""
    curves: dict[str, list[Line]] = {}
    for line in lines:
        curves.setdefault(line.curve, []).append(line)
    return {name: sorted(rows, key=lambda line: line.samples) for name, rows in curves.items()}


def settings_in_short(config: Config, source: tuple[tuple[str, Any], ...] = (), start: float = 1.0) -> str:
    """What a curve was made with, on a line: what the names of its columns do not say already."""
    parts = [f"H={config.hidden}{units(config)}", f"M={config.minibatch}"]
    parts += [words.replace(" = ", "=") for words in reversed(own_settings(config))]
    parts += [f"{config.optimizer} {config.step:g}"]
    parts += [f"warm-up {config.warmup}"] if config.optimizer == "adagrad" else []
    parts += [f"prior on {config.prior}", f"x / {config.divisor:g}", config.binarize.replace("none", "real-valued")]
    parts += [f"{name} {value}" for name, value in source if name not in ("binarize", "divisor", "n_train")]
    parts += [config.sampling] if config.sampling != "permutation" else []
    parts += [f"start x {start:g}"] if start != 1 else []
    parts += [f"start {config.start}"] if config.start != "paper" else []
    return "; ".join(parts)


def versions_in_short(versions: dict[str, Any]) -> str:
    """Whose arithmetic it was."""
    names = ("aevb_np", "python", "numpy")
    return "; ".join([*(f"{name} {versions[name]}" for name in names), str(versions["blas"])])
