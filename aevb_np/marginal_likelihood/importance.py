"""Importance sampling from the encoder: quick, for any J, and only as good as q(z|x) resembles p(z|x)."""

import numpy as np
from numpy.typing import NDArray

from aevb_np.estimators import sgvb_a
from aevb_np.marginal_likelihood.estimate import HEAVY, Estimate, floats, log_mean, pareto_k, tail
from aevb_np.model import VAE
from aevb_np.params import Params

ROWS = 1000  # pairs of a datapoint and a sample at a time: a few megabytes for 784 pixels


def importance_sampling(
    model: VAE, theta: Params, phi: Params, x: NDArray, K: int, rng: np.random.Generator
) -> Estimate:
    """log 1/K sum_k p(x, z_k) / q(z_k|x),   z_k ~ q(z|x): `estimators.importance_weighted` for any K.

    Its expectation is a lower bound that rises to log p(x) with K. Where the encoder's q is too narrow it rises
    slowly. The largest weights tell: where their Pareto k may be above 0.5, or fewer than two samples make the sum,
    the error is infinite. Of a hill of the posterior that q does not reach no weight tells, for none was drawn there.

    Parameters
    ----------
    model : VAE
    theta, phi : Params
        Of its decoder and of its encoder.
    x : array, (M, D)
    K : int
        Samples of z for each datapoint.
    rng : Generator
        Draws the noise of one datapoint after the other, so that blocks make no difference to the numbers.
    """
    if K < 1:
        raise ValueError(f"K, the samples of each datapoint, is 1 or more; got {K}")
    x, images = floats(x, theta), max(1, ROWS // K)
    blocks = (log_weights(model, theta, phi, x[i : i + images], K, rng) for i in range(0, len(x), images))
    log_px, error, effective, k = np.concatenate([(*log_mean(log_w), pareto_k(log_w)) for log_w in blocks], axis=1)
    heavy = k + (1 + k) / np.sqrt(tail(K)) > HEAVY  # with the standard error of k itself
    return Estimate(log_px, np.where(heavy, np.inf, error), effective=effective, k=k)


def log_weights(model: VAE, theta: Params, phi: Params, x: NDArray, K: int, rng: np.random.Generator) -> NDArray:
    """log p(x, z_k) - log q(z_k|x) for all samples of a few datapoints: the terms of `sgvb_a`, not folded.   (K, M)"""
    parts = []
    for start in range(0, K, ROWS):
        k = min(ROWS, K - start)
        eps = rng.standard_normal((len(x), k, model.J), dtype=x.dtype)
        eps = np.moveaxis(eps, 1, 0).reshape(-1, model.J)  # drawn by datapoint, wanted by sample
        parts.append(sgvb_a(model, theta, phi, x, eps, fold=lambda f, k: (f.reshape(k, -1), None))[0])
    return np.concatenate(parts)
