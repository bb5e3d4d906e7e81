"""What is reported of a model: the same bound that is trained, with fresh noise, and honest errors."""

import math

import numpy as np
import pytest

from aevb_np import evaluation
from aevb_np.distributions import gaussian_kl
from aevb_np.estimators import sgvb_a, sgvb_b
from aevb_np.model import VAE
from aevb_np.streams import stream

N, D, J, H = 30, 11, 3, 5


@pytest.fixture(params=["bernoulli", "gaussian"])
def model_and_data(request):
    model = {"bernoulli": VAE.bernoulli, "gaussian": VAE.gaussian}[request.param](D, H, J)
    rng = np.random.default_rng(0)
    p = model.init(rng, np.float64)
    p.flat[:] = 0.5 * rng.standard_normal(p.flat.size)
    return model, p, rng.uniform(0.1, 0.9, (N, D))


def test_the_terms_are_those_of_both_estimators(model_and_data):
    model, p, x = model_and_data
    eps = np.random.default_rng(1).standard_normal((N, J))
    terms = evaluation.terms(model, p.theta, p.phi, x, eps)
    assert np.allclose(terms.bound_a, sgvb_a(model, p.theta, p.phi, x, eps)[0], rtol=1e-12)
    assert np.allclose(terms.bound_b, sgvb_b(model, p.theta, p.phi, x, eps)[0], rtol=1e-12)
    mu, log_var = model.encoder.forward(p.phi, x)[0]
    assert np.allclose(terms.kl.sum(axis=1), gaussian_kl(mu, log_var)[0])
    assert terms.kl.shape == (N, J)


def test_z_is_sampled_and_never_the_mean(model_and_data):
    model, p, x = model_and_data
    several = [evaluation.evaluate(model, p.theta, p.phi, [x], stream("evaluate", 0, t)).bound_b for t in range(2)]
    at_the_mean = evaluation.terms(model, p.theta, p.phi, x, np.zeros((N, J))).bound_b
    assert not np.allclose(several[0], several[1])
    assert not np.allclose(several[0], at_the_mean)


def test_blocks_are_only_a_matter_of_memory(model_and_data):
    model, p, x = model_and_data
    whole = evaluation.evaluate(model, p.theta, p.phi, [x], stream("evaluate", 0))
    parts = evaluation.evaluate(model, p.theta, p.phi, [x[:7], x[7:20], x[20:]], stream("evaluate", 0))
    assert np.allclose(whole.bound_a, parts.bound_a, rtol=1e-12)


def test_the_smallest_log_variance_is_the_decoders(model_and_data):
    model, p, x = model_and_data
    terms = evaluation.evaluate(model, p.theta, p.phi, [x[:10], x[10:]], stream("evaluate", 0))
    assert math.isnan(terms.min_log_var) == (model.decoder.shapes.get("logits") is not None)


def test_the_mean_and_its_standard_error():
    values = np.random.default_rng(0).standard_normal(400).astype(np.float32)
    mean, error = evaluation.mean_and_error(values)
    assert mean == pytest.approx(values.mean(), abs=1e-6)
    assert error == pytest.approx(values.std(ddof=1) / 20, rel=1e-6)


def test_the_summary_parts_noise_from_images():
    """10 evaluations of 500 images: noise of sd 2 in A and 1 in B, images of sd 5, all made up."""
    rng = np.random.default_rng(0)
    images = -100 + 5 * rng.standard_normal(500)
    kl = np.full((500, 2), 3.0)
    repeats = []
    for _ in range(10):
        log_px = images + rng.standard_normal(500)
        noise = math.sqrt(3) * rng.standard_normal(500)
        repeats.append(evaluation.Terms(log_px, noise, np.full(500, 6.0), kl, np.nan))
    summary = evaluation.summary(repeats)
    for mean, error in (summary.bound_a, summary.bound_b):
        assert mean == pytest.approx(images.mean() - 6, abs=0.15)
        assert error == pytest.approx(5 / math.sqrt(500), rel=0.15)
    assert summary.noise_b == pytest.approx(1 / math.sqrt(500), rel=0.6)
    assert summary.noise_a == pytest.approx(2 / math.sqrt(500), rel=0.6)
    assert summary.noise_a != summary.noise_b
    assert summary.kl[0] == 6 and summary.kl_per_dimension.tolist() == [3, 3]
    assert summary.reconstruction[0] == pytest.approx(summary.bound_b[0] + 6)
