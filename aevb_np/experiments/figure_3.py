"""Figure 3: log p(x) while training, AEVB against wake-sleep and Monte Carlo EM. Section 5, Appendix D.

A model small enough to be judged by log p(x) itself: N_z = 3, 100 hidden units, a thousand training images or 50,000.
"""

from aevb_np.experiments import drawing, paper
from aevb_np.experiments.curve import Curve
from aevb_np.experiments.lines import Line
from aevb_np.experiments.plan import Budget
from aevb_np.experiments.recipe import Made, OpenRun, first_seeds, with_chosen_step

NAME, SEEDS = "figure_3", 1
METHODS = ("aevb", "wake-sleep", "mcem")
SIZES = (1000, 50_000)
LATENT, HIDDEN = 3, 100
LENGTHS = {"quick": {"mnist": 1e5}, "hour": {"mnist": 1e7}, "full": {"mnist": 6e7}}
COUNTS = (40_000, 100_000, 250_000, 600_000, 1_000_000, 2_000_000, 3_000_000, 5_000_000, *range(10**7, 10**9, 10**7))


def curves(budget: Budget, seeds: int) -> list[Curve]:
    """Three methods for each size of the training set."""
    length = budget.of("mnist", LENGTHS)
    counts = tuple(count for count in (*COUNTS, length) if count <= length)
    return [
        with_chosen_step(
            Curve(
                "mnist",
                method,
                LATENT,
                length,
                seed,
                n_train=N,
                settings=(("hidden", HIDDEN),),
                marginals=tuple(dict.fromkeys(counts)),
                points=100 if budget.name == "quick" else 1000,
            )
        )
        for seed in range(seeds)
        for N in SIZES
        for method in METHODS
    ]


def make(lines: list[Line], open_run: OpenRun, note: str) -> Made:
    """Two panels."""
    return Made(pictures={NAME: drawing.marginals(arrays(lines), note)})


def arrays(lines: list[Line]) -> dict[int, list[drawing.Trace]]:
    """The curves of each size of the training set, with the paper's points."""
    panels: dict[int, list[drawing.Trace]] = {}
    for curve in first_seeds(lines):
        rows = [row for row in curve if row.marginal.train == row.marginal.train]
        if not rows:
            continue
        first = rows[0]
        for split in ("train", "test"):
            panels.setdefault(first.n_train, []).append(
                drawing.Trace(
                    method=first.method,
                    split=split,
                    samples=[row.samples for row in rows],
                    values=[getattr(row.marginal, split) for row in rows],
                    errors=[getattr(row.marginal, f"{split}_error") for row in rows],
                    paper=paper.curve(3, "mnist", LATENT, first.method, split, first.n_train),
                )
            )
    return panels
