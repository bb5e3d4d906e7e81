"""What every method hands back: log p(x) of each datapoint, how far off it may be, and what speaks for that.

A mean of weights is only as certain as the number of weights that make it. When one weight is most of the sum, its own
scatter cannot tell how far off it is, for what is missing was not drawn. Then the error is infinite.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aevb_np.numerics import log_mean_exp
from aevb_np.params import Params

FEW = 2.0  # effective weights below which an error says nothing
HEAVY = 0.5  # Pareto's k above which weights have no variance, and so their mean no standard error


@dataclass(frozen=True)
class Estimate:
    """log p(x) of M datapoints, in nats.

    Attributes
    ----------
    log_px : array, (M,)
    error : array, (M,)
        The standard error of each, from the noise of the method; for quadrature, which has none, what the sum may be
        off by. Infinite where the method cannot tell.
    acceptance : array, (M,), optional
        Where HMC moved the z of a datapoint: the share of its moves that were accepted.
    effective : array, (M,), optional
        How many independent, equal weights would say as much as those of the datapoint.
    k : array, (M,), optional
        Pareto's k of the largest weights: above 0.5 their variance is infinite, above 1 their mean.
    r_hat : array, (M,), optional
        Split R-hat of a datapoint's chain: 1 where its halves agree, and more where they differ.
    """

    log_px: NDArray
    error: NDArray
    acceptance: NDArray | None = None
    effective: NDArray | None = None
    k: NDArray | None = None
    r_hat: NDArray | None = None


def floats(x: NDArray, theta: Params) -> NDArray:
    """x as it is, or in the dtype of theta if it is made of whole numbers or of truth values.   (M, D)"""
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(theta.flat.dtype)


def log_mean(log_w: NDArray, tau: float = 1.0) -> tuple[NDArray, NDArray, NDArray]:
    """log 1/K sum_k w_k, its error, and the effective number of weights.   (K, M) -> (M,), three times

    The logarithm of a mean is off by the relative error d of the mean (delta method), sqrt(tau / K) std(w) / mean(w).
    tau is how many draws of a chain say as much as one independent draw. d is at most 1, which it is when one weight is
    all, so it is told as d / sqrt(1 - d^2). The error is infinite where fewer than two weights count; and where
    var log w > log K, for the weights that make the mean of a log-normal, std log w standard deviations up, are hardly
    among K draws then. A single weight has no spread: NaN.

    Examples
    --------
    >>> value, error, effective = log_mean(np.log([[1.0], [2.0], [3.0]]))
    >>> print(f"{value[0]:.3f} +- {error[0]:.3f}")            # log 2; d = (1 / sqrt 3) / 2
    0.693 +- 0.302
    >>> print(f"{effective[0]:.2f}")                          # 6^2 / (1 + 4 + 9)
    2.57
    """
    K = len(log_w)
    log_w = log_w.astype(np.float64)
    value = log_mean_exp(log_w)
    relative = np.exp(log_w - value)  # w over its mean
    effective = K / (relative**2).mean(axis=0) / tau
    if K == 1:
        return value, np.full_like(value, np.nan), effective
    d = relative.std(axis=0, ddof=1) * np.sqrt(tau / K)
    unknown = (effective < min(FEW, 0.75 * K)) | (log_w.var(axis=0, ddof=1) > math.log(K))
    with np.errstate(divide="ignore", invalid="ignore"):
        return value, np.where(unknown | (d >= 1), np.inf, d / np.sqrt(1 - d * d)), effective


def pareto_k(log_w: NDArray) -> NDArray:
    """k of the Pareto distribution that fits the largest of K weights; NaN for fewer than 25.   (K, M) -> (M,)

    The largest min(K / 5, 3 sqrt K) weights, over the next one, are fitted by the quick posterior mean of Zhang and
    Stephens (2009), and the result is drawn to 1/2 as ten more weights would, as Vehtari, Simpson, Gelman, Yao and
    Gabry (2024) have it.

    Examples
    --------
    >>> u = (np.arange(4000) + 0.5) / 4000
    >>> k = pareto_k(-np.log(u[:, None]) * [0.2, 0.9])       # w = u^-k
    >>> print(", ".join(f"{one:.1f}" for one in k))
    0.2, 0.9
    """
    K = len(log_w)
    if K < 25:
        return np.full(log_w.shape[1], np.nan)
    n = tail(K)
    log_w = np.sort(log_w.astype(np.float64), axis=0)[-n - 1 :]
    w = np.exp(log_w - log_w[-1])
    x = w[1:] - w[0]  # (n, M), rising
    flat = x[-1] <= 1e-12  # all weights are the same: no tail
    x = np.where(flat, 1.0, np.maximum(x, 1e-300))
    m = 30 + int(math.sqrt(n))
    j = np.arange(1, m + 1)[:, None]
    b = 1 / x[-1] + (1 - np.sqrt(m / (j - 0.5))) / (3 * x[int(n / 4 + 0.5) - 1])  # (m, M)
    k = np.array([np.log1p(-b_j * x).mean(axis=0) for b_j in b])
    with np.errstate(divide="ignore", invalid="ignore"):
        log_l = np.nan_to_num(n * (np.log(-b / k) - k - 1), nan=-np.inf)
    share = np.exp(log_l - log_l.max(axis=0))
    best = (b * share).sum(axis=0) / share.sum(axis=0)
    k = np.log1p(-best * x).mean(axis=0)
    return np.where(flat, -np.inf, (n * k + 5) / (n + 10))


def tail(K: int) -> int:
    """How many of K weights are looked at for their Pareto k."""
    return max(1, int(min(K / 5, 3 * math.sqrt(K))))


def split_r_hat(draws: NDArray) -> NDArray:
    """How much more a chain varies than its halves do, the worst of its coordinates.   (L, M, J) -> (M,)

        R^2 = (n - 1) / n + var(means of the halves) / mean(variances of the halves),   n draws in each half

    1 where the halves agree; infinite where one did not move at all (Gelman et al., Bayesian Data Analysis).
    """
    n = len(draws) // 2
    halves = draws[: 2 * n].reshape(2, n, *draws.shape[1:]).astype(np.float64)
    between, within = halves.mean(axis=1).var(axis=0, ddof=1), halves.var(axis=1, ddof=1).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.sqrt((n - 1) / n + between / within)
    return np.where(np.isnan(r), np.inf, r).max(axis=1)
