"""Full variational Bayes: both forms of the bound agree, lie below log p(X) by a KL that is known, and a step ascends
what it should.
"""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from finite_differences import complex_step, relative_error
from oracles import LinearGaussian, Table
from scipy.special import roots_hermitenorm
from test_facts import assert_mean
from test_gradients import Draw, J, M, data_for, full_case, model_of

import aevb_np
from aevb_np.full_vb import FullVB, draw_theta, full_a, full_b, init, theta_kl
from aevb_np.model import VAE
from aevb_np.optimizers import SGD
from aevb_np.params import Params
from aevb_np.streams import stream

N = 50


def small_model(kind="bernoulli"):
    """A model, p = (mean and log-variance of q(theta), phi) of scale 0.5, and data."""
    function, arguments = full_case(full_b, kind, 1, draw := Draw())
    return function.args[0], arguments["p"], function.keywords["x"], draw


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_both_forms_estimate_the_same(kind):
    """E(21) = E(24), for the bounds of the datapoints and for the KL of theta, from 4,000 draws of everything."""
    model, p, x, draw = small_model(kind)
    bounds, kls = [], []
    for _ in range(4_000):
        noise = draw.normal(M, J), draw.normal(1, p.theta.flat.size)
        (a, kl_a), _ = full_a(model, p, x, *noise)
        (b, kl_b), _ = full_b(model, p, x, *noise)
        bounds.append(a - b)
        kls.append(kl_a - kl_b)
    assert_mean(np.array(bounds), 0)
    assert_mean(np.array(kls), 0)


def test_the_gap_is_a_kl():
    """log p(X) - L = KL(q(theta) || p(theta|X)), eq. (13), and KL(q(z|x) || p(z|x, theta)) of every z on top, eq. (15).

    x|z ~ N(W z + b, 1/4) has two parameters, so everything is an integral over a plane: p(X) on a grid, the rest by
    Gauss-Hermite quadrature under q.
    """
    x = np.array([[0.7], [-0.4], [1.6], [0.2]])
    n, variance = len(x), 0.25
    decoder = LinearGaussian(1, 1, variance)
    model = VAE(decoder, Table(n, 1, 1))
    p = Params({"theta": decoder.shapes, "theta_log_var": decoder.shapes, "phi": model.encoder.shapes})
    p.theta.flat[:], p.theta_log_var.flat[:] = [0.6, 0.4], [-1.2, -1.6]
    p.phi.mu[...], p.phi.log_var[...] = 0.3 * x, [[-0.5], [-0.2], [-0.8], [0.0]]

    def log_p_data(W, b):  # log p(X|theta), z integrated out
        return sum(scipy.stats.norm.logpdf(x_i, b, np.sqrt(W**2 + variance)) for x_i in x[:, 0])

    grid = np.linspace(-9, 9, 801)
    W, b = np.meshgrid(grid, grid, indexing="ij")
    log_joint = log_p_data(W, b) + scipy.stats.norm.logpdf(W) + scipy.stats.norm.logpdf(b)
    log_evidence = scipy.special.logsumexp(log_joint) + 2 * math.log(grid[1] - grid[0])

    nodes, weights = roots_hermitenorm(60)
    weights /= weights.sum()
    z_nodes, z_weights = roots_hermitenorm(3)  # log p(x|z) is a parabola in z: exact
    z_weights /= z_weights.sum()
    mean, sigma = p.theta.flat, np.exp(p.theta_log_var.flat / 2)
    bound = gap = 0.0
    for (i, w_i), (k, w_k) in itertools.product(enumerate(weights), repeat=2):
        zeta, w = np.array([[nodes[i], nodes[k]]]), w_i * w_k
        for eps, w_z in zip(z_nodes, z_weights):
            (one, kl), _ = full_b(model, p, x, np.full((n, 1), eps), zeta)
            bound += w * w_z * (one.sum() - kl[0])
        theta = Params(decoder.shapes, mean + sigma * zeta[0])
        log_q = scipy.stats.norm.logpdf(theta.flat, mean, sigma).sum()
        log_p = scipy.stats.norm.logpdf(theta.flat).sum()
        gap += w * (log_q - log_p - log_p_data(*theta.flat) + log_evidence)
        m, v = decoder.posterior(theta, x)
        s = np.exp(p.phi.log_var)
        gap += w * (0.5 * ((s + (p.phi.mu - m) ** 2) / v - 1 + np.log(v) - p.phi.log_var)).sum()
    assert gap > 0.5
    assert log_evidence - bound == pytest.approx(gap, abs=1e-6)


@pytest.mark.parametrize("estimator", [full_a, full_b])
@pytest.mark.parametrize("prior", ["all", "none"])
def test_a_step_ascends_the_bound_of_the_data(estimator, prior):
    """With SGD everything moves along the gradient of (22) / N; phi is pulled by its prior, theta by its KL alone."""
    model, p, x, _ = small_model()
    before, step = p.flat.copy(), 1e-3
    reported = FullVB(model, p, SGD(step), N, L=2, estimator=estimator, prior=prior).step(
        x, np.arange(M), stream("noise", 0)
    )
    rng = stream("noise", 0)
    noise = rng.standard_normal((2 * M, J)), rng.standard_normal((1, p.theta.flat.size))
    q = Params(p.shapes, before.astype(complex))

    def objective():
        (bound, kl), _ = estimator(model, q, x, *noise)
        return bound.sum() / M - kl.sum() / N - (prior == "all") * 0.5 * (q.phi.flat**2).sum() / N

    numeric = complex_step(objective, q.flat)
    assert relative_error((p.flat - before) / step, numeric) < 1e-11  # the move cancels digits
    (bound, _), _ = estimator(model, Params(p.shapes, before), x, *noise)
    np.testing.assert_allclose(reported, bound, rtol=1e-12)  # the KL of theta is not in it


def test_the_kl_is_divided_by_n():
    """A decoder that cannot learn from the data, for its gradient is nil, follows its prior alone, by 1 / N a step."""
    model, p, x, _ = small_model()
    before = p.theta.flat.copy()

    def blind(model, p, x, eps, zeta):
        (bound, kl), backward = full_b(model, p, x, eps, zeta)
        return (bound, kl), lambda dbound, dkl: backward(0 * dbound, dkl)

    FullVB(model, p, SGD(0.1), N, estimator=blind, prior="none").step(x, np.arange(M), stream("noise", 0))
    np.testing.assert_allclose(p.theta.flat, before * (1 - 0.1 / N), rtol=1e-12)


def test_the_start():
    model = model_of("bernoulli")
    p, aevb = init(model, stream("init", 0)), model.init(stream("init", 0))
    np.testing.assert_array_equal(p.theta.flat, aevb.theta.flat)
    np.testing.assert_array_equal(p.phi.flat, aevb.phi.flat)
    assert (p.theta_log_var.flat == -10).all() and p.flat.dtype == np.float32


def test_predictions_draw_theta_from_q():
    model, p, _, draw = small_model()
    thetas = np.array([draw_theta(model, p, draw.rng).flat for _ in range(5_000)])
    assert_mean(thetas, p.theta.flat)
    assert_mean((thetas - p.theta.flat) ** 2, np.exp(p.theta_log_var.flat))


def test_the_kl_of_theta_is_the_mean_of_its_draws():
    model, p, x, draw = small_model()
    eps = draw.normal(M, J)
    draws = np.array([full_a(model, p, x, eps, draw.normal(1, p.theta.flat.size))[0][1][0] for _ in range(5_000)])
    assert_mean(draws, theta_kl(p))


def test_single_precision_stays():
    function, arguments = full_case(full_b, "bernoulli", 1, draw := Draw(np.float32))
    model, p = function.args[0], arguments["p"]
    full = FullVB(model, p, SGD(0.01), N)
    for t in range(2):
        bound = full.step(data_for(model, draw), np.arange(M), stream("noise", 0, t))
    assert bound.dtype == p.flat.dtype == p.grad.dtype == np.float32


# ---- As a run ----


def test_a_run_learns_and_goes_on_to_the_same_bits(start, tmp_path):
    settings = {"method": "full-vb", "samples": 30_000, "warmup": 10}
    whole, part = start(**settings), start(**settings)
    rows = list(whole.train())
    for progress in part.steps():
        if progress.samples == 20_000:
            break
    part.save(tmp_path)
    rest = aevb_np.load(tmp_path, part.data)
    list(rest.train())
    assert np.array_equal(rest.p.flat, whole.p.flat)
    assert [row.test_bound for row in rest.history] == [row.test_bound for row in whole.history]
    assert rows[-1].test_bound > start(method="full-vb").evaluate("test").bound_b.mean() + 1
    assert rows[-1].theta_kl == pytest.approx(theta_kl(whole.p) / 200, rel=1e-6)
    assert f"KL(theta)/N {rows[-1].theta_kl:.2f}" in str(rows[-1])


def test_every_evaluation_draws_its_own_theta(start):
    run = start(method="full-vb", samples=1_000)
    run.p.theta_log_var.flat[:] = 2.0
    assert np.std([run.evaluate("test", repeat=r).bound_b.mean() for r in range(10)]) > 1
    run.p.theta_log_var.flat[:] = -60.0
    assert np.std([run.evaluate("test", repeat=r).bound_b.mean() for r in range(10)]) < 1
    z = np.zeros((1, 2), np.float32)
    np.testing.assert_array_equal(run.decode(z), run.model.decoder.mean(run.p.theta, z))


def test_both_estimators_and_several_draws(start):
    for settings in ({"estimator": "A"}, {"estimator": "B", "draws": 3}):
        run = start(method="full-vb", samples=2_000, **settings)
        assert len(list(run.train())) == 1
