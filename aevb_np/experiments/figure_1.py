"""Figure 1: the plate diagram, and what flows through encoder, sampler and decoder. It needs no training."""

from pathlib import Path

from aevb_np.experiments.curve import Curve
from aevb_np.experiments.lines import Line
from aevb_np.experiments.plan import Budget
from aevb_np.experiments.recipe import Made, OpenRun

NAME, SEEDS = "figure_1", 1
DIAGRAMS = Path(__file__).parent / "diagrams"  # drawn by hand


def curves(budget: Budget, seeds: int) -> list[Curve]:
    """None."""
    return []


def make(lines: list[Line], open_run: OpenRun, note: str) -> Made:
    """Two drawings."""
    return Made(texts={path.name: path.read_text(encoding="utf-8") for path in sorted(DIAGRAMS.glob("*.svg"))})
