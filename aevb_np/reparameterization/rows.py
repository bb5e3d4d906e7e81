"""Every row several times, so that one datapoint can have L samples; on the way back the copies add up."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


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
