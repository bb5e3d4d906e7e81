"""Where the parameters start: all panels of Figure 2 from other initial values, beside the paper's curves.

Section 5 says N(0, 0.01). The largest differences between our curves and the paper's (wake-sleep with N_z = 200, Frey
Face) change with the start more than with anything else that it leaves open.
"""

import dataclasses
import statistics

from aevb_np.experiments import figure_2, paper
from aevb_np.experiments.curve import Curve, at_a_row
from aevb_np.experiments.lines import Line
from aevb_np.experiments.plan import Budget
from aevb_np.experiments.recipe import Made, OpenRun, by_stem, line_at, markdown
from aevb_np.model import STARTS

NAME, SEEDS = "starts", 3
MAY_DIVERGE, BUDGET = True, "full"
LENGTHS = {"quick": 40_000, "hour": 400_000, "full": 1_000_000}
MARKS = (1_000_000, 2_000_000, 3_000_000, 10_000_000)  # where the paper's curves were read off


def curves(budget: Budget, seeds: int) -> list[Curve]:
    """Every curve of Figure 2 from each start, the paper's among them."""
    length = at_a_row(budget.samples or LENGTHS[budget.name])
    made = figure_2.curves(Budget("samples", length), seeds)
    return [from_start(curve, start) for curve in made for start in STARTS]


def from_start(curve: Curve, start: str) -> Curve:
    """The curve from other initial values, under a name of its own."""
    if start == "paper":
        return curve
    return dataclasses.replace(curve, variant=start, settings=(*curve.settings, ("start", start)))


def make(lines: list[Line], open_run: OpenRun, note: str) -> Made:
    """starts.md: the test bound of each start, less the paper's, after so many samples."""
    parts = [
        "# Initial values\n",
        "Test bound of ours less the paper's, in nats per image, by the start of the parameters; the mean over the "
        "seeds, and how many there are.\n\n"
        "- `paper`: all parameters from N(0, 0.01^2), as in the figures.\n"
        "- `zero-heads`: the same, with both heads of the encoder at 0.\n"
        "- `fan-in`: every weight from N(0, 1 / n) for a layer of n inputs, the encoder's log-variance head at 0.\n"
        "- `fan-in-zero-heads`: hidden layers so, both heads of the encoder at 0.\n\n"
        "`aevb figure starts` makes this again.\n",
        *([note + "\n"] if note else []),
    ]
    groups = by_stem(lines)
    for data, J, method in sorted({(line.data, line.n_z, line.method) for line in lines}):
        theirs = paper.curve(2, data, J, method, "test")
        found = {start: groups.get(stem_of(data, method, J, start), []) for start in STARTS}
        marks = [mark for mark in MARKS if mark in theirs and any(reached(seeds, mark) for seeds in found.values())]
        rows = [[start, *(gap(reached(seeds, mark), theirs[mark]) for mark in marks)] for start, seeds in found.items()]
        head = ["start", *(f"{mark:,}" for mark in marks)]
        above = ["the paper's", *(f"{theirs[mark]:.1f}" for mark in marks)]
        parts.append(f"## {data}, N_z = {J}, {method}\n\n{markdown(head, [above, *rows])}")
    return Made(texts={"starts.md": "\n".join(parts)})


def stem_of(data: str, method: str, J: int, start: str) -> str:
    """The name of a curve from a start, without its seed."""
    return f"{data}-{method}-{J}" + (f"-{start}" if start != "paper" else "")


def reached(seeds: list[list[Line]], mark: int) -> list[float]:
    """The test bounds of the seeds that got so far."""
    return [line.test_bound for rows in seeds if (line := line_at(rows, mark))]


def gap(ours: list[float], theirs: float) -> str:
    """Ours less theirs, with the number of seeds.

    >>> gap([-100.0, -102.0], -100.5), gap([], 1.0)
    ('-0.5 (2)', '')
    """
    return f"{statistics.fmean(ours) - theirs:+.1f} ({len(ours)})" if ours else ""
