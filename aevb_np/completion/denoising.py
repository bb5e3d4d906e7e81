"""Every pixel was seen, with noise.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.completion.observation import Observation
from aevb_np.distributions import bernoulli_log_prob, gaussian_log_prob
from aevb_np.numerics import sigmoid, softplus


class Denoising(Observation):
    """Every pixel is seen, with noise of known strength: bits are flipped, and to real numbers N(0, s^2) is added.

    A bit that is 1 with probability y is seen as 1 with probability r + (1 - 2r) y. In logits, with c = log((1-r) / r),
    the logit of not being flipped,

        a -> softplus(a + c) - softplus(a - c) - c,

    which never leaves -c ... c: who knows that bits are flipped cannot be surer of what will be seen. For real numbers
    the variances add: sigma^2 -> sigma^2 + s^2.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
    noise : float
        For a Bernoulli decoder r, the probability that a bit is flipped; for a Gaussian one s, in units of x.
    """

    def __init__(self, decoder: Any, noise: float):
        super().__init__(decoder)
        if self.bits and not 0 < noise < 0.5:
            raise ValueError(f"bits are flipped at a rate above 0 and below 0.5, where they say nothing; got {noise:g}")
        if not 0 < noise < math.inf:
            raise ValueError(f"the standard deviation of the noise is above 0 and finite; got {noise:g}")
        self.noise = float(noise)
        self.n_out = decoder.n_out
        self.missing = np.ones(decoder.n_out, bool)

    def bernoulli(self, observed: NDArray, logits: NDArray, value: bool) -> tuple[Any, Callable]:
        """Bits again, with the logits of r + (1 - 2r) y."""
        c = math.log((1 - self.noise) / self.noise)
        flipped = softplus(logits + c) - softplus(logits - c) - c
        log_p, back_log_prob = bernoulli_log_prob(observed, flipped, value)

        def backward(dlog_p):
            return (back_log_prob(dlog_p) * (sigmoid(logits + c) - sigmoid(logits - c)),)  # dlogits

        return log_p, backward

    def gaussian(self, observed: NDArray, mu: NDArray, log_var: NDArray, value: bool) -> tuple[Any, Callable]:
        """A Gaussian again, with log(sigma^2 + s^2) = log s^2 + softplus(log sigma^2 - log s^2)."""
        log_s2 = 2 * math.log(self.noise)
        log_p, back_log_prob = gaussian_log_prob(observed, mu, log_s2 + softplus(log_var - log_s2), value)

        def backward(dlog_p):
            _, dmu, dlog_sum = back_log_prob(dlog_p)
            return dmu, dlog_sum * sigmoid(log_var - log_s2)  # dmu, dlog_var

        return log_p, backward

    def view(self, x: NDArray) -> NDArray:
        """x itself."""
        return x

    def observe(self, x: NDArray, rng: np.random.Generator) -> NDArray:
        """x with fresh noise."""
        if not self.bits:
            return x + self.noise * rng.standard_normal(x.shape, dtype=x.dtype)
        if not ((x == 0) | (x == 1)).all():
            raise ValueError("only bits can be flipped, and x holds values between 0 and 1; make bits of it: x > 0.5")
        return np.where(rng.random(x.shape) < self.noise, 1 - x, x)

    def fill(self, observed: NDArray, mean_image: NDArray) -> NDArray:
        """The noisy images as they are."""
        return observed

    def describe(self) -> str:
        """The noise, and how it enters the density."""
        if self.bits:
            return f"bits are flipped at rate r = {self.noise:g}; p(1|z) is r + (1 - 2r) y with y from the decoder"
        return f"noise N(0, s^2) is added, s = {self.noise:g}; p(noisy|z) is N(mu, sigma^2 + s^2)"
