"""The longest derivations of the paper in one piece each, without the layers that the package is made of.

The slow twins of `networks` and `estimators`: the same numbers, every step of the backward on the page. They are what
a student writes in E7, E8 and E9, and tests hold the two against each other.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import LOG_2PI
from aevb_np.numerics import sigmoid, softplus
from aevb_np.params import Params


def bernoulli_decoder(p: Params, x: NDArray, z: NDArray) -> tuple[NDArray, Callable]:
    """log p(x|z), one number per row, of bits with the logits W2 tanh(W1 z + b1) + b2.      eq. (11)

    The backward adds to the gradients of W and b and returns dz.

    See Also
    --------
    aevb_np.BernoulliMLP.log_prob : the same, from layers
    """
    h = np.tanh(z @ p.hidden.W + p.hidden.b)  # (M, H)
    logits = h @ p.logits.W + p.logits.b  # (M, D)
    log_p = (x * logits - softplus(logits)).sum(axis=1)  # (M,)

    def backward(dlog_p):
        dlogits = dlog_p[:, None] * (x - sigmoid(logits))  # (M, D)
        da = (dlogits @ p.logits.W.T) * (1 - h**2)  # (M, H)
        p.logits.dW += h.T @ dlogits
        p.logits.db += dlogits.sum(axis=0)
        p.hidden.dW += z.T @ da
        p.hidden.db += da.sum(axis=0)
        return da @ p.hidden.W.T  # dz

    return log_p, backward


def sgvb_b(model: Any, theta: Params, phi: Params, x: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """The bound by estimator B with one sample for each row: -KL(q(z|x) || p(z)) + log p(x|z).      eq. (10)

    See Also
    --------
    aevb_np.sgvb_b : the same, from layers, and for any number of samples
    """
    h = np.tanh(x @ phi.hidden.W + phi.hidden.b)  # (M, H)
    mu = h @ phi.mean.W + phi.mean.b  # (M, J)
    log_var = h @ phi.log_var.W + phi.log_var.b  # (M, J)
    sigma = np.exp(0.5 * log_var)
    z = mu + sigma * eps
    log_px, back_decode = model.decoder.log_prob(theta, x, z)  # (M,)
    kl = 0.5 * (mu**2 + sigma**2 - 1 - log_var).sum(axis=1)  # (M,)
    bound = log_px - kl

    def backward(dbound):
        d = dbound[:, None]
        dz = back_decode(dbound)  # adds to the gradients of theta
        dmu = dz - d * mu
        dlog_var = 0.5 * sigma * eps * dz - 0.5 * d * (sigma**2 - 1)
        da = (dmu @ phi.mean.W.T + dlog_var @ phi.log_var.W.T) * (1 - h**2)
        phi.mean.dW += h.T @ dmu
        phi.mean.db += dmu.sum(axis=0)
        phi.log_var.dW += h.T @ dlog_var
        phi.log_var.db += dlog_var.sum(axis=0)
        phi.hidden.dW += x.T @ da
        phi.hidden.db += da.sum(axis=0)

    return bound, backward


def gaussian_decoder(p: Params, x: NDArray, z: NDArray) -> tuple[NDArray, Callable]:
    """log p(x|z), one number per row, of N(mu, sigma^2 I) with mu = sigmoid(W4 h + b4), h = tanh(W3 z + b3).   eq. (12)

    log sigma^2 = W5 h + b5.

    See Also
    --------
    aevb_np.GaussianMLP.log_prob : the same with sigmoid_mean=True, from layers
    """
    h = np.tanh(z @ p.hidden.W + p.hidden.b)  # (M, H)
    mu = sigmoid(h @ p.mean.W + p.mean.b)  # (M, D)
    log_var = h @ p.log_var.W + p.log_var.b  # (M, D)
    square = (x - mu) ** 2 * np.exp(-log_var)
    log_p = -0.5 * (log_var + square + LOG_2PI).sum(axis=1)  # (M,)

    def backward(dlog_p):
        d = dlog_p[:, None]
        dmean = d * (x - mu) * np.exp(-log_var) * mu * (1 - mu)  # before the sigmoid, (M, D)
        dlog_var = 0.5 * d * (square - 1)  # (M, D)
        da = (dmean @ p.mean.W.T + dlog_var @ p.log_var.W.T) * (1 - h**2)  # (M, H)
        p.mean.dW += h.T @ dmean
        p.mean.db += dmean.sum(axis=0)
        p.log_var.dW += h.T @ dlog_var
        p.log_var.db += dlog_var.sum(axis=0)
        p.hidden.dW += z.T @ da
        p.hidden.db += da.sum(axis=0)
        return da @ p.hidden.W.T  # dz

    return log_p, backward
