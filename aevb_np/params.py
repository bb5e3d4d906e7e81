"""All parameters of a model in one flat vector, with a name for every piece of it.

The optimiser, the prior on the weights, finite differences and checkpoints see only the vector; the layers see only
the names.
"""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shapes = dict[str, Any]  # a name -> (rows, columns), or a name -> Shapes


class Params:
    """One flat vector of numbers, with a named window onto it for every array, and a gradient laid out in the same way.

    Parameters
    ----------
    shapes : dict
        Names and shapes, nested as deep as one likes.
    flat, grad : array, (P,), optional
        The vector and its gradient; zeros when left out.
    dtype : dtype
        Of the zeros.

    Raises
    ------
    ValueError
        If `flat` or `grad` is not as long as the shapes say.

    Examples
    --------
    >>> p = Params({"hidden": {"W": (2, 3), "b": (3,)}})
    >>> p.hidden.W[...] = 1                # writing to a window writes to the vector
    >>> p.flat
    array([1., 1., 1., 1., 1., 1., 0., 0., 0.])
    >>> p.hidden.dW.shape                  # every W has a twin dW in p.grad
    (2, 3)
    >>> [name for name, W, dW in p.arrays()]
    ['hidden.W', 'hidden.b']
    """

    def __init__(
        self, shapes: Shapes, flat: NDArray | None = None, grad: NDArray | None = None, dtype: Any = np.float64
    ):
        size = count(shapes)
        flat = np.zeros(size, dtype) if flat is None else flat
        grad = np.zeros_like(flat) if grad is None else grad
        for vector in (flat, grad):
            if vector.shape != (size,):
                raise ValueError(f"these shapes hold {size} numbers; got a vector of shape {vector.shape}")
        windows: dict[str, Any] = {"shapes": shapes, "flat": flat, "grad": grad}
        start = 0
        for name, shape in shapes.items():
            if name in windows or "d" + name in windows:
                raise ValueError(f"two things would be called {name!r} here: {', '.join(windows)}")
            piece = slice(start, start := start + count(shape))
            if isinstance(shape, dict):  # a group: theta, phi, hidden, ...
                windows[name] = Params(shape, flat[piece], grad[piece])
            else:  # an array and its gradient
                windows[name] = flat[piece].reshape(shape)
                windows["d" + name] = grad[piece].reshape(shape)
        self.__dict__.update(windows)

    def __setattr__(self, name: str, value: Any) -> None:
        if value is not self.__dict__.get(name):  # p.dW += ... ends in p.dW = p.dW
            ways = f"add with p.{name} += value, write into it with p.{name}[...] = value"
            raise AttributeError(f"'{name}' is a window onto the flat vector; {ways}")

    def __getattr__(self, name: str) -> Any:  # reached only when there is no such window
        raise AttributeError(f"no parameter '{name}' here; there are {', '.join(self.__dict__.get('shapes', ()))}")

    def __reduce__(self) -> tuple:
        """Copies and pickles are built anew, so that their windows look onto their own vectors."""
        return Params, (self.shapes, self.flat, self.grad)

    def arrays(self, prefix: str = "") -> Iterator[tuple[str, NDArray, NDArray]]:
        """Every array with its full name and its gradient, in the order of the vector."""
        for name, shape in self.shapes.items():
            if isinstance(shape, dict):
                yield from getattr(self, name).arrays(f"{prefix}{name}.")
            else:
                yield prefix + name, getattr(self, name), getattr(self, "d" + name)


def count(shapes: Any) -> int:
    """How many numbers these shapes hold."""
    if isinstance(shapes, dict):
        return sum(count(shape) for shape in shapes.values())
    return prod(shapes)


def check_finite(bound: NDArray, p: Params) -> None:
    """Raise FloatingPointError, naming an array, if the bound or the gradient is not finite.

    One product of the gradient with itself tells in a hundredth of a step that all is well.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(bound.sum() + np.dot(p.grad, p.grad)):
            return
    if not np.isfinite(bound).all():
        name, largest = max(((name, np.abs(w).max()) for name, w, _ in p.arrays()), key=lambda pair: pair[1])
        raise FloatingPointError(f"the bound is not finite; the largest parameter, {largest:.3g}, is in {name}")
    for name, _, gradient in p.arrays():
        if not np.isfinite(gradient).all():
            raise FloatingPointError(f"the gradient of {name} is not finite")


def check_moved(p: Params) -> None:
    """Raise FloatingPointError, naming the first array that is not finite, if the parameters are not."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.dot(p.flat, p.flat)):
            return
    for name, w, _ in p.arrays():
        if not np.isfinite(w).all():
            raise FloatingPointError(f"{name} is not finite after the step")
