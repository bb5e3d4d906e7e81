"""An elementwise function goes backward by multiplication: here a backward is made from a list of slopes.

With this, a distribution whose numbers do not mix is its formula and the derivatives of the formula, on a few lines.
What a density does at the ends of its support is here too.
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


def within(e: NDArray, low: Any, high: Any) -> tuple[NDArray, NDArray]:
    """Which numbers lie outside the support, and the numbers, with harmless ones in place of those.

    The formulas that follow then meet nothing that they cannot take. The ends belong to the support: what the density
    is there, the formula says. Complex numbers count by their real part. NaN lies nowhere, so it stays.
    """
    a = e.real
    outside = (a < np.real(low)) | (a > np.real(high)) | np.isinf(a)
    return outside, np.where(outside, low + 1 if high is math.inf else 0.5 * (low + high), e)


def standardised(z: NDArray, loc: Any, scale: Any) -> tuple[NDArray, NDArray]:
    """`within` for e = (z - loc) / scale, when all finite z are in the support."""
    outside = np.isinf(z.real)
    return outside, (np.where(outside, loc, z) - loc) / scale


def times(a: NDArray, b: NDArray) -> NDArray:
    """a b, and 0 where a is 0, though b be infinite: e^0 = 1 for e = 0, and its logarithm is 0 log 0."""
    return np.where(a == 0, 0, a * b)


def log_density(log_p: NDArray, *slopes: tuple, outside: NDArray | bool = False) -> tuple[NDArray, Callable]:
    """The sum of log p over each row and its backward, from slopes. Where log p is -inf, all slopes are 0.

    NaN in z or in a parameter is NaN in log p, outside the support, too; and then every slope is NaN.
    """
    unknown = np.isnan(log_p)
    log_p = np.where(outside & ~unknown, -math.inf, log_p)
    zero = log_p.real == -math.inf

    def backward(dlog_p):
        d = np.where(unknown, math.nan, dlog_p[:, None])
        return tuple(like(np.where(zero, 0, d * slope), p) for p, slope in slopes)

    return log_p.sum(axis=1), backward  # (M,)


def scaled_density(z, scale, e, log_f, slope, *slopes, outside=False, turn=None):
    """log p(z) = log f(e) - log scale for e = z / scale, where `slope` is d log f / de; `slopes` come between.

    `turn` is e times slope. It is given where that product is 0 times infinity.
    """
    turn = e * slope if turn is None else turn
    own = (z, slope / scale), *slopes, (scale, -(1 + turn) / scale)
    return log_density(log_f - np.log(scale), *own, outside=outside)


def located_density(z, loc, scale, e, log_f, slope, outside=False, turn=None):
    """log p(z) = log f(e) - log scale for e = (z - loc) / scale, where `slope` is d log f / de."""
    return scaled_density(z, scale, e, log_f, slope, (loc, -slope / scale), outside=outside, turn=turn)
