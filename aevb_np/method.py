"""What a run asks of a training method. Each method answers in its own file; here is what most of them answer."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aevb_np import evaluation
from aevb_np.evaluation import EVALUATED, Images, Moment, Row, Terms
from aevb_np.model import VAE
from aevb_np.objective import Ascent
from aevb_np.params import Params


class Method(ABC):
    """A training method: how it starts and steps, what it reports, and what has to be kept of it.

    A new method is a subclass with a name, `of` and `step`; the table in `runs.methods` makes it known.

    Attributes
    ----------
    name : str
        In settings and on the command line.
    title : str
        In pictures and sentences.
    settings : tuple of str
        Those settings that this method has and others do not have: "estimator", "draws", "freeze".
    updates : int
        How often a step moves the parameters.
    has_encoder : bool
        Whether it trains q(z|x), so that there is a bound.
    kept : tuple of str
        Its arrays that a checkpoint must hold, beside the parameters and the optimiser's memory.
    marginal_remark : str
        What to say beside estimates of log p(x).
    row_kind : type
        Of the rows that `row` makes.
    model, p : VAE, Params
        What is trained.
    ascent : Ascent
        What moves the parameters.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    settings: ClassVar[tuple[str, ...]] = ()
    updates: ClassVar[int] = 1
    has_encoder: ClassVar[bool] = True
    kept: ClassVar[tuple[str, ...]] = ()
    marginal_remark: ClassVar[str] = ""
    row_kind: ClassVar[type[Any]] = Row

    model: VAE
    p: Params
    ascent: Ascent

    @classmethod
    @abstractmethod
    def of(cls, config: Any, model: VAE, p: Params, optimizer: Any) -> "Method":
        """The method with a run's settings, a `Config`."""

    @abstractmethod
    def step(self, x: NDArray, index: NDArray, rng: np.random.Generator) -> NDArray:
        """Move the parameters once, by a minibatch; the bound of every datapoint.   (M, D), (M,) -> (M,)"""

    @staticmethod
    def start(model: VAE, rng: np.random.Generator, dtype: Any, start: str = "paper") -> Params:
        """The parameters before the first step, by `VAE.init`."""
        return model.init(rng, dtype, start)

    @staticmethod
    def minibatch(N: int) -> int:
        """M where nobody chose it; the paper has 100."""
        return 100

    def theta(self, rng: np.random.Generator) -> Params:
        """The decoder's parameters to evaluate with; rng is for methods that draw them."""
        return self.p.theta

    def bound(self, terms: Terms) -> NDArray:
        """The bound that this method reports: estimator B.   -> (N,)"""
        return terms.bound_b

    def terms(self, x_blocks: Iterable[NDArray], rng: np.random.Generator) -> Terms:
        """The terms of the bound of all datapoints of the blocks, one sample of z each."""
        return evaluation.evaluate(self.model, self.theta(rng), self.p.phi, x_blocks, rng)

    def row(self, at: Moment, images: Images) -> Any:
        """A row of the history: the bound now, on training and on test images.

        Raises
        ------
        FloatingPointError
            If it is not finite.
        """
        train_rng, test_rng = images.noise(at.step), images.noise(at.step)
        train = self.terms(images.blocks("train", train_rng, EVALUATED), train_rng)
        test = self.terms(images.blocks("test", test_rng), test_rng)
        return Row.of(at, train, test, self.bound)

    def remarks(self, repeats: int) -> Iterator[str]:
        """What to say beside the bound, evaluated so many times."""
        yield from ()

    def chains(self, n: int) -> NDArray | None:
        """Where HMC may start for the first n training images, if the method knows.   -> (n, J) or None"""
        return None
