"""What the recipes have in common: the curves of the paper's own setting, and what a recipe makes of its table."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aevb_np.experiments import lines as tables
from aevb_np.experiments.curve import Curve
from aevb_np.experiments.lines import Line
from aevb_np.runs.run import Run

CURVES = Path(__file__).parent / "curves"  # the numbers that come with the package: the paper's, and ours
STEPS = "chosen_steps.csv"
MNIST_LATENT, FREY_LATENT = (3, 5, 10, 20, 200), (2, 5, 10, 20)  # the panels of Figure 2

OpenRun = Callable[[str], Run]  # the trained run of a curve, by the curve's name


@dataclass
class Made:
    """What a recipe makes of its curves.

    Attributes
    ----------
    pictures : dict
        Figures of matplotlib, by the name of their file without its ending.
    texts : dict
        Tables, by the whole name of their file.
    remarks : list of str
        Lines for the person who waits.
    """

    pictures: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def stem(name: str) -> str:
    """A curve's name without its seed: what the seeds have in common.

    >>> stem("mnist-wake-sleep-20-s0")
    'mnist-wake-sleep-20'
    """
    return name.rpartition("-s")[0]


def with_chosen_step(curve: Curve) -> Curve:
    """The curve with the step size that the paper's rule picked, as `aevb figure steps` found it.

    Where it has not found any: what `aevb train` would take.
    """
    step = chosen_steps().get(stem(curve.name))
    return curve if step is None else replace(curve, settings=(*curve.settings, ("step", step)))


def chosen_steps() -> dict[str, float]:
    """The step size for each curve of Figures 2 and 3, by its stem."""
    path = CURVES / STEPS
    if not path.exists():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        return {row["curve"]: float(row["step"]) for row in csv.DictReader(file) if row["chosen"] == "yes"}


def selected(curves: Sequence[Curve], words: Sequence[str] | None) -> list[Curve]:
    """The curves whose names hold the parts of one of the words, in their order: mnist-20, mnist-aevb-3, frey, N1000.

    Raises
    ------
    ValueError
        If a word selects nothing.
    """
    if not words:
        return list(curves)
    for word in words:
        if not any(_holds(curve.name, word) for curve in curves):
            there = sorted({f"{curve.data}-{curve.latent}" for curve in curves})
            raise ValueError(f"no curve of this figure is called {word}; panels are {', '.join(there)}")
    return [curve for curve in curves if any(_holds(curve.name, word) for word in words)]


def _holds(name: str, word: str) -> bool:
    rest = iter(name.split("-"))
    return all(part in rest for part in word.split("-"))


def by_stem(lines: Iterable[Line]) -> dict[str, list[list[Line]]]:
    """The curves that differ only in their seeds, together: a list of lines for each seed."""
    groups: dict[str, list[list[Line]]] = {}
    for name, rows in tables.by_curve(lines).items():
        groups.setdefault(stem(name), []).append(rows)
    return groups


def first_seeds(lines: Iterable[Line]) -> list[list[Line]]:
    """Of the curves that differ only in their seeds, that of the first."""
    return [min(seeds, key=lambda rows: rows[0].seed) for seeds in by_stem(lines).values()]


def line_at(rows: Sequence[Line], samples: int) -> Line | None:
    """The row of a curve at so many samples, or the first one after: M may not divide them."""
    return next((line for line in rows if samples <= line.samples <= 1.1 * samples), None)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, with columns as wide as their contents."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]

    def text(row: Sequence[str]) -> str:
        return "| " + " | ".join(f"{cell:{width}}" for cell, width in zip(row, widths)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([text(cells[0]), rule, *map(text, cells[1:])]) + "\n"
