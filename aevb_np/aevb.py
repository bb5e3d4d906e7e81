"""Auto-Encoding Variational Bayes: Algorithm 1, one step at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.estimators import sgvb_a, sgvb_b
from aevb_np.method import Method
from aevb_np.model import VAE
from aevb_np.objective import Ascent, prior_precision
from aevb_np.optimizers import Optimizer
from aevb_np.params import Params


class AEVB(Method):
    """Stochastic gradient ascent on the bound, in theta and phi together.

    What it ascends is eq. (8) divided by N, with the prior on the parameters (section 5): the mean over the minibatch
    of the bound, plus 1/N log p(theta, phi).

    Parameters
    ----------
    model : VAE
    p : Params
        theta and phi, changed in place.
    optimizer : Optimizer
    N : int
        Datapoints in the training set.
    L : int
        Samples of z for each datapoint.
    estimator : function
        One of `estimators`: sgvb_b, sgvb_a, importance_weighted, score_function.
    prior : {"all", "weights", "none"}
        What the prior N(0, I) lies on.
    free : Params, optional
        What is moved: all of p unless told otherwise. With `p.phi` an encoder is fitted to a decoder that is given,
        and the gradient of theta piles up unused.

    Examples
    --------
    >>> from aevb_np.optimizers import Adagrad
    >>> from aevb_np.streams import stream
    >>> model = VAE.bernoulli(D=6, H=5, J=2)
    >>> aevb = AEVB(model, model.init(stream("init", 0)), Adagrad(step=0.1), N=3)
    >>> x = np.eye(3, 6, dtype=np.float32)
    >>> for t in range(200):
    ...     bound = aevb.step(x, np.arange(3), stream("noise", 0, t))
    >>> bound.shape
    (3,)
    """

    name, title = "aevb", "AEVB"
    settings = ("estimator", "draws", "freeze")

    def __init__(
        self,
        model: VAE,
        p: Params,
        optimizer: Optimizer,
        N: int,
        L: int = 1,
        estimator: Callable = sgvb_b,
        prior: str = "all",
        free: Params | None = None,
    ):
        if L < 1:
            raise ValueError(f"L, the samples of z for each datapoint, is 1 or more; got {L}")
        self.model, self.p, self.L, self.estimator = model, p, L, estimator
        free = p if free is None else free
        self.ascent = Ascent(free, optimizer, N, prior_precision(free, prior))

    def step(self, x: NDArray, index: NDArray, rng: np.random.Generator) -> NDArray:
        """One turn of the loop: a minibatch in, the parameters moved, the bound of every datapoint out.

        Parameters
        ----------
        x : array, (M, D)
            The minibatch.
        index : array of int, (M,)
            Which datapoints they are; AEVB keeps nothing per datapoint and does not look.
        rng : Generator
            Draws eps.

        Returns
        -------
        bound : array, (M,)
            In nats, at the parameters before the step, without the prior on the parameters.

        Raises
        ------
        FloatingPointError
            Where a number is not finite any more; if it is the bound or the gradient, the parameters are as they were.
        """
        p, M = self.p, len(x)
        eps = rng.standard_normal((self.L * M, self.model.J), dtype=x.dtype)
        self.ascent.begin()
        bound, backward = self.estimator(self.model, p.theta, p.phi, x, eps)
        backward(np.full(M, 1 / M, x.dtype))  # the mean over the minibatch: eq. (8) / N
        self.ascent.step(bound)
        return bound

    @classmethod
    def of(cls, config: Any, model: VAE, p: Params, optimizer: Optimizer) -> "AEVB":
        """The method with a run's settings: estimator A or B, and theta free or frozen."""
        estimator = {"A": sgvb_a, "B": sgvb_b}[config.estimator]
        free = p.phi if config.freeze == "theta" else p
        return cls(model, p, optimizer, config.N, config.draws, estimator, config.prior, free)
