"""The densities that the paper needs, their logarithms with the gradients, and how to draw from them.

Everything is in nats, one number per row. Section 3, Appendix B and Appendix C.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.numerics import sigmoid, softplus

LOG_2PI = math.log(2 * math.pi)  # a Python float: a NumPy scalar would turn float32 arrays into float64


def gaussian_log_prob(
    x: NDArray, mu: NDArray, log_var: NDArray, value: bool = True, eps: NDArray | None = None
) -> tuple[Any, Callable]:
    """log N(x; mu, sigma^2 I), one number per row.

    -1/2 sum_i ( log 2 pi + log sigma_i^2 + (x_i - mu_i)^2 / sigma_i^2 )          eq. (12)

    value=False leaves it out (None): the backward does not need it. Where x was made as mu + sigma eps, eps is at hand
    and (x - mu) / sigma need not be formed: its digits are lost where sigma is below the rounding of mu.
    """
    if eps is None:
        precision = np.exp(-log_var)  # (M, D)
        difference = x - mu
        scaled = difference * precision
        square = difference * scaled
    else:
        scaled = eps * np.exp(-0.5 * log_var)
        square = eps**2
    log_p = -0.5 * (log_var + square + LOG_2PI).sum(axis=1) if value else None  # (M,)

    def backward(dlog_p):
        d = dlog_p[:, None]
        dmu = d * scaled
        return -dmu, dmu, 0.5 * d * (square - 1)  # dx, dmu, dlog_var

    return log_p, backward


def standard_normal_log_prob(z: NDArray) -> tuple[NDArray, Callable]:
    """log N(z; 0, I), one number per row.

    -1/2 sum_j ( log 2 pi + z_j^2 )                                                    section 3
    """
    log_p = -0.5 * (z**2 + LOG_2PI).sum(axis=1)  # (M,)

    def backward(dlog_p):
        return -dlog_p[:, None] * z  # dz

    return log_p, backward


def bernoulli_log_prob(x: NDArray, logits: NDArray, value: bool = True) -> tuple[Any, Callable]:
    """log p(x) of independent bits with probabilities y = sigmoid(logits), one number per row.

        sum_i ( x_i log y_i + (1 - x_i) log(1 - y_i) ) = sum_i ( x_i a_i - softplus(a_i) )      eq. (11)

    x is data and gets no gradient. For x strictly between 0 and 1 it is the cross-entropy, as the paper uses it on grey
    MNIST, and no longer the logarithm of a normalised density. value=False leaves it out (None): the backward does not
    need it.
    """
    log_1_y = softplus(logits)  # -log(1 - y), (M, D)
    log_p = np.einsum("mi,mi->m", x, logits) - log_1_y.sum(axis=1) if value else None  # (M,)

    def backward(dlog_p):
        y = np.exp(logits - log_1_y)  # y / (1 - y) is exp(logits)
        return dlog_p[:, None] * (x - y)  # dlogits

    return log_p, backward


def bernoulli_log_prob_pairs(x: NDArray, logits: NDArray) -> NDArray:
    """`bernoulli_log_prob` of every row of x under every row of logits, without gradient.   (N, D), (G, D) -> (N, G)

    The pixels are summed over by a matrix product:   x_n . a_g - sum_i softplus(a_gi).
    """
    return x @ logits.T - softplus(logits).sum(axis=1)


def gaussian_log_prob_pairs(x: NDArray, mu: NDArray, log_var: NDArray) -> NDArray:
    """`gaussian_log_prob` of every row of x under every row of mu and log_var.   (N, D), (G, D) twice -> (N, G)

    With (x - mu)^2 multiplied out it is made of matrix products too. Where sigma is small the three terms are large and
    nearly cancel, so they are always computed in float64.
    """
    x, mu, log_var = (array.astype(np.float64) for array in (x, mu, log_var))
    precision = np.exp(-log_var)
    scaled = mu * precision
    square = x**2 @ precision.T - 2 * x @ scaled.T + (mu * scaled).sum(axis=1)
    return -0.5 * (square + (log_var + LOG_2PI).sum(axis=1))


def gaussian_kl(mu: NDArray, log_var: NDArray) -> tuple[NDArray, Callable]:
    """KL( N(mu, sigma^2 I) || N(0, I) ), one number per row.

    1/2 sum_j ( mu_j^2 + sigma_j^2 - 1 - log sigma_j^2 )                               Appendix B
    """
    var = np.exp(log_var)  # (M, J)
    kl = 0.5 * (mu**2 + var - 1 - log_var).sum(axis=1)  # (M,)

    def backward(dkl):
        d = dkl[:, None]
        return d * mu, 0.5 * d * (var - 1)  # dmu, dlog_var

    return kl, backward


def sample_gaussian(mu: NDArray, log_var: NDArray, rng: np.random.Generator) -> NDArray:
    """One draw from N(mu, sigma^2 I) for every row."""
    return mu + np.exp(0.5 * log_var) * rng.standard_normal(mu.shape, dtype=mu.dtype)


def sample_bernoulli(logits: NDArray, rng: np.random.Generator) -> NDArray:
    """Independent bits, one with probability sigmoid(logits), as numbers of the logits' dtype."""
    return (rng.random(logits.shape, dtype=logits.dtype) < sigmoid(logits)).astype(logits.dtype)


class StandardNormal:
    """The prior p(z) = N(0, I) of section 3. Another prior is another class with these words.

    Attributes
    ----------
    name : str
        For people.
    """

    name = "N(0, I)"
    log_prob = staticmethod(standard_normal_log_prob)
    kl = staticmethod(gaussian_kl)  # from q(z|x), in closed form

    def sample(self, shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> NDArray:
        """z ~ p(z)"""
        return rng.standard_normal(shape, dtype=dtype)
