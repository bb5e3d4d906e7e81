"""Only the means of square blocks of pixels were seen.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.completion.observation import Observation
from aevb_np.distributions import gaussian_log_prob
from aevb_np.numerics import log_mean_exp, sigmoid, softplus


class SuperResolution(Observation):
    """Only the mean of every square block of n = block x block pixels is seen.

    The mean m of n independent Gaussians is Gaussian, with the mean of the mu and variance sum sigma^2 / n^2. Of n bits
    with mean m, n m are 1, and `ones_log_prob` says how probable that is. Both are exact.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
    image_shape : (rows, columns)
    block : int
        Pixels along the side of a block; divides rows and columns.

    Examples
    --------
    >>> from aevb_np import BernoulliMLP
    >>> halves = SuperResolution(BernoulliMLP(2, 5, 8), (2, 4), block=2)
    >>> halves.view(np.array([[1.0, 1.0, 0.0, 0.0,
    ...                        1.0, 1.0, 1.0, 1.0]]))
    array([[1. , 0.5]])
    """

    def __init__(self, decoder: Any, image_shape: tuple[int, int], block: int):
        super().__init__(decoder)
        rows, columns = image_shape
        if rows * columns != decoder.n_out:
            raise ValueError(f"the decoder draws {decoder.n_out} pixels, which are no image of {rows} x {columns}")
        if block < 1 or rows % block or columns % block:
            possible = [b for b in range(2, min(rows, columns) + 1) if not rows % b and not columns % b]
            raise ValueError(
                f"blocks of {block} x {block} do not fit into images of {rows} x {columns}; "
                + (f"those of {', '.join(map(str, possible))} do" if possible else "none do, but single pixels")
            )
        self.image_shape, self.block, self.n = (rows, columns), block, block**2
        self.n_out = decoder.n_out // self.n
        self.missing = np.ones(decoder.n_out, bool)

    def bernoulli(self, observed: NDArray, logits: NDArray, value: bool) -> tuple[Any, Callable]:
        """The number of ones in every block."""
        log_p, back_log_prob = ones_log_prob(self.n * observed, self._blocks(logits), value)

        def backward(dlog_p):
            return (self._whole(back_log_prob(dlog_p)),)  # dlogits

        return log_p, backward

    def gaussian(self, observed: NDArray, mu: NDArray, log_var: NDArray, value: bool) -> tuple[Any, Callable]:
        """A Gaussian for every block."""
        mu, log_var = self._blocks(mu), self._blocks(log_var)  # (n, M, n_out)
        log_mean = log_mean_exp(log_var)  # of sigma^2, (M, n_out)
        log_p, back_log_prob = gaussian_log_prob(observed, mu.mean(axis=0), log_mean - math.log(self.n), value)

        def backward(dlog_p):
            _, dmean, dlog_mean = back_log_prob(dlog_p)
            dmu = np.broadcast_to(dmean / self.n, mu.shape)
            dlog_var = dlog_mean / self.n * np.exp(log_var - log_mean)  # more to those that vary more
            return self._whole(dmu), self._whole(dlog_var)

        return log_p, backward

    def _blocks(self, x: NDArray) -> NDArray:
        """The n pixels of every block one after the other, the blocks from row to row.   (M, D) -> (n, M, n_out)"""
        (rows, columns), b = self.image_shape, self.block
        squares = x.reshape(len(x), rows // b, b, columns // b, b)
        return squares.transpose(2, 4, 0, 1, 3).reshape(self.n, len(x), self.n_out)

    def _whole(self, blocks: NDArray) -> NDArray:
        """The images of which `_blocks` makes these.   (n, M, n_out) -> (M, D)"""
        (rows, columns), b = self.image_shape, self.block
        squares = blocks.reshape(b, b, -1, rows // b, columns // b)
        return squares.transpose(2, 3, 0, 4, 1).reshape(-1, rows * columns)

    def view(self, x: NDArray) -> NDArray:
        """The means of the blocks."""
        return self._blocks(x).mean(axis=0)

    def fill(self, observed: NDArray, mean_image: NDArray) -> NDArray:
        """Every block filled with its mean."""
        return self._whole(np.repeat(observed[None], self.n, axis=0))

    def describe(self) -> str:
        """The blocks and the density of their means."""
        density = "the probability of n m ones among the n bits" if self.bits else "N(mean of mu, sum of sigma^2 / n^2)"
        return f"only means m of {self.block} x {self.block} pixels are seen, n = {self.n}; p(m|z) is {density}"


def ones_log_prob(ones: NDArray, logits: NDArray, value: bool = True) -> tuple[Any, Callable]:
    """log P(so many of n independent bits are 1), one number per row: a sum over B groups of n bits.

        P(k) = e_k(w) / prod_i (1 + w_i),   w_i = exp a_i,   e_k = the sum of all products of k different w_i

    One bit at a time: with bit i, e_k becomes e_k (the bit is 0) + w_i e_(k-1) (it is 1). The derivative in a_i is
    x_i - y_i, as for a bit that is seen, but with x_i the probability that bit i is 1 given how many are. To find it,
    go back from the last bit to the first and ask how likely each was one of those that were still to be found.

    Parameters
    ----------
    ones : array, (M, B)
        From 0 to n. Between whole numbers log P is interpolated, as the cross-entropy of a grey pixel is.
    logits : array, (n, M, B)
    value : bool
        False leaves the number out (None).
    """
    n = len(logits)
    count = np.arange(n + 1, dtype=ones.dtype)[:, None, None]
    weight = np.maximum(1 - np.abs(ones - count), 0)  # (n + 1, M, B): 1 at count = ones
    log_e = np.zeros((n + 1, *ones.shape), logits.dtype)  # of the bits so far; of no bits, e_0 = 1
    log_odds = np.empty((n, *logits.shape), logits.dtype)  # [i, k - 1]: of bit i, when k of bits 0 ... i are 1
    for i, a in enumerate(logits):
        log_odds[i, :i] = log_e[:i] + a - log_e[1 : i + 1]
        log_e[i + 1] = log_e[i] + a  # all of them are 1
        log_e[1 : i + 1] += softplus(log_odds[i, :i])
    log_p = (weight * log_e).sum(axis=(0, 2)) - softplus(logits).sum(axis=(0, 2)) if value else None  # (M,)

    def backward(dlog_p):
        p = weight.copy()  # [k]: the probability that k of bits 0 ... i are 1
        x = np.empty(logits.shape, p.dtype)
        for i in reversed(range(n)):
            bit = p[1 : i + 1] * sigmoid(log_odds[i, :i])  # k are, and bit i is one of them
            x[i] = bit.sum(axis=0) + p[i + 1]
            p[:i] += bit
            p[1 : i + 1] -= bit
            p[i] += p[i + 1]
        return dlog_p[:, None] * (x - sigmoid(logits))  # dlogits

    return log_p, backward
