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
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aevb_np import evaluation, marginal_likelihood
from aevb_np.data.dataset import Dataset, binary
from aevb_np.data.loading import NAMES
from aevb_np.data.loading import load as load_data
from aevb_np.evaluation import Images
from aevb_np.method import Method
from aevb_np.optimizers import Adagrad
from aevb_np.runs import saving
from aevb_np.runs.config import Config, usual_warmup
from aevb_np.runs.methods import METHODS
from aevb_np.runs.trainer import Progress, Trainer
from aevb_np.streams import stream


class Run:
    """A model and its parameters, thin words to use them with, and the state of their training.

    Made by `start` or `load`.

    Attributes
    ----------
    config : Config
    model : VAE
    p : Params
        theta and phi; of full variational Bayes, theta is the mean of q(theta).
    trainer : Trainer
        The training method, the optimiser, and how far they have come.
    chosen_on_test : bool
        True for the parameters of best.npz, which were chosen by their bound on the test images.
    """

    def __init__(self, config: Config, dataset: Dataset | None = None):
        self.config = config
        self.model = config.model()
        self.p = METHODS[config.method].start(
            self.model, stream("init", config.seed), np.dtype(config.dtype), config.start
        )
        self.trainer = Trainer(self.model, self.p, config)
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
        return self.decode(self.model.prior.sample((n, self.model.J), stream("dreams", seed), np.float64))

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
        return np.mean([self.method.terms(blocks, rng).bound_b for _ in range(draws)], axis=0)

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
        """Whether the run's method trains an encoder: Monte Carlo EM does not."""
        return self.method.has_encoder

    def _needs_encoder(self, what: str) -> None:
        if not self.has_encoder:
            raise ValueError(
                f"this run cannot {what}: {type(self.method).__name__} has no encoder. `aevb train --freeze "
                "theta RUN` fits one to its decoder, and `aevb evaluate RUN --marginal hmc` does without"
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
        if self.chosen_on_test:
            raise ValueError("these are parameters without the optimiser's memory (best.npz); train the run's folder")
        if samples is not None:
            if not math.isfinite(samples):
                raise ValueError(f"samples is how many to train on, a finite number; got {samples}")
            self.config = self.of_length(int(samples))
        yield from self.trainer.steps(self.config, self.data)

    def of_length(self, samples: int) -> Config:
        """The settings for so many samples in all; a run that has not begun gets the warm-up of its new length."""
        c = dataclasses.replace(self.config, samples=samples)
        if self.step == 0 and self.usual_warmup and isinstance(self.trainer.optimizer, Adagrad):
            c = dataclasses.replace(c, warmup=usual_warmup(c))
            self.trainer.optimizer.warmup = c.warmup
        return c

    def evaluate(self, which: str, most: int | None = None, repeat: int | None = None) -> evaluation.Terms:
        """The terms of the bound on the test images or the first `most` training images, one sample of z each.

        The noise is its own at every step; `repeat` = 0, 1, ... takes noise that training never sees instead. In full
        variational Bayes theta is part of the noise: drawn from q(theta), once for all images.
        """
        self._needs_encoder("have a bound")
        images = Images(self.data, self.p.flat.dtype, self.config.seed)
        rng = images.noise(self.step if repeat is None else 2**32 - 1 - repeat)
        return self.method.terms(images.blocks(which, rng, most), rng)

    @property
    def method(self) -> Method:
        """What takes the steps, and answers for how the run is evaluated."""
        return self.trainer.method

    @property
    def step(self) -> int:
        """Steps taken."""
        return self.trainer.step

    @property
    def history(self) -> list[Any]:
        """The rows so far, each a `Row` of bounds, or for MCEM a `JointRow`."""
        return self.trainer.history

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
        saving.write(self, path)
