"""Three ways uphill: each moves a flat vector of parameters along its gradient, in place.

What an optimiser remembers lies in `t` (gradients seen) and `arrays` (vectors as long as the parameters), where a
checkpoint finds it.
"""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from aevb_np.in_place_sums import add_scaled

BLOCK = 32_768  # numbers: parameters, gradient, memory and a scratch of this length stay in a core's cache together


class Optimizer(ABC):
    """The part that all three share: counting, memory made at the first gradient, blocks.

    Subclasses name their vectors in `memory` and say in `move` what to do with one block of everything.
    """

    memory: tuple[str, ...] = ()
    start = 0.0  # of the memory

    def __init__(self, step: float):
        if not 0 < step < float("inf"):
            raise ValueError(f"a step size is above 0 and finite; got {step}")
        self.step = float(step)
        self.t = 0
        self.arrays: dict[str, NDArray] = {}

    def ascend(self, flat: NDArray, grad: NDArray) -> bool:
        """Move `flat` uphill along `grad`; both are (P,), and `flat` is changed in place.

        Returns
        -------
        finite : bool
            Whether the sum of the squares of all parameters is: looked at while a block is in the cache.
        """
        self.t += 1
        if not self.arrays:
            self.arrays = {name: np.full_like(flat, self.start) for name in self.memory}
        squares = 0.0
        with np.errstate(over="ignore", invalid="ignore"):  # the squares show it
            for start in range(0, flat.size, BLOCK):
                block = slice(start, start + BLOCK)
                w = flat[block]
                self.move(w, grad[block], *(self.arrays[name][block] for name in self.memory))
                squares += np.dot(w, w)
        return bool(np.isfinite(squares))

    @abstractmethod
    def move(self, flat, grad, *memory):
        """Move one block of the parameters, and what is remembered of it, in place."""


class SGD(Optimizer):
    """Stochastic gradient ascent: w += step g.

    Examples
    --------
    >>> w = np.zeros(2)
    >>> moved = SGD(step=0.5).ascend(w, np.array([1.0, -2.0]))
    >>> w
    array([ 0.5, -1. ])
    """

    def move(self, flat, grad):
        flat += self.step * grad


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer, 2011), the paper's optimiser: G += g^2,  w += step g / sqrt(G).

    Parameters
    ----------
    step : float
        The global step size; the paper chose it from 0.01, 0.02 and 0.1.
    warmup : int
        So many gradients are gathered in G before the first one moves anything. Without it the first move is +-step for
        every weight, however small its gradient.
    epsilon : float
        What G starts from. It keeps weights without gradient where they are.

    Examples
    --------
    >>> w, adagrad = np.zeros(2), Adagrad(step=0.1, warmup=1, epsilon=0)
    >>> for _ in range(2):
    ...     moved = adagrad.ascend(w, np.array([3.0, -3.0]))
    >>> w.round(4)                         # 0.1 * 3 / sqrt(9 + 9), once
    array([ 0.0707, -0.0707])
    """

    memory = ("G",)

    def __init__(self, step: float, warmup: int = 0, epsilon: float = 1e-8):
        super().__init__(step)
        if warmup < 0:
            raise ValueError(f"a warm-up is 0 gradients or more; got {warmup}")
        self.warmup, self.epsilon = warmup, epsilon
        self.start = epsilon

    def move(self, flat, grad, G):
        scratch = grad * grad
        G += scratch
        if self.t > self.warmup:
            np.sqrt(G, out=scratch)
            np.divide(grad, scratch, out=scratch)
            add_scaled(flat, self.step, scratch)


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), for comparison; it is younger than the paper.

    m and v are running means of g and g^2 that start at zero; dividing by 1 - beta^t, the weight that the g seen so far
    have in them, makes them true means.

    Examples
    --------
    >>> w = np.zeros(2)
    >>> moved = Adam(step=0.001).ascend(w, np.array([5.0, -0.1]))
    >>> w.round(6)                         # the first move is +-step, whatever the gradient
    array([ 0.001, -0.001])
    """

    memory = ("m", "v")

    def __init__(self, step: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8):
        super().__init__(step)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def move(self, flat, grad, m, v):
        m += (1 - self.beta1) * (grad - m)
        v += (1 - self.beta2) * (grad * grad - v)
        m_hat = m / (1 - self.beta1**self.t)
        v_hat = v / (1 - self.beta2**self.t)
        flat += self.step * m_hat / (np.sqrt(v_hat) + self.epsilon)
