"""What the package says in its fastest or most divided form, written out: the slow twins.

`affine`, `bernoulli_log_prob` and `Adagrad` stand here as their formulas have them, and the longest derivations of
the paper in one piece each, without layers. They are what a student writes in E1, E4, E5 and E7 to E10; tests hold the
twins against each other.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np import optimizers
from aevb_np.distributions import LOG_2PI
from aevb_np.numerics import sigmoid, softplus
from aevb_np.params import Params


def affine(p: Params, x: NDArray) -> tuple[NDArray, Callable]:
    """y = x W + b.   (M, n) (n, m) -> (M, m)

    See Also
    --------
    aevb_np.affine : the same, with the products added by BLAS, and less work where less is asked for
    """
    y = x @ p.W + p.b

    def backward(dy):
        p.dW += x.T @ dy
        p.db += dy.sum(axis=0)
        return dy @ p.W.T  # dx

    return y, backward


def bernoulli_log_prob(x: NDArray, logits: NDArray) -> tuple[NDArray, Callable]:
    """log p(x) of independent bits with probabilities y = sigmoid(logits), one number per row.      eq. (11)

        sum_i ( x_i log y_i + (1 - x_i) log(1 - y_i) ) = sum_i ( x_i a_i - softplus(a_i) )

    See Also
    --------
    aevb_np.bernoulli_log_prob : the same, with y from the softplus that is there already
    """
    log_p = (x * logits - softplus(logits)).sum(axis=1)  # (M,)

    def backward(dlog_p):
        return dlog_p[:, None] * (x - sigmoid(logits))  # dlogits

    return log_p, backward


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


class Adagrad(optimizers.Adagrad):
    """G += g^2,  w += step g / sqrt(G), by NumPy alone.                                        section 5

    See Also
    --------
    aevb_np.Adagrad : the same, with the last two operations by BLAS
    """

    def move(self, flat: NDArray, grad: NDArray, G: NDArray) -> None:
        """Move one block of the parameters, and G, in place.   (P,) each"""
        scratch = grad * grad
        G += scratch
        if self.t > self.warmup:
            np.sqrt(G, out=scratch)
            np.divide(grad, scratch, out=scratch)
            scratch *= self.step
            flat += scratch
