"""Figure 1: the plate diagram, and what flows through encoder, sampler and decoder. It needs no training."""

from aevb_np.experiments import drawing
from aevb_np.experiments.curve import Curve
from aevb_np.experiments.lines import Line
from aevb_np.experiments.plan import Budget
from aevb_np.experiments.recipe import Made, OpenRun

NAME, SEEDS = "figure_1", 1


def curves(budget: Budget, seeds: int) -> list[Curve]:
    """None."""
    return []


def make(lines: list[Line], open_run: OpenRun, note: str) -> Made:
    """Two pictures."""
    return Made(pictures={"figure_1": drawing.plate_diagram(), "figure_1_flow": drawing.data_flow()})
