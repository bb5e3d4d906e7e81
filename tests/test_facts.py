"""Facts of the mathematics that the core must reproduce. A right gradient of a wrong formula passes every gradient
check; it does not pass these.

Random tests use fixed seeds and allow 4 standard errors. With other seeds a correct program would fail one comparison
in 16,000; a wrong one fails by far more than 4.
"""

import itertools
import math

import numpy as np
import pytest
import scipy.special
from finite_differences import complex_step
from test_gradients import D, Draw, J, L, M, data_for, model_of

from aevb_np import numerics
from aevb_np.aevb import AEVB
from aevb_np.distributions import (
    bernoulli_log_prob,
    gaussian_kl,
    gaussian_log_prob,
    sample_bernoulli,
    sample_gaussian,
    standard_normal_log_prob,
)
from aevb_np.estimators import sgvb_a, sgvb_b
from aevb_np.model import VAE
from aevb_np.networks import BernoulliMLP, GaussianMLP
from aevb_np.objective import Ascent, prior_precision
from aevb_np.optimizers import BLOCK, SGD, Adagrad, Adam
from aevb_np.params import Params, check_finite, count
from aevb_np.reparameterization import gaussian, repeat, repeat_rows
from aevb_np.streams import LIMIT, PURPOSES, stream

BOTH_KINDS = pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
BOTH_ESTIMATORS = pytest.mark.parametrize("estimator", [sgvb_a, sgvb_b])


def vae(kind, rows=M, seed=0):
    """A model, its parameters and data: (model, p, x, draw)."""
    model, draw = model_of(kind), Draw(seed=seed)
    return model, draw.params(model.shapes), data_for(model, draw, rows), draw


def assert_mean(samples, truth):
    """The mean over the rows of `samples` is `truth`, to within 4 standard errors."""
    z = (samples.mean(axis=0) - truth) / (samples.std(axis=0, ddof=1) / math.sqrt(len(samples)))
    assert np.abs(z).max() < 4, f"{np.abs(z).max():.1f} standard errors away"


def assert_variance(samples, truth):
    """The variance of normal samples is `truth`; from n of them its standard error is truth sqrt(2 / n)."""
    z = (samples.var(axis=0, ddof=1) - truth) / (truth * math.sqrt(2 / len(samples)))
    assert np.abs(z).max() < 4, f"{np.abs(z).max():.1f} standard errors away"


# ---- Densities ----


def test_bernoulli_sums_to_one():
    """The probabilities of all 2^D binary x add up to 1."""
    x = np.array(list(itertools.product([0.0, 1.0], repeat=D)))
    log_p, _ = bernoulli_log_prob(x, np.tile(Draw().normal(D), (len(x), 1)))
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-12)


def test_gaussian_integrates_to_one():
    """On a grid that reaches 10 standard deviations, where the rectangle rule is exact to rounding."""
    mu, log_var = np.array([0.3, -1.2]), np.array([-1.0, 0.7])
    sigma, steps = np.exp(log_var / 2), np.arange(-10, 10, 0.25)
    x = mu + sigma * np.array(list(itertools.product(steps, steps)))
    log_p, _ = gaussian_log_prob(x, mu[None], log_var[None])
    assert np.exp(log_p).sum() * 0.25**2 * sigma.prod() == pytest.approx(1, abs=1e-12)


def test_standard_normal_is_the_gaussian_with_mean_0_and_variance_1():
    z = Draw().normal(M, J)
    expected, _ = gaussian_log_prob(z, np.zeros((M, J)), np.zeros((M, J)))
    np.testing.assert_allclose(standard_normal_log_prob(z)[0], expected, rtol=1e-14)


def test_bernoulli_by_its_definition():
    """log p = sum_i x_i log y_i + (1 - x_i) log(1 - y_i), eq. (11), one number at a time."""
    draw = Draw()
    x, logits = draw.bits(M, D), draw.normal(M, D)
    for row, log_p in enumerate(bernoulli_log_prob(x, logits)[0]):
        total = 0.0
        for x_i, a in zip(x[row], logits[row]):
            y = 1 / (1 + math.exp(-a))
            total += x_i * math.log(y) + (1 - x_i) * math.log(1 - y)
        assert log_p == pytest.approx(total, rel=1e-13)


def test_gaussian_by_its_definition():
    """p = prod_i exp(-(x_i - mu_i)^2 / (2 sigma_i^2)) / (sqrt(2 pi) sigma_i), one number at a time."""
    draw = Draw()
    x, mu, log_var = draw.normal(M, D), draw.normal(M, D), draw.normal(M, D)
    for row, log_p in enumerate(gaussian_log_prob(x, mu, log_var)[0]):
        density = 1.0
        for x_i, m, s in zip(x[row], mu[row], log_var[row]):
            sigma = math.exp(s / 2)
            density *= math.exp(-((x_i - m) ** 2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
        assert log_p == pytest.approx(math.log(density), rel=1e-13)


def test_kl_is_the_mean_of_log_q_minus_log_p():
    """The closed KL of appendix B is E_q[log q(z) - log p(z)], here sampled."""
    draw = Draw()
    mu, log_var = draw.normal(M, J), draw.normal(M, J)
    n = 20_000
    mus, log_vars = repeat(mu, n), repeat(log_var, n)
    z = mus + np.sqrt(np.exp(log_vars)) * draw.normal(n * M, J)
    log_ratio = gaussian_log_prob(z, mus, log_vars)[0] - standard_normal_log_prob(z)[0]
    assert_mean(log_ratio.reshape(n, M), gaussian_kl(mu, log_var)[0])


def test_kl_is_zero_only_at_the_prior():
    draw = Draw()
    assert gaussian_kl(np.zeros((M, J)), np.zeros((M, J)))[0].max() == 0
    assert gaussian_kl(draw.normal(M, J), draw.normal(M, J))[0].min() > 0


# ---- Samples ----


def test_reparameterised_samples():
    """z = g(eps) has the mean mu and the variance sigma^2 = exp(log_var)."""
    draw = Draw()
    mu, log_var = draw.normal(1, D), draw.normal(1, D)
    n = 20_000
    z, _ = gaussian(repeat(mu, n), repeat(log_var, n), draw.normal(n, D))
    assert_mean(z, mu[0])
    assert_variance(z, np.exp(log_var[0]))


def test_gaussian_sampler():
    """Its draws have the mean mu and the variance exp(log_var)."""
    draw = Draw(np.float32)
    mu, log_var = draw.normal(1, D), draw.normal(1, D)
    v = sample_gaussian(repeat(mu, 20_000), repeat(log_var, 20_000), draw.rng)
    assert v.dtype == np.float32
    assert_mean(v, mu[0])
    assert_variance(v, np.exp(log_var[0]))


def test_bernoulli_sampler():
    """Its draws are bits, one with probability sigmoid(logits)."""
    draw = Draw(np.float32)
    logits = draw.normal(1, D)
    v = sample_bernoulli(repeat(logits, 20_000), draw.rng)
    assert v.dtype == np.float32 and set(np.unique(v)) == {0, 1}
    assert_mean(v, scipy.special.expit(logits[0]))


@pytest.mark.parametrize("network", [BernoulliMLP(J, 5, D), GaussianMLP(J, 5, D, sigmoid_mean=True)])
def test_the_samples_of_a_network_have_its_mean(network):
    draw = Draw()
    p, u = draw.params(network.shapes), repeat(draw.normal(1, J), 20_000)
    assert_mean(network.sample(p, u, draw.rng), network.mean(p, u[:1])[0])


# ---- The bound ----


@BOTH_KINDS
def test_a_and_b_estimate_the_same_bound(kind):
    """E[L^A] = E[L^B] for every datapoint, from 10,000 samples of z."""
    model, p, x, draw = vae(kind, rows=3)
    n = 10_000
    eps = draw.normal(n * len(x), J)
    a, _ = sgvb_a(model, p.theta, p.phi, repeat(x, n), eps)
    b, _ = sgvb_b(model, p.theta, p.phi, repeat(x, n), eps)
    assert_mean((a - b).reshape(n, len(x)), 0)


@BOTH_KINDS
def test_the_bound_lies_below_the_log_likelihood(kind):
    """With one z, E[L^A], E[L^B] and log p(x) are integrals over a line: Gauss-Hermite quadrature does them."""
    draw = Draw()
    model = VAE.bernoulli(D, 5, J=1) if kind == "bernoulli" else VAE.gaussian(D, 5, J=1)
    p, x = draw.params(model.shapes), data_for(model, draw)
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    weights /= weights.sum()  # sum_k weights_k f(nodes_k) = E f(eps), eps ~ N(0, 1)
    z = np.repeat(nodes, M)[:, None]
    xs = repeat(x, len(nodes))

    log_px_z, _ = model.decoder.log_prob(p.theta, xs, z)
    log_px = np.log(weights @ np.exp(log_px_z.reshape(-1, M)))
    bounds = [weights @ e(model, p.theta, p.phi, xs, z)[0].reshape(-1, M) for e in (sgvb_a, sgvb_b)]
    np.testing.assert_allclose(*bounds, rtol=1e-6)
    assert (bounds[1] < log_px).all()


def test_the_bound_is_tight_at_the_posterior():
    """A decoder that ignores z leaves the prior as posterior; with q(z|x) = p(z) the bound is log p(x), for any eps."""
    model, p, x, draw = vae("bernoulli")
    p.theta.hidden.W[...] = 0
    p.phi.flat[:] = 0
    for estimator in (sgvb_a, sgvb_b):
        bound, _ = estimator(model, p.theta, p.phi, x, draw.normal(M, J))
        np.testing.assert_allclose(bound, model.decoder.log_prob(p.theta, x, np.zeros((M, J)))[0], rtol=1e-13)


@BOTH_KINDS
def test_gradients_of_a_and_b_differ_by_known_noise(kind):
    """d(L^A - L^B) / dmu = -eps sigma and / dlog_var = (sigma^2 - sigma eps z) / 2: both have mean zero.

    With one datapoint the gradient in the bias of a head is the gradient in what the head puts out.
    """
    model, p, x, draw = vae(kind)
    for row in range(M):
        x_i, eps = x[row : row + 1], draw.normal(1, J)
        (mu, log_var), _ = model.encoder.forward(p.phi, x_i)
        sigma = np.exp(log_var / 2)
        gradients = []
        for estimator in (sgvb_a, sgvb_b):
            p.grad[:] = 0
            _, backward = estimator(model, p.theta, p.phi, x_i, eps)
            backward(np.ones(1))
            gradients.append((p.phi.mean.db.copy(), p.phi.log_var.db.copy(), p.theta.grad.copy()))
        (dmu_a, dlog_var_a, dtheta_a), (dmu_b, dlog_var_b, dtheta_b) = gradients
        np.testing.assert_allclose(dmu_a - dmu_b, (-eps * sigma)[0], atol=1e-12)
        z = mu + sigma * eps
        np.testing.assert_allclose(dlog_var_a - dlog_var_b, (sigma**2 - sigma * eps * z)[0] / 2, atol=1e-12)
        np.testing.assert_array_equal(dtheta_a, dtheta_b)


@BOTH_ESTIMATORS
@BOTH_KINDS
def test_a_batch_is_a_loop_over_datapoints(kind, estimator):
    """Each datapoint has its own bound, and the gradients add up."""
    model, p, x, draw = vae(kind)
    eps, weights = draw.normal(M, J), draw.normal(M)
    bound, backward = estimator(model, p.theta, p.phi, x, eps)
    backward(weights)
    together = p.grad.copy()
    p.grad[:] = 0
    for i in range(M):
        one = slice(i, i + 1)
        bound_i, backward = estimator(model, p.theta, p.phi, x[one], eps[one])
        backward(weights[one])
        assert bound[i] == pytest.approx(bound_i[0], rel=1e-12)
    np.testing.assert_allclose(together, p.grad, rtol=1e-10, atol=1e-12)


def check_l_samples(estimator, kind):
    model, p, x, draw = vae(kind)
    eps, weights = draw.normal(L * M, J), draw.normal(M)
    bound, backward = estimator(model, p.theta, p.phi, x, eps)
    backward(weights)
    together = p.grad.copy()
    p.grad[:] = 0
    single = []
    for eps_l in eps.reshape(L, M, J):
        bound_l, backward = estimator(model, p.theta, p.phi, x, eps_l)
        backward(weights / L)
        single.append(bound_l)
    np.testing.assert_allclose(bound, np.mean(single, axis=0), rtol=1e-12)
    np.testing.assert_allclose(together, p.grad, rtol=1e-10, atol=1e-12)


@BOTH_KINDS
def test_l_samples_are_the_mean_of_single_ones_for_a(kind):
    """eps is sample-major: its first M rows are the first sample of every datapoint."""
    check_l_samples(sgvb_a, kind)


@BOTH_KINDS
def test_l_samples_are_the_mean_of_single_ones_for_b(kind):
    """eps is sample-major: its first M rows are the first sample of every datapoint."""
    check_l_samples(sgvb_b, kind)


def test_repeating_is_sample_major():
    """All rows, then all rows again."""
    x = np.arange(6.0).reshape(3, 2)
    (mu, log_var), _ = repeat_rows(x, -x, 2)
    for copies, rows in ((repeat(x, 2), x), (mu, x), (log_var, -x)):
        np.testing.assert_array_equal(copies, np.concatenate([rows, rows]))


def test_noise_must_fit_the_data():
    model, p, x, draw = vae("bernoulli")
    for rows in (M + 1, M - 1):
        message = rf"the noise for {M} datapoints is \(L \* {M}, {J}\); got \({rows}, {J}\)"
        with pytest.raises(ValueError, match=message):
            sgvb_b(model, p.theta, p.phi, x, draw.normal(rows, J))


# ---- Numerics ----


def test_numerics_far_out():
    """No overflow, no NaN at +-1000, in double and in single precision."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for dtype in (np.float64, np.float32):
            a = np.array([-1000, 0, 1000], dtype)
            for values, expected in (
                (numerics.sigmoid(a), [0, 0.5, 1]),
                (numerics.softplus(a), [0, math.log(2), 1000]),
                (numerics.log_mean_exp(np.stack([a, a]), axis=0), a),
                (numerics.log_mean_exp(a), 1000 - math.log(3)),
            ):
                assert values.dtype == dtype
                np.testing.assert_allclose(values, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_numerics_against_scipy(dtype):
    """To a few units in the last place; sigmoid, which ends in 1 + tanh, to the last place of 1."""
    a = np.linspace(-60, 60, 1001).astype(dtype)
    wide, unit = a.astype(np.float64), 4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(numerics.sigmoid(a), scipy.special.expit(wide), rtol=0, atol=unit)
    np.testing.assert_allclose(numerics.softplus(a), -scipy.special.log_expit(-wide), rtol=unit)
    table = (3 * Draw().normal(5, 7)).astype(dtype)
    for axis in (0, 1):
        expected = scipy.special.logsumexp(table.astype(np.float64), axis=axis) - math.log(table.shape[axis])
        np.testing.assert_allclose(numerics.log_mean_exp(table, axis), expected, rtol=unit, atol=unit)


def test_softplus_has_the_derivative_sigmoid():
    a = np.linspace(-30, 30, 61)
    complex_a = a.astype(complex)
    derivative = complex_step(lambda: numerics.softplus(complex_a).sum(), complex_a)
    np.testing.assert_allclose(derivative, numerics.sigmoid(a), atol=1e-15)


# ---- Optimisers ----


def by_hand(optimizer, gradients):
    """Where a vector of zeros ends, by the textbook, on the whole vector at once."""
    w = np.zeros_like(gradients[0])
    G, m, v = w.copy(), w.copy(), w.copy()
    for t, g in enumerate(gradients, start=1):
        if isinstance(optimizer, SGD):
            w = w + optimizer.step * g
        elif isinstance(optimizer, Adagrad):
            G = G + g**2
            if t > optimizer.warmup:
                w = w + optimizer.step * g / np.sqrt(G + optimizer.epsilon)
        else:
            beta1, beta2 = optimizer.beta1, optimizer.beta2
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g**2
            w = w + optimizer.step * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + optimizer.epsilon)
    return w


OPTIMIZERS = {
    "SGD": lambda: SGD(step=0.3),
    "Adagrad": lambda: Adagrad(step=0.1, epsilon=0.01),
    "Adagrad, warm-up": lambda: Adagrad(step=0.1, warmup=2),
    "Adam": lambda: Adam(step=0.01, epsilon=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimiser_follows_its_formula(name):
    """Five moves, some along gradients so small that epsilon counts, equal the formula written out."""
    optimizer, draw = OPTIMIZERS[name](), Draw()
    gradients = [draw.normal(D) * np.logspace(-3, 1, D) for _ in range(5)]
    w = np.zeros(D)
    for g in gradients:
        optimizer.ascend(w, g)
    assert optimizer.t == 5
    np.testing.assert_allclose(w, by_hand(optimizer, gradients), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_blocks_are_only_a_matter_of_speed(name):
    """A vector of two blocks and a bit moves as the formula moves it in one piece."""
    optimizer, draw = OPTIMIZERS[name](), Draw()
    gradients = [draw.normal(2 * BLOCK + 777) for _ in range(3)]
    w = np.zeros(gradients[0].size)
    for g in gradients:
        optimizer.ascend(w, g)
    np.testing.assert_allclose(w, by_hand(optimizer, gradients), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("prior", ["all", "weights", "none"])
def test_a_step_begins_with_the_gradient_of_the_prior(prior):
    """Whatever an earlier step left in the gradient: -w / N where the prior lies, 0 elsewhere, the same in float32."""
    p, draw = Params(nested().shapes, dtype=np.float32), Draw()
    p.flat[:], p.grad[:] = draw.normal(p.flat.size), draw.normal(p.flat.size)
    Ascent(p, SGD(step=1), 7, prior_precision(p, prior)).begin()
    for name, w, dw in p.arrays():
        pulled = prior == "all" or (prior == "weights" and w.ndim == 2)
        np.testing.assert_allclose(dw, -w / 7 if pulled else 0 * w, rtol=1e-6, err_msg=name)
    assert p.grad.dtype == np.float32


def test_adagrad_warms_up():
    """100 gradients are gathered and move nothing; the 101st moves, divided by the root of all 101 squares."""
    adagrad, draw, w = Adagrad(step=0.1, warmup=100, epsilon=0), Draw(), np.ones(D)
    gradients = [draw.normal(D) for _ in range(101)]
    for g in gradients[:100]:
        adagrad.ascend(w, g)
    np.testing.assert_array_equal(w, 1)
    adagrad.ascend(w, gradients[100])
    np.testing.assert_allclose(w, 1 + 0.1 * gradients[100] / np.sqrt(np.square(gradients).sum(axis=0)), rtol=1e-14)


def test_adagrad_leaves_alone_what_has_no_gradient():
    """0 / sqrt(0 + epsilon) is 0."""
    w = np.ones(2)
    Adagrad(step=0.1).ascend(w, np.array([0.0, 1.0]))
    np.testing.assert_allclose(w, [1, 1.1])


def test_optimisers_refuse_what_makes_no_sense():
    with pytest.raises(ValueError, match="above 0 and finite; got -0.1"):
        SGD(step=-0.1)
    with pytest.raises(ValueError, match="got nan"):
        Adam(step=math.nan)
    with pytest.raises(ValueError, match="0 gradients or more; got -1"):
        Adagrad(step=0.1, warmup=-1)


# ---- Parameters ----


def nested():
    return Params({"theta": {"hidden": {"W": (2, 3), "b": (3,)}}, "phi": {"W": (3, 1)}})


def test_windows_show_the_vector():
    """Writing to a window writes to the vector, in the order of the shapes, and the other way round."""
    p = nested()
    p.flat[:] = np.arange(12)
    np.testing.assert_array_equal(p.theta.hidden.W, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(p.theta.flat, np.arange(9))
    p.phi.W[...] = -1
    np.testing.assert_array_equal(p.flat[9:], -1)
    shapes = {name: W.shape for name, W, _ in p.arrays()}
    assert list(shapes.items()) == [("theta.hidden.W", (2, 3)), ("theta.hidden.b", (3,)), ("phi.W", (3, 1))]
    assert count(p.shapes) == 12


def test_gradients_lie_as_the_parameters_do():
    """Each window has a twin on p.grad at the same place; adding to a twin is allowed."""
    p = nested()
    p.theta.hidden.dW += 1
    p.phi.dW += 2
    np.testing.assert_array_equal(p.grad, [1] * 6 + [0] * 3 + [2] * 3)
    assert not p.flat.any()


def test_params_keep_the_vector_they_are_given():
    """A second view of the same numbers, not a copy: this is how theta can be a row of samples."""
    flat = np.zeros(12, np.float32)
    p = Params(nested().shapes, flat)
    p.phi.W[...] = 1
    assert p.flat is flat and flat.sum() == 3 and p.grad.dtype == np.float32


def test_params_refuse_what_would_go_wrong_silently():
    p = nested()
    with pytest.raises(AttributeError, match=r"add with p.W \+= value, write into it with p.W\[...\] = value"):
        p.phi.W = np.zeros((3, 1))
    with pytest.raises(AttributeError, match="no parameter 'mean' here; there are theta, phi"):
        _ = p.mean
    for vectors in ({"flat": np.zeros(13)}, {"grad": np.zeros(11)}, {"flat": np.zeros((12, 1))}):
        with pytest.raises(ValueError, match="hold 12 numbers; got a vector of shape"):
            Params(p.shapes, **vectors)


def test_check_finite_names_the_array():
    """A NaN or an infinity is found and named; large finite numbers, whose squares overflow, are let through."""
    p = Params(nested().shapes, dtype=np.float32)
    p.grad[:] = 1e30
    check_finite(np.zeros(2, np.float32), p)
    with pytest.raises(FloatingPointError, match="the bound is not finite"):
        check_finite(np.array([0, np.nan]), p)
    for bad in (np.nan, np.inf):
        p.phi.dW[1] = bad
        with pytest.raises(FloatingPointError, match="the gradient of phi.W is not finite"):
            check_finite(np.zeros(2), p)


# ---- Random streams ----


def test_no_two_streams_are_the_same():
    """Any two that differ in purpose, seed or step begin with different numbers."""
    numbers = (0, 1, 2, 7, LIMIT - 1)
    keys = list(itertools.product(PURPOSES, numbers, numbers))
    first = {key: stream(*key).integers(2**63) for key in keys}
    assert len(set(first.values())) == len(keys)


def test_a_stream_can_be_opened_again():
    np.testing.assert_array_equal(stream("noise", 5, 7).normal(size=3), stream("noise", 5, 7).normal(size=3))


def test_a_seed_out_of_range_is_refused():
    for seed, step, name in ((-1, 0, "seed"), (LIMIT, 0, "seed"), (0, LIMIT, "step")):
        with pytest.raises(ValueError, match=f"a {name} is a whole number"):
            stream("init", seed, step)


# ---- The model ----


def test_the_start_is_small_and_the_same_in_every_precision():
    """All parameters are drawn from N(0, 0.01^2)."""
    model = VAE.bernoulli(D=211, H=50, J=3)
    double, single = (model.init(stream("init", 0), dtype).flat for dtype in (np.float64, np.float32))
    assert_mean(double[:, None], 0)
    assert_variance(double[:, None], np.array([0.01**2]))
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_encoder_and_decoder_must_fit():
    with pytest.raises(ValueError, match="the encoder must go from 11 to 2; it goes from 11 to 3"):
        VAE(BernoulliMLP(2, 5, 11), GaussianMLP(11, 5, 3))


def test_the_model_says_what_is_wrong_with_the_data():
    model = model_of("bernoulli")
    x = np.full((M, D), 0.5)
    model.check(x)
    for wrong in (x[0], x[:, 1:]):
        with pytest.raises(ValueError, match="takes rows of 11 numbers; got an array of shape"):
            model.check(wrong)
    for bad in (np.nan, np.inf):
        holey = x.copy()
        holey[2, 3] = bad
        with pytest.raises(ValueError, match="1 numbers that are NaN or infinite, the first in row 2, column 3"):
            model.check(holey)
    with pytest.raises(ValueError, match="between 0 and 1; got values from 8 to 238"):
        model.check(np.linspace(8, 238, M * D).reshape(M, D))
    model_of("gaussian").check(200 * x)  # a Gaussian may be anywhere


# ---- Algorithm 1 ----


@pytest.mark.parametrize("prior", ["all", "weights", "none"])
def test_a_step_ascends_the_mean_bound_and_the_prior(prior):
    """With SGD, w moves by step (1/M sum_i dL_i/dw - w/N), without w/N for what the prior does not lie on; twice."""
    model, p, x, _ = vae("bernoulli")
    N = 50
    aevb = AEVB(model, p, SGD(step=0.1), N, L=L, prior=prior)
    for t in range(2):
        hand = Params(p.shapes, p.flat.copy())
        eps = stream("noise", 0, t).standard_normal((L * M, J))
        bound, backward = sgvb_b(model, hand.theta, hand.phi, x, eps)
        backward(np.ones(M))
        reported = aevb.step(x, np.arange(M), stream("noise", 0, t))
        np.testing.assert_array_equal(reported, bound)  # the prior on the parameters is not in it
        for (name, new, _), (_, w, dw) in zip(p.arrays(), hand.arrays()):
            held = prior == "all" or (prior == "weights" and name.endswith(".W"))
            np.testing.assert_allclose(new, w + 0.1 * (dw / M - held * w / N), rtol=1e-12, atol=1e-14, err_msg=name)


@BOTH_ESTIMATORS
def test_steps_go_uphill(estimator):
    """With the noise held fixed the objective is an ordinary function, and small steps raise it."""
    model, p, x, _ = vae("gaussian")
    aevb = AEVB(model, p, SGD(step=0.001), N=M, estimator=estimator, prior="none")
    bounds = [aevb.step(x, np.arange(M), stream("noise", 0)).mean() for _ in range(10)]
    assert (np.diff(bounds) > 0).all()


def test_a_step_that_fails_moves_nothing():
    """When a gradient is not finite, the error names it, and parameters and optimiser are as they were."""

    def broken(model, theta, phi, x, eps):
        bound, backward = sgvb_b(model, theta, phi, x, eps)

        def broken_backward(dbound):
            backward(dbound)
            phi.log_var.dW[0, 0] = np.nan

        return bound, broken_backward

    model, p, x, _ = vae("bernoulli")
    before = p.flat.copy()
    aevb = AEVB(model, p, Adagrad(step=0.1), N=M, estimator=broken)
    with pytest.raises(FloatingPointError, match="the gradient of phi.log_var.W is not finite"):
        aevb.step(x, np.arange(M), stream("noise", 0))
    np.testing.assert_array_equal(p.flat, before)
    assert aevb.ascent.optimizer.t == 0 and not aevb.ascent.optimizer.arrays


def test_aevb_refuses_what_makes_no_sense():
    model, p, _, _ = vae("bernoulli")
    with pytest.raises(ValueError, match="1 or more; got 0"):
        AEVB(model, p, SGD(step=0.1), N=M, L=0)
    with pytest.raises(ValueError, match="one of all, weights, none; got 'some'"):
        prior_precision(p, "some")
