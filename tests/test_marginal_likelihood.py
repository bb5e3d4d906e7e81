"""log p(x) by every method, held against models of which it is known: linear-Gaussian ones, where it can be written
down, and small VAEs with large weights, where it is a sum over a grid.

Random tests use fixed seeds and allow 4 standard errors.
"""

import math
from importlib import import_module

import certainty
import numpy as np
import pytest
import scipy.stats
from oracles import LinearGaussian

from aevb_np import hmc, marginal_likelihood
from aevb_np.estimators import importance_weighted
from aevb_np.experiments import plan
from aevb_np.marginal_likelihood import (
    METHODS,
    annealed_importance,
    annealing,
    appendix_d,
    bidirectional,
    densities,
    importance,
    importance_sampling,
    log_marginal,
    quadrature,
    starts,
)
from aevb_np.marginal_likelihood.estimate import log_mean, pareto_k, split_r_hat, tail
from aevb_np.marginal_likelihood.hills import Hills, climbed, hills
from aevb_np.model import VAE
from aevb_np.networks import BernoulliMLP, GaussianMLP
from aevb_np.params import Params
from aevb_np.streams import stream
from aevb_np.true_posterior import posterior

# the modules, whose names in the package are those of their functions
QUADRATURE, APPENDIX_D = (import_module(f"aevb_np.marginal_likelihood.{name}") for name in ("quadrature", "appendix_d"))

D, H = 7, 5


def test_a_forecast_counts_the_evaluations_that_an_estimate_takes():
    class Counted(BernoulliMLP):
        passes = 0

        def log_prob(self, theta, x, z, value=True):
            self.passes += len(z)
            return super().log_prob(theta, x, z, value)

    decoder, x = Counted(2, H, D), np.zeros((3, D))
    theta = Params(decoder.shapes)
    appendix_d(decoder, theta, x, np.zeros((3, 2)), stream("hmc", 0))
    assert decoder.passes == 3 * plan.PASSES
    starts(decoder, theta, x, stream("hmc", 0))
    assert decoder.passes == 3 * (plan.PASSES + plan.STARTS)


SMALL = pytest.mark.parametrize("J", [1, 2])
KINDS = pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
DENSITIES = pytest.mark.parametrize("density", ["gaussian", "kde"])


class LinearEncoder:
    """q(z|x) = N(x V + c, exp(log_var) I)."""

    def __init__(self, D, J):
        self.n_in, self.n_out = D, J
        self.shapes = {"V": (D, J), "c": (J,), "log_var": (J,)}

    def forward(self, p, x):
        return (x @ p.V + p.c, np.tile(p.log_var, (len(x), 1))), None


def linear_gaussian(J, M, shift=0.0, wider=1.0, dtype=np.float64):
    """Model, parameters, M draws of x and their log p(x).

    The rows of W are orthogonal, so that the posterior is N(x V + c, diagonal), and q is just that; unless it is
    shifted and its variance made wider.
    """
    rng = np.random.default_rng(0)
    model = VAE(LinearGaussian(J, D, 0.5), LinearEncoder(D, J))
    p = Params(model.shapes)
    p.theta.W[...] = (np.linalg.qr(rng.standard_normal((D, J)))[0] * np.linspace(1, 2, J)).T
    p.theta.b[...] = rng.standard_normal(D)
    _, covariance = model.decoder.posterior(p.theta, np.zeros((1, D)))
    p.phi.V[...] = p.theta.W.T @ covariance / 0.5
    p.phi.c[...] = shift - p.theta.b @ p.phi.V
    p.phi.log_var[...] = np.log(wider * np.diag(covariance))
    x = model.decoder.sample(p.theta, rng.standard_normal((M, J)), rng)
    return model, Params(model.shapes, p.flat.astype(dtype)), x.astype(dtype), model.decoder.log_marginal(p.theta, x)


def small_vae(kind, J, M, dtype=np.float64):
    """A VAE with weights of scale 1, whose posteriors are no Gaussians, and M draws of x. Its q(z|x) is the prior.

    The Gaussian decoder's log-variances are drawn closer together, or p(z|x) would have needles that no grid finds.
    """
    rng = np.random.default_rng(0)
    decoder = {"bernoulli": lambda: BernoulliMLP(J, H, D), "gaussian": lambda: GaussianMLP(J, H, D)}[kind]()
    model = VAE(decoder, GaussianMLP(D, H, J))
    p = Params(model.shapes)
    p.theta.flat[:] = rng.standard_normal(p.theta.flat.size)
    if kind == "gaussian":
        for array in (p.theta.log_var.W, p.theta.log_var.b):
            array *= 0.3
    x = model.decoder.sample(p.theta, rng.standard_normal((M, J)), rng)
    return model, Params(model.shapes, p.flat.astype(dtype)), x.astype(dtype)


def by_gauss_legendre(model, theta, x, n=160, B=9.0):
    """log p(x) one datapoint at a time, by another rule than the trapezoidal one."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    z = B * np.stack(np.meshgrid(*[nodes] * model.J), axis=-1).reshape(-1, model.J)
    weight = B**model.J * np.prod(np.meshgrid(*[weights] * model.J), axis=0).ravel()
    rows = [np.tile(one, (len(z), 1)) for one in x]
    return np.array([np.log((weight * np.exp(model.log_joint(theta, row, z)[0])).sum()) for row in rows])


def assert_pulls(estimate, truth):
    pulls = (estimate.log_px - truth) / estimate.error
    assert 0.8 < pulls.std() < 1.3, f"the errors are wrong by a factor of {pulls.std():.2f}"


def assert_below(a, b):
    """a is smaller than b on average, or equal to within 4 standard errors."""
    d = a - b
    assert d.mean() < 4 * d.std(ddof=1) / math.sqrt(len(d))


# ---- The pieces ----


@pytest.mark.parametrize(
    "network",
    [BernoulliMLP(2, H, D), GaussianMLP(2, H, D), GaussianMLP(2, H, D, True, -0.3), LinearGaussian(2, D, 0.5)],
    ids=["bernoulli", "gaussian", "gaussian floored", "linear"],
)
def test_pairs_are_rows(network):
    """log p(v_n | u_g) of all pairs at once is `log_prob` of every v beside every u."""
    rng = np.random.default_rng(0)
    p = Params(network.shapes)
    p.flat[:] = rng.standard_normal(p.flat.size)
    v, u = rng.random((11, D)), rng.standard_normal((13, 2))
    pairs = network.log_prob_pairs(p, v, u)
    rows, _ = network.log_prob(p, np.repeat(v, 13, axis=0), np.tile(u, (11, 1)))
    np.testing.assert_allclose(pairs, rows.reshape(11, 13), rtol=1e-12)


def test_pairs_with_a_tiny_variance_lose_no_digits():
    """With sigma = 0.001, as on Frey Face, the terms of (x - mu)^2 / sigma^2 are a million and the sum about one."""
    rng = np.random.default_rng(0)
    network = GaussianMLP(1, H, D)
    p = Params(network.shapes, dtype=np.float32)
    p.mean.b[...], p.log_var.b[...] = rng.random(D), 2 * math.log(0.001)
    v = (p.mean.b + 0.001 * rng.standard_normal((11, D))).astype(np.float32)
    double = Params(network.shapes, p.flat.astype(float))
    exact, _ = network.log_prob(double, v.astype(float), np.zeros((11, 1)))
    np.testing.assert_allclose(network.log_prob_pairs(p, v, np.zeros((1, 1), np.float32))[:, 0], exact, atol=1e-6)


def test_the_error_of_a_logarithm():
    """The logarithms of means of 200 weights scatter as much as each says it does; one weight does not say."""
    log_w = np.random.default_rng(0).normal(size=(200, 5000))
    value, error, effective = log_mean(log_w)
    assert value.mean() == pytest.approx(0.5, abs=4 * value.std() / math.sqrt(5000) + 0.5 * error.mean() ** 2)
    assert ((value - 0.5) / error).std() == pytest.approx(1, abs=0.1)
    np.testing.assert_allclose(effective, np.exp(log_w).sum(axis=0) ** 2 / np.exp(2 * log_w).sum(axis=0))
    assert np.isnan(log_mean(log_w[:1])[1]).all()
    value = log_mean(log_w - 1e5)[0]  # weights that are zero in any other form
    np.testing.assert_allclose(value + 1e5, log_mean(log_w)[0], atol=1e-9)


def test_where_one_weight_is_all_the_error_is_infinite():
    """Eight log-normal weights whose logarithms vary by s: their mean is low by as much as it likes, and says so."""
    rng = np.random.default_rng(0)
    for s in (3.0, 10.0, 100.0):
        value, error, effective = log_mean(s * rng.standard_normal((8, 2000)))
        low = 0.5 * s * s - value > 3 * error
        assert low.mean() < 0.04 and np.isinf(error).mean() > 0.5 and effective.min() > 0.999


def test_paretos_k():
    """Of Pareto weights it is found; of weights that are bounded it is negative; of equal ones there is none."""
    rng = np.random.default_rng(0)
    for k in (0.3, 0.7, 1.2):
        found = pareto_k(k * rng.exponential(size=(5000, 200)))
        n = tail(5000)  # the standard error of k is (1 + k) / sqrt n, and it is drawn to 1/2
        assert found.mean() == pytest.approx((n * k + 5) / (n + 10), abs=0.05)
        assert found.std() == pytest.approx((1 + k) / math.sqrt(n), rel=0.3)
    assert (pareto_k(np.log(rng.random((5000, 20)))) < 0).all()
    assert (pareto_k(np.ones((100, 3))) == -np.inf).all() and np.isnan(pareto_k(np.ones((24, 3)))).all()


def test_r_hat_by_its_definition():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((100, 500, 2))
    assert np.quantile(split_r_hat(z), 0.99) < 1.1
    z[50:, 0, 1] += 3
    a, b = z[:50, 0, 1], z[50:, 0, 1]
    within, between = (a.var(ddof=1) + b.var(ddof=1)) / 2, np.var([a.mean(), b.mean()], ddof=1)
    assert split_r_hat(z)[0] == pytest.approx(math.sqrt(49 / 50 + between / within))
    assert split_r_hat(z)[0] > 1.5
    assert np.isinf(split_r_hat(np.zeros((100, 1, 2)))).all()


def test_neighbours_that_resemble_each_other_count_less():
    """The mean of an autoregressive chain with correlation r varies tau = 1 + 2 sum_k (1 - k / L) r^k times as much."""
    rng, k = np.random.default_rng(0), np.arange(1, 50)
    for r in (0.0, 0.3, 0.5):
        tau = 1 + 2 * ((1 - k / 50) * r**k).sum()
        chain = [rng.standard_normal(4000)]
        for _ in range(49):
            chain.append(r * chain[-1] + math.sqrt(1 - r * r) * rng.standard_normal(4000))
        log_w = np.log(10 + np.array(chain))
        assert APPENDIX_D.correlation_time(log_w) == pytest.approx(tau, rel=0.08)
        log_w[:, ::2] = 0.0  # half of the chains stand still and say nothing of r
        assert APPENDIX_D.correlation_time(log_w) == pytest.approx(tau, rel=0.08)
    assert APPENDIX_D.correlation_time(np.zeros((50, 3))) == 1


@SMALL
@DENSITIES
def test_a_fitted_density_is_a_density(density, J):
    """For every datapoint it integrates to one."""
    rng = np.random.default_rng(0)
    scale = np.array([0.5, 1, 2])  # a grid for each of three datapoints
    draws = scale[:, None] * np.exp(0.5 * rng.standard_normal((20, 3, J)))
    axis = np.linspace(-7, 10, {1: 1001, 2: 151}[J])
    z = scale[:, None] * np.stack(np.meshgrid(*[axis] * J), axis=-1).reshape(-1, 1, J)
    log_q = densities.DENSITIES[density](draws)(z)
    np.testing.assert_allclose(np.exp(log_q).sum(axis=0) * (scale * (axis[1] - axis[0])) ** J, 1, atol=1e-3)


def test_what_the_densities_are_fitted_to():
    """The Gaussian is SciPy's; hills of width 1 are that Gaussian; two heaps of draws are better told by hills."""
    rng = np.random.default_rng(0)
    draws, z = rng.standard_normal((40, 3, 2)) @ [[1, 0.8], [0, 0.3]], rng.standard_normal((9, 3, 2))
    by_gaussian = densities.gaussian(draws)(z)
    for m in range(3):
        q = scipy.stats.multivariate_normal(draws[:, m].mean(axis=0), np.cov(draws[:, m].T))
        np.testing.assert_allclose(by_gaussian[:, m], q.logpdf(z[:, m]), rtol=1e-4)
    white, log_det = densities.whitening(draws)
    for s, same in ((1.0, True), (0.5, False)):
        hills = densities.log_hills(white(z), white(draws), np.full(3, s)) + log_det
        assert np.allclose(hills, by_gaussian) == same
    heaps = rng.standard_normal((100, 3, 1)) + 10.0 * rng.integers(0, 2, (100, 3, 1))
    assert (densities.kde(heaps)(heaps).mean(axis=0) > densities.gaussian(heaps)(heaps).mean(axis=0) + 0.5).all()


# ---- Linear-Gaussian: log p(x) is known ----

ESTIMATES = {
    "hmc gaussian": ("hmc", {"density": "gaussian"}),
    "hmc kde": ("hmc", {"density": "kde"}),
    "importance": ("importance", {"K": 500}),
    "quadrature": ("quadrature", {}),
    "ais": ("ais", {"T": 60}),
}


@pytest.mark.parametrize("name", ESTIMATES)
@SMALL
def test_what_can_be_written_down(name, J):
    """Every method, with a q that is not quite the posterior: the mean to 0.05 nat, and errors as large as they say."""
    method, settings = ESTIMATES[name]
    model, p, x, exact = linear_gaussian(J, 300, shift=0.2, wider=1.3)
    estimate = log_marginal(model, p.theta, p.phi, x, method, stream("hmc", seed=0), **settings)
    assert abs((estimate.log_px - exact).mean()) < 0.05
    if method in ("hmc", "importance"):
        assert_pulls(estimate, exact)
    if method == "quadrature":
        np.testing.assert_allclose(estimate.log_px, exact, rtol=0, atol=1e-9)
        assert (estimate.error < 1e-3).all()


def test_with_the_posterior_itself_every_weight_is_p_of_x():
    """p(x, z) / q(z|x) = p(x) for every z, so two samples are enough and the error is zero."""
    model, p, x, exact = linear_gaussian(2, 30)
    estimate = importance_sampling(model, p.theta, p.phi, x, 2, stream("hmc", seed=0))
    np.testing.assert_allclose(estimate.log_px, exact, rtol=1e-12)
    assert (estimate.error < 1e-12).all()


# ---- Appendix D ----


def test_appendix_d_by_its_definition():
    """One datapoint at a time: q is SciPy's Gaussian fitted to the first draws, the mean is over the others."""
    for J in (1, 2, 3):
        model, p, x, _ = linear_gaussian(J, 4)
        z, L = np.zeros((4, J)), 30
        estimate = appendix_d(model.decoder, p.theta, x, z, stream("hmc", seed=0), L=L, burn_in=20)
        draws = hmc.sample(posterior(model.decoder, p.theta, x), z, 4, 20, 4 * L, stream("hmc", seed=0), jitter=0.5)
        for m in range(4):
            kept = draws.z[1::2, m]
            q = scipy.stats.multivariate_normal(kept[:L].mean(axis=0), np.cov(kept[:L].T))
            log_pxz = [model.log_joint(p.theta, x[m : m + 1], one[None])[0].item() for one in kept[L:]]
            one_over_p = sum(q.pdf(one) / math.exp(log_p) for one, log_p in zip(kept[L:], log_pxz)) / L
            assert estimate.log_px[m] == pytest.approx(-math.log(one_over_p), abs=1e-4)
        np.testing.assert_array_equal(estimate.acceptance, draws.acceptance)


@DENSITIES
@SMALL
@KINDS
def test_appendix_d_agrees_with_quadrature(kind, J, density):
    model, p, x = small_vae(kind, J, 100)
    exact = quadrature(model.decoder, p.theta, x).log_px
    z = starts(model.decoder, p.theta, x, stream("hmc", seed=1), burn_in=50)
    estimate = appendix_d(model.decoder, p.theta, x, z, stream("hmc", seed=0), L=100, density=density)
    assert np.median(np.abs(estimate.log_px - exact)) < 0.05


def test_a_chain_that_never_moves_knows_nothing():
    """Steps of 0.1 in a posterior a millionth wide: every move is rejected, and the error is infinite."""
    model, p, x, _ = linear_gaussian(2, 3)
    model.decoder.log_var = math.log(1e-12)
    estimate = appendix_d(model.decoder, p.theta, x, np.zeros((3, 2)), stream("hmc", seed=0), burn_in=0)
    assert (estimate.acceptance == 0).all() and np.isinf(estimate.error).all() and np.isfinite(estimate.log_px).all()


def test_a_chain_that_changes_hills_knows_that_it_did():
    """Two hills, ten widths apart: no estimate that is too high by three errors, and those that are have none."""
    model = certainty.Curve(1, lambda z: z**2, lambda z: 2 * z, 0.25)
    theta, x = Params(model.shapes), np.full((300, 1), 0.6)
    exact = quadrature(model, theta, x[:1]).log_px
    estimate = appendix_d(model, theta, x, np.full((300, 1), 0.75), stream("hmc", seed=0))
    high = estimate.log_px - exact
    assert high.max() > 1 and (high < 4 * estimate.error + 0.05).all()
    changed = np.isinf(estimate.error)
    assert 0.02 < changed.mean() < 0.9 and (estimate.r_hat[~changed] < 1.2).all()


def test_starts_are_the_best_of_several_chains():
    model, p, x = small_vae("gaussian", 2, 20)
    best = starts(model.decoder, p.theta, x, stream("hmc", seed=0), chains=4, burn_in=30)
    rng = stream("hmc", seed=0)
    z, rows = rng.standard_normal((80, 2)), np.tile(x, (4, 1))
    draws = hmc.sample(posterior(model.decoder, p.theta, rows), z, 4, 30, 1, rng, jitter=0.5)
    for m in range(20):
        ends = range(m, 80, 20)
        assert (best[m] == draws.z[0, max(ends, key=lambda c: draws.log_p[0, c])]).all()


# ---- Importance sampling ----


def test_importance_sampling_is_the_importance_weighted_bound():
    """The same number for the same noise, which is drawn by datapoint."""
    model, p, x = small_vae("gaussian", 2, 8)
    p.phi.flat[:] = 0.3 * np.random.default_rng(1).standard_normal(p.phi.flat.size)
    for K in (1, 3, 12):
        estimate = importance_sampling(model, p.theta, p.phi, x, K, stream("hmc", seed=0))
        eps = stream("hmc", seed=0).standard_normal((8, K, 2)).swapaxes(0, 1).reshape(-1, 2)
        bound, _ = importance_weighted(model, p.theta, p.phi, x, eps)
        np.testing.assert_allclose(estimate.log_px, bound, rtol=1e-12)


@SMALL
@KINDS
def test_importance_sampling_rises_to_quadrature(kind, J):
    """From below, on average over the datapoints, and at K = 2,000 it is there with errors as large as they say."""
    model, p, x = small_vae(kind, J, 300)
    exact = quadrature(model.decoder, p.theta, x).log_px
    values = []
    for K in (1, 10, 100, 2000):
        estimate = importance_sampling(model, p.theta, p.phi, x, K, stream("hmc", seed=K))
        values.append(estimate.log_px)
    for fewer, more in zip(values, values[1:]):
        assert_below(fewer, more)
    assert values[0].mean() < values[1].mean() < exact.mean()
    assert_below(values[-1], exact)
    assert abs((values[-1] - exact).mean()) < 0.05


def test_importance_sampling_with_a_narrow_q_is_not_believed():
    """q a third as wide as the posterior along every axis: far too low, and the error is infinite."""
    model, p, x, exact = linear_gaussian(2, 40, wider=0.1)
    estimate = importance_sampling(model, p.theta, p.phi, x, 1000, stream("hmc", seed=0))
    assert (exact - estimate.log_px < 3 * estimate.error).all() and np.isinf(estimate.error).mean() > 0.9
    assert (np.isinf(estimate.error) >= (estimate.k > 0.5)).all()


# ---- Quadrature ----


@SMALL
@KINDS
def test_quadrature_agrees_with_another_rule(kind, J):
    model, p, x = small_vae(kind, J, 12)
    estimate = quadrature(model.decoder, p.theta, x)
    np.testing.assert_allclose(estimate.log_px, by_gauss_legendre(model, p.theta, x), rtol=0, atol=1e-5)
    assert (estimate.error <= 1e-3).all()


def test_no_error_is_too_small():
    """A part of the sweep of `certainty`: narrow and wide posteriors, means to 20 and on every part of a grid's step,
    networks by enumeration, two hills, three and four.
    """
    for case in certainty.cases(24, seed=1):
        assert (case.ratio < 3).all() and (case.error < 0.01).all(), case.name


def test_a_grid_whose_halves_agree_by_accident_is_not_believed():
    """Under a hill that is far narrower than the spacing, wherever it lies between the points: the error covers it."""
    for J in (1, 2):
        model = certainty.Linear(np.eye(J), 0.1)
        theta, covariance = Params(model.shapes), 0.01 / 1.01
        for fraction in np.arange(8) / 8:
            x = np.full((1, J), 0.5)
            for wrong in (1.0, 2.0, 3.0, 5.0, 9.0):  # times too wide is the hill taken
                width = wrong * math.sqrt(covariance)
                z = 0.5 / 1.01 - fraction * 0.5 * width
                found = Hills(np.zeros(1, int), np.full((1, J), z), np.zeros(1), width * np.eye(J)[None])
                log_px, off, full = QUADRATURE.integral(model, theta, x, found, 0.5, 10_000)
                assert abs(log_px[0] - model.exact(x)[0]) < 3 * (off[0] + 1e-9) and not full[0]


def test_every_hill_is_found():
    """However narrow, and wherever between the points: x = z^2 in two dimensions has four hills at +- sqrt(x)."""
    for sigma in (0.1, 1e-2, 1e-3):
        model = certainty.Curve(2, lambda z: z**2, lambda z: 2 * z, sigma)
        x = np.random.default_rng(0).uniform(0.5, 4, (20, 2))
        found, _ = hills(model, Params(model.shapes), x, 8.0, 129)
        assert np.bincount(found.row).tolist() == [4] * 20
        np.testing.assert_allclose(found.z**2, x[found.row], atol=2.5 * sigma)


def test_hills_beyond_the_first_grid_are_reached_from_its_edge():
    model, theta = certainty.Linear(np.array([[1.0]]), 0.5), Params({"nothing": (1,)})
    x = np.array([[20.0], [-300.0]])
    estimate = quadrature(model, theta, x)
    np.testing.assert_allclose(estimate.log_px, model.exact(x), atol=1e-6)


def test_too_few_points_know_nothing():
    model, p, x = small_vae("bernoulli", 2, 5)
    estimate = quadrature(model.decoder, p.theta, x, points=20)
    assert np.isinf(estimate.error).all() and np.isfinite(estimate.log_px).all()


class Sum(certainty.Curve):
    """p(x|z) that does not look at x: along every axis a sum of exp(height - (z - middle)^2 / 2 width^2)."""

    def __init__(self, J, height, middle, width):
        super().__init__(J, None, None, 1.0)
        self.height, self.middle, self.width = (np.array(part) for part in (height, middle, width))

    def log_prob(self, theta, x, z, value=True):
        away = (z[..., None] - self.middle) / self.width  # (M, J, number of parts)
        part = self.height - 0.5 * away**2
        log_p = np.logaddexp.reduce(part, axis=2)
        slope = -(np.exp(part - log_p[..., None]) * away / self.width).sum(axis=2)
        return log_p.sum(axis=1), lambda d, inputs=True, parameters=True: d[:, None] * slope

    def log_prob_pairs(self, theta, x, z):
        return np.tile(self.log_prob(theta, x, z)[0], (len(x), 1))

    def exact(self):
        variance = 1 + self.width**2
        part = self.height + np.log(self.width) - 0.5 * (np.log(variance) + self.middle**2 / variance)
        return self.n_in * np.logaddexp.reduce(part)


def test_a_spike_on_a_hill():
    """A hill fifty times as wide as what stands on it: found, and summed up on one fine grid if there is room."""
    for J in (1, 2):
        model = Sum(J, [0, math.log(30)], [0.3, 0.3], [100, 0.02])
        estimate = quadrature(model, Params(model.shapes), np.zeros((1, J)))
        assert abs(estimate.log_px[0] - model.exact()) < 3 * estimate.error[0]
        assert np.isinf(estimate.error[0]) == (J == 2)  # where a grid as fine as the spike would be too large


def test_a_spike_beyond_a_valley():
    """The grid of the wide hill reaches the spike, just; the finer one, whose terms are smaller, would stop between."""
    model = Sum(1, [-14, 0], [2, 0], [0.5, 0.1])
    estimate = quadrature(model, Params(model.shapes), np.zeros((1, 1)))
    assert abs(estimate.log_px[0] - model.exact()) < estimate.error[0] < 1e-3


def test_a_spike_on_a_slope():
    """It is no hill, for the slope is as steep; no climb ends there. The sum over the first grid tells of it."""
    model = Sum(1, [-3, 0], [-2, -1], [0.025, 1])
    found, _ = hills(model, Params(model.shapes), np.zeros((1, 1)), 12.0, 4097)
    assert len(found.row) == 1
    estimate = quadrature(model, Params(model.shapes), np.zeros((1, 1)))
    assert 1e-4 < abs(estimate.log_px[0] - model.exact()) < 3 * estimate.error[0] < 3e-3


def test_a_climb_steps_back():
    """Sides that are straight, steep and far: a whole Newton step lands on the other side, and lower, every time."""

    class Roof(certainty.Curve):
        """log p(x|z) = -100 sqrt(1 + z^2)."""

        def log_prob(self, theta, x, z, value=True):
            root = np.sqrt(1 + z**2)
            return -100 * root.sum(axis=1), lambda d, inputs=True, parameters=True: -100 * d[:, None] * z / root

    model = Roof(1, None, None, 1.0)
    z = np.array([[5.0], [-7.0], [30.0]])
    found = climbed(model, Params(model.shapes), np.zeros((3, 1)), np.arange(3), z, np.ones((3, 1, 1)))
    np.testing.assert_allclose(found.z, 0, atol=0.4 / math.sqrt(101))
    np.testing.assert_allclose(found.root, 1 / math.sqrt(101), rtol=0.1)


def test_quadrature_in_three_dimensions():
    model, p, x, exact = linear_gaussian(3, 10)
    estimate = quadrature(model.decoder, p.theta, x)
    assert (np.abs(estimate.log_px - exact) <= estimate.error).all()
    assert np.abs(estimate.log_px - exact).max() < 1e-8


def test_only_those_that_need_it_get_a_finer_grid(monkeypatch):
    """Datapoints whose error is small are left alone; the others are summed again with half the spacing."""
    model, calls = LinearGaussian(1, 1, 1.0), []

    def integral(decoder, theta, x, found, spacing, points):
        calls.append((spacing, np.unique(found.row).tolist()))
        return model.log_marginal(theta, x), x[:, 0] * spacing**2, np.zeros(4, bool)

    monkeypatch.setattr(QUADRATURE, "integral", integral)
    x = np.array([[1e-3], [1e-2], [3e-2], [0.1]])
    estimate = quadrature(model, Params(model.shapes), x)
    assert (
        calls == [(0.4, [0, 1, 2, 3]), (0.2, [1, 2, 3]), (0.1, [2, 3]), (0.05, [3])][: len(calls)] and len(calls) == 4
    )
    np.testing.assert_allclose(estimate.error, [1.6e-4, 4e-4, 3e-4, 2.5e-4], atol=1e-9)


# ---- Annealed importance sampling ----


@SMALL
@KINDS
def test_ais_is_a_lower_bound_that_closes(kind, J):
    """However short the way it is too low, not too high, on average; and a longer way closes the gap."""
    model, p, x = small_vae(kind, J, 200)
    exact = quadrature(model.decoder, p.theta, x).log_px
    short, long = (
        annealed_importance(model.decoder, p.theta, x, stream("hmc", seed=0), T, chains=4).log_px for T in (3, 80)
    )
    assert_below(short, exact)
    assert_below(long, exact)
    assert short.mean() < long.mean() and exact.mean() - long.mean() < 0.1


@SMALL
@KINDS
def test_the_sandwich_holds_log_p(kind, J):
    """Between the bounds lies the number of the quadrature: with a gap when the way is short, with none when long."""
    model, p, _ = small_vae(kind, J, 1)
    gaps = []
    for T in (3, 80):
        sandwich = bidirectional(model.decoder, p.theta, 200, stream("hmc", seed=0), T, chains=4)
        exact = quadrature(model.decoder, p.theta, sandwich.x).log_px
        assert_below(sandwich.lower.log_px, exact)
        assert_below(exact, sandwich.upper.log_px)
        gaps.append((sandwich.upper.log_px - sandwich.lower.log_px).mean())
    assert gaps[1] < min(0.2, gaps[0] / 5)


def test_the_sandwich_of_what_can_be_written_down():
    """Posteriors a fifth as wide as the prior: the steps get shorter on the way there, and longer on the way back."""
    model, p, _, _ = linear_gaussian(2, 1)
    p.theta.W[...] *= 3
    sandwich = bidirectional(model.decoder, p.theta, 300, stream("hmc", seed=0), T=100, chains=4)
    exact = model.decoder.log_marginal(p.theta, sandwich.x)
    assert_below(sandwich.lower.log_px, exact)
    assert_below(exact, sandwich.upper.log_px)
    assert (sandwich.upper.log_px - sandwich.lower.log_px).mean() < 0.4
    assert abs(sandwich.lower.acceptance.mean() - sandwich.upper.acceptance.mean()) < 0.02


def test_one_chain_that_carries_the_weight_has_no_error():
    """Posteriors a thousandth of the prior in ten dimensions: hundreds of nats too low, and the error is infinite."""
    rng = np.random.default_rng(0)
    model = certainty.Linear(0.3 * rng.standard_normal((10, 60)), 0.01)
    x = rng.standard_normal((6, 10)) @ model.W + 0.01 * rng.standard_normal((6, 60))
    estimate = annealed_importance(model, Params(model.shapes), x, stream("hmc", seed=0), T=100)
    assert (model.exact(x) - estimate.log_px > 5).all() and np.isinf(estimate.error).all()
    assert (estimate.effective < 2.5).all()


def forward_and_back(C=40_000):
    """log w - log p(x) on the way there and back, over few steps, for an x whose posterior can be drawn from."""
    model, p, x, exact = linear_gaussian(1, 1)
    rows, rng = np.tile(x, (C, 1)), np.random.default_rng(0)
    mean, covariance = model.decoder.posterior(p.theta, x)
    posterior_draws = mean + math.sqrt(covariance.item()) * rng.standard_normal((C, 1))
    betas = [0.0, 0.1, 0.3, 1.0]
    steps = np.array([9.0, 1.3, 0.7, 9.0])[:, None, None] * np.ones((C, 1))  # the first and the last are not used
    there = annealing.anneal(betas, steps, model.decoder, p.theta, rows, rng.standard_normal((C, 1)), rng)
    back = annealing.anneal(betas[::-1], steps[::-1], model.decoder, p.theta, rows, posterior_draws, rng)
    for _, acceptance in (there, back):
        assert 0.5 < acceptance.mean() < 0.99  # the moves matter
    return there[0] - exact, -back[0] - exact


def test_the_weights_there_and_back():
    """E[w] = p(x) on the way there, E[1 / w] = 1 / p(x) on the way back, with moves that cannot keep up."""
    there, back = forward_and_back()
    assert there.mean() < -0.05 and back.mean() > 0.05
    for ratio in (np.exp(there), np.exp(-back)):
        assert abs(ratio.mean() - 1) < 4 * ratio.std() / math.sqrt(len(ratio))


def test_the_way_back_is_the_way_there_in_reverse():
    """Crooks: paths there, each counted by its weight, are paths back. So any function of log w has the same mean."""
    there, back = forward_and_back()
    w = np.exp(there)
    for f in (np.tanh, np.cos, lambda a: a):
        a, b = w * f(there), f(back)
        error = math.sqrt((a.var() + b.var()) / len(a))
        assert abs(a.mean() - b.mean()) < 4 * error


def test_no_move_that_nobody_looks_at():
    """T weights and T - 1 moves of 4 leapfrog steps with 5 gradients."""

    class Counting(LinearGaussian):
        calls = 0

        def log_prob(self, *arguments):
            self.calls += 1
            return super().log_prob(*arguments)

    decoder = Counting(1, D, 0.5)
    theta = Params(decoder.shapes)
    annealing.anneal(annealing.schedule(6), np.ones((7, 3, 1)), decoder, theta, np.zeros((3, D)), np.zeros((3, 1)),
                     stream("hmc", seed=0))  # fmt: skip
    assert decoder.calls == 6 + 5 * 5


def test_the_schedule():
    betas = annealing.schedule(20)
    assert betas[0] == 0 and betas[-1] == 1 and len(betas) == 21
    gaps = np.diff(betas)
    assert (gaps > 0).all() and gaps[10] > 5 * gaps[0]
    np.testing.assert_allclose(gaps, gaps[::-1])
    assert all(type(beta) is float for beta in betas)


# ---- All methods ----

QUICK = {
    "hmc": {"L": 10, "burn_in": 5},
    "importance": {"K": 7},
    "quadrature": {},
    "ais": {"T": 4, "chains": 3},
}


@pytest.mark.parametrize("method", METHODS)
@KINDS
def test_blocks_change_nothing(method, kind, monkeypatch):
    """Blocks of any size, of datapoints, samples or grid points: the same numbers."""
    model, p, x = small_vae(kind, 2, 11)
    results = []
    for rows in (2000, 77, 10, 3):
        for module, name in ((importance, "ROWS"), (annealing, "ROWS"), (QUADRATURE, "ROWS")):
            monkeypatch.setattr(module, name, rows)
        results.append(log_marginal(model, p.theta, p.phi, x, method, stream("hmc", seed=0), **QUICK[method]))
    for other in results[1:]:
        np.testing.assert_allclose(other.log_px, results[0].log_px, rtol=1e-12)
        np.testing.assert_allclose(other.error, results[0].error, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@KINDS
def test_float32_and_nothing_is_written(method, kind):
    """float32 goes in, read-only, and float64 comes out, near what float64 gives; theta's gradient stays."""
    model, p, x = small_vae(kind, 1, 50, np.float32)
    p.grad[:] = 3
    for array in (p.flat, p.grad, p.theta.flat, p.theta.grad, x):
        array.flags.writeable = False
    settings = {"T": 50, "chains": 4} if method == "ais" else {}
    estimate = log_marginal(model, p.theta, p.phi, x, method, stream("hmc", seed=0), **settings)
    assert estimate.log_px.dtype == estimate.error.dtype == np.float64
    assert (p.grad == 3).all()
    double = small_vae(kind, 1, 50)
    exact = quadrature(model.decoder, double[1].theta, double[2]).log_px
    assert abs((estimate.log_px - exact).mean()) < 0.05


@pytest.mark.parametrize("method", METHODS)
def test_the_same_generator_gives_the_same_numbers(method):
    model, p, x = small_vae("bernoulli", 2, 6)
    first, again, other = (
        log_marginal(model, p.theta, p.phi, x, method, stream("hmc", seed), **QUICK[method]) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.log_px, again.log_px)
    assert (first.log_px != other.log_px).all() or method == "quadrature"


def test_one_door():
    """`log_marginal` hands on to the four; "hmc" starts where it is told, or at the encoder's mean."""
    model, p, x = small_vae("gaussian", 2, 6)
    p.phi.flat[:] = 0.3 * np.random.default_rng(1).standard_normal(p.phi.flat.size)
    z = np.random.default_rng(2).standard_normal((6, 2))
    mu = model.encoder.forward(p.phi, x)[0][0]

    def rng():
        return stream("hmc", seed=0)

    pairs = [
        ("hmc", {}, appendix_d(model.decoder, p.theta, x, mu, rng())),
        ("hmc", {"z": z}, appendix_d(model.decoder, p.theta, x, z, rng())),
        ("importance", {}, importance_sampling(model, p.theta, p.phi, x, 5000, rng())),
        ("importance", {"K": 9}, importance_sampling(model, p.theta, p.phi, x, 9, rng())),
        ("quadrature", {"B": 5.0}, quadrature(model.decoder, p.theta, x, B=5.0)),
        ("ais", {"T": 4}, annealed_importance(model.decoder, p.theta, x, rng(), T=4)),
    ]
    for method, settings, direct in pairs:
        by_door = log_marginal(model, p.theta, p.phi, x, method, rng(), **settings)
        np.testing.assert_array_equal(by_door.log_px, direct.log_px)
    assert {method for method, _, _ in pairs} == set(METHODS)


@pytest.mark.parametrize(
    "method, settings, words",
    [
        ("guess", {}, "one of hmc, importance, quadrature, ais; got 'guess'"),
        ("hmc", {"density": "box"}, "one of gaussian, kde; got 'box'"),
        ("hmc", {"L": 3}, "in 2 dimensions needs 4 draws or more; got 3"),
        ("hmc", {"z": np.zeros((5, 2))}, r"6 datapoints need one z each, \(6, 2\); got \(5, 2\)"),
        ("importance", {"K": 0}, "samples of each datapoint, is 1 or more; got 0"),
        ("quadrature", {"B": 0}, "half the width of the grid, is more than 0; got 0"),
        ("quadrature", {"tolerance": 0}, "tolerance of an error is more than 0 nats; got 0"),
        ("ais", {"T": 1}, "is 2 or more; got 1"),
        ("ais", {"chains": 0}, "are 1 or more; got 0"),
    ],
)
def test_what_makes_no_sense(method, settings, words):
    model, p, x = small_vae("bernoulli", 2, 6)
    with pytest.raises(ValueError, match=words):
        log_marginal(model, p.theta, p.phi, x, method, stream("hmc", seed=0), **settings)


@pytest.mark.parametrize("method", METHODS)
def test_whole_numbers_are_numbers(method):
    model, p, x = small_vae("bernoulli", 2, 6)
    whole, real = (
        log_marginal(model, p.theta, p.phi, rows, method, stream("hmc", seed=0), **QUICK[method])
        for rows in (x.astype(int), x)
    )
    np.testing.assert_array_equal(whole.log_px, real.log_px)
    starts(model.decoder, p.theta, x.astype(bool), stream("hmc", seed=0), chains=1, burn_in=1)
    without = VAE.bernoulli(D, H, 0)
    p = Params(without.shapes)
    with pytest.raises(ValueError, match=r"no latent numbers \(J = 0\)"):
        log_marginal(without, p.theta, p.phi, x, method, stream("hmc", seed=0))


def test_what_makes_no_sense_either():
    model, p, x = small_vae("bernoulli", 2, 6)
    with pytest.raises(ValueError, match="rows of 7 numbers"):
        log_marginal(model, p.theta, p.phi, x[:, :3], "hmc", stream("hmc", seed=0))
    with pytest.raises(ValueError, match="chains that start from the prior are 1 or more for each datapoint; got 0"):
        starts(model.decoder, p.theta, x, stream("hmc", seed=0), chains=0)
    four = BernoulliMLP(4, H, D)
    with pytest.raises(ValueError, match="J = 4 latent dimensions has too many points.*Use hmc, importance or ais"):
        quadrature(four, Params(four.shapes), x)


def test_every_name_is_there():
    assert all(hasattr(marginal_likelihood, name) for name in marginal_likelihood.__all__)
