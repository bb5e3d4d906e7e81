"""The layers that a network is made of: each a function that returns its value and its own backward.

`backward` takes the gradient of the output and returns the gradient of the input; what belongs to parameters it *adds*
to their twins `dW` and `db`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np import numerics
from aevb_np.in_place_sums import add_product
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
            add_product(p.dW, x, dy)  # dW += x.T @ dy
            p.db += dy.sum(axis=0)
        return dy @ p.W.T if inputs else None  # dx

    return y, backward


def tanh(a: NDArray) -> tuple[NDArray, Callable]:
    """h = tanh(a).   (M, n) -> (M, n)"""
    h = np.tanh(a)

    def backward(dh):
        return dh * (1 - h**2)  # da

    return h, backward


def relu(a: NDArray) -> tuple[NDArray, Callable]:
    """h = max(a, 0).   (M, n) -> (M, n)"""
    return at_least(0.0, a)


def softplus(a: NDArray) -> tuple[NDArray, Callable]:
    """h = log(1 + exp(a)), whose slope is sigmoid(a).   (M, n) -> (M, n)"""
    h = numerics.softplus(a)

    def backward(dh):
        return dh * numerics.sigmoid(a)  # da

    return h, backward


def sigmoid(a: NDArray) -> tuple[NDArray, Callable]:
    """y = 1 / (1 + exp(-a)).   (M, n) -> (M, n)"""
    y = numerics.sigmoid(a)

    def backward(dy):
        return dy * y * (1 - y)  # da

    return y, backward


def at_least(floor: float, a: NDArray) -> tuple[NDArray, Callable]:
    """y = max(a, floor): where the floor holds, nothing moves y and the gradient is zero.   (M, n) -> (M, n)"""
    held = a.real <= floor  # False for NaN, which must not be hidden
    y = np.where(held, floor, a)

    def backward(dy):
        return np.where(held, 0, dy)  # da

    return y, backward


HIDDEN_UNITS = {"tanh": tanh, "relu": relu, "softplus": softplus}  # the paper's is tanh


def hidden_unit(name: str) -> Callable:
    """The layer of hidden units of this name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in HIDDEN_UNITS:
        raise ValueError(f"a hidden unit is one of {', '.join(HIDDEN_UNITS)}; got {name!r}")
    return HIDDEN_UNITS[name]
