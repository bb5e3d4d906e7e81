"""The bound of a trained model on given data, and what it is made of."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.data.dataset import Dataset
from aevb_np.distributions import gaussian_log_prob
from aevb_np.model import VAE
from aevb_np.params import Params
from aevb_np.reparameterization import gaussian
from aevb_np.streams import stream

BLOCK = 500  # images at a time: enough for the matrix products, little memory
EVALUATED = 10_000  # the first so many training images stand for all of them in a row of the history


@dataclass(frozen=True)
class Terms:
    """The terms of the bound for N datapoints with one sample of z each, in nats.

    Attributes
    ----------
    log_px, log_pz, log_qz : array, (N,)
        log p(x|z), log p(z), log q(z|x).
    kl : array, (N, J)
        KL(q(z_j|x) || p(z_j)) of every latent dimension.
    min_log_var : float
        The decoder's smallest log sigma^2; NaN for a Bernoulli decoder.
    """

    log_px: NDArray
    log_pz: NDArray
    log_qz: NDArray
    kl: NDArray
    min_log_var: float

    @property
    def bound_a(self) -> NDArray:
        """Estimator A, eq. (6).   (N,)"""
        return self.log_px + self.log_pz - self.log_qz

    @property
    def bound_b(self) -> NDArray:
        """Estimator B, eq. (7).   (N,)"""
        return self.log_px - self.kl.sum(axis=1)


ARRAYS = ("log_px", "log_pz", "log_qz", "kl")


def terms(model: VAE, theta: Params, phi: Params, x: NDArray, eps: NDArray) -> Terms:
    """All terms at z = g(eps, x).   x is (M, D), eps is (M, J)"""
    (mu, log_var), _ = model.encoder.forward(phi, x)
    z, _ = gaussian(mu, log_var, eps)
    log_px, min_log_var = model.decoder.evaluated(theta, x, z)
    log_pz, _ = model.prior.log_prob(z)
    log_qz, _ = gaussian_log_prob(z, mu, log_var, eps=eps)
    kl, _ = model.prior.kl(mu.reshape(-1, 1), log_var.reshape(-1, 1))  # a row for every dimension of every datapoint
    return Terms(log_px, log_pz, log_qz, kl.reshape(mu.shape), min_log_var)


class Images:
    """The images of a data set as the model sees them, a block at a time, and the noise that belongs to a step.

    Parameters
    ----------
    dataset : Dataset
    dtype : dtype
        Of the parameters: data follow it.
    seed : int
        Of the run.
    """

    def __init__(self, dataset: Dataset, dtype: Any, seed: int):
        self.dataset, self.dtype, self.seed = dataset, dtype, seed

    def noise(self, step: int) -> np.random.Generator:
        """The stream that evaluates the model after so many steps."""
        return stream("evaluate", self.seed, step)

    def blocks(self, which: str, rng: np.random.Generator, most: int | None = None) -> Iterator[NDArray]:
        """The "train" or "test" images, or the first `most` of them; rng binarises where that is done afresh.

        Raises
        ------
        ValueError
            If there are no images of that kind.
        """
        kinds = {"train": self.dataset.x_train, "test": self.dataset.x_test}
        if which not in kinds:
            raise ValueError(f"there are {' and '.join(kinds)} images; got {which!r}")
        pixels = kinds[which][:most]
        pieces = (pixels[start : start + BLOCK] for start in range(0, len(pixels), BLOCK))
        return (self.dataset.scale(piece, rng, self.dtype) for piece in pieces)


def evaluate(model: VAE, theta: Params, phi: Params, x_blocks: Iterable[NDArray], rng: np.random.Generator) -> Terms:
    """The terms of the bound for all datapoints of the blocks, each with a fresh sample of z (never z = mu)."""
    parts = []
    with np.errstate(all="ignore"):  # a model that has run away has a bound of -inf, and that is its value
        for x in x_blocks:
            parts.append(terms(model, theta, phi, x, rng.standard_normal((len(x), model.J), dtype=x.dtype)))
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS}
    return Terms(**arrays, min_log_var=min(part.min_log_var for part in parts))


def log_joint(model: VAE, theta: Params, x_blocks: Iterable[NDArray], z: NDArray) -> NDArray:
    """log p(x, z) of all datapoints of the blocks, the first with the first row of z and so on."""
    parts, done = [], 0
    with np.errstate(all="ignore"):
        for x in x_blocks:
            parts.append(model.log_joint(theta, x, z[done : done + len(x)])[0])
            done += len(x)
    return np.concatenate(parts)


def mean(values: NDArray) -> float:
    """The mean, summed in float64."""
    return float(values.mean(dtype=np.float64))


def check_finite(values: NDArray, what: str) -> None:
    """Raise FloatingPointError unless all are finite; `what` names them, with {} for how many are not."""
    if bad := int((~np.isfinite(values)).sum()):
        raise FloatingPointError(f"{what.format(f'{bad:,}')} is not finite")


def mean_and_error(values: NDArray) -> tuple[float, float]:
    """The mean of independent values and its standard error."""
    error = values.std(ddof=1, dtype=np.float64) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return float(values.mean(dtype=np.float64)), float(error)


class Moment(NamedTuple):
    """Where a training is: steps taken, samples seen, and the mean of what the steps since the last row returned."""

    step: int
    samples: int
    running: float


@dataclass(frozen=True)
class Row:
    """One row of the history; bounds in nats per image.

    `train_running` is the mean of the minibatch bounds since the row before, as the paper's author reported it; it lags
    behind `train_bound`, which is evaluated at the parameters of the row. `theta_kl` is KL(q(theta) || p(theta)) / N of
    full variational Bayes, which the bounds do not contain.
    """

    step: int
    samples: int
    train_running: float
    train_bound: float
    test_bound: float
    test_reconstruction: float
    test_kl: float
    test_standard_error: float
    train_reconstruction: float
    train_kl: float
    min_log_var: float
    theta_kl: float = math.nan

    running: ClassVar[str] = "minibatches"  # what the mean of the steps since the row before is called
    lines: ClassVar[dict[str, str]] = {"train": "train_bound", "test": "test_bound"}  # of the curve, by their labels
    measures: ClassVar[str] = "lower bound (nats per image)"

    @classmethod
    def of(cls, at: "Moment", train: Terms, test: Terms, bound: Any) -> "Row":
        """The row of a moment.

        Parameters
        ----------
        at : Moment
        train, test : Terms
        bound : function
            From `Terms` to the bound that is reported, one number for every datapoint.

        Raises
        ------
        FloatingPointError
            If the bound of a test image is not finite.
        """
        check_finite(bound(test), "the bound of {} test images")
        test_bound, test_error = mean_and_error(bound(test))
        return cls(
            step=at.step,
            samples=at.samples,
            train_running=at.running,
            train_bound=mean(bound(train)),
            test_bound=test_bound,
            test_reconstruction=mean(test.log_px),
            test_kl=mean(test.kl.sum(axis=1)),
            test_standard_error=test_error,
            train_reconstruction=mean(train.log_px),
            train_kl=mean(train.kl.sum(axis=1)),
            min_log_var=test.min_log_var,
        )

    def __str__(self):
        return (
            f"{self.samples:>11,} samples   train {self.train_bound:8.2f}   test {self.test_bound:8.2f} {self.equals} "
            f"{self.test_reconstruction:.2f} - KL {self.test_kl:.2f}   nats per image{self.beside}"
        )

    @property
    def brief(self) -> str:
        """The bounds, that of the test images with its two parts."""
        return (
            f"train {self.train_bound:.1f}, test {self.test_bound:.1f} {self.equals} "
            f"{self.test_reconstruction:.1f} - KL {self.test_kl:.1f}{self.beside}"
        )

    @property
    def equals(self) -> str:
        """Between the bound and its parts: "=" for estimator B, "~" for A, that of wake-sleep, which draws its KL."""
        return "=" if abs(self.test_reconstruction - self.test_kl - self.test_bound) < 0.01 else "~"

    @property
    def result(self) -> str:
        """The same as a sentence, with its error."""
        return (
            f"bound {self.test_bound:.2f} +- {self.test_standard_error:.2f} nats per test image (reconstruction "
            f"{self.test_reconstruction:.2f}, KL {self.test_kl:.2f}); train {self.train_bound:.2f}{self.beside}"
        )

    @property
    def beside(self) -> str:
        """What full variational Bayes has beside its bounds."""
        return "" if math.isnan(self.theta_kl) else f", KL(theta)/N {self.theta_kl:.2f}"


@dataclass(frozen=True)
class Summary:
    """What several evaluations of the same images, each with its own noise, say together; in nats per image.

    Attributes
    ----------
    bound_a, bound_b, reconstruction, kl : (mean, standard error)
        The standard error is that from the choice of images.
    noise_a, noise_b : float
        The standard deviation of the mean bound from one evaluation to the next: the error from the noise in z.
    kl_per_dimension : array, (J,)
    min_log_var : float
    """

    bound_a: tuple[float, float]
    bound_b: tuple[float, float]
    reconstruction: tuple[float, float]
    kl: tuple[float, float]
    noise_a: float
    noise_b: float
    kl_per_dimension: NDArray
    min_log_var: float


def summary(repeats: list[Terms]) -> Summary:
    """Evaluations of the same images as one `Summary`."""
    a = np.array([one.bound_a for one in repeats], np.float64)  # (repeats, N)
    b = np.array([one.bound_b for one in repeats], np.float64)
    reconstruction = np.array([one.log_px for one in repeats], np.float64)
    # in closed form, so that only pixels that are drawn afresh make it differ from one evaluation to the next
    kl = np.mean([one.kl for one in repeats], axis=0, dtype=np.float64)  # (N, J)
    return Summary(
        bound_a=mean_and_error(a.mean(axis=0)),
        bound_b=mean_and_error(b.mean(axis=0)),
        reconstruction=mean_and_error(reconstruction.mean(axis=0)),
        kl=mean_and_error(kl.sum(axis=1)),
        noise_a=float(a.mean(axis=1).std(ddof=1)),
        noise_b=float(b.mean(axis=1).std(ddof=1)),
        kl_per_dimension=kl.mean(axis=0),
        min_log_var=min(one.min_log_var for one in repeats),
    )
