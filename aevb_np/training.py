"""The loop that every algorithm runs in: minibatches from (seed, step), one step after the other, for as long as the
caller goes on asking."""

import itertools
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aevb_np.data.dataset import Dataset
from aevb_np.streams import stream

SAMPLINGS = ("permutation", "replacement")


class Algorithm(Protocol):
    """What the loop asks of an algorithm: move the parameters, return the bound of every datapoint."""

    def step(self, x: NDArray, index: NDArray, rng: np.random.Generator) -> NDArray: ...


class Minibatches:
    """Which datapoints are in the minibatch of step t, for any t.

    Parameters
    ----------
    N, M : int
        Datapoints in all and in a minibatch.
    seed : int
    sampling : {"permutation", "replacement"}
        A new permutation for every epoch, of which the last N % M points are left out; or M independent draws for every
        step, as the paper's author did.

    Raises
    ------
    ValueError
        Unless 1 <= M <= N.

    Examples
    --------
    >>> batches = Minibatches(N=6, M=2, seed=0)
    >>> sorted(i for t in range(3) for i in batches.at(t).tolist())      # an epoch sees every point once
    [0, 1, 2, 3, 4, 5]
    """

    def __init__(self, N: int, M: int, seed: int, sampling: str = "permutation"):
        if not 1 <= M <= N:
            raise ValueError(f"a minibatch has between 1 and N = {N} datapoints; got M = {M}")
        if sampling not in SAMPLINGS:
            raise ValueError(f"sampling is one of {', '.join(SAMPLINGS)}; got {sampling!r}")
        self.N, self.M, self.seed, self.sampling = N, M, seed, sampling
        self.epoch, self.order = -1, np.arange(0)

    def at(self, step: int) -> NDArray:
        """The indices of the minibatch of this step.   (M,)"""
        if self.sampling == "replacement":
            return stream("minibatch", self.seed, step).integers(self.N, size=self.M)
        epoch, turn = divmod(step, self.N // self.M)
        if epoch != self.epoch:
            self.epoch, self.order = epoch, stream("minibatch", self.seed, epoch).permutation(self.N)
        return self.order[turn * self.M : (turn + 1) * self.M]


def loop(
    algorithm: Algorithm, dataset: Dataset, batches: Minibatches, start: int = 0, dtype: Any = np.float32
) -> Iterator[NDArray]:
    """Take one step of the algorithm after the other, from step `start` on, without end.

    Yields
    ------
    bound : array, (M,)
        The bounds of the minibatch's datapoints, in nats, before the step.

    Raises
    ------
    FloatingPointError
        At the first number that is not finite, naming the array, the step and the minibatch.
    """
    for step in itertools.count(start):
        index = batches.at(step)
        rng = stream("binarise", batches.seed, step) if dataset.binarize == "dynamic" else None
        x = dataset.scale(dataset.x_train[index], rng, dtype)
        try:
            with np.errstate(all="ignore"):  # overflow is found by its result, and told once
                bound = algorithm.step(x, index, stream("noise", batches.seed, step))
        except FloatingPointError as error:
            shown = ", ".join(str(i) for i in index[:5])
            raise FloatingPointError(
                f"training stopped at step {step + 1:,}: {error} (minibatch of {len(index)} images: {shown}, ...). "
                "Try a smaller step size"
            ) from None
        yield bound
