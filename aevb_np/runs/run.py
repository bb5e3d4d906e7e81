"""A run: a model, its parameters and how far their training has come. The front door to everything else.

    run = aevb_np.start(data.digits(), latent=2)
    for row in run.train(samples=3e5):
        print(row)
    run.save("runs/mine")

What was saved goes on, `aevb_np.load("runs/mine").train(samples=6e5)`, and comes to the same parameters, to the last
bit, as if it had never stopped. Its history has a row more: one comes at every end. A run of less than 1000 steps is no
beginning of a longer one unless `warmup` is given, for Adagrad warms up for a tenth of it.
"""

import dataclasses
import json
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from aevb_np import evaluation, full_vb, marginal_likelihood, training
from aevb_np._atomic import replacing
from aevb_np.aevb import AEVB
from aevb_np.data.dataset import Dataset, binary
from aevb_np.data.loading import NAMES
from aevb_np.data.loading import load as load_data
from aevb_np.data.own import own
from aevb_np.estimators import sgvb_a, sgvb_b
from aevb_np.full_vb import FullVB, full_a, full_b
from aevb_np.mcem import MCEM
from aevb_np.optimizers import Adagrad
from aevb_np.params import Params, check_moved
from aevb_np.runs import checkpoints
from aevb_np.runs.config import Config, configure, usual_warmup
from aevb_np.runs.folders import find
from aevb_np.runs.history import JointRow, Row, from_array, marks, to_array, write_csv
from aevb_np.streams import stream
from aevb_np.wake_sleep import WakeSleep

EVALUATED = 10_000  # the first so many training images stand for all of them in the history

MEMORY, CHAINS = "optimizer_", "chains_"  # before the names of the optimiser's and MCEM's arrays in a checkpoint


class Progress(NamedTuple):
    """What is known after a step: samples seen so far, and the history's new row if this step has one."""

    samples: int
    row: Row | JointRow | None


class Run:
    """A model and its parameters, thin words to use them with, and the state of their training.

    Made by `start` or `load`.

    Attributes
    ----------
    config : Config
    model : VAE
    p : Params
        theta and phi; of full variational Bayes, theta is the mean of q(theta).
    history : list of Row, of JointRow for MCEM
    step : int
        Steps taken.
    chosen_on_test : bool
        True for the parameters of best.npz, which were chosen by their bound on the test images.
    """

    def __init__(self, config: Config, dataset: Dataset | None = None):
        self.config = config
        self.model = config.model()
        self.p = self._start()
        self.optimizer = config.make_optimizer()
        self.algorithm = self._algorithm()
        self.history: list[Any] = []
        self.step = 0
        self.running_sum, self.running_count = 0.0, 0
        self.best: dict[str, NDArray] = {}  # the state at the best test bound, if it came since the last save
        self.chosen_on_test = False
        self.usual_warmup = False  # whether Adagrad's warm-up was left to us, and may follow the length
        self._dataset = dataset

    def __repr__(self) -> str:
        c = self.config
        return f"<{c.method} on {c.description}; {self.model.D}-{c.hidden}-{c.latent} after {self.samples:,} samples>"

    # -- the model's words ----------------------------------------------------------------------------------------

    def encode(self, x: ArrayLike) -> tuple[NDArray, NDArray]:
        """Mean and log-variance of q(z|x).   (M, D) or (M, rows, columns) -> (M, J), twice

        Whole numbers (uint8) are taken for pixels and divided as in training; other numbers are taken as they are.
        """
        self._needs_encoder("encode")
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
        self._needs_encoder("have a bound")
        rng = stream("evaluate", seed)
        rows = self._shown(x, rng)
        blocks = [rows[start : start + evaluation.BLOCK] for start in range(0, len(rows), evaluation.BLOCK)]
        return np.mean([self._terms(blocks, rng).bound_b for _ in range(draws)], axis=0)

    def log_marginal(
        self, x: ArrayLike, method: str = "hmc", seed: int = 0, z: NDArray | None = None
    ) -> marginal_likelihood.Estimate:
        """An estimate of log p(x) for every datapoint, in nats, with its error.   (M, D) -> (M,), twice

        Parameters
        ----------
        x : array, (M, D) or (M, rows, columns)
            As for `encode`; for a run on dynamically binarised data it is drawn once before.
        method : {"hmc", "importance", "quadrature", "ais"}
            See `aevb_np.marginal_likelihood`. In full variational Bayes theta is the mean of q(theta).
        seed : int
        z : array, (M, J), optional
            Where "hmc" starts. By default the encoder's means; for MCEM the best of ten chains from the prior.

        Raises
        ------
        ValueError
            For "importance" if there is no encoder, and for "quadrature" in more than three latent dimensions.
        """
        if method == "importance":
            self._needs_encoder("be evaluated by importance sampling")
        rng, theta = stream("hmc", seed, 1), self.p.theta  # step 0 is where MCEM starts its chains
        rows = self._shown(x, rng)
        if method == "hmc" and z is None and not self.has_encoder:
            z = marginal_likelihood.starts(self.model.decoder, theta, rows, rng)
        return marginal_likelihood.log_marginal(self.model, theta, self.p.phi, rows, method, rng, z)

    def _shown(self, x: ArrayLike, rng: np.random.Generator) -> NDArray:
        """x as the model sees it: bits, if it was trained on bits drawn from grey values."""
        rows = self._rows(x)
        return binary(rows, rng) if self.config.binarize == "dynamic" else rows

    @property
    def has_encoder(self) -> bool:
        """False for MCEM, which trains none."""
        return self.config.method != "mcem"

    def _needs_encoder(self, what: str) -> None:
        if not self.has_encoder:
            raise ValueError(
                f"this run cannot {what}: MCEM has no encoder. `aevb train --freeze theta RUN` fits one to its "
                "decoder, and `aevb evaluate RUN --marginal hmc` does without"
            )

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
        """Samples seen: datapoints in updates of the parameters, each counted once whatever L."""
        return self.step * self.config.samples_per_step

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
            if c.data not in NAMES and not Path(c.data).exists():
                raise ValueError(
                    f"the data of this run are not at {c.data} ({c.description}). Say where they are: "
                    "aevb_np.load(path, dataset=...), or on the command line --data PATH"
                )
            dataset = load_data(c.data, **{"binarize": c.binarize, "train": c.N, **c.data_options})
            if dataset.digest != c.digest:
                raise ValueError(
                    f"this run was trained on other data: {c.description}; what {c.data} holds now is different. "
                    "Give the data themselves: aevb_np.load(path, dataset=...)"
                )
            self._dataset = dataset
        return self._dataset

    def train(self, samples: float | None = None) -> Iterator[Any]:
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
            if not math.isfinite(samples):
                raise ValueError(f"samples is how many to train on, a finite number; got {samples}")
            c = self.config = self.of_length(int(samples))
        last = -(-c.samples // c.samples_per_step)  # rounded up
        if self.step == 0:
            self._check_data()
        batches = training.Minibatches(c.N, c.minibatch, c.seed, c.sampling)
        with threadpool_limits(c.threads, "blas"):
            steps = training.loop(self.algorithm, self.data, batches, self.step, self.p.flat.dtype)
            while self.step < last:
                bound = next(steps)
                self.step += 1
                self.running_sum += float(bound.mean(dtype=np.float64))
                self.running_count += 1
                due = self.step == last or marks(self.samples) > marks(self.samples - c.samples_per_step)
                yield Progress(self.samples, self._add_row() if due else None)

    def of_length(self, samples: int) -> Config:
        """The settings for so many samples in all; a run that has not begun gets the warm-up of its new length."""
        c = dataclasses.replace(self.config, samples=samples)
        if self.step == 0 and self.usual_warmup and isinstance(self.optimizer, Adagrad):
            c = dataclasses.replace(c, warmup=usual_warmup(c))
            self.optimizer.warmup = c.warmup
        return c

    def _start(self) -> Params:
        """The parameters before the first step."""
        rng, dtype = stream("init", self.config.seed), np.dtype(self.config.dtype)
        return full_vb.init(self.model, rng, dtype) if self.config.method == "full-vb" else self.model.init(rng, dtype)

    def _algorithm(self) -> Any:
        """What takes the steps of this run's method."""
        c = self.config
        common = self.model, self.p, self.optimizer, c.N
        if c.method == "wake-sleep":
            return WakeSleep(*common, c.prior)
        if c.method == "mcem":
            return MCEM(*common, stream("hmc", c.seed), c.prior)
        if c.method == "full-vb":
            return FullVB(*common, c.draws, {"A": full_a, "B": full_b}[c.estimator], c.prior)
        free = self.p.phi if c.freeze == "theta" else self.p
        return AEVB(*common, c.draws, {"A": sgvb_a, "B": sgvb_b}[c.estimator], c.prior, free)

    def _bound(self, terms: evaluation.Terms) -> NDArray:
        """The bound that this run's method reports, of every datapoint."""
        return terms.bound_a if self.config.method == "wake-sleep" else terms.bound_b

    def _check_data(self) -> None:
        """Say what is wrong with the data before anything is learned from them."""
        rng = stream("data", self.config.seed)
        for pixels in (self.data.x_train, self.data.x_test):
            for x in evaluation.blocks(self.data, pixels, rng, self.p.flat.dtype):
                self.model.check(x)

    def _add_row(self) -> Any:
        """Evaluate, and add a row to the history."""
        row = self._bound_row() if self.has_encoder else self._joint_row()
        self.running_sum, self.running_count = 0.0, 0
        better = isinstance(row, Row) and all(row.test_bound > earlier.test_bound for earlier in self.history)
        self.history.append(row)
        if better:
            self.best = {**self._state(), "flat": self.p.flat.copy(), "chosen_on_test": np.array(True)}
        return row

    def _bound_row(self) -> Row:
        """The bound now, on training and on test images."""
        train = self.evaluate("train", EVALUATED)
        test = self.evaluate("test")
        self._check_row(self._bound(test), "the bound of {} test images")
        test_bound, test_error = evaluation.mean_and_error(self._bound(test))
        return Row(
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
            theta_kl=full_vb.theta_kl(self.p) / self.config.N if self.config.method == "full-vb" else math.nan,
        )

    def _joint_row(self) -> JointRow:
        """log p(x, z) now, at the chains of the first training images, and how the moves went since the last row."""
        chains = self.algorithm
        rng = stream("evaluate", self.config.seed, self.step)
        blocks = evaluation.blocks(self.data, self.data.x_train[:EVALUATED], rng, self.p.flat.dtype)
        log_joint = evaluation.log_joint(self.model, self.p.theta, blocks, chains.z)
        self._check_row(log_joint, "log p(x, z) of {} training images")
        accepted, tried = chains.moves
        chains.moves[:] = 0
        return JointRow(
            step=self.step,
            samples=self.samples,
            log_joint_running=self.running_sum / self.running_count,
            log_joint=mean(log_joint),
            acceptance=float(accepted / tried),
        )

    def _check_row(self, values: NDArray, what: str) -> None:
        """Training ends where a row would not be finite."""
        if bad := int((~np.isfinite(values)).sum()):
            raise FloatingPointError(
                f"training stopped at step {self.step:,}: {what.format(f'{bad:,}')} is not finite. "
                "Try a smaller step size"
            )

    def evaluate(self, which: str, most: int | None = None, repeat: int | None = None) -> evaluation.Terms:
        """The terms of the bound on the test images or the first `most` training images, one sample of z each.

        The noise is its own at every step; `repeat` = 0, 1, ... takes noise that training never sees instead. In full
        variational Bayes theta is part of the noise: drawn from q(theta), once for all images.
        """
        self._needs_encoder("have a bound")
        images = {"train": self.data.x_train, "test": self.data.x_test}
        if which not in images:
            raise ValueError(f"there are {' and '.join(images)} images; got {which!r}")
        pixels = images[which][:most]
        rng = stream("evaluate", self.config.seed, self.step if repeat is None else 2**32 - 1 - repeat)
        blocks = evaluation.blocks(self.data, pixels, rng, self.p.flat.dtype)
        return self._terms(blocks, rng)

    def _terms(self, blocks: Iterable[NDArray], rng: np.random.Generator) -> evaluation.Terms:
        """The terms of the bound, with a decoder drawn from q(theta) if there is one."""
        p = self.p
        theta = full_vb.draw_theta(self.model, p, rng) if self.config.method == "full-vb" else p.theta
        return evaluation.evaluate(self.model, theta, p.phi, blocks, rng)

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
        chains = {CHAINS + name: getattr(self.algorithm, name) for name in self._chains}
        checkpoints.save(folder / "checkpoint.npz", {**self._state(), **memory, **chains}, settings)
        with replacing(folder / "config.json", "w") as file:
            json.dump(settings, file, indent=2)
        with replacing(folder / "history.csv", "w") as file:
            write_csv(file, self.history, self.row_kind)

    @property
    def row_kind(self) -> type:
        """What the rows of the history are."""
        return Row if self.has_encoder else JointRow

    @property
    def _chains(self) -> tuple[str, ...]:
        """The arrays in which the algorithm remembers something of every datapoint."""
        return () if self.has_encoder else ("z", "steps", "moves")

    def _state(self) -> dict[str, NDArray]:
        """What the parameters and their history are, beside the settings and the optimiser's memory."""
        return {
            "flat": self.p.flat,
            "step": np.array(self.step),
            "running_sum": np.array(self.running_sum),
            "running_count": np.array(self.running_count),
            "history": to_array(self.history, self.row_kind),
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
        self.history = from_array(arrays["history"], self.row_kind)
        self.optimizer.t = self.step * self.config.updates_per_step
        self.optimizer.arrays = {
            name.removeprefix(MEMORY): array for name, array in arrays.items() if name.startswith(MEMORY)
        }
        self.chosen_on_test = "chosen_on_test" in arrays
        shapes = {name: array.shape for name, array in self.optimizer.arrays.items()}
        moved = self.algorithm.ascent.p.flat.shape
        expected = {name: moved for name in self.optimizer.memory} if self.step else {}
        if not self.chosen_on_test and shapes != expected:
            raise ValueError(f"the optimiser's memory should be {expected}, and is {shapes}; it is damaged")
        for name in self._chains:
            getattr(self.algorithm, name)[...] = arrays[CHAINS + name]


def mean(values: NDArray) -> float:
    """The mean, summed in float64."""
    return float(values.mean(dtype=np.float64))


def start(dataset: Dataset | ArrayLike | str | os.PathLike, **settings: Any) -> Run:
    """A new run on a data set.

    Parameters
    ----------
    dataset : Dataset, array, name or path
        "digits", "faces", "mnist" or "frey"; an array of images, a file or a folder is read as `aevb_np.data.own` says.
    **settings
        Any field of `Config`: latent (J), hidden (H), minibatch (M), draws (L), estimator, optimizer, step, warmup,
        prior, seed, dtype, samples, ... What is left out is as `configure` says: as in the paper, for its data.

    Raises
    ------
    ValueError
        If a setting is unknown or out of range, or the data cannot be used.
    """
    if isinstance(dataset, str | os.PathLike) and "data" not in settings:
        settings["data"] = str(dataset) if str(dataset) in NAMES else str(Path(dataset).expanduser().resolve())
    dataset = as_dataset(dataset, settings.get("decoder"))
    run = Run(configure(dataset, **settings), dataset)
    run.usual_warmup = settings.get("warmup") is None
    return run


def as_dataset(data: Any, decoder: str | None = None) -> Dataset:
    """A data set as it is, by its name or path, or made of an array of images."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, str | os.PathLike):
        return load_data(data, decoder=decoder)
    if isinstance(data, list | tuple) or hasattr(data, "__array__"):
        return own(data, decoder=decoder)
    raise ValueError(
        f"training needs a Dataset such as aevb_np.data.digits(), a name ({', '.join(NAMES)}), the path of a file or "
        f"folder, or an array of images; got {type(data).__name__}"
    )


GIVEN = ("data", "data_options", "decoder", "sigmoid_mean", "latent", "hidden", "log_var_floor")


def fit_encoder(source: Run, **settings: Any) -> Run:
    """A new run that fits an encoder to the decoder of another run, on its data: inference with theta fixed.

    A bound belongs to an encoder as much as to a decoder. This one says what the decoder alone is worth under the best
    q(z|x) that can be found, and gives an encoder to a model that MCEM trained without.

    Parameters
    ----------
    source : Run
        Of any method; of full variational Bayes the mean of q(theta) is taken.
    **settings
        As for `start`, except for those that the decoder decides.

    Raises
    ------
    ValueError
        If a setting disagrees with the decoder, is unknown or out of range.
    """
    given = {name: getattr(source.config, name) for name in GIVEN}
    for name, value in given.items():
        if settings.get(name) not in (None, value):
            raise ValueError(f"{name} is {value} in the decoder that is given; got {settings[name]}. Leave it out")
    run = Run(configure(source.data, **{**settings, **given, "freeze": "theta"}), source.data)
    run.usual_warmup = settings.get("warmup") is None
    run.p.theta.flat[:] = source.p.theta.flat
    return run


def load(path: str | os.PathLike, dataset: Dataset | ArrayLike | str | os.PathLike | None = None) -> Run:
    """A run from its folder, from `runs/latest` or from one checkpoint such as `best.npz`.

    Parameters
    ----------
    path : path
    dataset : Dataset, array, name or path, optional
        The data it was trained on, as for `start`; by default they are loaded again when they are needed.

    Raises
    ------
    FileNotFoundError
        If there is no run.
    ValueError
        If its checkpoint is damaged or was written by a newer version, or the data are not those of the run.
    """
    path = find(path)
    arrays, settings = checkpoints.load(path / "checkpoint.npz" if path.is_dir() else path)
    if isinstance(dataset, str | os.PathLike):
        settings, dataset = {**settings, "data": str(Path(dataset).expanduser().resolve())}, None
    elif dataset is not None and not isinstance(dataset, Dataset):
        dataset = as_dataset(dataset, settings.get("decoder"))
        if dataset.digest != settings.get("digest"):
            raise ValueError(f"{path} was trained on other data than these: {settings.get('description')}")
    try:
        run = Run(Config.from_dict(settings), dataset)
        run._restore(arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} holds no complete run: {error}") from None
    return run
