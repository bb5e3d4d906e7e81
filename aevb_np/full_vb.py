"""Full variational Bayes: the decoder's parameters have a posterior, too, learned as that of z is. Appendix F.

The prior is p(theta) = N(0, I), and q(theta) = N(mean, sigma^2 I) with the mean in `p.theta` and log sigma^2 in
`p.theta_log_var`. The encoder's parameters phi stay numbers: they parametrise the approximation, not the model.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import gaussian_kl, gaussian_log_prob, sample_gaussian, standard_normal_log_prob
from aevb_np.estimators import sgvb_a, sgvb_b
from aevb_np.evaluation import Images, Moment, Row
from aevb_np.method import Method
from aevb_np.model import VAE
from aevb_np.objective import Ascent, prior_precision
from aevb_np.optimizers import Optimizer
from aevb_np.params import Params
from aevb_np.reparameterization import gaussian

LOG_VAR_START = -10.0  # sigma = 0.007: a start that knows theta nearly as well as AEVB thinks it does


def full_a(model: VAE, p: Params, x: NDArray, eps: NDArray, zeta: NDArray) -> tuple[tuple, Callable]:
    """f = N ( log p(x, z) - log q(z|x) ) + log p(theta) - log q(theta),   theta = h(zeta)           eq. (21)

    In two parts: estimator A of every datapoint's bound at this theta, (M,), and one draw of the KL of theta, (1,). f
    is N times the former less the latter. zeta is (1, P) for the P parameters of the decoder.
    """
    mean, log_var = p.theta.flat[None], p.theta_log_var.flat[None]  # (1, P)
    row, back_theta = gaussian(mean, log_var, zeta)  # 1
    theta = Params(model.decoder.shapes, row[0])
    bound, back_bound = sgvb_a(model, theta, p.phi, x, eps)  # 2
    log_p, back_log_p = standard_normal_log_prob(row)  # 3
    log_q, back_log_q = gaussian_log_prob(row, mean, log_var)  # 4
    kl = log_q - log_p  # 5

    def backward(dbound, dkl):
        drow, dmean_q, dlog_var_q = back_log_q(dkl)  # 5 4  log q depends on theta and, openly, on mean and log_var
        drow = drow + back_log_p(-dkl)  # 5 3
        theta.grad[:] = 0
        back_bound(dbound)  # 2
        dmean, dlog_var = back_theta(theta.grad[None] + drow)  # 1
        p.theta.grad += (dmean + dmean_q)[0]
        p.theta_log_var.grad += (dlog_var + dlog_var_q)[0]

    return (bound, kl), backward


def full_b(model: VAE, p: Params, x: NDArray, eps: NDArray, zeta: NDArray) -> tuple[tuple, Callable]:
    """The same with both KLs in closed form, by the same function: that of z and that of theta.      eq. (24)"""
    mean, log_var = p.theta.flat[None], p.theta_log_var.flat[None]  # (1, P)
    row, back_theta = gaussian(mean, log_var, zeta)  # 1
    theta = Params(model.decoder.shapes, row[0])
    bound, back_bound = sgvb_b(model, theta, p.phi, x, eps)  # 2
    kl, back_kl = gaussian_kl(mean, log_var)  # 3

    def backward(dbound, dkl):
        dmean_kl, dlog_var_kl = back_kl(dkl)  # 3
        theta.grad[:] = 0
        back_bound(dbound)  # 2
        dmean, dlog_var = back_theta(theta.grad[None])  # 1
        p.theta.grad += (dmean + dmean_kl)[0]
        p.theta_log_var.grad += (dlog_var + dlog_var_kl)[0]

    return (bound, kl), backward


class FullVB(Method):
    """Algorithm 2 on minibatches: stochastic gradient ascent on the bound of log p(X), in q(theta) and phi together.

    Every step draws one theta for its whole minibatch. What it ascends is eq. (22) divided by N: the mean over the
    minibatch of the bound, less 1/N KL(q(theta) || p(theta)). That KL is the pull of the prior on theta.

    Parameters
    ----------
    model, optimizer, N, L
        As for `AEVB`.
    p : Params
        mean and log-variance of q(theta), and phi; made by `init`, changed in place.
    estimator : {full_a, full_b}
    prior : {"all", "weights", "none"}
        What of phi the prior N(0, I) of section 5 lies on.
    """

    name, title = "full-vb", "full variational Bayes"
    settings = ("estimator", "draws")
    marginal_remark = "log p(x) is at the mean of q(theta); the bound is the mean over draws from q(theta)"

    def __init__(
        self,
        model: VAE,
        p: Params,
        optimizer: Optimizer,
        N: int,
        L: int = 1,
        estimator: Callable = full_b,
        prior: str = "all",
    ):
        self.model, self.p, self.N, self.L, self.estimator = model, p, N, L, estimator
        precision = Params(p.shapes, np.zeros_like(p.flat))
        precision.phi.flat[:] = prior_precision(p.phi, prior)
        self.ascent = Ascent(p, optimizer, N, precision.flat)

    def step(self, x: NDArray, index: NDArray, rng: np.random.Generator) -> NDArray:
        """One turn of the loop; the bound of every datapoint at the theta drawn, before the step, without theta's KL.

        Arguments, result and errors are those of `AEVB.step`; rng draws eps, then zeta.
        """
        p, M = self.p, len(x)
        eps = rng.standard_normal((self.L * M, self.model.J), dtype=x.dtype)
        zeta = rng.standard_normal((1, p.theta.flat.size), dtype=x.dtype)
        self.ascent.begin()
        (bound, kl), backward = self.estimator(self.model, p, x, eps, zeta)
        backward(np.full(M, 1 / M, x.dtype), np.full(1, -1 / self.N, x.dtype))  # eq. (22) / N
        self.ascent.step(bound)
        return bound

    @classmethod
    def of(cls, config: Any, model: VAE, p: Params, optimizer: Optimizer) -> "FullVB":
        """The method with a run's settings: eq. (21) or eq. (24)."""
        estimator = {"A": full_a, "B": full_b}[config.estimator]
        return cls(model, p, optimizer, config.N, config.draws, estimator, config.prior)

    @staticmethod
    def start(model: VAE, rng: np.random.Generator, dtype: Any, start: str = "paper") -> Params:
        """The parameters before the first step, by `init`."""
        return init(model, rng, dtype, start)

    def theta(self, rng: np.random.Generator) -> Params:
        """theta ~ q(theta), once for all images that are evaluated together."""
        return draw_theta(self.model, self.p, rng)

    def row(self, at: Moment, images: Images) -> Row:
        """The bounds, and beside them KL(q(theta) || p(theta)) / N, which they do not contain."""
        return dataclasses.replace(super().row(at, images), theta_kl=theta_kl(self.p) / self.N)

    def remarks(self, repeats: int) -> Iterator[str]:
        """What the bounds do not contain, and that theta is drawn for each of the repeats."""
        yield f"KL(q(theta) || p(theta)) / N, not in the bound: {theta_kl(self.p) / self.N:.2f}"
        yield f"Each of the {repeats} repeats has a theta of its own, drawn from q(theta)."


def init(model: VAE, rng: np.random.Generator, dtype: Any = np.float32, start: str = "paper") -> Params:
    """The start: means of q(theta) and phi as `VAE.init` draws them, log sigma^2 = -10."""
    plain = model.init(rng, dtype, start)
    shapes = {"theta": model.decoder.shapes, "theta_log_var": model.decoder.shapes, "phi": model.encoder.shapes}
    p = Params(shapes, dtype=dtype)
    p.theta.flat[:], p.theta_log_var.flat[:], p.phi.flat[:] = plain.theta.flat, LOG_VAR_START, plain.phi.flat
    return p


def draw_theta(model: VAE, p: Params, rng: np.random.Generator) -> Params:
    """theta ~ q(theta): one decoder to predict with."""
    return Params(model.decoder.shapes, sample_gaussian(p.theta.flat, p.theta_log_var.flat, rng))


def theta_kl(p: Params) -> float:
    """KL(q(theta) || p(theta)), in nats for all of the data."""
    kl, _ = gaussian_kl(p.theta.flat[None].astype(np.float64), p.theta_log_var.flat[None].astype(np.float64))
    return float(kl[0])
