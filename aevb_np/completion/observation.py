"""What the three tasks have in common: the trained decoder, followed by what happened to the image.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.params import Params


class Observation(ABC):
    """p(observed|z): a trained decoder, followed by what happened to the image. What the three tasks have in common.

    `posterior` takes it for a decoder. The parameters are those of the trained decoder.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
        p(x|z).

    Attributes
    ----------
    n_in, n_out : int
        Numbers in z and numbers observed.
    missing : array of bool, (D,)
        The pixels to be found.
    """

    n_out: int
    missing: NDArray

    def __init__(self, decoder: Any):
        self.decoder, self.n_in = decoder, decoder.n_in
        self.bits = decoder.likelihood == "bernoulli"

    def log_prob(self, theta: Params, observed: NDArray, z: NDArray, value: bool = True) -> tuple[Any, Callable]:
        """log p(observed|z), one number per row, or None with value=False; the backward returns the gradient in z."""
        pixels, back_decode = self.decoder.forward(theta, z)  # 1  logits, or mu and log sigma^2
        if self.bits:
            log_p, back_observe = self.bernoulli(observed, pixels, value)  # 2
        else:
            mu, log_var = pixels
            log_p, back_observe = self.gaussian(observed, mu, log_var, value)  # 2

        def backward(dlog_p, inputs=True, parameters=True):
            return back_decode(*back_observe(dlog_p), inputs, parameters)  # 2 1  dz

        return log_p, backward

    @abstractmethod
    def bernoulli(self, observed: NDArray, logits: NDArray, value: bool) -> tuple[Any, Callable]:
        """log p(observed) if the pixels are bits with these logits (M, D); the backward returns (dlogits,)."""

    @abstractmethod
    def gaussian(self, observed: NDArray, mu: NDArray, log_var: NDArray, value: bool) -> tuple[Any, Callable]:
        """log p(observed) if the pixels are Gaussian with these (M, D); the backward returns (dmu, dlog_var)."""

    @abstractmethod
    def view(self, x: NDArray) -> NDArray:
        """What would be seen of x without noise.   (M, D) -> (M, n_out)"""

    def observe(self, x: NDArray, rng: np.random.Generator) -> NDArray:
        """What is seen of x.   (M, D) -> (M, n_out)"""
        return self.view(x)

    @abstractmethod
    def fill(self, observed: NDArray, mean_image: NDArray) -> NDArray:
        """Whole images that the encoder can be shown, to start from: what is not known is guessed.   -> (M, D)

        mean_image (D,), that of the training data, is the guess at a pixel of which nothing was seen.
        """

    @abstractmethod
    def describe(self) -> str:
        """What was seen and how likely it is, in words."""
