"""Three ways to measure a gradient without deriving it; whatever is derived by hand is held against them.

Central differences ask nothing of the code but its value, and say how far they can be trusted. The complex step is
exact to rounding, for code that takes complex numbers. Random directions cost the same for a model of any size.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EPS = float(np.finfo(np.float64).eps)
STEP = 3e-4  # where the h^4 of the extrapolated difference meets the rounding of a value of some hundred nats


class Measured(NamedTuple):
    """A measured gradient, and what is likely to be wrong with each of its numbers: infinite where it has a kink."""

    gradient: NDArray
    error: NDArray
    kinks: int = 0  # how many numbers had a kink within the step


def differences(f: Callable, array: NDArray, step: float = STEP, rounding: float = 0.0) -> Measured:
    """df / darray = (4 C(h) - C(2h)) / 3, where C(h) = (f(a + h) - f(a - h)) / 2h is the central difference.

    C(h) is wrong by c h^2 + O(h^4), and in the combination c h^2 is gone. How much it moved C(h) bounds what is left;
    a tenth of that, and the rounding of f divided by the step, is the estimate of the error.

    Where f has a kink within the step, as with rectified units, C(h) and C(2h) differ, or the two one-sided differences
    do by more than curvature explains. Such a number is measured again with smaller steps, see `closer`.

    f() gives a number and reads `array` (float64), whose numbers are changed one at a time, in place, and put back. The
    step is for numbers up to 1, and in proportion above. `rounding` is what f() is known to be uncertain by, if that is
    more than a few units in its last place.

    Examples
    --------
    >>> a = np.array([2.0, 3.0])
    >>> gradient, error, _ = differences(lambda: (a**3).sum(), a)
    >>> gradient.round(9), bool((abs(gradient - 3 * a**2) < error).all())
    (array([12., 27.]), True)
    >>> a = np.array([1e-4, 0.0, 1.0])
    >>> gradient, error, kinks = differences(lambda: np.maximum(a, 0).sum(), a)
    >>> gradient.round(9), error < 1e-6, kinks
    (array([1. , 0.5, 1. ]), array([ True, False,  True]), 2)
    """
    f_0 = float(f())
    rounding = 4 * max(rounding, EPS * abs(f_0))
    gradient, error, bent = np.empty(array.shape), np.empty(array.shape), np.empty(array.shape)
    for index in np.ndindex(array.shape):
        h = step * max(1.0, float(abs(array[index])))
        (near, bend), (far, bend_far) = (one_step(f, array, index, k * h, f_0) for k in (1, 2))
        correction = (near - far) / 3
        gradient[index] = near + correction
        error[index] = 0.1 * abs(correction) + rounding / h
        bent[index] = max(abs(near - far), abs(bend_far - 2 * bend)) - 10 * rounding / h
    scale = np.abs(gradient).max(initial=0.0)
    kinks = 0
    for index in (tuple(map(int, found)) for found in np.argwhere(bent > NEAR_A_KINK * scale)):
        number, its_error = closer(f, array, index, f_0, rounding)
        at_a_kink = its_error > max(UNKNOWABLE * scale, ROUGH * rounding)
        if at_a_kink or abs(number - gradient[index]) > 5 * its_error:
            gradient[index], error[index] = number, np.inf if at_a_kink else its_error
            kinks += 1
    return Measured(gradient, error, kinks)


NEAR_A_KINK = 1e-6  # relative to the largest number of the array: curvature leaves less
UNKNOWABLE = 1e-5  # relative to the same: with a larger error the number lies at a kink
ROUGH = 3e6  # times the rounding of f: an error of this size needs no kink
STEPS = 10.0 ** -np.arange(4, 7.1, 0.5)  # from 1e-4 down to 1e-7


def one_step(f: Callable, array: NDArray, index: tuple[int, ...], h: float, f_0: float) -> tuple[float, float]:
    """The central difference, and the two one-sided ones' difference: h f'' without a kink, its jump with one."""
    kept = array[index]
    array[index] = kept + h
    above, f_above = array[index], float(f())
    array[index] = kept - h
    below, f_below = array[index], float(f())
    array[index] = kept
    taken = above - below  # 2h, as floating point really took it
    return (f_above - f_below) / taken, (f_above - 2 * f_0 + f_below) / (taken / 2)


def closer(f: Callable, array: NDArray, index: tuple[int, ...], f_0: float, rounding: float) -> tuple[float, float]:
    """The derivative near a kink, and its error: from the two steps, one after the other, that agree best.

    Below the distance of the kink central differences agree, and the one-sided ones differ in proportion to the step.
    At the kink itself no two do.
    """
    steps = STEPS * max(1.0, float(abs(array[index])))
    slopes, bends = np.array([one_step(f, array, index, h, f_0) for h in steps]).T
    error = np.abs(np.diff(slopes)) + np.abs(bends[:-1] - bends[1:] * steps[0] / steps[1]) + rounding / steps[1:]
    best = int(np.argmin(error))
    return float(slopes[best + 1]), float(error[best])


def richardson(f: Callable, array: NDArray, step: float = STEP) -> NDArray:
    """The gradient of `differences` without its error.

    >>> a = np.array([2.0, 3.0])
    >>> richardson(lambda: (a**3).sum(), a).round(9)
    array([12., 27.])
    """
    return differences(f, array, step).gradient


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


def rounding_of(f: Callable, arrays: Sequence[NDArray]) -> float:
    """What f() is uncertain by: log(1 - y) for y near 1 has lost most of its digits, and no formula for eps |f| knows.

    Along a line, in steps so short that f is a straight line but for rounding, the fourth differences of f are sums of
    five roundings with the weights 1, -4, 6, -4, 1.
    """
    rng, kept = np.random.default_rng(7), [array.copy() for array in arrays]
    directions = [rng.standard_normal(array.shape) for array in arrays]
    values = []
    for k in range(16):
        for array, before, v in zip(arrays, kept, directions):
            array[...] = before + 1e-7 * k * v
        values.append(float(f()))
    for array, before in zip(arrays, kept):
        array[...] = before
    return float(np.sqrt((np.diff(values, 4) ** 2).mean() / 70))


def along(f: Callable, array: NDArray, direction: NDArray, step: float = STEP, rounding: float = 0.0) -> Measured:
    """The derivative of f() when `array` moves along a direction: two numbers, at the price of four values."""
    kept, t = array.copy(), np.zeros(())

    def moved():
        array[...] = kept + t * direction
        return f()

    slope = differences(moved, t, step, rounding)
    array[...] = kept
    return slope


class Taylor(NamedTuple):
    """The symmetric Taylor remainders for smaller and smaller steps, and the power of h with which they fall."""

    steps: NDArray
    remainders: NDArray
    slope: float


def taylor(f: Callable, array: NDArray, gradient: NDArray, rng: np.random.Generator) -> Taylor:
    """|f(a + h v) - f(a - h v) - 2 h g.v| for one random direction v of length 1.

    It falls as h^3 when g is the gradient and as h when it is not: the even terms cancel, and with them the h^2 behind
    which the usual one-sided remainder hides an error of 1e-4. Four values of f, for a model of any size.

    Examples
    --------
    >>> a = np.array([2.0, 3.0])
    >>> cube = lambda: (a**3).sum()
    >>> [round(taylor(cube, a, g, np.random.default_rng(0)).slope, 1) for g in (3 * a**2, 3.01 * a**2)]
    [3.0, 1.0]
    """
    v = rng.standard_normal(array.shape)
    v /= np.linalg.norm(v)
    kept, steps = array.copy(), np.array([2e-2, 1e-2])
    remainders = []
    for h in steps:
        array[...] = kept + h * v
        above = f()
        array[...] = kept - h * v
        remainders.append(abs(above - f() - 2 * h * (gradient * v).sum()))
    array[...] = kept
    return Taylor(steps, np.array(remainders), float(np.log2(remainders[0] / remainders[1])))


def relative_error(a: NDArray, n: NDArray) -> float:
    """||a - n|| / ||n||: one number for an array, in which an element that happens to be near zero does no harm."""
    return float(np.linalg.norm(a - n) / np.linalg.norm(n))


def apart(a: NDArray, n: NDArray) -> float:
    """||a - n|| / max(||a||, ||n||), the same for either order; 0 for two zeros, infinite for different shapes."""
    if np.shape(a) != np.shape(n):
        return np.inf
    size = max(np.linalg.norm(a), np.linalg.norm(n))
    return float(np.linalg.norm(a - n) / size) if size else 0.0


def combination(columns: Sequence[NDArray], target: NDArray) -> tuple[NDArray, float] | None:
    """The coefficients with which columns add up to a target, and how far apart the two stay; None if undetermined."""
    X = np.stack([c.ravel() for c in columns], axis=1)
    lengths = np.linalg.norm(X, axis=0)
    if X.shape[0] <= X.shape[1] or not lengths.all() or np.linalg.cond(X / lengths) > 1e6:
        return None
    scaled, *_ = np.linalg.lstsq(X / lengths, target.ravel(), rcond=None)
    coefficients = scaled / lengths
    return coefficients, apart(X @ coefficients, target.ravel())
