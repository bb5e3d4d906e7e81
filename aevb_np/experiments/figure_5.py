"""Figure 5: images drawn from the models of MNIST with 2, 5, 10 and 20 latent dimensions, z from the prior."""

from numpy.typing import NDArray

from aevb_np.experiments import drawing
from aevb_np.experiments.curve import Curve
from aevb_np.experiments.lines import Line
from aevb_np.experiments.plan import Budget
from aevb_np.experiments.recipe import Made, OpenRun, first_seeds, with_chosen_step

NAME, SEEDS = "figure_5", 1
DRAWS_RUNS = True
LATENT = (2, 5, 10, 20)
IMAGES = 100  # 10 x 10 for each model
LENGTHS = {"quick": {"mnist": 2.5e5}, "hour": {"mnist": 8e6}, "full": {"mnist": 1e8}}


def curves(budget: Budget, seeds: int) -> list[Curve]:
    """AEVB on MNIST."""
    length = budget.of("mnist", LENGTHS)
    return [with_chosen_step(Curve("mnist", "aevb", J, length, seed)) for seed in range(seeds) for J in LATENT]


def make(lines: list[Line], open_run: OpenRun, note: str) -> Made:
    """Four squares of a hundred images."""
    return Made(pictures={NAME: drawing.samples(arrays(lines, open_run), (28, 28), note)})


def arrays(lines: list[Line], open_run: OpenRun) -> dict[int, NDArray]:
    """Mean images by the number of latent dimensions, each from its first seed.   (100, D) each"""
    names = {rows[0].n_z: rows[0].curve for rows in first_seeds(lines)}
    return {J: open_run(names[J]).sample(IMAGES) for J in sorted(names)}
