"""Two densities to fit to a few draws of z, for every datapoint its own. Step 2 of Appendix D.

The paper does not say which density it fits. Both are fitted in coordinates u in which the draws have mean 0 and
covariance I, and each is a function: `fit(draws) -> log_q`, then `log_q(z)` for z (L, M, J) is (L, M).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import standard_normal_log_prob
from aevb_np.numerics import log_mean_exp

RIDGE = 1e-6, 1e-12  # relative and absolute: what is added to the variances
WIDTHS = np.linspace(0.1, 1, 10)  # of the hills of `kde`, relative to the whole


def whitening(draws: NDArray) -> tuple[Callable, NDArray]:
    """z -> u = C^-1 (z - mean) with C C^T the covariance of the draws, and log |du/dz|, (M,).   (L, M, J)

    A chain that got stuck has no covariance, and one that moved along a line only a flat one. A little is added to all
    variances, so that the density of such draws is a needle, which is bad enough, and not a division by zero.
    """
    L, _, J = draws.shape
    if L < J + 2:
        raise ValueError(f"a covariance in {J} dimensions needs {J + 2} draws or more; got {L}. Draw more")
    mean = draws.mean(axis=0, dtype=np.float64)
    d = draws - mean
    covariance = np.einsum("lmi,lmj->mij", d, d) / (L - 1)
    variance = np.trace(covariance, axis1=1, axis2=2)[:, None, None] / J
    C = np.linalg.cholesky(covariance + (RIDGE[0] * variance + RIDGE[1]) * np.eye(J))

    def white(z):
        return np.moveaxis(np.linalg.solve(C, np.moveaxis(z - mean, 0, 2)), 2, 0)

    return white, -np.log(np.diagonal(C, axis1=1, axis2=2)).sum(axis=1)


def gaussian(draws: NDArray) -> Callable:
    """q(z) = N(z; mean, covariance), those of the draws."""
    white, log_det = whitening(draws)

    def log_q(z):
        return by_row(standard_normal_log_prob, white(z)) + log_det

    return log_q


def kde(draws: NDArray) -> Callable:
    """q(z) = 1/L sum_l N(u; sqrt(1 - s^2) u_l, s^2 I) |du/dz|: a small round hill at every draw.

    Hills of width s widen the whole. With tails longer than the posterior's, q(z) / p(x, z) would be huge where the
    posterior ends, so the hills move together until q has the covariance of the draws again (West, 1993). Then s = 1 is
    the Gaussian above. Ten widths are tried: each makes hills of the first half of the draws, and the one under which
    the second half is most likely is taken, for every datapoint its own.
    """
    white, log_det = whitening(draws)
    u = white(draws)
    half = len(u) // 2
    scores = [log_hills(u[half:], u[:half], np.full(u.shape[1], s)).sum(axis=0) for s in WIDTHS]
    best = WIDTHS[np.argmax(scores, axis=0)]  # (M,)

    def log_q(z):
        return log_hills(white(z), u, best) + log_det

    return log_q


def log_hills(u: NDArray, draws: NDArray, s: NDArray) -> NDArray:
    """log of the mean over the draws of N(u; sqrt(1 - s^2) draw, s^2 I).   (L, M, J), (K, M, J), (M,) -> (L, M)"""
    J, width = u.shape[2], s[:, None]
    centres = np.sqrt(1 - width**2) * draws
    hills = [log_mean_exp(by_row(standard_normal_log_prob, (u_l - centres) / width)) for u_l in u]
    return np.array(hills) - J * np.log(s)


def by_row(log_prob: Callable, z: NDArray) -> NDArray:
    """The value of a density that takes rows, for z with any axes before the last."""
    return log_prob(z.reshape(-1, z.shape[-1]))[0].reshape(z.shape[:-1])


DENSITIES = {"gaussian": gaussian, "kde": kde}
