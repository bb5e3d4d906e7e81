"""Estimates of the lower bound, one number per datapoint, whose gradients go through the samples of z. Section 2.3.

The noise is an argument: for given eps an estimate is an ordinary function of theta and phi. eps has L M rows for M
datapoints, sample-major: one draw for every datapoint, then a second draw for every datapoint, and so on.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import gaussian_log_prob
from aevb_np.model import VAE
from aevb_np.numerics import log_mean_exp
from aevb_np.params import Params
from aevb_np.reparameterization import gaussian, repeat, repeat_rows


def sgvb_a(
    model: VAE, theta: Params, phi: Params, x: NDArray, eps: NDArray, fold: Callable | None = None
) -> tuple[NDArray, Callable]:
    """L^A = 1/L sum_l ( log p(x, z_l) - log q(z_l|x) ),   z_l = g(eps_l, x)                     eq. (6)

    x is (M, D), eps is (L M, J), the bound is (M,). `fold` says what becomes of the L samples of a datapoint; it is
    `mean_of_samples` unless another bound is made of the same terms.
    """
    L = samples_per_row(x, eps, model.J)
    (mu, log_var), back_encode = model.encoder.forward(phi, x)  # 1
    (mu, log_var), back_repeat = repeat_rows(mu, log_var, L)  # 2
    z, back_sample = gaussian(mu, log_var, eps)  # 3
    log_pxz, back_joint = model.log_joint(theta, repeat(x, L), z)  # 4
    log_qz, back_log_q = gaussian_log_prob(z, mu, log_var, eps=eps)  # 5
    bound, back_fold = (fold or mean_of_samples)(log_pxz - log_qz, L)  # 6

    def backward(dbound):
        df = back_fold(dbound)  # 6
        dz_q, dmu_q, dlog_var_q = back_log_q(-df)  # 5  log q depends on z and, openly, on mu and log_var
        dz = back_joint(df) + dz_q  # 4
        dmu, dlog_var = back_sample(dz)  # 3
        dmu, dlog_var = back_repeat(dmu + dmu_q, dlog_var + dlog_var_q)  # 2
        back_encode(dmu, dlog_var, inputs=False)  # 1

    return bound, backward


def sgvb_b(model: VAE, theta: Params, phi: Params, x: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """L^B = -KL(q(z|x) || p(z)) + 1/L sum_l log p(x|z_l),   z_l = g(eps_l, x)                   eq. (7)

    With the KL in closed form it has less variance than L^A as a rule. x is (M, D), eps is (L M, J), the bound is (M,).

    See Also
    --------
    aevb_np.written_out.sgvb_b : the same for L = 1 in one piece
    """
    L = samples_per_row(x, eps, model.J)
    (mu, log_var), back_encode = model.encoder.forward(phi, x)  # 1
    kl, back_kl = model.prior.kl(mu, log_var)  # 2
    (mu, log_var), back_repeat = repeat_rows(mu, log_var, L)  # 3
    z, back_sample = gaussian(mu, log_var, eps)  # 4
    log_px, back_decode = model.decoder.log_prob(theta, repeat(x, L), z)  # 5
    log_px, back_mean = mean_of_samples(log_px, L)  # 6
    bound = log_px - kl  # 7

    def backward(dbound):
        dz = back_decode(back_mean(dbound))  # 7 6 5
        dmu_z, dlog_var_z = back_repeat(*back_sample(dz))  # 4 3
        dmu, dlog_var = back_kl(-dbound)  # 7 2
        back_encode(dmu + dmu_z, dlog_var + dlog_var_z, inputs=False)  # 1

    return bound, backward


def importance_weighted(model: VAE, theta: Params, phi: Params, x: NDArray, eps: NDArray) -> tuple[NDArray, Callable]:
    """log 1/K sum_k p(x, z_k) / q(z_k|x),   z_k = g(eps_k, x): a bound that rises to log p(x) with K.

    Estimator A with the mean taken before the logarithm instead of after it (Burda, Grosse and Salakhutdinov, 2016);
    younger than the paper, and the same as estimator A for K = 1. Its gradient weighs the samples by their share of the
    sum. x is (M, D), eps is (K M, J), the bound is (M,).
    """
    return sgvb_a(model, theta, phi, x, eps, fold=log_mean_exp_of_samples)


def score_function(
    model: VAE, theta: Params, phi: Params, x: NDArray, eps: NDArray, baseline: NDArray | float = 0.0
) -> tuple[NDArray, Callable]:
    """Estimator A with the gradient that section 2.2 names only to reject it for its variance.

        grad_phi E_q[f(z)] = E_q[ (f(z) - b) grad_phi log q(z|x) ],   f(z) = log p(x, z) - log q(z|x)

    The samples are taken for constants, and no derivative of f in z is needed; that f depends on phi itself does not
    matter, for E_q[grad_phi log q(z|x)] = 0. A baseline b that does not depend on z (a number, or one for each
    datapoint, (M,)) changes no expectation and can lower the variance. Value and shapes are those of `sgvb_a`; the
    backward is an unbiased estimate of the gradient of its expectation, not the derivative of the value.
    """
    L = samples_per_row(x, eps, model.J)
    (mu, log_var), back_encode = model.encoder.forward(phi, x)  # 1
    (mu, log_var), back_repeat = repeat_rows(mu, log_var, L)  # 2
    z, _ = gaussian(mu, log_var, eps)  # 3
    log_pxz, back_joint = model.log_joint(theta, repeat(x, L), z)  # 4
    log_qz, back_log_q = gaussian_log_prob(z, mu, log_var, eps=eps)  # 5
    f = log_pxz - log_qz
    bound, back_mean = mean_of_samples(f, L)  # 6

    def backward(dbound):
        df = back_mean(dbound)  # 6
        advantage = f - np.tile(np.broadcast_to(np.asarray(baseline, f.dtype), len(x)), L)
        _, dmu, dlog_var = back_log_q(df * advantage)  # 5
        back_joint(df, inputs=False)  # 4
        back_encode(*back_repeat(dmu, dlog_var), inputs=False)  # 2 1  nothing goes through z

    return bound, backward


def mean_of_samples(f: NDArray, L: int) -> tuple[NDArray, Callable]:
    """The mean over the L samples of each datapoint.   (L M,) -> (M,)"""

    def backward(dmean):
        return np.tile(dmean / L, L)

    return f.reshape(L, -1).mean(axis=0), backward


def log_mean_exp_of_samples(f: NDArray, K: int) -> tuple[NDArray, Callable]:
    """log of the mean of exp(f) over the K samples of each datapoint.   (K M,) -> (M,)"""
    folded = f.reshape(K, -1)
    value = log_mean_exp(folded)

    def backward(dvalue):
        return (dvalue / K * np.exp(folded - value)).ravel()  # every sample's share of the sum

    return value, backward


def samples_per_row(x: NDArray, eps: NDArray, J: int) -> int:
    """L, when the noise for M datapoints is (L M, J)."""
    L, rest = divmod(len(eps), max(len(x), 1))
    if rest or not L or eps.shape[1:] != (J,):
        raise ValueError(f"the noise for {len(x)} datapoints is (L * {len(x)}, {J}); got {eps.shape}")
    return L
