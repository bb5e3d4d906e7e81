"""Two ways to measure a gradient without deriving it; whatever is derived by hand is held against them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def complex_step(f: Callable, array: NDArray, step: float = 1e-30) -> NDArray:
    """df / darray = Im f(a + i step) / step: nothing is subtracted, so nothing is lost and the step can be tiny.

    `array` is complex, f() is a scalar that reads it; its numbers are changed one at a time, in place, and put back.

    >>> a = np.array([2.0, 3.0], complex)
    >>> complex_step(lambda: (a**3).sum(), a)
    array([12., 27.])
    """
    gradient = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step * 1j
        gradient[index] = np.imag(f()) / step
        array[index] = kept
    return gradient


def richardson(f: Callable, array: NDArray, step: float = 3e-4) -> NDArray:
    """df / darray = (4 C(step) - C(2 step)) / 3, where C(h) = (f(a + h) - f(a - h)) / 2h is the central difference.

    C(h) is wrong by c h^2 + O(h^4), and in the combination c h^2 is gone. What remains of the series is then about
    1e-14, less than the rounding of f in float64 divided by the step, some 1e-12.

    >>> a = np.array([2.0, 3.0])
    >>> richardson(lambda: (a**3).sum(), a).round(9)
    array([12., 27.])
    """
    gradient = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        kept = array[index]

        def central(h, index=index, kept=kept):
            array[index] = kept + h
            above = f()
            array[index] = kept - h
            return (above - f()) / (2 * h)

        gradient[index] = (4 * central(step) - central(2 * step)) / 3
        array[index] = kept
    return gradient


def relative_error(a: NDArray, n: NDArray) -> float:
    """||a - n|| / ||n||: one number for an array, in which an element that happens to be near zero does no harm."""
    return float(np.linalg.norm(a - n) / np.linalg.norm(n))
