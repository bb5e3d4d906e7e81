"""The settings that nobody chose are the paper's, or its author's."""

import numpy as np
import pytest

from aevb_np.data import Dataset
from aevb_np.data.loading import load
from aevb_np.optimizers import SGD, Adagrad, Adam
from aevb_np.runs.config import Config, configure, versions


def dataset(name, decoder="bernoulli", divisor=255):
    return Dataset(name, np.full((300, 4), 200, np.uint8), np.zeros((20, 4), np.uint8), (2, 2), divisor, decoder)


@pytest.mark.parametrize(
    "name, decoder, J, hidden, step, samples",
    [
        ("mnist", "bernoulli", 2, 500, 0.02, 1_000_000),
        ("mnist", "bernoulli", 3, 500, 0.02, 1_000_000),
        ("mnist", "bernoulli", 5, 500, 0.01, 1_000_000),
        ("mnist", "bernoulli", 10, 500, 0.02, 1_000_000),
        ("mnist", "bernoulli", 20, 500, 0.01, 1_000_000),
        ("mnist", "bernoulli", 200, 500, 0.01, 1_000_000),
        ("frey", "gaussian", 2, 200, 0.02, 1_000_000),
        ("frey", "gaussian", 20, 200, 0.02, 1_000_000),
        ("digits", "bernoulli", 2, 200, 0.1, 400_000),
        ("digits", "bernoulli", 10, 200, 0.02, 400_000),
        ("mine", "gaussian", 2, 200, 0.02, 400_000),
    ],
)
def test_defaults(name, decoder, J, hidden, step, samples):
    config = configure(dataset(name, decoder), latent=J)
    assert (config.hidden, config.step, config.samples) == (hidden, step, samples)
    assert (config.warmup, config.minibatch, config.draws, config.estimator) == (100, 100, 1, "B")
    assert (config.optimizer, config.prior, config.sampling, config.seed) == ("adagrad", "all", "permutation", 0)
    assert (config.dtype, config.threads, config.method, config.log_var_floor) == ("float32", 1, "aevb", None)


def test_the_gaussian_mean_is_between_0_and_1_when_the_data_are():
    assert configure(dataset("mine", "gaussian")).sigmoid_mean
    assert not configure(dataset("mine", "gaussian", divisor=1)).sigmoid_mean
    assert not configure(dataset("mine")).sigmoid_mean


def test_optimisers_and_the_authors_epsilon():
    adagrad = configure(dataset("mnist"), minibatch=50).make_optimizer()
    assert isinstance(adagrad, Adagrad) and adagrad.warmup == 100
    assert adagrad.epsilon == pytest.approx(1e-8 / 50**2)  # his for the sum over the minibatch, ours for its mean
    for name, kind in (("sgd", SGD), ("adam", Adam)):
        optimizer = configure(dataset("mnist"), optimizer=name).make_optimizer()
        assert isinstance(optimizer, kind) and optimizer.step == 0.001


def test_faces_take_adam():
    assert configure(dataset("faces", "gaussian")).optimizer == "adam"
    assert configure(dataset("faces", "gaussian"), optimizer="adagrad").warmup == 100


def test_settings_survive_json():
    config = configure(dataset("mnist"), latent=7, step=0.5)
    assert Config.from_dict(config.as_dict()) == config
    with pytest.raises(ValueError, match="not the settings of a run of this version"):
        Config.from_dict({**config.as_dict(), "unheard": 1})


def test_data_by_name():
    data = load("digits", train=30)
    assert len(data.x_train) == 30 and len(data.x_test) == 2000
    assert load("faces").decoder == "gaussian"
    with pytest.raises(ValueError, match="binarize='static' is for mnist"):
        load("digits", binarize="static")


def test_the_blas_is_numpys_own_even_when_scipy_has_brought_another(monkeypatch):
    libraries = [
        {"user_api": "blas", "filepath": "site-packages/scipy.libs/openblas.so", "architecture": "Zen"},
        {"user_api": "blas", "filepath": "site-packages/numpy.libs/openblas.so", "architecture": "Haswell"},
    ]
    monkeypatch.setattr("aevb_np.runs.config.threadpool_info", lambda: libraries)
    assert versions(1)["kernel"] == "Haswell"
