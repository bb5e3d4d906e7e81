"""This package's step, and the floor under every step: the large matrix products alone."""

import itertools

import numpy as np
from settings import STEP, Setting

from aevb_np import AEVB, Adagrad
from aevb_np.training import Minibatches, loop


def contestants(setting: Setting) -> dict:
    """The names of those who compete, and for each a function that takes an epoch and returns its mean bound."""
    return {"products": products(setting), "aevb_np": package(setting)}


def package(setting: Setting):
    N = len(setting.dataset.x_train)
    optimizer = Adagrad(STEP, epsilon=setting.epsilon)
    algorithm = AEVB(setting.model(), setting.start(), optimizer, N, setting.L)
    steps = loop(algorithm, setting.dataset, Minibatches(N, setting.M, seed=0))
    return lambda: float(np.mean([bound.mean() for bound in itertools.islice(steps, setting.steps)]))


def products(setting: Setting):
    """Forward, to the weights and back to what lies below: between the data and the hidden layers, nothing else.

    The Gaussian decoder has two layers at the data, mean and log variance. No gradient in the data is asked for.
    """
    rng, D, H = np.random.default_rng(0), setting.D, setting.H
    M, rows, heads = setting.M, setting.M * setting.L, 1 + (setting.decoder == "gaussian")
    shapes = {"x": (M, D), "h": (M, H), "g": (rows, H), "delta": (rows, D), "U": (D, H), "W": (H, D)}
    a = {name: rng.random(shape, dtype=np.float32) for name, shape in shapes.items()}
    out = {name: np.empty_like(array) for name, array in a.items()}  # nothing is allocated on the way

    def step():
        np.matmul(a["x"], a["U"], out=out["h"])
        for _ in range(heads):
            np.matmul(a["g"], a["W"], out=out["delta"])
            np.matmul(a["g"].T, a["delta"], out=out["W"])
            np.matmul(a["delta"], a["W"].T, out=out["g"])
        np.matmul(a["x"].T, a["h"], out=out["U"])

    def epoch():
        for _ in range(setting.steps):
            step()
        return np.nan

    return epoch
