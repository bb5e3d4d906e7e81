"""Wake-sleep (Hinton, Dayan, Frey and Neal, 1995), with which the paper compares: an objective for each network."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import gaussian_log_prob, sample_gaussian
from aevb_np.evaluation import Terms
from aevb_np.method import Method
from aevb_np.model import VAE
from aevb_np.objective import Ascent, prior_precision
from aevb_np.optimizers import Optimizer
from aevb_np.params import Params


class WakeSleep(Method):
    """Awake, the decoder learns from data whose z the encoder guessed; asleep, the encoder learns from dreams.

    Wake: z ~ q(z|x), and theta ascends log p(x, z). Sleep: z ~ p(z), x ~ p(x|z), and phi ascends log q(z|x). The sleep
    phase follows the gradient of -KL(p(z|x) || q(z|x)) over dreams, not of the bound, and so the two phases have no
    common objective. Every datapoint costs as much as with AEVB (section 4).

    Parameters
    ----------
    model, p, optimizer, N, prior
        As for `AEVB`.
    """

    name = title = "wake-sleep"

    def __init__(self, model: VAE, p: Params, optimizer: Optimizer, N: int, prior: str = "all"):
        self.model, self.p = model, p
        self.ascent = Ascent(p, optimizer, N, prior_precision(p, prior))

    def step(self, x: NDArray, index: NDArray, rng: np.random.Generator) -> NDArray:
        """One wake phase and one sleep phase on M dreams; the bound of every datapoint by estimator A, before the step.

        Arguments, result and errors are those of `AEVB.step`.
        """
        p, M = self.p, len(x)
        weight = np.full(M, 1 / M, x.dtype)  # the mean over the minibatch: eq. (8) / N
        self.ascent.begin()

        (mu, log_var), _ = self.model.encoder.forward(p.phi, x)
        z = sample_gaussian(mu, log_var, rng)  # z ~ q(z|x), a constant now
        log_pxz, backward = self.model.log_joint(p.theta, x, z)
        backward(weight, inputs=False)
        log_qz, _ = gaussian_log_prob(z, mu, log_var)
        bound = log_pxz - log_qz  # eq. (6)

        z = self.model.prior.sample((M, self.model.J), rng, x.dtype)  # z ~ p(z)
        dream = self.model.decoder.sample(p.theta, z, rng)  # x ~ p(x|z): bits, or mean + sigma * noise
        _, backward = self.model.encoder.log_prob(p.phi, z, dream)
        backward(weight, inputs=False)

        self.ascent.step(bound)
        return bound

    @classmethod
    def of(cls, config: Any, model: VAE, p: Params, optimizer: Optimizer) -> "WakeSleep":
        """The method with a run's settings."""
        return cls(model, p, optimizer, config.N, config.prior)

    def bound(self, terms: Terms) -> NDArray:
        """The bound by estimator A, as the steps return it.   -> (N,)"""
        return terms.bound_a
