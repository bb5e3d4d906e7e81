"""Monte Carlo EM, with which the paper compares: z from its true posterior, by HMC, at HMC's pace. Appendix E."""

import numpy as np
from numpy.typing import NDArray

from aevb_np.hmc import jittered, move, tune
from aevb_np.model import VAE
from aevb_np.objective import Ascent, prior_precision
from aevb_np.optimizers import Optimizer
from aevb_np.params import Params
from aevb_np.posterior import posterior

LEAPFROGS = 10  # in a move
UPDATES = 5  # of theta after each move


class MCEM:
    """E: every chain takes one HMC move towards p(z|x). M: theta ascends log p(x, z) at the chains, five times.

    Each datapoint has a chain of its own, which goes on from where its last turn left it, with a step size of its own.
    theta moves, so the steps are tuned at every move and never frozen. There is no encoder: phi stays as it is.

    Parameters
    ----------
    model, p, optimizer, N, prior
        As for `AEVB`.
    rng : Generator
        Draws where the chains start: from the prior, which is nearly the posterior as long as theta is small.

    Attributes
    ----------
    z : array, (N, J)
        The chains.
    steps : array, (N, 1)
        Their steps.
    moves : array, (2,)
        Moves accepted and moves tried since somebody set them to zero.
    """

    def __init__(
        self, model: VAE, p: Params, optimizer: Optimizer, N: int, rng: np.random.Generator, prior: str = "all"
    ):
        self.model, self.p = model, p
        self.ascent = Ascent(p.theta, optimizer, N, prior_precision(p.theta, prior))
        self.z = rng.standard_normal((N, model.J)).astype(p.flat.dtype)
        self.steps = np.full((N, 1), 0.1, p.flat.dtype)
        self.moves = np.zeros(2)

    def step(self, x: NDArray, index: NDArray, rng: np.random.Generator) -> NDArray:
        """One move and five updates; log p(x, z) of every datapoint after the move, before the updates.

        That is no bound on anything: a bound needs q(z|x). Arguments are those of `AEVB.step`; `index` says whose
        chains these are.

        Raises
        ------
        FloatingPointError
            Where a number is not finite any more. The chains have moved by then, and so may theta have, in the updates
            before.
        """
        p, M = self.p, len(x)
        weight = np.full(M, 1 / M, x.dtype)  # the mean over the minibatch: eq. (8) / N

        steps = self.steps[index]
        target = posterior(self.model.decoder, p.theta, x)
        z, accepted, log_pxz = move(target, self.z[index], jittered(steps, rng), LEAPFROGS, rng)
        self.z[index], self.steps[index] = z, tune(steps, accepted)
        self.moves += accepted.sum(), M

        for _ in range(UPDATES):
            self.ascent.begin()
            log_p, backward = self.model.log_joint(p.theta, x, z)
            backward(weight, inputs=False)
            self.ascent.step(log_p)
        return log_pxz
