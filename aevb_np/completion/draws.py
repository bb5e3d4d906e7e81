"""Draws from p(z|observed) by HMC, and the images that they decode to.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np import hmc
from aevb_np.completion.observation import Observation
from aevb_np.params import Params
from aevb_np.true_posterior import posterior


@dataclass(frozen=True)
class Completion:
    """What is known of M images after what was seen of them.

    Attributes
    ----------
    mean, spread : array, (M, D)
        Mean and standard deviation of the decoder's mean image over the draws. The noise that the decoder itself has
        around its mean image is not in the spread.
    z : array, (L, M, J)
        The draws from p(z|observed).
    acceptance : array, (M,)
        The share of HMC moves accepted.
    """

    mean: NDArray
    spread: NDArray
    z: NDArray
    acceptance: NDArray

    def interval(self, share: float = 0.9) -> NDArray:
        """Between which two numbers each z_j lies with this probability, half of the rest on either side.  (2, M, J)

        The k-th of L sorted draws stands for the quantile k / (L + 1): one more draw, or the true z, falls into each of
        the L + 1 gaps between them with the same probability.
        """
        if not 0 < share < 1:
            raise ValueError(f"the share of the probability inside lies between 0 and 1; got {share}")
        return np.quantile(self.z, [(1 - share) / 2, (1 + share) / 2], axis=0, method="weibull")


def complete(
    observation: Observation,
    theta: Params,
    observed: NDArray,
    z: NDArray,
    rng: np.random.Generator,
    S: int = 10,
    burn_in: int = 100,
    L: int = 400,
) -> Completion:
    """Draw z from p(z|observed), proportional to p(z) p(observed|z), for every row, and decode.

    Parameters
    ----------
    observation : Inpainting, Denoising or SuperResolution
    theta : Params
        Of the decoder; their gradient is left alone.
    observed : array, (M, n_out)
        As `observation.observe` makes it.
    z : array, (M, J)
        Where the chains start, one for each image: where the encoder sends the image, filled with guesses.
    rng : Generator
    S, burn_in, L : int
        Leapfrog steps of a move, moves for tuning, draws, as for `hmc.sample`. With these, on MNIST in 20 latent
        dimensions, the draws of a chain are worth 200 independent ones or more.

    Raises
    ------
    ValueError
        If the rows of `observed` are not as long as this observation makes them, or not finite, or for a Bernoulli
        decoder not between 0 and 1; or if there is not one z for each.

    Examples
    --------
    >>> from aevb_np.completion import Inpainting
    >>> from aevb_np.model import VAE
    >>> from aevb_np.streams import stream
    >>> model, rng = VAE.bernoulli(D=784, H=100, J=3), stream("hmc", seed=0)
    >>> p = model.init(stream("init", seed=0))  # or those of a trained run
    >>> upper_half = Inpainting(model.decoder, np.arange(784) < 392)
    >>> observed = upper_half.observe(np.zeros((5, 784), np.float32), rng)
    >>> (z, _), _ = model.encoder.forward(p.phi, upper_half.fill(observed, mean_image=np.full(784, 0.1)))
    >>> complete(upper_half, p.theta, observed, z, rng, burn_in=10, L=10).mean.shape
    (5, 784)
    """
    if observed.shape != (len(z), observation.n_out):
        raise ValueError(
            f"{observation.n_out} numbers are observed of each image and each starts with a z of its own; "
            f"got arrays of shape {observed.shape} and {z.shape}"
        )
    low, high = (0, 1) if observation.bits else (-math.inf, math.inf)
    if bad := int((~(np.isfinite(observed) & (low <= observed) & (observed <= high))).sum()):
        raise ValueError(
            f"what is observed is finite{' and between 0 and 1' * observation.bits}; {bad} of the numbers are not"
        )
    draws = hmc.sample(posterior(observation, theta, observed), z, S, burn_in, L, rng)
    mean, spread = decoded(observation.decoder, theta, draws.z)
    return Completion(mean, spread, draws.z, draws.acceptance)


def decoded(decoder: Any, theta: Params, z: NDArray) -> tuple[NDArray, NDArray]:
    """Mean and standard deviation of the decoder's mean image over draws of z.   (L, M, J) -> (M, D), twice"""
    total = squares = 0.0
    for draw in z:
        x = decoder.mean(theta, draw).astype(np.float64)  # in float32, mean square less squared mean may be negative
        total, squares = total + x, squares + x**2
    mean = np.asarray(total) / len(z)
    spread = np.sqrt(np.maximum(np.asarray(squares) / len(z) - mean**2, 0))
    return mean.astype(z.dtype), spread.astype(z.dtype)


def nearest(observation: Observation, observed: NDArray, x_train: NDArray) -> NDArray:
    """The training image of which one would see most nearly what was seen, by squared distance.   -> index, (M,)

    What completion without a model can do, to compare with. x_train is scaled as the model sees it, (N, D).
    """
    seen = observation.view(x_train)  # (N, n_out)
    distance = (seen**2).sum(axis=1) - 2 * observed @ seen.T  # (M, N), less |observed|^2, which is the same for all
    return distance.argmin(axis=1)
