"""Monte Carlo EM, with which the paper compares: z from its true posterior, by HMC, at HMC's pace. Appendix E."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aevb_np import evaluation
from aevb_np.evaluation import EVALUATED, Images, Moment
from aevb_np.hmc import jittered, move, tune
from aevb_np.method import Method
from aevb_np.model import VAE
from aevb_np.objective import Ascent, prior_precision
from aevb_np.optimizers import Optimizer
from aevb_np.params import Params
from aevb_np.streams import stream
from aevb_np.true_posterior import posterior

LEAPFROGS = 10  # in a move
UPDATES = 5  # of theta after each move
WHOLE = 1000  # training points up to which all of them are one batch


@dataclass(frozen=True)
class JointRow:
    """One row of the history of Monte Carlo EM, in nats per training image. There is no bound: it has no encoder.

    `log_joint` is the mean of log p(x, z) at the chains, with the parameters of the row; `log_joint_running` that
    of the steps since the row before. It lies neither above nor below log p(x) by any rule.
    """

    step: int
    samples: int
    log_joint_running: float
    log_joint: float
    acceptance: float

    running: ClassVar[str] = "log p(x, z) at the moves"
    lines: ClassVar[dict[str, str]] = {"log p(x, z) at the chains": "log_joint"}
    measures: ClassVar[str] = "log p(x, z), no bound (nats per image)"

    def __str__(self):
        return f"{self.samples:>11,} samples   {self.result}"

    @property
    def brief(self) -> str:
        """log p(x, z), and the share of moves accepted."""
        return f"log p(x, z) at the chains {self.log_joint:.1f}, acceptance {self.acceptance:.2f}"

    @property
    def result(self) -> str:
        """The same as a sentence."""
        return (
            f"log p(x, z) {self.log_joint:.2f} nats per training image at the chains (no bound: there is no encoder); "
            f"acceptance of their moves {self.acceptance:.3f}"
        )


class MCEM(Method):
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

    name, title = "mcem", "Monte Carlo EM"
    updates = UPDATES
    has_encoder = False
    kept = ("z", "steps", "moves")
    row_kind = JointRow

    def __init__(
        self, model: VAE, p: Params, optimizer: Optimizer, N: int, rng: np.random.Generator, prior: str = "all"
    ):
        self.model, self.p = model, p
        self.ascent = Ascent(p.theta, optimizer, N, prior_precision(p.theta, prior))
        self.z = model.prior.sample((N, model.J), rng, np.float64).astype(p.flat.dtype)
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
        target = posterior(self.model.decoder, p.theta, x, prior=self.model.prior)
        z, accepted, log_pxz = move(target, self.z[index], jittered(steps, rng), LEAPFROGS, rng)
        self.z[index], self.steps[index] = z, tune(steps, accepted)
        self.moves += accepted.sum(), M

        for _ in range(UPDATES):
            self.ascent.begin()
            log_p, backward = self.model.log_joint(p.theta, x, z)
            backward(weight, inputs=False)
            self.ascent.step(log_p)
        return log_pxz

    @classmethod
    def of(cls, config: Any, model: VAE, p: Params, optimizer: Optimizer) -> "MCEM":
        """The method with a run's settings; the chains start from a stream of their own."""
        return cls(model, p, optimizer, config.N, stream("hmc", config.seed), config.prior)

    @staticmethod
    def minibatch(N: int) -> int:
        """All training points at a time if they are few, else 100."""
        return N if N <= WHOLE else 100

    def row(self, at: Moment, images: Images) -> JointRow:
        """log p(x, z) now, at the chains of the first training images, and how the moves went since the last row."""
        x_blocks = images.blocks("train", images.noise(at.step), EVALUATED)
        log_joint = evaluation.log_joint(self.model, self.p.theta, x_blocks, self.z)
        evaluation.check_finite(log_joint, "log p(x, z) of {} training images")
        accepted, tried = self.moves
        self.moves[:] = 0
        return JointRow(
            step=at.step,
            samples=at.samples,
            log_joint_running=at.running,
            log_joint=evaluation.mean(log_joint),
            acceptance=float(accepted / tried),
        )

    def chains(self, n: int) -> NDArray:
        """The chains, which have been near the posteriors of the training images all the time.   -> (n, J)"""
        return self.z[:n]
