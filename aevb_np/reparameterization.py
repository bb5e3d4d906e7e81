"""A random z as a differentiable function of noise, so that gradients can pass through the sampling. Section 2.4."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def gaussian(mu: NDArray, log_var: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """z = mu + sigma * eps with eps ~ N(0, I), so z ~ N(mu, sigma^2 I).   three times (M, J) -> (M, J)

    The location-scale family of section 2.4; section 3, below eq. (9).
    """
    noise = np.exp(0.5 * log_var) * eps  # sigma * eps
    z = mu + noise

    def backward(dz):
        return dz, 0.5 * noise * dz  # dmu, dlog_var

    return z, backward


def repeat(x: NDArray, L: int) -> NDArray:
    """Every row L times, sample-major: all rows, then all rows again.   (M, n) -> (L M, n)"""
    return x if L == 1 else np.tile(x, (L, 1))


def repeat_rows(mu: NDArray, log_var: NDArray, L: int) -> tuple[tuple[NDArray, NDArray], Callable]:
    """`repeat` for a mean and a log-variance, so that the decoder and the densities need not know of L.

    What went out L times comes back as a sum.   (M, J) -> (L M, J), twice
    """
    M, J = mu.shape

    def backward(dmu, dlog_var):
        return dmu.reshape(L, M, J).sum(axis=0), dlog_var.reshape(L, M, J).sum(axis=0)

    return (repeat(mu, L), repeat(log_var, L)), backward
