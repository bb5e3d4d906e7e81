"""The bound of a trained model on given data, and what it is made of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aevb_np.data.dataset import Dataset
from aevb_np.distributions import gaussian_kl, gaussian_log_prob, standard_normal_log_prob
from aevb_np.model import VAE
from aevb_np.networks import GaussianMLP
from aevb_np.params import Params
from aevb_np.reparameterization import gaussian

BLOCK = 500  # images at a time: enough for the matrix products, little memory


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
    log_px, _ = model.decoder.log_prob(theta, x, z)
    log_pz, _ = standard_normal_log_prob(z)
    log_qz, _ = gaussian_log_prob(z, mu, log_var, eps=eps)
    kl, _ = gaussian_kl(mu.reshape(-1, 1), log_var.reshape(-1, 1))  # a row for every dimension of every datapoint
    low = np.nan
    if isinstance(model.decoder, GaussianMLP):
        low = float(model.decoder.forward(theta, z)[0][1].min())
    return Terms(log_px, log_pz, log_qz, kl.reshape(mu.shape), low)


def blocks(dataset: Dataset, pixels: NDArray, rng: np.random.Generator, dtype) -> Iterator[NDArray]:
    """The rows of `pixels`, scaled, a block at a time."""
    for start in range(0, len(pixels), BLOCK):
        yield dataset.scale(pixels[start : start + BLOCK], rng, dtype)


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


def mean_and_error(values: NDArray) -> tuple[float, float]:
    """The mean of independent values and its standard error."""
    error = values.std(ddof=1, dtype=np.float64) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return float(values.mean(dtype=np.float64)), float(error)


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
