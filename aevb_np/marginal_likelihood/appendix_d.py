"""Appendix D: log p(x) from draws of the posterior. Reliable in few latent dimensions; the paper says fewer than 5.

Every density integrates to one. So for any density q, with p(z|x) = p(x, z) / p(x),

    1 / p(x) = int q(z) / p(x) dz = int p(z|x) q(z) / p(x, z) dz = E[ q(z) / p(x, z) ],   z ~ p(z|x).

The terms of this mean hardly vary if q looks like the posterior. So q is fitted to draws from it, the first L of a
Markov chain, and the next L are the z of the mean. It must not be the same draws: q is always too high on those that
it was fitted to.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np import hmc
from aevb_np.marginal_likelihood.densities import DENSITIES
from aevb_np.marginal_likelihood.estimate import Estimate, floats, log_mean, split_r_hat
from aevb_np.params import Params
from aevb_np.reparameterization import repeat
from aevb_np.true_posterior import posterior

S = 4  # leapfrog steps of a move, as in Appendix E for its figure
# In two dimensions four steps at an acceptance of 0.9 lead most of the way round the bowl, to near where they started.
# Steps of very different lengths and two moves for every draw make draws that resemble their neighbours little; it
# halves the error.
MOVES, JITTER = 2, 0.5
APART = 1.2  # split R-hat above which the halves of a chain were not in the same place


def appendix_d(
    decoder: Any,
    theta: Params,
    x: NDArray,
    z: NDArray,
    rng: np.random.Generator,
    L: int = 50,
    burn_in: int = 50,
    density: str = "gaussian",
) -> Estimate:
    """log p(x) = -log 1/L sum_l q(z_l) / p(x, z_l),   z_l ~ p(z|x) by HMC, q fitted to L draws before these.

    It can be off in both directions. Too low: a chain knows nothing of hills that it never climbed. Where the posterior
    has several and z starts on one of them, the logarithm of that one's share is missing, and the error does not tell.
    Too high: where a chain changes hills between the draws that q is fitted to and those of the mean, q is small on all
    of these. Then its halves differ, and the error is infinite where their split R-hat is above 1.2. The start matters
    most: on a model of MNIST with two latent dimensions 2 % of the test images are low by more than a nat from the
    encoder's means, none from `starts`.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
        Or anything else with their `n_in` (J) and `log_prob`.
    theta : Params
        Of the decoder; their gradient is left alone.
    x : array, (M, D)
    z : array, (M, J)
        Where the chains start: the encoder's means, the chains of MCEM, or `starts`, which take eight times as long to
        find as all the rest takes.
    rng : Generator
    L : int
        Draws to fit q to, and draws for the mean. Two moves are made for each.
    burn_in : int
        Moves before the first draw; they tune the steps.
    density : {"gaussian", "kde"}
        q: see `densities`.

    Returns
    -------
    Estimate
        With the share of accepted moves, the effective number of weights and the split R-hat. Infinitely uncertain
        where a chain never moved, where its halves differ, or where fewer than two weights make the mean.
    """
    if density not in DENSITIES:
        raise ValueError(f"the density that is fitted is one of {', '.join(DENSITIES)}; got {density!r}")
    target = posterior(decoder, theta, floats(x, theta))
    draws = hmc.sample(target, z, S, burn_in, 2 * L * MOVES, rng, jitter=JITTER)
    z, log_pxz = draws.z[MOVES - 1 :: MOVES], draws.log_p[MOVES - 1 :: MOVES]  # (2 L, M, J), (2 L, M)
    log_q = DENSITIES[density](z[:L])
    log_w = log_q(z[L:]) - log_pxz[L:]
    log_mean_w, error, effective = log_mean(log_w, correlation_time(log_w))
    r_hat = split_r_hat(np.concatenate([z, log_pxz[:, :, None]], axis=2))
    error = np.where((draws.acceptance > 0) & (r_hat < APART), error, np.inf)
    return Estimate(-log_mean_w, error, draws.acceptance, effective, r_hat=r_hat)


def correlation_time(log_w: NDArray) -> float:
    """How many neighbouring weights of a chain say as much as one on its own.   (L, M) -> tau, 1 or more

        tau = 1 + 2 (rho_1 + rho_2 + ...),   rho_k the correlation of weights k apart

    A chain of 50 cannot tell its own rho from noise, so rho is the mean over the chains of all datapoints, each with
    its own variance taken out. Distant k add only noise to the sum. In a reversible chain rho_2k + rho_2k+1 is positive
    and falls, so the sum ends at the first pair that is not positive (Geyer, 1992).
    """
    L = len(log_w)
    w = np.exp(log_w - log_w.max(axis=0), dtype=np.float64)
    d = w - w.mean(axis=0)
    norm = np.linalg.norm(d, axis=0)
    d = d[:, norm > 0] / norm[norm > 0]  # without chains that stood still
    if d.size == 0:
        return 1.0
    lags = np.arange(L - L % 2)
    rho = np.array([(d[k:] * d[: L - k]).sum(axis=0).mean() for k in lags])
    tau = 1.0
    # The mean of a chain is nearer to its draws than the true mean, and that makes every rho too small, by tau / L if
    # rho is near 0. As it takes tau to tell tau, go round three times.
    for _ in range(3):
        pairs = (rho + (1 - rho) * (1 - lags / L) * min(1, tau / L)).reshape(-1, 2).sum(axis=1)
        tau = max(1.0, 2 * float(pairs[np.cumprod(pairs > 0) > 0].sum()) - 1)
    return tau


def starts(
    decoder: Any, theta: Params, x: NDArray, rng: np.random.Generator, chains: int = 10, burn_in: int = 200
) -> NDArray:
    """A z for every datapoint from which HMC can start, without an encoder.   (M, D) -> (M, J)

    Several chains start at draws from the prior and make `burn_in` moves each. The best is the one that ends at the
    largest log p(x, z). A single one is not enough: with three latent dimensions a fifth of MNIST's images end on a
    hill that is more than a nat too low, some by hundreds.
    """
    if chains < 1:
        raise ValueError(f"the chains that start from the prior are 1 or more for each datapoint; got {chains}")
    x = floats(x, theta)
    z = rng.standard_normal((chains * len(x), decoder.n_in), dtype=x.dtype)
    draws = hmc.sample(posterior(decoder, theta, repeat(x, chains)), z, S, burn_in, 1, rng, jitter=JITTER)
    best = draws.log_p[0].reshape(chains, -1).argmax(axis=0)  # (M,)
    return draws.z[0].reshape(chains, len(x), -1)[best, np.arange(len(x))]
