"""What a sampler or a density may be given: its parameters are looked at once, before the formula is.

A parameter out of its range is an error that names it. NaN is not: it goes through every formula and comes out as NaN,
so that whoever looks at the bound sees it.
"""

import inspect
import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

POSITIVE = ("scale", "shape", "a", "b", "alpha", "df", "dfn", "dfd")
MAY_BE_INFINITE = ("df",)  # Student's t is the normal then


def check(name: str, value: Any) -> None:
    """Raise ValueError if a parameter of this name cannot have this value."""
    p = np.asarray(value).real
    if name in POSITIVE and ((p <= 0) | (p == math.inf) & (name not in MAY_BE_INFINITE)).any():
        wrong = p[(p <= 0) | (p == math.inf)]
        finite = "" if name in MAY_BE_INFINITE else " and finite"
        raise ValueError(f"{name} must be positive{finite}; got {wrong.flat[0]:g}")
    if name == "mode" and not 0 <= p <= 1:
        raise ValueError(f"mode, the place of the peak between the ends 0 and 1, lies there too; got {p:g}")
    if name == "A" and (np.diagonal(p, axis1=-2, axis2=-1) <= 0).any():
        raise ValueError(f"A must be positive on its diagonal; got {np.diagonal(p, axis1=-2, axis2=-1).min():g}")
    if name == "k" and not (p >= 1 and p == np.round(p)):
        raise ValueError(f"k, the number of exponentials in the sum, is a whole number from 1 up; got {p:g}")


def ranged(function: Callable) -> Callable:
    """`function`, which is called once its arguments have been checked by their names."""
    names = tuple(inspect.signature(function).parameters)

    @wraps(function)
    def checked(*arguments, **named):
        for name, value in (*zip(names, arguments), *named.items()):
            check(name, value)
        return function(*arguments, **named)

    return checked


def density(function: Callable) -> Callable:
    """A log-density whose parameters are checked, which computes in float64, and returns the dtype that it was given.

    In float32 the formulas overflow at 1e20 and cancel for shapes above 1e4. No warning is given where the density is 0
    or infinite and so its logarithm is.
    """

    @wraps(function)
    def in_double(z, *parameters, **settings):
        given = (z, *parameters)
        wide = [np.asarray(a, np.result_type(a, np.float64)) for a in given]
        with np.errstate(all="ignore"):
            log_p, backward = function(*wide, **settings)

        def backward_in_double(dlog_p):
            with np.errstate(all="ignore"):
                return tuple(narrowed(d, a) for d, a in zip(backward(dlog_p), given))

        return narrowed(log_p, *given), backward_in_double

    return ranged(in_double)


def narrowed(result: NDArray, *given: NDArray) -> NDArray:
    """The result in the dtype of what was given, if that was float32."""
    dtype = np.result_type(*given)
    return result.astype(dtype) if dtype in (np.float16, np.float32) else result
