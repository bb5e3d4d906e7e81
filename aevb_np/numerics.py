"""Three scalar functions that overflow when they are written as they are defined, written so that they do not.

All of them take real or complex arrays: the complex step of the gradient tests goes through them.
"""

import numpy as np
from numpy.typing import NDArray


def sigmoid(a: NDArray) -> NDArray:
    """1 / (1 + exp(-a)), elementwise, for any a without overflow.

    Written with tanh, which saturates instead of overflowing and is faster than exp and a division.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return 0.5 * (1 + np.tanh(0.5 * a))


def softplus(a: NDArray) -> NDArray:
    """log(1 + exp(a)), elementwise, for any finite a without overflow.

    Its derivative is `sigmoid`. Above 40 the result is a itself to the last bit, so exp need not go further; below, it
    is at least a, so the maximum leaves it alone. Both order complex numbers by their real part.

    Examples
    --------
    >>> [float(y) for y in softplus(np.array([-1000.0, 1000.0]))]
    [0.0, 1000.0]
    """
    y = np.minimum(a, 40)[...]  # an array even of a single number, to be written into
    np.exp(y, out=y)
    np.log1p(y, out=y)
    return np.maximum(y, a, out=y)[()]


def log_mean_exp(a: NDArray, axis: int = 0) -> NDArray:
    """log of the mean of exp(a) along an axis, for any finite a without overflow.

    Examples
    --------
    >>> float(log_mean_exp(np.array([1000.0, 1000.0])))
    1000.0
    """
    m = a.real.max(axis=axis, keepdims=True)
    return np.log(np.exp(a - m).mean(axis=axis)) + m.squeeze(axis)
