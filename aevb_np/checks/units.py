"""The networks that people have beside the paper's: other hidden units, and a Gaussian decoder of one fixed variance.

Their forward and backward stand side by side as in `networks`, for the checks compare with both.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.layers import HIDDEN_UNITS, affine, sigmoid
from aevb_np.networks import affine_shapes
from aevb_np.numerics import sigmoid as sigmoid_of
from aevb_np.params import Params, Shapes


class Unit(NamedTuple):
    """A hidden unit h = f(a): f, and its slope dh/da in words and as a function of a."""

    f: Callable[[NDArray], NDArray]
    words: str
    slope: Callable[[NDArray], NDArray]


def of_layer(layer: Callable, words: str) -> Unit:
    """A hidden unit that the package has itself."""
    return Unit(lambda a: layer(a)[0], words, lambda a: layer(a)[1](np.ones_like(a)))


SLOPES = {"tanh": "1 - h^2", "relu": "(a > 0)", "softplus": "sigmoid(a)"}
UNITS = {name: of_layer(layer, SLOPES.get(name, f"its slope, {name}'")) for name, layer in HIDDEN_UNITS.items()} | {
    "sigmoid": Unit(sigmoid_of, "h (1 - h)", lambda a: sigmoid_of(a) * sigmoid_of(-a)),
    "elu": Unit(
        lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
        "1 or exp(a)",
        lambda a: np.exp(np.minimum(a, 0)),
    ),
    "leaky relu": Unit(lambda a: np.where(a > 0, a, 0.01 * a), "1 or 0.01", lambda a: np.where(a > 0, 1.0, 0.01)),
    "linear": Unit(lambda a: a, "1", np.ones_like),
}
FIXED = "gaussian, variance "
SQUARED_ERROR = "squared error"


def fixed_variance(decoder: str) -> float:
    """The variance that a declaration such as "gaussian, variance 1" names; 0 if it names none.

    >>> fixed_variance("gaussian, variance 0.1"), fixed_variance("squared error"), fixed_variance("gaussian")
    (0.1, 0.5, 0.0)
    """
    if decoder == SQUARED_ERROR:
        return 0.5  # (x - m)^2 = (x - m)^2 / (2 variance)
    try:
        variance = float(decoder.removeprefix(FIXED)) if decoder.startswith(FIXED) else 0.0
    except ValueError:
        return 0.0
    return variance if 0 < variance < math.inf else 0.0


class OneHiddenLayer:
    """h = f(W u + b), and the heads that h feeds: the networks of Appendix C with any hidden unit.

    Parameters
    ----------
    n_in, H, n_out : int
        Numbers in u, hidden units, numbers in v.
    unit : str
        One of UNITS.
    heads : tuple of str
        "logits", or "mean", or "mean" and "log_var".
    sigmoid_mean : bool
        Whether the mean goes through a sigmoid.
    variance : float
        That of a Gaussian with a mean only.
    """

    def __init__(self, n_in: int, H: int, n_out: int, unit: str, heads: tuple[str, ...], sigmoid_mean: bool = False,
                 variance: float = 0.0):  # fmt: skip
        self.n_in, self.H, self.n_out, self.unit = n_in, H, n_out, unit
        self.sigmoid_mean, self.variance = sigmoid_mean, variance
        self.shapes: Shapes = {"hidden": affine_shapes(n_in, H)} | {head: affine_shapes(H, n_out) for head in heads}

    def forward(self, p: Params, u: NDArray) -> tuple[Any, Callable]:
        """One array, or the mean and the log-variance, and a backward that takes as many."""
        a, back_hidden = affine(p.hidden, u)
        h = UNITS[self.unit].f(a)
        outputs, backs = zip(*(affine(getattr(p, head), h) for head in tuple(self.shapes)[1:]))
        back_sigmoid: Callable = lambda dm: dm  # noqa: E731
        if self.sigmoid_mean:
            mean, back_sigmoid = sigmoid(outputs[0])
            outputs = mean, *outputs[1:]

        def backward(*d, inputs=True):
            d = back_sigmoid(d[0]), *d[1:]
            dh = sum(back(one) for back, one in zip(backs, d))
            return back_hidden(dh * UNITS[self.unit].slope(a), inputs)

        return (outputs if len(outputs) > 1 else outputs[0]), backward
