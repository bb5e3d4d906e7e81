"""Densities given by a network: an MLP with one hidden layer turns u into the density of v. Appendix C.

The encoder q(z|x) and the decoder p(x|z) are the same kind of thing and have the same six words: `shapes`, `forward`,
`log_prob`, `log_prob_pairs`, `sample`, `mean`. The paper's hidden units are tanh; `layers.HIDDEN_UNITS` has others.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import (
    bernoulli_log_prob,
    bernoulli_log_prob_pairs,
    gaussian_log_prob,
    gaussian_log_prob_pairs,
    sample_bernoulli,
    sample_gaussian,
)
from aevb_np.layers import affine, at_least, hidden_unit, sigmoid
from aevb_np.numerics import sigmoid as sigmoid_of
from aevb_np.params import Params, Shapes


def affine_shapes(n: int, m: int) -> Shapes:
    """The arrays of an affine layer from n numbers to m."""
    return {"W": (n, m), "b": (m,)}


class BernoulliMLP:
    """v ~ Bernoulli(y),  y = sigmoid(W2 tanh(W1 u + b1) + b2)                              eq. (11)

    W1, W2 are `hidden.W` and `logits.W`.

    Parameters
    ----------
    n_in, H, n_out : int
        Numbers in u, hidden units, numbers in v.
    unit : {"tanh", "relu", "softplus"}
        The hidden units.
    """

    likelihood = "bernoulli"  # what settings and file names call it
    settings: tuple[str, ...] = ()  # of a run, beside the sizes and the hidden unit
    support = (0.0, 1.0)  # of v

    def __init__(self, n_in: int, H: int, n_out: int, unit: str = "tanh"):
        self.n_in, self.H, self.n_out = n_in, H, n_out
        self.unit, self.activation = unit, hidden_unit(unit)
        self.shapes: Shapes = {"hidden": affine_shapes(n_in, H), "logits": affine_shapes(H, n_out)}

    def forward(self, p: Params, u: NDArray) -> tuple[NDArray, Callable]:
        """The logits of v.   (M, n_in) -> (M, n_out)"""
        a, back_hidden = affine(p.hidden, u)  # 1
        h, back_unit = self.activation(a)  # 2  tanh in the paper
        logits, back_logits = affine(p.logits, h)  # 3

        def backward(dlogits, inputs=True, parameters=True):
            dh = back_logits(dlogits, parameters=parameters)  # 3
            da = back_unit(dh)  # 2
            return back_hidden(da, inputs, parameters)  # 1  du

        return logits, backward

    def log_prob(self, p: Params, v: NDArray, u: NDArray, value: bool = True) -> tuple[NDArray, Callable]:
        """log p(v|u), or None with value=False; the backward returns du.   (M, n_out), (M, n_in) -> (M,)

        See Also
        --------
        aevb_np.written_out.bernoulli_decoder : the same in one piece
        """
        logits, back_forward = self.forward(p, u)
        log_p, back_log_prob = bernoulli_log_prob(v, logits, value)

        def backward(dlog_p, inputs=True, parameters=True):
            return back_forward(back_log_prob(dlog_p), inputs, parameters)  # du

        return log_p, backward

    def evaluated(self, p: Params, v: NDArray, u: NDArray) -> tuple[NDArray, float]:
        """log p(v|u) without gradient, (M,), and the smallest log sigma^2 of all: NaN, for bits have none."""
        return bernoulli_log_prob(v, self.forward(p, u)[0])[0], math.nan

    def log_prob_pairs(self, p: Params, v: NDArray, u: NDArray) -> NDArray:
        """log p(v_n|u_g) for every pair, without gradient.   (N, n_out), (G, n_in) -> (N, G)"""
        return bernoulli_log_prob_pairs(v, self.forward(p, u)[0])

    def mean(self, p: Params, u: NDArray) -> NDArray:
        """E[v|u] = y.   (M, n_in) -> (M, n_out)"""
        return sigmoid_of(self.forward(p, u)[0])

    def mean_head(self, p: Params) -> tuple[Params, bool]:
        """The output layer from which E[v|u] comes, and whether a sigmoid is taken of it."""
        return p.logits, True

    def sample(self, p: Params, u: NDArray, rng: np.random.Generator) -> NDArray:
        """v ~ p(v|u), one draw for every row.   (M, n_in) -> (M, n_out)"""
        return sample_bernoulli(self.forward(p, u)[0], rng)


class GaussianMLP:
    """v ~ N(mu, sigma^2 I),  h = tanh(W3 u + b3),  mu = W4 h + b4,  log sigma^2 = W5 h + b5       eq. (12)

    W3, W4, W5 are `hidden.W`, `mean.W` and `log_var.W`.

    Parameters
    ----------
    n_in, H, n_out : int
        Numbers in u, hidden units, numbers in v.
    sigmoid_mean : bool
        mu = sigmoid(W4 h + b4), as the paper has it for Frey Face (section 5), whose pixels lie between 0 and 1.
    log_var_floor : float, optional
        log sigma^2 goes no lower. The likelihood of a Gaussian decoder has no upper limit; this sets one.
    unit : {"tanh", "relu", "softplus"}
        The hidden units.
    """

    likelihood = "gaussian"
    settings: tuple[str, ...] = ("sigmoid_mean", "log_var_floor")
    support = (-math.inf, math.inf)

    def __init__(
        self,
        n_in: int,
        H: int,
        n_out: int,
        sigmoid_mean: bool = False,
        log_var_floor: float | None = None,
        unit: str = "tanh",
    ):
        self.n_in, self.H, self.n_out = n_in, H, n_out
        self.unit, self.activation = unit, hidden_unit(unit)
        self.sigmoid_mean = sigmoid_mean
        self.log_var_floor = None if log_var_floor is None else float(log_var_floor)
        self.shapes: Shapes = {
            "hidden": affine_shapes(n_in, H),
            "mean": affine_shapes(H, n_out),
            "log_var": affine_shapes(H, n_out),
        }

    def forward(self, p: Params, u: NDArray) -> tuple[tuple[NDArray, NDArray], Callable]:
        """The mean and log-variance of v.   (M, n_in) -> (M, n_out), twice"""
        a, back_hidden = affine(p.hidden, u)  # 1
        h, back_unit = self.activation(a)  # 2  tanh in the paper
        mu, back_mean = affine(p.mean, h)  # 3
        log_var, back_log_var = affine(p.log_var, h)  # 4
        if self.sigmoid_mean:
            mu, back_sigmoid = sigmoid(mu)  # 5
        if self.log_var_floor is not None:
            log_var, back_floor = at_least(self.log_var_floor, log_var)  # 6

        def backward(dmu, dlog_var, inputs=True, parameters=True):
            if self.log_var_floor is not None:
                dlog_var = back_floor(dlog_var)  # 6
            if self.sigmoid_mean:
                dmu = back_sigmoid(dmu)  # 5
            dh = back_log_var(dlog_var, parameters=parameters)  # 4
            dh += back_mean(dmu, parameters=parameters)  # 3  h feeds two layers: gradients add
            da = back_unit(dh)  # 2
            return back_hidden(da, inputs, parameters)  # 1  du

        return (mu, log_var), backward

    def log_prob(self, p: Params, v: NDArray, u: NDArray, value: bool = True) -> tuple[NDArray, Callable]:
        """log p(v|u), or None with value=False; the backward returns du.   (M, n_out), (M, n_in) -> (M,)

        See Also
        --------
        aevb_np.written_out.gaussian_decoder : the same in one piece
        """
        (mu, log_var), back_forward = self.forward(p, u)
        log_p, back_log_prob = gaussian_log_prob(v, mu, log_var, value)

        def backward(dlog_p, inputs=True, parameters=True):
            _, dmu, dlog_var = back_log_prob(dlog_p)
            return back_forward(dmu, dlog_var, inputs, parameters)  # du

        return log_p, backward

    def evaluated(self, p: Params, v: NDArray, u: NDArray) -> tuple[NDArray, float]:
        """log p(v|u) without gradient, (M,), and the smallest log sigma^2 of all."""
        mu, log_var = self.forward(p, u)[0]
        return gaussian_log_prob(v, mu, log_var)[0], float(log_var.min())

    def log_prob_pairs(self, p: Params, v: NDArray, u: NDArray) -> NDArray:
        """log p(v_n|u_g) for every pair, without gradient, in float64.   (N, n_out), (G, n_in) -> (N, G)"""
        return gaussian_log_prob_pairs(v, *self.forward(p, u)[0])

    def mean(self, p: Params, u: NDArray) -> NDArray:
        """E[v|u] = mu.   (M, n_in) -> (M, n_out)"""
        return self.forward(p, u)[0][0]

    def mean_head(self, p: Params) -> tuple[Params, bool]:
        """The output layer from which E[v|u] comes, and whether a sigmoid is taken of it."""
        return p.mean, self.sigmoid_mean

    def sample(self, p: Params, u: NDArray, rng: np.random.Generator) -> NDArray:
        """v ~ p(v|u), one draw for every row.   (M, n_in) -> (M, n_out)"""
        return sample_gaussian(*self.forward(p, u)[0], rng)


DECODERS: dict[str, Any] = {network.likelihood: network for network in (BernoulliMLP, GaussianMLP)}
