"""The step size by the paper's own rule: of {0.01, 0.02, 0.1}, what does best on the training data in the beginning.

Section 5 says no more than that; the beginning is taken to be 1e5 samples, and of three seeds the median counts.
"""

import csv
import dataclasses
import io
import math
import statistics
from collections.abc import Sequence

from aevb_np.experiments import figure_2, figure_3
from aevb_np.experiments.curve import Curve, at_a_row
from aevb_np.experiments.lines import Line
from aevb_np.experiments.plan import Budget
from aevb_np.experiments.recipe import STEPS, Made, OpenRun, by_stem, markdown

NAME, SEEDS = "steps", 3
MAY_DIVERGE, BUDGET = True, "full"
SIZES = (0.01, 0.02, 0.1)
BEGINNING = {"quick": 25_000, "hour": 100_000, "full": 100_000}
LONGER = 10  # times that for a thousand images: Monte Carlo EM takes all of them for each of its 100 warm-up gradients
POINTS = 200  # images whose log p(x) says how well a curve of Figure 3 does


def curves(budget: Budget, seeds: int) -> list[Curve]:
    """Every curve of Figures 2 and 3 with each step size."""
    length = budget.samples or BEGINNING[budget.name]
    same = Budget("samples", length)
    return [
        _beginning(curve, step, at_a_row(LONGER * length if curve.n_train == min(figure_3.SIZES) else length))
        for curve in figure_2.curves(same, seeds) + figure_3.curves(same, seeds)
        for step in SIZES
    ]


def _beginning(curve: Curve, step: float, length: int) -> Curve:
    others = tuple((name, value) for name, value in curve.settings if name != "step")
    return dataclasses.replace(
        curve,
        samples=length,
        variant=f"step{step:g}",
        settings=(*others, ("step", step)),
        marginals=(length,) if curve.marginals else (),
        points=POINTS,
    )


def make(lines: list[Line], open_run: OpenRun, note: str) -> Made:
    """The table, for people and for `recipe.chosen_steps`."""
    found = arrays(lines)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["curve", "step", "samples", "median", "seeds", "chosen"])
    shown = []
    for name, (length, values) in found.items():
        best = choice(values)
        for step in SIZES:
            seeds = values.get(step, [])
            middle = f"{statistics.median(seeds):.2f}" if seeds else ""
            every = "; ".join(f"{value:.2f}" for value in seeds)
            writer.writerow([name, step, length, middle, every, "yes" if step == best else "no"])
        shown.append([name, f"{length:,}", *(_cell(values.get(step, []), step == best) for step in SIZES)])
    text = markdown(["curve", "samples", *(f"step {step:g}" for step in SIZES)], shown)
    head = (
        f"Training bound in nats per image (Figure 3's curves: log p(x) of {POINTS} training images) in the beginning: "
        "the median of the seeds, and all of them. Bold is what the paper's rule picks; where nothing stands the "
        "numbers did not stay finite.\n"
    )
    remark = f"to let Figures 2 and 3 use it: copy {STEPS} to aevb_np/experiments/curves/"
    return Made(texts={STEPS: out.getvalue(), "steps.md": f"# Step sizes\n\n{head}{note}\n{text}"}, remarks=[remark])


def arrays(lines: list[Line]) -> dict[str, tuple[int, dict[float, list[float]]]]:
    """For each curve how long it was, and what each step size reached, a number for each seed that did not diverge."""
    groups: dict[str, dict[float, list[list[Line]]]] = {}
    for name, seeds in by_stem(lines).items():
        curve, _, step = name.rpartition("-step")
        groups.setdefault(curve, {})[float(step)] = seeds
    found = {}
    for curve, by_step in groups.items():
        length = max(rows[-1].samples for seeds in by_step.values() for rows in seeds)
        found[curve] = (
            length,
            {
                step: [_reached(rows[-1]) for rows in seeds if rows[-1].samples == length]
                for step, seeds in by_step.items()
            },
        )
    return found


def _reached(line: Line) -> float:
    return line.train_bound if math.isnan(line.marginal.train) else line.marginal.train


def choice(values: dict[float, list[float]]) -> float:
    """The step size with the best median; one that lost a seed to divergence does not count if another lost none."""
    most = max(len(seeds) for seeds in values.values())
    medians = {step: statistics.median(seeds) for step, seeds in values.items() if len(seeds) == most}
    return max(medians, key=lambda step: medians[step])


def _cell(seeds: Sequence[float], best: bool) -> str:
    if not seeds:
        return ""
    numbers = (statistics.median(seeds), *seeds)
    middle, *every = (f"{number:.1f}" if abs(number) < 1e5 else f"{number:.0e}" for number in numbers)
    return f"{f'**{middle}**' if best else middle} ({', '.join(every)})"
