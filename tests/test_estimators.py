"""The estimators beside A and B, held against models of which everything is known."""

import math

import numpy as np
import pytest
from finite_differences import complex_step, relative_error, richardson
from oracles import LinearGaussian, Table, expectation, one_dimensional

from aevb_np.estimators import importance_weighted, score_function, sgvb_a, sgvb_b
from aevb_np.model import VAE
from aevb_np.params import Params

M, D, J, K, H = 5, 11, 3, 7, 6


def random_model(kind, seed=0, dtype=float):
    rng = np.random.default_rng(seed)
    model = {"bernoulli": VAE.bernoulli, "gaussian": VAE.gaussian}[kind](D, H, J)
    p = Params(model.shapes, 0.5 * rng.standard_normal(Params(model.shapes).flat.size).astype(dtype))
    return model, p, rng.uniform(0.1, 0.9, (M, D)), rng.standard_normal((K * M, J)), rng.standard_normal(M)


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_the_gradient_of_the_importance_weighted_bound(kind):
    """With several rows and several samples, whose weights are easily mixed up."""
    model, p, x, eps, weights = random_model(kind)
    bound, backward = importance_weighted(model, p.theta, p.phi, x, eps)
    backward(weights)
    c = Params(model.shapes, p.flat.astype(complex))

    def value(q):
        return (weights * importance_weighted(model, q.theta, q.phi, x, eps)[0]).sum()

    numeric = Params(model.shapes, complex_step(lambda: value(c), c.flat))
    differences = Params(model.shapes, richardson(lambda: value(p), p.flat))
    for (name, _, by_hand), (_, n, _), (_, d, _) in zip(p.arrays(), numeric.arrays(), differences.arrays()):
        assert relative_error(by_hand, n) < 1e-12, name
        assert relative_error(by_hand, d) < 1e-8, name


def test_log_q_keeps_its_digits_however_narrow_q_is():
    """In float32, where sigma is below the rounding of mu: log q is that of eps, and so is the score function."""
    for log_var in (-10.0, -26.0, -34.0, -80.0):
        assert_log_q_is_that_of_eps(log_var)


def assert_log_q_is_that_of_eps(log_var):
    model, p, x = one_dimensional(2000, 3.0, 10.0, log_var)[:3]
    p, x = Params(model.shapes, p.flat.astype(np.float32)), x.astype(np.float32)
    eps = np.random.default_rng(0).standard_normal((2000, 1)).astype(np.float32)
    z = p.phi.mu + np.exp(0.5 * p.phi.log_var) * eps
    log_qz = model.log_joint(p.theta, x, z)[0] - sgvb_a(model, p.theta, p.phi, x, eps)[0]
    exact = -0.5 * (math.log(2 * math.pi) + log_var + eps[:, 0].astype(float) ** 2)
    np.testing.assert_allclose(log_qz, exact, atol=1e-4)
    bound, backward = score_function(model, p.theta, p.phi, x, eps)
    backward(np.ones(2000, np.float32))
    np.testing.assert_allclose(p.phi.dmu * np.exp(0.5 * log_var) / bound[:, None], eps, rtol=1e-5)


def test_with_one_sample_it_is_estimator_a():
    model, p, x, eps, _ = random_model("bernoulli")
    one = eps[:M]
    assert np.array_equal(
        importance_weighted(model, p.theta, p.phi, x, one)[0], sgvb_a(model, p.theta, p.phi, x, one)[0]
    )


def linear_model(seed=0, N=40):
    """A linear-Gaussian model of 4-D data with 2 latents, and for every datapoint a guess that is not the posterior."""
    rng = np.random.default_rng(seed)
    model = VAE(LinearGaussian(2, 4, 0.5), Table(N, 4, 2))
    p = Params(model.shapes)
    p.theta.W[...], p.theta.b[...] = rng.standard_normal((2, 4)), rng.standard_normal(4)
    x = rng.standard_normal((N, 2)) @ p.theta.W + p.theta.b + math.sqrt(0.5) * rng.standard_normal((N, 4))
    mean, covariance = model.decoder.posterior(p.theta, x)
    p.phi.mu[...] = mean + 0.2
    p.phi.log_var[...] = np.log(np.diag(covariance))
    return model, p, x, rng


def test_it_rises_to_log_p_of_x_with_the_number_of_samples():
    """The same 5,000 samples in groups of K: by Jensen's inequality larger groups give more, and all log p(x)."""
    model, p, x, rng = linear_model()
    N, samples = len(x), 5000
    eps = rng.standard_normal((samples, N, 2))
    means = []
    for K in (1, 5, 50, samples):
        groups = eps.reshape(samples // K, K * N, 2)
        means.append(np.mean([importance_weighted(model, p.theta, p.phi, x, group)[0] for group in groups]))
    assert np.all(np.diff(means) > 0)
    exact = model.decoder.log_marginal(p.theta, x).mean()
    assert means[0] < exact - 0.3
    assert means[-1] == pytest.approx(exact, abs=0.005)


def test_the_gap_between_log_p_and_the_bound_is_the_kl_to_the_posterior():
    """log p(x) - L = KL(q(z|x) || p(z|x)), eq. (1), number for number, for a q that is not the posterior."""
    mu, log_var, x = 0.3, -1.0, 1.0
    model, p, rows = one_dimensional(1, x, mu, log_var)
    mean, covariance = model.decoder.posterior(p.theta, rows)
    m, v = mean.item(), covariance.item()
    kl = 0.5 * ((math.exp(log_var) + (mu - m) ** 2) / v - 1 + math.log(v) - log_var)

    def bound(z):
        eps = (z - mu) / math.exp(log_var / 2)
        return np.array([sgvb_b(model, p.theta, p.phi, rows, np.array([[e]]))[0].item() for e in eps])

    exact = expectation(bound, mu, log_var)
    assert abs(model.decoder.log_marginal(p.theta, rows).item() - exact - kl) < 1e-10


# Variance of one draw's gradient in mu and in log sigma^2, and its mean: exact by 80-point quadrature.
EXACT = {
    "score": (39.999, 14.214),
    "score with baseline E f": (17.288, 8.214),
    "A": (9.197, 2.267),
    "B": (5.886, 1.804),
}
MEAN = (2.5, -0.419699)


@pytest.mark.parametrize("name", EXACT)
def test_how_much_the_gradients_of_one_expectation_vary(name):
    """x = 1, x|z ~ N(z, 1/4), q = N(0.3, e^-1): why the paper rejects the score function, in numbers."""
    n = 1_000_000
    model, p, x = one_dimensional(n, 1.0, 0.3, -1.0)
    eps = np.random.default_rng(0).standard_normal((n, 1))
    estimator = {"A": sgvb_a, "B": sgvb_b}.get(name, score_function)
    options = {}
    if name.endswith("E f"):
        options["baseline"] = expectation(
            lambda z: (
                -0.5 * (math.log(2 * math.pi) + z**2)
                - 0.5 * (math.log(2 * math.pi * 0.25) + (1 - z) ** 2 / 0.25)
                + 0.5 * (math.log(2 * math.pi) - 1 + (z - 0.3) ** 2 * math.e)
            ),
            0.3,
            -1.0,
        )
    _, backward = estimator(model, p.theta, p.phi, x, eps, **options)
    backward(np.ones(n))
    for gradient, variance, mean in zip((p.phi.dmu, p.phi.dlog_var), EXACT[name], MEAN):
        assert gradient.var() == pytest.approx(variance, rel=0.05)
        assert abs(gradient.mean() - mean) < 4 * math.sqrt(variance / n)


def test_a_baseline_for_each_datapoint_changes_no_expectation():
    n = 200_000
    model, p, x = one_dimensional(n, 1.0, 0.3, -1.0)
    eps = np.random.default_rng(0).standard_normal((n, 1))
    _, backward = score_function(model, p.theta, p.phi, x, eps, baseline=np.linspace(-3, 3, n))
    backward(np.ones(n))
    assert abs(p.phi.dmu.mean() - MEAN[0]) < 4 * p.phi.dmu.std() / math.sqrt(n)


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_the_score_function_moves_the_decoder_as_estimator_a_does(kind):
    model, p, x, eps, weights = random_model(kind)
    value, backward = score_function(model, p.theta, p.phi, x, eps)
    backward(weights)
    by_score = p.theta.grad.copy()
    p.grad[:] = 0
    same, backward = sgvb_a(model, p.theta, p.phi, x, eps)
    backward(weights)
    assert np.array_equal(value, same)
    assert relative_error(by_score, p.theta.grad) < 1e-12
