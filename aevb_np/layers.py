"""The layers that a network is made of: each a function that returns its value and its own backward.

`backward` takes the gradient of the output and returns the gradient of the input; what belongs to parameters it *adds*
to their twins `dW` and `db`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np import numerics
from aevb_np.params import Params


def affine(p: Params, x: NDArray) -> tuple[NDArray, Callable]:
    """y = x W + b.   (M, n) (n, m) -> (M, m)

    Its backward can be asked for less: `inputs=False` skips the gradient in x (x is data, nobody wants it), and
    `parameters=False` leaves dW and db untouched (only z moves). Each saves a matrix product.
    """
    y = x @ p.W
    y += p.b

    def backward(dy, inputs=True, parameters=True):
        if parameters:
            p.dW += x.T @ dy
            p.db += dy.sum(axis=0)
        return dy @ p.W.T if inputs else None  # dx

    return y, backward


def tanh(a: NDArray) -> tuple[NDArray, Callable]:
    """h = tanh(a).   (M, n) -> (M, n)"""
    h = np.tanh(a)

    def backward(dh):
        return dh * (1 - h**2)  # da

    return h, backward


def sigmoid(a: NDArray) -> tuple[NDArray, Callable]:
    """y = 1 / (1 + exp(-a)).   (M, n) -> (M, n)"""
    y = numerics.sigmoid(a)

    def backward(dy):
        return dy * y * (1 - y)  # da

    return y, backward


def at_least(floor: float, a: NDArray) -> tuple[NDArray, Callable]:
    """y = max(a, floor): where the floor holds, nothing moves y and the gradient is zero.   (M, n) -> (M, n)"""
    below = a.real < floor  # False for NaN, which must not be hidden
    y = np.where(below, floor, a)

    def backward(dy):
        return np.where(below, 0, dy)  # da

    return y, backward
