"""Facts of the mathematics that no gradient check can see: of the sampler, of the bound, of the batch.

What is random is judged by its distance in standard errors: a right program is more than 4 off once in 16,000 times, a
wrong one is 20 off.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.report import VALUE, Finding, Report
from aevb_np.distributions import gaussian_log_prob, standard_normal_log_prob
from aevb_np.estimators import importance_weighted, sgvb_a, sgvb_b
from aevb_np.model import VAE
from aevb_np.params import Params
from aevb_np.reparameterization import repeat

TOO_FAR = 6.0  # standard errors; by chance once in 500 million times
DRAWS = 20_000
NODES = 60


def distance(samples: NDArray, truth: NDArray | float = 0.0) -> float:
    """How many standard errors the mean over the rows is from the truth; the largest where there are several means."""
    error = samples.std(axis=0, ddof=1) / math.sqrt(len(samples))
    difference = np.abs(samples.mean(axis=0) - truth)
    return float(np.max(np.divide(difference, error, out=np.where(difference < 1e-12, 0.0, np.inf), where=error > 0)))


def check_sampler(sample: Callable, kl: Callable | None = None, J: int = 5, seed: int = 0) -> Report:
    """Does sample(mu, log_var, eps) draw from N(mu, exp(log_var)), and is kl(mu, log_var) its KL to the prior?

    Parameters
    ----------
    sample : callable
        z for mu and log_var of shape (rows, J) and standard normal eps.
    kl : callable, optional
        The KL, a number for each row, or their sum.

    Returns
    -------
    Report

    Examples
    --------
    >>> check_sampler(lambda mu, log_var, eps: mu + np.exp(log_var / 2) * eps).verdict
    'right'
    >>> check_sampler(lambda mu, log_var, eps: mu + np.exp(log_var) * eps).top.label
    'sampler:variance'
    """
    rng = np.random.default_rng(seed)
    mu, log_var = rng.standard_normal((2, 1, J))
    z = sample(repeat(mu, DRAWS), repeat(log_var, DRAWS), rng.standard_normal((DRAWS, J)))
    report = Report(asked=(VALUE,))
    variance = np.exp(log_var[0])
    for moment, numbers, truth in (("mean", z, mu[0]), ("variance", (z - mu) ** 2, variance)):
        far = distance(numbers, truth)
        report.notes.append(f"the {moment} of {DRAWS:,} samples is {errors(far)} off")
        if far > TOO_FAR:
            report.add(fault(moment, far, f"the samples' {moment} is not {MOMENTS[moment]}" + guess(z - mu, variance)))
    if kl is not None:
        claimed = float(np.sum(kl(mu, log_var)))
        log_ratio = gaussian_log_prob(z, repeat(mu, DRAWS), repeat(log_var, DRAWS))[0] - standard_normal_log_prob(z)[0]
        far = distance(log_ratio, claimed)
        report.notes.append(f"claimed KL {claimed:.3f}, sampled {log_ratio.mean():.3f}: {errors(far)} apart")
        if far > TOO_FAR:
            report.add(
                fault("kl", far, f"the KL is said to be {claimed:.3f}; E[log q - log p] is {log_ratio.mean():.3f}")
            )
    return report


def errors(far: float) -> str:
    """A distance in words; where all samples are the same there is no error to count in."""
    return f"{far:.1f} standard errors" if far < 1000 else "more than 1,000 standard errors"


MOMENTS = {"mean": "mu", "variance": "exp(log_var)"}


def guess(noise: NDArray, variance: NDArray) -> str:
    """What the samples' standard deviation is instead, if it is something simple."""
    deviation = noise.std(axis=0)
    others = {"exp(log_var)": variance, "log_var": np.abs(np.log(variance)), "1": np.ones_like(variance),
              "exp(-log_var / 2)": variance**-0.5, "exp(log_var / 4)": variance**0.25}  # fmt: skip
    for name, other in others.items():
        if np.allclose(deviation, other, rtol=0.05):
            return f"; the standard deviation seems to be {name}, it should be exp(log_var / 2)"
    return ""


def fault(label: str, far: float, text: str) -> Finding:
    """A finding about the sampler."""
    return Finding(
        f"sampler:{label}",
        "what is drawn",
        "a wrong distribution",
        f"{text} ({errors(far)} off)",
        part="sampler",
    )


class Order(NamedTuple):
    """Expectations over the noise for every row, by quadrature: they must stand in this order."""

    bound: NDArray
    importance_weighted: NDArray
    log_px: NDArray


def order_of_bounds(model: VAE, p: Params, x: NDArray) -> Order:
    """E[L^B] <= E[importance-weighted bound, K = 2] <= log p(x), for J = 1, without sampling error."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()  # sum_k weights_k f(nodes_k) = E f(eps), eps ~ N(0, 1)
    M, pairs = len(x), np.array([(a, b) for a in nodes for b in nodes])
    bound = weights @ each(sgvb_b, model, p, x, nodes[:, None])
    two = np.outer(weights, weights).ravel() @ each(importance_weighted, model, p, x, pairs)
    log_px, _ = model.decoder.log_prob(p.theta, repeat(x, NODES), np.repeat(nodes, M)[:, None])
    return Order(bound, two, np.log(weights @ np.exp(log_px.reshape(NODES, M))))


def each(estimator: Callable, model: VAE, p: Params, x: NDArray, eps: NDArray) -> NDArray:
    """The estimate for every row of x with every row of eps (K numbers that serve as K samples).   (E, M)"""
    return np.stack([estimator(model, p.theta, p.phi, x, np.repeat(one, len(x))[:, None])[0] for one in eps])


def a_minus_b(model: VAE, p: Params, x: NDArray, rng: np.random.Generator, draws: int = 4000) -> float:
    """E[L^A] = E[L^B]: the distance of the mean difference from 0, in standard errors."""
    eps = rng.standard_normal((draws * len(x), model.J))
    a, b = (e(model, p.theta, p.phi, repeat(x, draws), eps)[0].reshape(draws, -1) for e in (sgvb_a, sgvb_b))
    return distance(a - b)
