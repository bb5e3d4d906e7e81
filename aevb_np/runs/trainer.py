"""The training of a run: one step after the other, with a row of the history now and then."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from aevb_np import training
from aevb_np.data.dataset import Dataset
from aevb_np.evaluation import Images, Moment, Row
from aevb_np.in_place_sums import routine
from aevb_np.model import VAE
from aevb_np.params import Params
from aevb_np.runs.config import Config
from aevb_np.runs.history import from_array, marks, to_array
from aevb_np.runs.methods import METHODS
from aevb_np.streams import stream

MEMORY, KEPT = "optimizer_", "chains_"  # before the names of the optimiser's and the method's arrays in a checkpoint


class Progress(NamedTuple):
    """What is known after a step: samples seen so far, and the history's new row if this step has one."""

    samples: int
    row: Any


class Trainer:
    """A model in training, and everything that a stopped training needs to go on.

    Attributes
    ----------
    method : Method
        Takes the steps.
    optimizer : Optimizer
    step : int
        Steps taken.
    history : list of Row
        Or of what rows the method has.
    running_sum, running_count : float, int
        Of the means that the steps since the last row returned.
    best : dict
        The state at the best test bound, if it came since somebody emptied this.
    """

    def __init__(self, model: VAE, p: Params, config: Config):
        self.model, self.p = model, p
        self.optimizer = config.make_optimizer()
        self.method = METHODS[config.method].of(config, model, p, self.optimizer)
        self.step = 0
        self.history: list[Any] = []
        self.running_sum, self.running_count = 0.0, 0
        self.best: dict[str, NDArray] = {}

    def steps(self, config: Config, data: Dataset) -> Iterator[Progress]:
        """Train to `config.samples`, yielding after every step.

        The BLAS of this process is held to the run's number of threads meanwhile.

        Raises
        ------
        FloatingPointError
            At the first number that is not finite.
        ValueError
            If the data do not suit the model.
        """
        c, dtype = config, self.p.flat.dtype
        last = -(-c.samples // c.samples_per_step)  # rounded up
        images = Images(data, dtype, c.seed)
        if self.step == 0:
            self._check(images)
        batches = training.Minibatches(c.N, c.minibatch, c.seed, c.sampling)
        routine("gemm", "f")  # SciPy's BLAS has threads of its own, and must be here before they are counted
        with threadpool_limits(c.threads, "blas"):
            steps = training.loop(self.method, data, batches, self.step, dtype)
            while self.step < last:
                bound = next(steps)
                self.step += 1
                self.running_sum += float(bound.mean(dtype=np.float64))
                self.running_count += 1
                samples = self.step * c.samples_per_step
                due = self.step == last or marks(samples) > marks(samples - c.samples_per_step)
                yield Progress(samples, self._add_row(samples, images) if due else None)

    def _check(self, images: Images) -> None:
        """Say what is wrong with the data before anything is learned from them."""
        for which in ("train", "test"):
            for x in images.blocks(which, stream("data", images.seed)):
                self.model.check(x)

    def _add_row(self, samples: int, images: Images) -> Any:
        """Evaluate, and add a row to the history."""
        at = Moment(self.step, samples, self.running_sum / self.running_count)
        try:
            row = self.method.row(at, images)
        except FloatingPointError as error:
            raise FloatingPointError(
                f"training stopped at step {self.step:,}: {error}. Try a smaller step size"
            ) from None
        self.running_sum, self.running_count = 0.0, 0
        better = isinstance(row, Row) and all(row.test_bound > earlier.test_bound for earlier in self.history)
        self.history.append(row)
        if better:
            self.best = {**self.state(), "flat": self.p.flat.copy()}
        return row

    # -- what a checkpoint holds ----------------------------------------------------------------------------------

    def state(self) -> dict[str, NDArray]:
        """What the parameters and their history are."""
        return {
            "flat": self.p.flat,
            "step": np.array(self.step),
            "running_sum": np.array(self.running_sum),
            "running_count": np.array(self.running_count),
            "history": to_array(self.history, self.method.row_kind),
        }

    def memory(self) -> dict[str, NDArray]:
        """What the optimiser and the method remember beside them."""
        optimizer = {MEMORY + name: array for name, array in self.optimizer.arrays.items()}
        return {**optimizer, **{KEPT + name: getattr(self.method, name) for name in self.method.kept}}

    def restore_state(self, arrays: dict[str, NDArray]) -> None:
        """Take over what `state` gave.

        Raises
        ------
        ValueError
            If the parameters are not as many as the model has.
        """
        if arrays["flat"].shape != self.p.flat.shape:
            raise ValueError(
                f"the checkpoint holds {arrays['flat'].size:,} parameters, but a model of its settings has "
                f"{self.p.flat.size:,}; it is damaged"
            )
        self.p.flat[:] = arrays["flat"]
        self.step = int(arrays["step"])
        self.running_sum, self.running_count = float(arrays["running_sum"]), int(arrays["running_count"])
        self.history = from_array(arrays["history"], self.method.row_kind)
        self.optimizer.t = self.step * self.method.updates

    def restore_memory(self, arrays: dict[str, NDArray]) -> None:
        """Take over what `memory` gave, after `restore_state`.

        Raises
        ------
        ValueError
            If the optimiser's vectors are not those that this run's optimiser has.
        """
        found = {name.removeprefix(MEMORY): array for name, array in arrays.items() if name.startswith(MEMORY)}
        shapes = {name: array.shape for name, array in found.items()}
        moved = self.method.ascent.p.flat.shape
        expected = {name: moved for name in self.optimizer.memory} if self.step else {}
        if shapes != expected:
            raise ValueError(f"the optimiser's memory should be {expected}, and is {shapes}; it is damaged")
        self.optimizer.arrays = found
        for name in self.method.kept:
            getattr(self.method, name)[...] = arrays[KEPT + name]
