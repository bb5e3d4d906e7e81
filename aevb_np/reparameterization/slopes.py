"""An elementwise function goes backward by multiplication: here a backward is made from a list of slopes.

With this, a distribution whose numbers do not mix is its formula and the derivatives of the formula, on a few lines.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def like(d: NDArray, p: NDArray) -> NDArray:
    """`d` summed over the axes along which p was broadcast: what went out several times comes back as a sum.

    Examples
    --------
    >>> like(np.ones((5, 2)), np.zeros((1, 2)))
    array([[5., 5.]])
    """
    shape = np.shape(p)
    if d.shape == shape:
        return d
    d = d.sum(axis=tuple(range(d.ndim - len(shape))))
    return d.sum(axis=tuple(axis for axis, n in enumerate(shape) if n == 1), keepdims=True)


def from_slopes(y: NDArray, *slopes: tuple) -> tuple[NDArray, Callable]:
    """y and its backward, from one pair (parameter, dy / dparameter) for each parameter.

    A slope of None says that there is no derivative, and None is what `backward` returns for it. With one parameter
    `backward` returns its gradient, with several a tuple.
    """

    def backward(dy):
        gradients = tuple(None if slope is None else like(dy * slope, p) for p, slope in slopes)
        return gradients if len(gradients) > 1 else gradients[0]

    return y, backward


def within(e: NDArray, low: Any, high: Any, closed: bool = False) -> tuple[NDArray, NDArray]:
    """Which numbers lie in the support, and the numbers, with harmless ones in place of those outside.

    The logarithms that follow then meet nothing that they cannot take. Complex numbers count by their real part. What
    rounding carries over a closed end is let in: a sampler may do that.
    """
    a, slack = e.real, 8 * float(np.finfo(e.dtype).eps) if closed else 0.0
    left, right = low.real * (1 - slack), high.real * (1 + slack)
    inside = (left <= a) & (a <= right) if closed else (left < a) & (a < right)
    return inside, np.where(inside, e, low + 1 if high is math.inf else 0.5 * (low + high))


def log_density(log_p: NDArray, *slopes: tuple, inside: NDArray | bool = True) -> tuple[NDArray, Callable]:
    """The sum of log p over each row and its backward, from slopes; outside the support -inf, and slope 0."""
    log_p = np.where(inside, log_p, -math.inf).sum(axis=1)  # (M,)

    def backward(dlog_p):
        d = np.where(inside, dlog_p[:, None], 0)
        return tuple(like(d * slope, p) for p, slope in slopes)

    return log_p, backward


def scaled_density(z, scale, e, log_f, slope, *slopes, inside=True):
    """log p(z) = log f(e) - log scale for e = z / scale, where `slope` is d log f / de; `slopes` come between."""
    return log_density(
        log_f - np.log(scale), (z, slope / scale), *slopes, (scale, -(1 + e * slope) / scale), inside=inside
    )


def located_density(z, loc, scale, e, log_f, slope, inside=True):
    """log p(z) = log f(e) - log scale for e = (z - loc) / scale, where `slope` is d log f / de."""
    return scaled_density(z, scale, e, log_f, slope, (loc, -slope / scale), inside=inside)
