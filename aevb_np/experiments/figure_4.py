"""Figure 4: what the decoder draws all over a two-dimensional latent space, for Frey Face and MNIST."""

from aevb_np import plotting
from aevb_np.experiments import drawing
from aevb_np.experiments.curve import Curve
from aevb_np.experiments.lines import Line, by_curve
from aevb_np.experiments.plan import Budget
from aevb_np.experiments.recipe import Made, OpenRun, with_chosen_step

NAME, SEEDS = "figure_4", 1
DRAWS_RUNS = True
TILES = {"mnist": 20, "digits": 20, "frey": 10, "faces": 10}  # along each side, as in the paper
LENGTHS = {
    "quick": {"mnist": 6e5, "frey": 2e6},
    "hour": {"mnist": 2e7, "frey": 5e7},
    "full": {"mnist": 1e8, "frey": 1e8},
}


def curves(budget: Budget, seeds: int) -> list[Curve]:
    """AEVB with two latent dimensions, on both."""
    return [
        with_chosen_step(Curve(data, "aevb", 2, budget.of(data, LENGTHS), seed))
        for seed in range(seeds)
        for data in ("frey", "mnist")
    ]


def make(lines: list[Line], open_run: OpenRun, note: str) -> Made:
    """A picture for each run."""
    made = Made()
    for name, rows in by_curve(lines).items():
        run, data = open_run(name), rows[0].data
        title = f"{drawing.DATA.get(data, data)}, {run.samples:,} samples" + (f"\n{note}" if note else "")
        made.pictures[f"{NAME}_{data}" + (f"_s{rows[0].seed}" if rows[0].seed else "")] = plotting.manifold(
            run.decode, run.config.image_shape, TILES[data], invert=data in drawing.INK, title=title
        )
    return made
