"""A run: a model, its parameters and how far their training has come. The front door to everything else.

    run = aevb_np.start(data.digits(), latent=2)
    for row in run.train(samples=3e5):
        print(row)
    run.save("runs/mine")

What was saved goes on as if it had never stopped: `aevb_np.load("runs/mine").train(samples=6e5)`.
"""

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from aevb_np import checkpoints, evaluation, training
from aevb_np.aevb import AEVB
from aevb_np.atomic import move, replacing
from aevb_np.config import ESTIMATORS, Config, configure
from aevb_np.data.dataset import Dataset, binary
from aevb_np.data.loading import load as load_data
from aevb_np.history import Row, from_array, marks, to_array, write_csv
from aevb_np.params import check_moved
from aevb_np.streams import stream
from aevb_np.wake_sleep import WakeSleep

EVALUATED = 10_000  # the first so many training images stand for all of them in the history

RUNS, LATEST = "runs", "latest"
MEMORY = "optimizer_"  # before the names of the optimiser's arrays in a checkpoint


class Progress(NamedTuple):
    """What is known after a step: samples seen so far, and the history's new row if this step has one."""

    samples: int
    row: Row | None


class Run:
    """A model and its parameters, thin words to use them with, and the state of their training.

    Made by `start` or `load`.

    Attributes
    ----------
    config : Config
    model : VAE
    p : Params
        theta and phi.
    history : list of Row
    step : int
        Steps taken.
    chosen_on_test : bool
        True for the parameters of best.npz, which were chosen by their bound on the test images.
    """

    def __init__(self, config: Config, dataset: Dataset | None = None):
        self.config = config
        self.model = config.model()
        self.p = self.model.init(stream("init", config.seed), np.dtype(config.dtype))
        self.optimizer = config.make_optimizer()
        self.history: list[Row] = []
        self.step = 0
        self.running_sum, self.running_count = 0.0, 0
        self.best: dict[str, NDArray] = {}  # the state at the best test bound, if it came since the last save
        self.chosen_on_test = False
        self._dataset = dataset

    def __repr__(self) -> str:
        c = self.config
        return f"<{c.method} on {c.description}; {self.model.D}-{c.hidden}-{c.latent} after {self.samples:,} samples>"

    # -- the model's words ----------------------------------------------------------------------------------------

    def encode(self, x: ArrayLike) -> tuple[NDArray, NDArray]:
        """Mean and log-variance of q(z|x).   (M, D) or (M, rows, columns) -> (M, J), twice

        Whole numbers (uint8) are taken for pixels and divided as in training; other numbers are taken as they are.
        """
        return self.model.encoder.forward(self.p.phi, self._rows(x))[0]

    def decode(self, z: ArrayLike) -> NDArray:
        """The mean image of p(x|z).   (M, J) -> (M, D)"""
        z = np.asarray(z, self.p.flat.dtype)
        if z.ndim != 2 or z.shape[1] != self.model.J:
            raise ValueError(f"this model takes rows of {self.model.J} latent numbers; got an array of shape {z.shape}")
        return self.model.decoder.mean(self.p.theta, z)

    def sample(self, n: int, seed: int = 0) -> NDArray:
        """Mean images at n draws of z from the prior, as in Figure 5.   (n, D)"""
        return self.decode(stream("dreams", seed).standard_normal((n, self.model.J)))

    def reconstruct(self, x: ArrayLike) -> NDArray:
        """The mean image at the mean of q(z|x).   (M, D) -> (M, D)"""
        return self.decode(self.encode(x)[0])

    def bound(self, x: ArrayLike, draws: int = 1, seed: int = 0) -> NDArray:
        """An estimate of the lower bound for every datapoint, in nats.   (M, D) -> (M,)

        By estimator B with L = `draws`. For a run on dynamically binarised data x is drawn once before.
        """
        if draws < 1:
            raise ValueError(f"draws (L) is a whole number from 1 up; got {draws}")
        rows, rng = self._rows(x), stream("evaluate", seed)
        if self.config.binarize == "dynamic":
            rows = binary(rows, rng)
        blocks = [rows[start : start + evaluation.BLOCK] for start in range(0, len(rows), evaluation.BLOCK)]
        return np.mean([evaluation.evaluate(self.model, self.p, blocks, rng).bound_b for _ in range(draws)], axis=0)

    def _rows(self, x: ArrayLike) -> NDArray:
        """x as rows of numbers that the model takes, or an error that says why not."""
        array = np.asarray(x)
        if array.ndim == 3 and array.shape[1:] == self.config.image_shape:
            array = array.reshape(len(array), -1)
        rows = array.astype(self.p.flat.dtype)
        if array.dtype.kind in "ui":
            rows /= self.config.divisor
        self.model.check(rows)
        return rows

    # -- training -------------------------------------------------------------------------------------------------

    @property
    def samples(self) -> int:
        """Samples seen: datapoints in updates, each counted once whatever L."""
        return self.step * self.config.minibatch

    @property
    def data(self) -> Dataset:
        """The data of this run; loaded again where that can be done, and checked to be the same.

        Raises
        ------
        ValueError
            If they are not the data that the run was trained on.
        """
        if self._dataset is None:
            c = self.config
            dataset = load_data(c.data, **{"binarize": c.binarize, "train": c.N, **c.data_options})
            if dataset.digest != c.digest:
                raise ValueError(
                    f"this run was trained on other data: {c.description}; what {c.data} holds now is different. "
                    "Give the data themselves: aevb_np.load(path, dataset=...)"
                )
            self._dataset = dataset
        return self._dataset

    def train(self, samples: float | None = None) -> Iterator[Row]:
        """Train until so many samples have been seen in all, yielding the rows of the history as they come."""
        for progress in self.steps(samples):
            if progress.row:
                yield progress.row

    def steps(self, samples: float | None = None) -> Iterator[Progress]:
        """Train as `train` does, yielding after every step, so that the caller can show progress, save or stop.

        The BLAS of this process is held to the run's number of threads meanwhile.
        """
        c = self.config
        if self.chosen_on_test:
            raise ValueError("these are parameters without the optimiser's memory (best.npz); train the run's folder")
        if samples is not None:
            c = self.config = dataclasses.replace(c, samples=int(samples))
        last = -(-c.samples // c.minibatch)  # rounded up
        if self.step == 0:
            self._check_data()
        algorithm = self._algorithm()
        batches = training.Minibatches(c.N, c.minibatch, c.seed, c.sampling)
        with threadpool_limits(c.threads, "blas"):
            steps = training.loop(algorithm, self.data, batches, self.step, self.p.flat.dtype)
            while self.step < last:
                bound = next(steps)
                self.step += 1
                self.running_sum += float(bound.mean(dtype=np.float64))
                self.running_count += 1
                due = self.step == last or marks(self.samples) > marks(self.samples - c.minibatch)
                yield Progress(self.samples, self._add_row() if due else None)

    def _algorithm(self) -> training.Algorithm:
        """What takes the steps of this run's method."""
        c = self.config
        if c.method == "wake-sleep":
            return WakeSleep(self.model, self.p, self.optimizer, c.N, c.prior)
        return AEVB(self.model, self.p, self.optimizer, c.N, c.draws, ESTIMATORS[c.estimator], c.prior)

    def _bound(self, terms: evaluation.Terms) -> NDArray:
        """The bound that this run's method reports, of every datapoint."""
        return terms.bound_a if self.config.method == "wake-sleep" else terms.bound_b

    def _check_data(self) -> None:
        """Say what is wrong with the data before anything is learned from them."""
        rng = stream("data", self.config.seed)
        for pixels in (self.data.x_train, self.data.x_test):
            for x in evaluation.blocks(self.data, pixels, rng, self.p.flat.dtype):
                self.model.check(x)

    def _add_row(self) -> Row:
        """Evaluate, and add a row to the history."""
        train = self.evaluate("train", EVALUATED)
        test = self.evaluate("test")
        if bad := int((~np.isfinite(self._bound(test))).sum()):
            raise FloatingPointError(
                f"training stopped at step {self.step:,}: the bound of {bad:,} test images is not finite. "
                "Try a smaller step size"
            )
        test_bound, test_error = evaluation.mean_and_error(self._bound(test))
        row = Row(
            step=self.step,
            samples=self.samples,
            train_running=self.running_sum / self.running_count,
            train_bound=mean(self._bound(train)),
            test_bound=test_bound,
            test_reconstruction=mean(test.log_px),
            test_kl=mean(test.kl.sum(axis=1)),
            test_standard_error=test_error,
            train_reconstruction=mean(train.log_px),
            train_kl=mean(train.kl.sum(axis=1)),
            min_log_var=test.min_log_var,
        )
        self.running_sum, self.running_count = 0.0, 0
        better = all(row.test_bound > earlier.test_bound for earlier in self.history)
        self.history.append(row)
        if better:
            self.best = {**self._state(), "flat": self.p.flat.copy(), "chosen_on_test": np.array(True)}
        return row

    def evaluate(self, which: str, most: int | None = None, repeat: int | None = None) -> evaluation.Terms:
        """The terms of the bound on the test images or the first `most` training images, one sample of z each.

        The noise is its own at every step; `repeat` = 0, 1, ... takes noise that training never sees instead.
        """
        pixels = {"train": self.data.x_train, "test": self.data.x_test}[which][:most]
        rng = stream("evaluate", self.config.seed, self.step if repeat is None else 2**32 - 1 - repeat)
        blocks = evaluation.blocks(self.data, pixels, rng, self.p.flat.dtype)
        return evaluation.evaluate(self.model, self.p, blocks, rng)

    # -- on disk --------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike) -> None:
        """Write the run to a folder, made if need be: checkpoint.npz, best.npz, config.json, history.csv.

        Raises
        ------
        FloatingPointError
            When a parameter is not finite: such a run is not worth an older checkpoint.
        OSError
            When that cannot be done; an earlier checkpoint in the folder survives.
        """
        check_moved(self.p)
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        settings = self.config.as_dict()
        if self.best:
            checkpoints.save(folder / "best.npz", self.best, settings)
            self.best = {}
        memory = {MEMORY + name: array for name, array in self.optimizer.arrays.items()}
        checkpoints.save(folder / "checkpoint.npz", {**self._state(), **memory}, settings)
        with replacing(folder / "config.json", "w") as file:
            json.dump(settings, file, indent=2)
        with replacing(folder / "history.csv", "w") as file:
            write_csv(file, self.history)

    def _state(self) -> dict[str, NDArray]:
        """What the parameters and their history are, beside the settings and the optimiser's memory."""
        return {
            "flat": self.p.flat,
            "step": np.array(self.step),
            "running_sum": np.array(self.running_sum),
            "running_count": np.array(self.running_count),
            "history": to_array(self.history),
            **({"chosen_on_test": np.array(True)} if self.chosen_on_test else {}),
        }

    def _restore(self, arrays: dict[str, NDArray]) -> None:
        """Take over what `save` wrote."""
        if arrays["flat"].shape != self.p.flat.shape:
            raise ValueError(
                f"the checkpoint holds {arrays['flat'].size:,} parameters, but a model of its settings has "
                f"{self.p.flat.size:,}; it is damaged"
            )
        self.p.flat[:] = arrays["flat"]
        self.step = int(arrays["step"])
        self.running_sum, self.running_count = float(arrays["running_sum"]), int(arrays["running_count"])
        self.history = from_array(arrays["history"])
        self.optimizer.t = self.step  # one gradient a step
        self.optimizer.arrays = {
            name.removeprefix(MEMORY): array for name, array in arrays.items() if name.startswith(MEMORY)
        }
        self.chosen_on_test = "chosen_on_test" in arrays
        shapes = {name: array.shape for name, array in self.optimizer.arrays.items()}
        expected = {name: self.p.flat.shape for name in self.optimizer.memory} if self.step else {}
        if not self.chosen_on_test and shapes != expected:
            raise ValueError(f"the optimiser's memory should be {expected}, and is {shapes}; it is damaged")


def mean(values: NDArray) -> float:
    """The mean, summed in float64."""
    return float(values.mean(dtype=np.float64))


def start(dataset: Dataset, **settings: Any) -> Run:
    """A new run on a data set.

    Parameters
    ----------
    dataset : Dataset
    **settings
        Any field of `Config`: latent (J), hidden (H), minibatch (M), draws (L), estimator, optimizer, step, warmup,
        prior, seed, dtype, samples, ... What is left out is as `configure` says: as in the paper, for its data.

    Raises
    ------
    ValueError
        If a setting is unknown or out of range.
    """
    return Run(configure(dataset, **settings), dataset)


def load(path: str | os.PathLike, dataset: Dataset | None = None) -> Run:
    """A run from its folder, from `runs/latest` or from one checkpoint such as `best.npz`.

    Parameters
    ----------
    path : path
    dataset : Dataset, optional
        The data it was trained on; by default they are loaded again when they are needed.

    Raises
    ------
    FileNotFoundError
        If there is no run.
    ValueError
        If its checkpoint is damaged or was written by a newer version.
    """
    path = find(path)
    arrays, settings = checkpoints.load(path / "checkpoint.npz" if path.is_dir() else path)
    try:
        run = Run(Config.from_dict(settings), dataset)
        run._restore(arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} holds no complete run: {error}") from None
    return run


def find(path: str | os.PathLike) -> Path:
    """The folder or file of a run; `latest` is a text file with the name of a folder beside it, on every system."""
    path = Path(path)
    if path.name == LATEST and path.is_file():
        path = path.parent / path.read_text(encoding="utf-8").strip()
    if not path.exists():
        raise FileNotFoundError(f"there is no run at {path}; `aevb train` makes one")
    return path


def point_latest(folder: Path) -> None:
    """Let `latest` beside this folder name it."""
    with replacing(folder.parent / LATEST, "w") as file:
        file.write(folder.name + "\n")


def create(run: Run, path: Path, number: bool = False) -> Path:
    """A new folder for a run, which holds a checkpoint from its first moment on.

    Parameters
    ----------
    run : Run
    path : Path
    number : bool
        If the folder is there already, try path-2, path-3 and so on.

    Raises
    ------
    OSError
        If it is there already (and `number` is not set) or cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        run.save(part)
        for folder in [path, *(path.with_name(f"{path.name}-{k}") for k in range(2, 10_000 if number else 2))]:
            if folder.exists():
                continue
            try:
                move(part, folder)
            except OSError:
                if folder.exists():  # another process was quicker to take this name
                    continue
                raise
            if folder.parent.name == RUNS:
                with contextlib.suppress(OSError):  # a convenience, and another run may be writing it
                    point_latest(folder)
            return folder
        raise FileExistsError(f"{path} is there already and is not overwritten")
    finally:
        shutil.rmtree(part, ignore_errors=True)
