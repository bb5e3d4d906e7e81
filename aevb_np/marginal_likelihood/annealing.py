"""Annealed importance sampling: from the prior to the posterior in many small steps. Any J, no encoder. Neal, 2001.

Between the prior p(z) and the posterior lie the densities p(z) p(x|z)^beta, with beta from 0 to 1. A z drawn from the
prior is led along them by HMC. Before each move it gains as much weight as the next density gains on the last one
there. The mean of the weights is p(x) exactly, whether or not the moves keep up; if they do not, the weights vary much.

The logarithm of the mean of a few weights is a lower bound on log p(x), in expectation. And the way back from a draw of
the posterior makes weights whose mean is 1 / p(x): an upper bound.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.hmc import jittered, move, tune
from aevb_np.marginal_likelihood.appendix_d import JITTER, S
from aevb_np.marginal_likelihood.estimate import Estimate, floats, log_mean
from aevb_np.numerics import sigmoid
from aevb_np.params import Params
from aevb_np.reparameterization import repeat
from aevb_np.true_posterior import posterior

STEP = 0.5  # the leapfrog step at the prior, whose width is 1
ROWS = 1000  # rows at a time in which p(x|z) is evaluated


class Sandwich(NamedTuple):
    """log p(x) between two bounds, for data that a model has made itself.

    Attributes
    ----------
    x : array, (M, D)
    lower, upper : Estimate
        Each a bound in expectation; where they meet they are both right.
    """

    x: NDArray
    lower: Estimate
    upper: Estimate


def annealed_importance(
    decoder: Any, theta: Params, x: NDArray, rng: np.random.Generator, T: int = 500, chains: int = 8
) -> Estimate:
    """log p(x) from below: the log of the mean weight of some chains that were led from the prior to p(z|x).

    With 500 steps and 8 chains the sandwich of `bidirectional` closes to a fifth of a nat on MNIST with 20 latent
    dimensions. The error is that of a mean of few weights, to be taken for its order of magnitude. Where one chain is
    most of the sum it is infinite: log p(x) may then be hundreds of nats higher, and a longer way (T) is needed.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
        Or anything else with their `n_in` (J) and `log_prob`.
    theta : Params
        Of the decoder; their gradient is left alone.
    x : array, (M, D)
    rng : Generator
    T : int
        Steps from the prior to the posterior.
    chains : int
        For each datapoint.
    """
    x, betas, steps = prepared(decoder, theta, x, T, chains, rng)
    return combined(*anneal(betas, steps, decoder, theta, x, from_prior(decoder, x, rng), rng), chains)


def bidirectional(
    decoder: Any, theta: Params, M: int, rng: np.random.Generator, T: int = 500, chains: int = 8
) -> Sandwich:
    """log p(x) from below and from above, for M datapoints drawn from the model: how good are T and `chains`?

    Whoever draws z from the prior and then x from p(x|z) holds an exact draw of p(z|x): that z. It is the start of
    the way back (Grosse, Ghahramani and Adams, 2015). All chains of a datapoint start from the one z there is, so
    their spread says too little of the upper bound's error; that of the mean over datapoints is right.

    Parameters
    ----------
    decoder, theta, rng, T, chains
        As for `annealed_importance`.
    M : int
        Datapoints to draw.
    """
    z = rng.standard_normal((M, decoder.n_in), dtype=theta.flat.dtype)
    drawn = decoder.sample(theta, z, rng)
    x, betas, steps = prepared(decoder, theta, drawn, T, chains, rng)
    lower = combined(*anneal(betas, steps, decoder, theta, x, from_prior(decoder, x, rng), rng), chains)
    back = combined(*anneal(betas[::-1], steps[::-1], decoder, theta, x, repeat(z, chains), rng), chains)
    return Sandwich(drawn, lower, Estimate(-back.log_px, back.error, back.acceptance, back.effective))


def prepared(
    decoder: Any, theta: Params, x: NDArray, T: int, chains: int, rng: np.random.Generator
) -> tuple[NDArray, list[float], NDArray]:
    """What both ways share: a row of x for every chain, the betas and the steps."""
    if chains < 1:
        raise ValueError(f"the chains of each datapoint are 1 or more; got {chains}")
    x, betas = repeat(floats(x, theta), chains), schedule(T)
    return x, betas, tuned_steps(decoder, theta, x, betas, rng)


def schedule(T: int) -> list[float]:
    """beta_0 = 0 < ... < beta_T = 1, along a sigmoid from -4 to 4.

    At the prior the likelihood varies by hundreds of nats from z to z, so the first steps have to be small, and the
    last ones too, where the posterior is narrowest.
    """
    if T < 2:
        raise ValueError(f"T, the steps from the prior to the posterior, is 2 or more; got {T}")
    s = sigmoid(np.linspace(-4, 4, T + 1))
    return ((s - s[0]) / (s[-1] - s[0])).tolist()  # Python floats leave float32 arrays as they are


def anneal(
    betas: list[float], steps: NDArray, decoder: Any, theta: Params, x: NDArray, z: NDArray, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Weigh, move, weigh, move, ..., weigh: from the density of betas[0] to that of betas[-1].

        log w = sum_t (beta_t - beta_t-1) log p(x|z_t-1),   z_t = a move of z_t-1 that keeps p(z) p(x|z)^beta_t

    z must be a draw at betas[0]. There is a move at every beta but the first and the last: after the last weight
    nothing looks at z. So with betas and steps in reverse the same lines make the same moves in reverse, each its own
    way back since HMC is reversible, and log w changes its sign: the mean of w, which was p(x), is 1 / p(x).

    Parameters
    ----------
    betas : list of T + 1 floats
        0 ... 1, or 1 ... 0.
    steps : array, (T + 1, C, 1)
        The leapfrog step of every chain at every beta. Chosen beforehand: a step that follows its own chain would make
        a move that keeps no density.
    decoder, theta
        As for `annealed_importance`.
    x : array, (C, D)
        One datapoint for every chain.
    z : array, (C, J)
        Where the chains start.
    rng : Generator

    Returns
    -------
    log_w : array, (C,)
    acceptance : array, (C,)
        The share of moves that were accepted.
    """
    log_w, accepted = np.zeros((2, len(z)))
    T = len(betas) - 1
    for t in range(1, T + 1):
        log_w += (betas[t] - betas[t - 1]) * log_likelihood(decoder, theta, x, z)
        if t < T:
            z, taken, _ = move(posterior(decoder, theta, x, betas[t]), z, jittered(steps[t], rng, JITTER), S, rng)
            accepted += taken
    return log_w, accepted / (T - 1)


def tuned_steps(decoder: Any, theta: Params, x: NDArray, betas: list[float], rng: np.random.Generator) -> NDArray:
    """A leapfrog step for every chain at every beta, tuned on a walk of which nothing else is kept.   (T + 1, C, 1)"""
    z = from_prior(decoder, x, rng)
    steps = np.full((len(betas), len(z), 1), STEP, z.dtype)
    for t in range(1, len(betas)):
        z, accepted, _ = move(posterior(decoder, theta, x, betas[t]), z, jittered(steps[t - 1], rng, JITTER), S, rng)
        steps[t] = tune(steps[t - 1], accepted)
    return steps


def from_prior(decoder: Any, x: NDArray, rng: np.random.Generator) -> NDArray:
    """z ~ p(z), one for every row of x."""
    return rng.standard_normal((len(x), decoder.n_in), dtype=x.dtype)


def log_likelihood(decoder: Any, theta: Params, x: NDArray, z: NDArray) -> NDArray:
    """log p(x|z), one number per row."""
    blocks = [slice(start, start + ROWS) for start in range(0, len(z), ROWS)]
    return np.concatenate([decoder.log_prob(theta, x[rows], z[rows])[0] for rows in blocks])


def combined(log_w: NDArray, acceptance: NDArray, chains: int) -> Estimate:
    """The chains of each datapoint as one.   (chains M,) -> (M,)"""
    log_px, error, effective = log_mean(log_w.reshape(chains, -1))
    return Estimate(log_px, error, acceptance.reshape(chains, -1).mean(axis=0), effective)
