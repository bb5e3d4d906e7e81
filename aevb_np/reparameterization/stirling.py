"""Logarithms of Gamma functions that lose nothing when they are subtracted from each other.

log Gamma(1e8) is 1.7e9, whose last digit is 2e-7; the density that it belongs to is about -10. So Stirling's main terms
are cancelled by hand, and what remains of each log Gamma is a small number:

    log Gamma(a) = (a - 1/2) log a - a + 1/2 log 2 pi + remainder(a).
"""

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import LOG_2PI
from aevb_np.reparameterization.slopes import times

SERIES = 1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156  # B_2k / (2k (2k - 1))


def remainder(a: NDArray | float) -> NDArray:
    """log Gamma(a) without its main terms, about 1 / (12 a), to 1e-15."""
    from scipy.special import loggamma

    large = np.real(a) > 10
    r = 1 / np.where(large, a, 10)
    series = r * np.polyval(SERIES[::-1], r * r)
    small = np.where(large, 1, a)
    return np.where(large, series, loggamma(small) - (small - 0.5) * np.log(small) + small - 0.5 * LOG_2PI)


def power(a: NDArray, log_e: NDArray, t: NDArray, log_c: NDArray) -> NDArray:
    """a log(e / c) - log e, from log e and t = e / c - 1.

    Near e = c nothing cancels. Elsewhere it is taken as (a - 1) log e - a log c, which for a = 1 is finite at e = 0.
    """
    near = np.abs(t.real) < 0.5
    return np.where(near, a * np.log1p(np.where(near, t, 0)) - log_e, times(a - 1, log_e) - a * log_c)
