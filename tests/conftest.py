"""What several tests share: a small data set and a short run."""

import numpy as np
import pytest

import aevb_np
from aevb_np.data import Dataset

# `pytest -m quick`: the equations, the algorithms and the house, for somebody who has changed a line. The rest trains
# longer, starts processes or draws.
QUICK = (
    "architecture", "bits", "config", "documents", "estimators", "evaluation", "facts", "gradients", "in_place_sums",
    "method", "prior", "reparameterization", "run", "wake_sleep",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem.removeprefix("test_") in QUICK:
            item.add_marker("quick")


def stripes(n, seed=0):
    """n images of 6 x 7 with a bright bar at a random place: quick to learn, different for every seed."""
    rng = np.random.default_rng(seed)
    place, column = rng.uniform(0, 6, n), np.arange(7)
    bar = np.exp(-((column - place[:, None]) ** 2))  # (n, 7)
    return (255 * np.repeat(bar[:, None, :], 6, axis=1)).astype(np.uint8)


@pytest.fixture
def small():
    """200 training and 50 test images of 6 x 7 for the Bernoulli decoder, with labels."""
    x = stripes(250).reshape(250, 42)
    labels = np.arange(250) % 3
    return Dataset("stripes", x[:200], x[200:], (6, 7), 255, labels_train=labels[:200], labels_test=labels[200:])


@pytest.fixture
def start(small):
    """`aevb_np.start` on the small data with a small network; any setting can be changed."""

    def start(dataset=small, **settings):
        return aevb_np.start(dataset, **{"hidden": 8, "minibatch": 20, "samples": 12_000, "step": 0.1} | settings)

    return start


@pytest.fixture
def own_file(tmp_path):
    """The same images as a .npy file, as a person would bring them."""
    path = tmp_path / "stripes.npy"
    np.save(path, stripes(250))
    return path
