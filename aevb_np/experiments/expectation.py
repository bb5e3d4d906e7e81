"""Is my number right? What bound to expect after so many samples, from the paper's curves and ours; and what a number
from somebody else's code is in nats per image."""

import csv
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aevb_np.experiments import lines as tables
from aevb_np.experiments import paper
from aevb_np.experiments.lines import Line
from aevb_np.experiments.recipe import CURVES, by_stem
from aevb_np.runs.config import Config

UNITS = ("nats", "nats-per-pixel", "bits", "bits-per-pixel", "batch-sum")
BATCHES = (100, 128, 64, 32, 256, 512)  # what people sum over
PLAUSIBLE = {"mnist": (-600.0, -40.0), "frey": (-3000.0, 2500.0)}  # from a decoder that knows nothing to one too good
NATS_FIRST = {"nats": 0.0, "nats-per-pixel": 10.0, "bits": 20.0, "bits-per-pixel": 25.0, "batch-sum": 30.0}
SETTING = {"mnist": (500, 50_000, "none"), "frey": (200, 1600, "none")}  # of Figure 2: H, N, binarize
COLUMNS = {"train": "train_running", "test": "test_bound"}


@dataclass(frozen=True)
class Expected:
    """What to expect at one number of samples, in nats per image.

    Attributes
    ----------
    paper : float or None
        Interpolated on a logarithmic axis; None where the paper's curve does not go.
    ours : tuple of float
        One for each seed that came so far.
    reach : tuple of int
        The first and the last number of samples that our curves have; empty if there is none.
    settings : str
        Of ours.
    """

    paper: float | None
    ours: tuple[float, ...]
    reach: tuple[int, ...]
    settings: str

    @property
    def value(self) -> float | None:
        """Ours if there is one, else the paper's."""
        return statistics.median(self.ours) if self.ours else self.paper


def expected(data: str, latent: int, method: str, samples: float, split: str, table: Sequence[Line]) -> Expected:
    """The bound that the paper and we have there.

    Parameters
    ----------
    data : {"mnist", "frey"}
    latent : int
        N_z.
    method : {"aevb", "wake-sleep"}
    samples : float
    split : {"train", "test"}
    table : sequence of Line
        Ours, as `our_curves` gives them.

    Raises
    ------
    ValueError
        If neither the paper nor we have such a curve.
    """
    theirs = paper.curve(2, data, latent, method, split)
    group = by_stem(table).get(f"{data}-{method}-{latent}", [])
    if not theirs and not group:
        known = sorted({v.n_z for v in paper.values() if (v.figure, v.data) == (2, data)})
        raise ValueError(
            f"no curve of {data} with {latent} latent dimensions by {method} is known; there are those with "
            f"{', '.join(map(str, known))}"
        )
    curves = [{line.samples: getattr(line, COLUMNS[split]) for line in rows} for rows in group]
    found = [value for curve in curves if (value := interpolated(curve, samples)) is not None]
    counts = [samples for curve in curves for samples in curve]
    reach = (min(counts), max(counts)) if counts else ()
    return Expected(interpolated(theirs, samples), tuple(found), reach, group[0][0].settings if group else "")


def our_curves() -> list[Line]:
    """The rows of Figure 2 that come with the package; none as long as there are none."""
    return tables.read(CURVES / "figure_2.csv")


def interpolated(curve: Mapping[int, float], samples: float) -> float | None:
    """The value between two points, linear in log samples; None outside.

    >>> round(interpolated({10: 1.0, 1000: 3.0}, 100), 12)
    2.0
    """
    counts = sorted(curve)
    if not counts or not counts[0] <= samples <= counts[-1]:
        return None
    above = next(k for k, count in enumerate(counts) if count >= samples)
    if counts[above] == samples:
        return curve[counts[above]]
    low, high = counts[above - 1], counts[above]
    share = math.log(samples / low) / math.log(high / low)
    return (1 - share) * curve[low] + share * curve[high]


@dataclass(frozen=True)
class Reading:
    """A number from elsewhere in nats per image, and what had to be assumed for that."""

    nats: float
    assumed: tuple[str, ...]


def readings(
    number: float, unit: str, data: str, pixels: int, near: float, minibatch: int | None = None
) -> list[Reading]:
    """What a number can mean, the likeliest first.

    Parameters
    ----------
    number : float
        As somebody's program printed it.
    unit : str
        One of `UNITS`, or auto: whichever makes it plausible, the plainest first.
    data : str
    pixels : int
        In an image.
    near : float
        What is expected, in nats per image.
    minibatch : int, optional
        What a batch-sum was summed over; the usual sizes are tried otherwise.

    Raises
    ------
    ValueError
        If no reading makes a plausible bound of it.
    """
    low, high = PLAUSIBLE[data]
    found = []
    for name in UNITS if unit == "auto" else (unit,):
        for factor, words in _factors(name, pixels, minibatch):
            for sign in (1, -1):
                nats = sign * factor * number
                if low <= nats <= high:
                    assumed = (*words, *(["a loss: minus the bound"] if sign < 0 else []))
                    found.append(
                        (abs(nats - near) + (NATS_FIRST[name] if unit == "auto" else 0), Reading(nats, assumed))
                    )
    if not found:
        raise ValueError(
            f"{number:g} makes no bound on {data} between {low:g} and {high:g} nats per image, in "
            f"{'any' if unit == 'auto' else unit}; the units known here are {', '.join(UNITS)}, and auto tries them all"
        )
    return [reading for _, reading in sorted(found, key=lambda pair: pair[0])]


def _factors(unit: str, pixels: int, minibatch: int | None) -> list[tuple[float, tuple[str, ...]]]:
    """What makes nats per image of the unit, and how to say so."""
    bits = math.log(2)
    if unit == "batch-sum":
        sizes = (minibatch,) if minibatch else BATCHES
        return [(1 / M, (f"a sum over {M} images",)) for M in sizes]
    per_pixel = f"a mean over {pixels} pixels"
    known: dict[str, tuple[float, tuple[str, ...]]] = {
        "nats": (1.0, ()),
        "nats-per-pixel": (float(pixels), (per_pixel,)),
        "bits": (bits, ("bits",)),
        "bits-per-pixel": (bits * pixels, ("bits", per_pixel)),
    }
    return [known[unit]]


def beside(config: Config, samples: float, measured: float) -> list[str]:
    """A line for somebody who has measured the test bound of a run; none if it is not in the setting of Figure 2.

    Parameters
    ----------
    config : Config
        Of the run.
    samples : float
        That it has seen.
    measured : float
        Its test bound, in nats per image.
    """
    c = config
    if SETTING.get(c.data) != (c.hidden, c.N, c.binarize):
        return []
    try:
        there = expected(c.data, c.latent, c.method, samples, "test", our_curves())
    except ValueError:
        return []
    found = []
    if there.paper is not None:
        found.append(f"the paper has {there.paper:.1f} ({measured - there.paper:+.1f})")
    if there.ours:
        seeds = f"our {len(there.ours)} seeds have" if len(there.ours) > 1 else "our curve has"
        middle = statistics.median(there.ours)
        found.append(f"{seeds} {middle:.1f} ({measured - middle:+.1f})")
    return [f"after {samples:,.0f} samples {' and '.join(found)}"] if found else []


class Common(NamedTuple):
    """What a well-known example measures, trained once as its authors have it (`benchmarks/common_recipes.py`)."""

    name: str
    n_z: int
    samples: int
    train: float
    test: float


def common_recipes() -> list[Common]:
    """All that were run, on MNIST; bounds in nats per image."""
    path = CURVES / "common_recipes.csv"
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return [
            Common(row["name"], int(row["n_z"]), int(row["samples"]), float(row["train"]), float(row["test"]))
            for row in csv.DictReader(file)
        ]
