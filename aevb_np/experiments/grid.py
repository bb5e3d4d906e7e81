"""How many samples of z, L, and how many datapoints, M: the paper's claim that L = 1 will do if M is 100. Section 2.3.

At equal datapoints: a row says what so many images seen buy, whatever the number of updates they were spent on.
"""

import dataclasses
import statistics

from aevb_np.experiments import drawing
from aevb_np.experiments.curve import Curve, at_a_row
from aevb_np.experiments.ledger import pm
from aevb_np.experiments.lines import Line, by_curve
from aevb_np.experiments.plan import Budget
from aevb_np.experiments.recipe import Made, OpenRun, by_stem, line_at, markdown, with_chosen_step

NAME, SEEDS, BUDGET = "grid", 3, "hour"
LATENT, DRAWS, MINIBATCHES = 20, (1, 5), (20, 100, 500)
MARKS = (10_000, 40_000, 100_000, 250_000, 1_000_000, 3_000_000, 10_000_000)  # of the table
LENGTHS = {"quick": 100_000, "hour": 1_000_000, "full": 3_000_000}


def curves(budget: Budget, seeds: int) -> list[Curve]:
    """Six combinations on MNIST, all with the step size of N_z = 20."""
    length = at_a_row(budget.samples or LENGTHS[budget.name])
    made = []
    for seed in range(seeds):
        base = with_chosen_step(Curve("mnist", "aevb", LATENT, length, seed))
        for L in DRAWS:
            for M in MINIBATCHES:
                settings = (("draws", L), ("minibatch", M), *base.settings)
                made.append(dataclasses.replace(base, variant=f"L{L}M{M}", settings=settings))
    return made


def make(lines: list[Line], open_run: OpenRun, note: str) -> Made:
    """A picture, and a table of the test bound at a few counts."""
    found = arrays(lines)
    marks = [mark for mark in MARKS if all(line_at(rows, mark) for rows in by_curve(lines).values())]
    groups = by_stem(lines)
    rows = []
    for (L, M), _ in found.items():
        group = groups[f"{lines[0].data}-aevb-{LATENT}-L{L}M{M}"]
        at = [[line.test_bound for seed in group if (line := line_at(seed, mark))] for mark in marks]
        rows.append([str(L), str(M), *(pm(values, sign="") for values in at)])
    text = markdown(["L", "M", *(f"{mark:,}" for mark in marks)], rows)
    head = "# L samples of z for each of M datapoints\n\nTest bound in nats per image after so many datapoints, "
    head += "mean over the seeds +- its standard error.\n"
    return Made(pictures={NAME: drawing.grid(found, note)}, texts={"grid.md": f"{head}{note}\n{text}"})


def arrays(lines: list[Line]) -> dict[tuple[int, int], dict[int, float]]:
    """The mean over seeds of the test bound, by samples seen, for each (L, M)."""
    found: dict[tuple[int, int], dict[int, float]] = {}
    for name, seeds in by_stem(lines).items():
        L, M = (int(number) for number in name.rpartition("-L")[2].split("M"))
        shortest = min(seeds, key=len)
        found[L, M] = {
            row.samples: statistics.fmean(seed[k].test_bound for seed in seeds) for k, row in enumerate(shortest)
        }
    return dict(sorted(found.items()))
