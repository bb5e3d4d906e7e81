"""What every method hands back: log p(x) of each datapoint, and how far off it may be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aevb_np.numerics import log_mean_exp


@dataclass(frozen=True)
class Estimate:
    """log p(x) of M datapoints, in nats.

    Attributes
    ----------
    log_px : array, (M,)
    error : array, (M,)
        The standard error of each, from the noise of the method; for quadrature, which has none, what the grid may be
        off by.
    acceptance : array, (M,), optional
        Where HMC moved the z of a datapoint: the share of its moves that were accepted.
    """

    log_px: NDArray
    error: NDArray
    acceptance: NDArray | None = None


def log_mean(log_w: NDArray, tau: float = 1.0) -> tuple[NDArray, NDArray]:
    """log 1/K sum_k w_k and its standard error, from the logarithms of K weights.   (K, M) -> (M,), (M,)

    The logarithm of a mean is off by the relative error of the mean (delta method), sqrt(tau / K) std(w) / mean(w).
    tau is how many draws of a chain say as much as one independent draw. A single weight has no spread: NaN.

    Examples
    --------
    >>> value, error = log_mean(np.log([[1.0], [2.0], [3.0]]))
    >>> print(f"{value[0]:.3f} +- {error[0]:.3f}")            # log 2, and (1 / sqrt 3) / 2
    0.693 +- 0.289
    """
    K = len(log_w)
    log_w = log_w.astype(np.float64)
    value = log_mean_exp(log_w)
    if K == 1:
        return value, np.full_like(value, np.nan)
    relative = np.exp(log_w - value)  # w over its mean
    return value, relative.std(axis=0, ddof=1) * np.sqrt(tau / K)
