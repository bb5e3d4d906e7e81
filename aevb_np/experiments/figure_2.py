"""Figure 2: the bound while training, AEVB against wake-sleep, in nine panels. Section 5."""

from aevb_np.experiments import drawing, paper
from aevb_np.experiments.curve import Curve
from aevb_np.experiments.lines import Line
from aevb_np.experiments.plan import Budget
from aevb_np.experiments.recipe import FREY_LATENT, MNIST_LATENT, Made, OpenRun, by_stem, with_chosen_step

NAME, SEEDS = "figure_2", 1
METHODS = ("aevb", "wake-sleep")
LENGTHS = {
    "quick": {"mnist": 1e5, "frey": 2.5e5},
    "hour": {"mnist": 4e6, "frey": 1e7},
    "full": {"mnist": 2.5e8, "frey": 1e8},  # where the paper's axes end
}


def curves(budget: Budget, seeds: int) -> list[Curve]:
    """Both methods in each panel, for so many seeds."""
    panels = [("mnist", J) for J in MNIST_LATENT] + [("frey", J) for J in FREY_LATENT]
    return [
        with_chosen_step(Curve(data, method, J, budget.of(data, LENGTHS), seed))
        for seed in range(seeds)
        for data, J in panels
        for method in METHODS
    ]


def make(lines: list[Line], open_run: OpenRun, note: str) -> Made:
    """The nine panels, or as many as there are."""
    return Made(pictures={NAME: drawing.bounds(arrays(lines), note)})


def arrays(lines: list[Line]) -> dict[str, list[drawing.Trace]]:
    """The lines and the paper's points of each panel: ours of the first seed, and the band of all seeds.

    The training bound is the running mean of the minibatches, as in the paper.
    """
    panels: dict[str, list[drawing.Trace]] = {}
    for seeds in by_stem(lines).values():
        rows = min(seeds, key=lambda rows: rows[0].seed)
        first = rows[0]
        for split, column in (("train", "train_running"), ("test", "test_bound")):
            theirs = paper.curve(2, first.data, first.n_z, first.method, split)
            panels.setdefault(f"{first.data}-{first.n_z}", []).append(
                drawing.Trace(
                    method=first.method,
                    split=split,
                    samples=[row.samples for row in rows],
                    values=[getattr(row, column) for row in rows],
                    paper=theirs,
                    band=band(seeds, column),
                )
            )
    return panels


def band(seeds: list[list[Line]], column: str) -> list[tuple[float, float, float]]:
    """From where to where several seeds go, after each number of samples that two or more have."""
    values: dict[int, list[float]] = {}
    for rows in seeds:
        for row in rows:
            values.setdefault(row.samples, []).append(getattr(row, column))
    return [(samples, min(found), max(found)) for samples, found in sorted(values.items()) if len(found) > 1]
