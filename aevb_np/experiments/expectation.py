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
from aevb_np.experiments.landmarks import LANDMARKS
from aevb_np.experiments.lines import Line
from aevb_np.experiments.recipe import CURVES, by_stem
from aevb_np.runs.config import Config

UNITS = ("nats", "nats-per-pixel", "batch-sum", "divided-twice", "bits", "bits-per-pixel")  # the plainest first
BATCHES = (100, 128, 64, 32, 256, 512)  # what people sum over
WHOLE = (10_000, 50_000, 60_000)  # and a sum over all of MNIST's test or training images
UNLIKELY = {"nats": 0, "nats-per-pixel": 10, "batch-sum": 30, "divided-twice": 40, "bits": 0, "bits-per-pixel": 10}
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
    end : float or None
        Where neither curve goes there, the value at the end that is nearest: of ours, or else of the paper's.
    """

    paper: float | None
    ours: tuple[float, ...]
    reach: tuple[int, ...]
    settings: str
    end: float | None = None

    @property
    def value(self) -> float | None:
        """Ours if there is one, else the paper's."""
        return statistics.median(self.ours) if self.ours else self.paper

    @property
    def values(self) -> list[float]:
        """Everything that is known: the paper's and ours, or else the nearest end."""
        there = [value for value in (self.paper, *self.ours) if value is not None]
        return there or [value for value in (self.end,) if value is not None]


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
        If neither the paper nor we have such a curve; `nearest` knows which there are.
    """
    theirs = paper.curve(2, data, latent, method, split)
    group = by_stem(table).get(f"{data}-{method}-{latent}", [])
    if not theirs and not group:
        there = ", ".join(map(str, known(data, method)))
        raise ValueError(f"no curve of {data} with {latent} latent dimensions by {method} is known; there are {there}")
    curves = [{line.samples: getattr(line, COLUMNS[split]) for line in rows} for rows in group]
    found = [value for curve in curves if (value := interpolated(curve, samples)) is not None]
    counts = [samples for curve in curves for samples in curve]
    reach = (min(counts), max(counts)) if counts else ()
    longest = max(curves, key=max, default=theirs)
    end = longest[min(longest, key=lambda count: abs(count - samples))]
    return Expected(interpolated(theirs, samples), tuple(found), reach, group[0][0].settings if group else "", end)


def known(data: str, method: str) -> list[int]:
    """The N_z of the paper's curves, in increasing order; none for data that the paper does not have."""
    return sorted({v.n_z for v in paper.values() if (v.figure, v.data, v.method) == (2, data, method)})


def nearest(data: str, latent: int, method: str) -> list[int]:
    """The N_z whose curves say most about this one: itself, or its neighbours on both sides.

    >>> nearest("mnist", 20, "aevb"), nearest("mnist", 2, "aevb"), nearest("mnist", 7, "aevb")
    ([20], [3], [5, 10])
    """
    there = known(data, method)
    if latent in there:
        return [latent]
    return [*[n for n in there if n < latent][-1:], *[n for n in there if n > latent][:1]]


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
    number: float, unit: str, data: str, pixels: int, near: float | Sequence[float], minibatch: int | None = None
) -> list[Reading]:
    """What a number can mean, the likeliest first.

    Nats come before bits, whatever is expected. Then come the readings that meet a value that is known (what is
    expected, or a landmark), and then all others by how far they are off, the plainest unit first.

    Parameters
    ----------
    number : float
        As somebody's program printed it; finite.
    unit : str
        One of `UNITS`, or auto: all of them.
    data : str
    pixels : int
        In an image.
    near : float or sequence of float
        What is expected, in nats per image; nothing, if nothing is.
    minibatch : int, optional
        What was summed or divided over; the usual sizes are tried otherwise.

    Returns
    -------
    list of Reading
        In auto those that lie between a model that is worse than untrained and one that is too good; never empty.
    """
    marks = LANDMARKS[data]
    values = [*([near] if isinstance(near, int | float) else near)] or [marks.untrained, *marks.ignores_z]
    found = []
    for name in UNITS if unit == "auto" else (unit,):
        for factor, words in _factors(name, pixels, minibatch):
            for sign in (1, -1) if number else (1,):
                nats = sign * factor * number
                if unit == "auto" and not marks.plausible(nats, strict=name not in ("nats", "nats-per-pixel")):
                    continue
                off = min(abs(nats - value) for value in values)
                met = min(off, *(abs(nats - mark) for mark in (marks.untrained, *marks.ignores_z)))
                meets = met <= marks.room + factor * half_a_digit(number)
                cannot_be = nats > marks.most  # as no bound on such data can
                assumed = (*words, *(["a loss: minus the bound"] if sign < 0 else []))
                order = cannot_be, name.startswith("bits"), not meets, UNLIKELY[name] + (met if meets else off)
                found.append((order, Reading(nats, assumed)))
    if not found:
        return readings(number, "nats", data, pixels, near)
    return [reading for _, reading in sorted(found, key=lambda pair: pair[0])]


def half_a_digit(number: float) -> float:
    """Half a unit of the last digit that was printed: how far rounding may have moved the number.

    >>> half_a_digit(0.26), half_a_digit(206.0)
    (0.005, 0.5)
    """
    mantissa, _, exponent = f"{number:.12g}".partition("e")
    return 0.5 * 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def _factors(unit: str, pixels: int, minibatch: int | None) -> list[tuple[float, tuple[str, ...]]]:
    """What makes nats per image of the unit, and how to say so."""
    bits = math.log(2)
    if unit == "batch-sum":
        return [(1 / M, (f"a sum over {M:,} images",)) for M in ((minibatch,) if minibatch else BATCHES + WHOLE)]
    if unit == "divided-twice":
        sizes = (minibatch,) if minibatch else BATCHES
        return [(float(M), (f"a mean over {M:,} images, divided by {M:,} once more",)) for M in sizes]
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
