"""What a figure will take, before it is begun: how far each budget goes, and two seconds of trying how fast it is."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from aevb_np import training
from aevb_np.data import status
from aevb_np.evaluation import EVALUATED
from aevb_np.experiments.curve import Curve, at_a_row
from aevb_np.runs.history import marks
from aevb_np.runs.run import Run

BUDGETS = ("quick", "hour", "full")
EMBEDDED = {"mnist": "digits", "frey": "faces"}  # what stands in for data that are not here
TRIAL = 2.0  # seconds
PASSES = 1250  # evaluations of the gradient in z that an estimate of log p(x) by Appendix D takes for every image
STARTS = 10_050  # more for a test image of Monte Carlo EM, which has no encoder to say where to start
PIXELS = {"mnist": 784, "digits": 784, "frey": 2 * 560, "faces": 2 * 560}  # outputs of the decoder
SAME_SPEED = ("step", "prior", "warmup", "sampling")  # settings that a step takes no longer for


@dataclass(frozen=True)
class Budget:
    """How far to go: quick (about two minutes), hour, full (the paper's axis), or so many samples for every curve."""

    name: str
    samples: int | None = None

    def of(self, data: str, lengths: Mapping[str, Mapping[str, float]]) -> int:
        """How far a curve on these data goes, rounded up to a row of its history."""
        return at_a_row(self.samples if self.samples is not None else lengths[self.name][data])


def budget(text: str) -> Budget:
    """A budget as it is typed: quick, hour, full, or a number such as 1e7.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if text in BUDGETS:
        return Budget(text)
    try:
        samples = float(text)
    except ValueError:
        samples = math.nan
    if not 1 <= samples <= 1e12:
        raise ValueError(f"a budget is one of {', '.join(BUDGETS)} or a number of samples such as 1e7; got {text!r}")
    return Budget("samples", int(samples))


def stand_ins(curves: Sequence[Curve], quick: bool) -> dict[str, str]:
    """For each data set of these curves that is not here, the embedded one that is taken for it.

    Raises
    ------
    ValueError
        If one is not here and the budget is not quick: its numbers would not be the paper's.
    """
    here = {row.name: row.here for row in status()}
    missing = sorted({curve.data for curve in curves if not here.get(curve.data, True)})
    if missing and not quick:
        raise ValueError(
            f"{missing[0]} is not here. `aevb data --fetch {missing[0]}` brings it; --budget quick draws the figure "
            f"from data that the package has itself"
        )
    return {name: EMBEDDED[name] for name in missing}


def replaced(curve: Curve, instead: Mapping[str, str]) -> Curve | None:
    """The curve on embedded data if its own are not here; None if what it is told of its data means nothing there."""
    if curve.data not in instead:
        return curve
    if not set(curve.source) <= {("binarize", "dynamic"), ("divisor", 255), ("divisor", 256)}:
        return None
    settings = {"optimizer": "adagrad", **dict(curve.settings)}  # of the drawn faces it would be Adam
    n_train = curve.n_train if curve.n_train is not None and curve.n_train <= EVALUATED else None
    return dataclasses.replace(curve, data=instead[curve.data], settings=tuple(settings.items()), n_train=n_train)


# -- how long ---------------------------------------------------------------------------------------------------------


def weight(curve: Curve) -> float:
    """The work in a curve up to a factor: what a share of a sweep is counted in."""
    D = PIXELS.get(curve.data, 784)
    moves = 2 if curve.method == "mcem" else 1
    return curve.samples * moves * dict(curve.settings).get("hidden", 200 if D > 784 else 500) * D


@dataclass(frozen=True)
class Estimate:
    """What a list of curves takes.

    Attributes
    ----------
    seconds : float
        On so many processes.
    megabytes : float
        On the disk, for checkpoints.
    """

    seconds: float
    megabytes: float


class Speeds:
    """How fast each kind of curve is on this machine, found by trying each for a moment.

    Parameters
    ----------
    curves : sequence of Curve
    """

    def __init__(self, curves: Sequence[Curve]):
        kinds = {_kind(curve): curve for curve in reversed(curves)}  # the first of each kind is the plainest
        in_order = sorted(kinds, key=lambda kind: (kind.data, str(kind.source)))  # so that data are loaded once
        with threadpool_limits(1, "blas"):
            self.found = {kind: _speed(kinds[kind], TRIAL / len(kinds)) for kind in in_order}

    def estimate(self, curves: Sequence[Curve], jobs: int, done: Mapping[str, int] | None = None) -> Estimate:
        """What these curves take, or what is left of them.

        Parameters
        ----------
        curves : sequence of Curve
            Of the kinds that were tried.
        jobs : int
            Processes.
        done : dict, optional
            Samples that a curve has seen already, by its name.
        """
        seconds, parameters = [], 0
        for curve in curves:
            for_sample, for_image, size = self.found[_kind(curve)]
            left = 1 - min(1.0, (done or {}).get(curve.name, 0) / curve.samples)
            seconds.append(left * _seconds(curve, for_sample, for_image))
            parameters += size
        whole = max(sum(seconds) / jobs, max(seconds, default=0.0))
        return Estimate(whole, 12 * parameters / 1e6)  # float32: the weights, Adagrad's G and the best weights


def _kind(curve: Curve) -> Curve:
    settings = tuple((name, value) for name, value in curve.settings if name not in SAME_SPEED)
    return dataclasses.replace(
        curve, samples=0, seed=0, variant="", settings=settings, start=1.0, marginals=(), points=0
    )


def _speed(curve: Curve, patience: float) -> tuple[float, float, int]:
    """Seconds for a sample of training and for an image of evaluation, and the parameters."""
    run = curve.new_run()
    c = run.config
    steps = training.loop(run.method, run.data, training.Minibatches(c.N, c.minibatch, c.seed), 0, run.p.flat.dtype)
    next(steps)  # the first makes the optimiser's memory
    began, taken = time.perf_counter(), 0
    with contextlib.suppress(FloatingPointError):  # of a step size that is too large: what was timed until then counts
        while taken < 2 or time.perf_counter() - began < patience:
            next(steps)
            taken += 1
    for_sample = (time.perf_counter() - began) / max(taken, 1) / c.samples_per_step
    return for_sample, _for_image(run, for_sample), run.p.flat.size


def _for_image(run: Run, for_sample: float) -> float:
    if not run.has_encoder:
        return for_sample
    began = time.perf_counter()
    evaluated = len(run.evaluate("train", 500).log_px)
    return (time.perf_counter() - began) / evaluated


def _seconds(curve: Curve, for_sample: float, for_image: float) -> float:
    data = curve.dataset()
    images = min(EVALUATED, len(data.x_train)) + len(data.x_test)
    estimates = len([count for count in curve.marginals if count <= curve.samples])
    passes = 2 * PASSES + (STARTS if curve.method == "mcem" else 0)  # for a training and a test image
    return (
        curve.samples * for_sample
        + marks(curve.samples) * images * for_image
        + estimates * curve.points * passes * 0.4 * for_sample  # forward and back through the decoder only
    )


def duration(seconds: float) -> str:
    """In words that fit the length.

    >>> [duration(seconds) for seconds in (45, 200, 3300, 39_000)]
    ['45 s', '3 min', '55 min', '11 h']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"
