"""HMC: what makes the method right (the way back, the volume, the energy), what it must leave as it is (densities that
are known), and the model's posterior as its landscape.

Random tests use fixed seeds and allow 4 standard errors, or one in 10,000 for a Kolmogorov-Smirnov test.
"""

import math

import numpy as np
import pytest
import scipy.stats
from finite_differences import complex_step, relative_error
from test_facts import assert_mean
from test_gradients import Draw, J, data_for, model_of

from aevb_np import true_posterior as posterior_module
from aevb_np.hmc import Draws, leapfrog, move, sample, tune
from aevb_np.streams import stream
from aevb_np.true_posterior import posterior

C = 13  # chains
KINDS = ("bernoulli", "gaussian", "gaussian floored")
SMOOTH = KINDS[:2]  # a floor has a corner, and a step across it keeps less of the energy

SIGMA = np.array([[1.0, 1.2], [1.2, 2.25]])  # correlation 0.8
PRECISION = np.linalg.inv(SIGMA)
CENTRE = np.array([0.5, -1.0])


def correlated(z, value=True):
    """log N(z; CENTRE, SIGMA) + constant."""
    d = z - CENTRE.astype(z.dtype)
    pull = d @ PRECISION.astype(z.dtype)
    return -0.5 * (d * pull).sum(axis=1), -pull


def logistic(z, value=True):
    """The product of standard logistic densities: heavier tails than a Gaussian's."""
    return (-z - 2 * np.log1p(np.exp(-z))).sum(axis=1), -np.tanh(z / 2)


def quartic(z, value=True):
    """exp(-z^4): a wall so steep that long steps leave it for infinity."""
    return -(z**4).sum(axis=1), -4 * z**3


def vae_posterior(kind, rows=C, dtype=np.float64):
    """The landscape of a small VAE: (target, model, theta, x, draw)."""
    model, draw = model_of(kind), Draw(dtype)
    theta, x = draw.params(model.shapes["theta"]), data_for(model, draw, rows)
    return posterior(model.decoder, theta, x), model, theta, x, draw


def energy(target, z, v):
    return -target(z)[0] + 0.5 * (v**2).sum(axis=1)


# ---- Leapfrog ----


@pytest.mark.parametrize("kind", KINDS)
def test_the_way_back(kind):
    """With the momentum turned round the same walk leads to the start, each chain with its own step."""
    target, *_, draw = vae_posterior(kind)
    z, v, step = draw.normal(C, J), draw.normal(C, J), np.linspace(0.01, 0.3, C)[:, None]
    there, v_there, *_ = leapfrog(target, z, v, step, 25)
    back, v_back, *_ = leapfrog(target, there, -v_there, step, 25)
    assert np.abs(there - z).max() > 0.5
    np.testing.assert_allclose(back, z, rtol=0, atol=1e-10)
    np.testing.assert_allclose(v_back, -v, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_the_volume_is_kept(kind):
    """The Jacobian K of (z, v) -> (z', v') has K' W K = W with W = [[0, I], [-I, 0]], and so determinant 1."""
    target, *_, draw = vae_posterior(kind, rows=1)
    start = draw.normal(2 * J) + 0j

    def end(k):
        z, v, *_ = leapfrog(target, start[None, :J], start[None, J:], 0.4, 7)
        return np.concatenate([z, v], axis=1)[0, k]

    K = np.array([complex_step(lambda k=k: end(k), start) for k in range(2 * J)])
    W = np.kron([[0, 1], [-1, 0]], np.eye(J))
    assert np.abs(K - np.eye(2 * J)).max() > 0.5
    assert np.linalg.det(K) == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(K.T @ W @ K, W, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", SMOOTH)
def test_half_the_step_a_quarter_of_the_error(kind):
    """Over the same way, the energy is off by O(step^2)."""
    target, *_, draw = vae_posterior(kind)
    z, v = draw.normal(C, J), draw.normal(C, J)

    def error(S):
        z_end, v_end, *_ = leapfrog(target, z, v, 1 / S, S)
        return np.linalg.norm(energy(target, z_end, v_end) - energy(target, z, v))

    assert error(100) / error(200) == pytest.approx(4, rel=0.02)
    assert error(200) / error(400) == pytest.approx(4, rel=0.01)


def test_a_ball_in_a_bowl_goes_round():
    """-log p = z^2 / 2 is a spring: after the time pi / 2 place and momentum have changed roles."""
    z, v, S = np.array([[2.0]]), np.array([[0.5]]), 1000
    z_end, v_end, *_ = leapfrog(lambda z, value: (-0.5 * (z**2).sum(axis=1), -z), z, v, math.pi / 2 / S, S)
    np.testing.assert_allclose([z_end, v_end], [v, -z], rtol=0, atol=1e-5)


def test_log_p_at_both_ends_only():
    """On the way the value is not asked for; the ends are those of the walk."""
    asked = []

    def target(z, value):
        asked.append(value)
        log_p, gradient = correlated(z)
        return log_p if value else None, gradient

    draw = Draw()
    z = draw.normal(C, 2)
    z_end, _, log_p_start, log_p = leapfrog(target, z, draw.normal(C, 2), 0.1, 4)
    assert asked == [True, False, False, False, True]
    np.testing.assert_array_equal(log_p_start, correlated(z)[0])
    np.testing.assert_array_equal(log_p, correlated(z_end)[0])


# ---- One move ----


@pytest.mark.parametrize("kind", KINDS)
def test_a_move_by_its_definition(kind):
    """One chain at a time, one number at a time for what is not the target: appendix E with the steps written out."""
    target, model, theta, x, draw = vae_posterior(kind)
    z, S = draw.normal(C, J), 3
    step = np.linspace(0.1, 1.6, C)[:, None]
    z_new, accepted, log_p = move(target, z, step, S, stream("hmc", seed=5))
    assert 0 < accepted.sum() < C

    rng = stream("hmc", seed=5)
    vs, us = rng.standard_normal((C, J)), rng.random(C)
    for c in range(C):
        one, e = posterior(model.decoder, theta, x[c : c + 1]), step[c, 0]
        q, v = list(z[c]), list(vs[c])
        H0 = -one(np.array([q]))[0][0] + 0.5 * sum(v_j**2 for v_j in v)
        g = one(np.array([q]))[1][0]
        v = [v_j + e / 2 * g_j for v_j, g_j in zip(v, g)]
        for s in range(S):
            q = [q_j + e * v_j for q_j, v_j in zip(q, v)]
            g = one(np.array([q]))[1][0]
            v = [v_j + (e if s < S - 1 else e / 2) * g_j for v_j, g_j in zip(v, g)]
        H1 = -one(np.array([q]))[0][0] + 0.5 * sum(v_j**2 for v_j in v)
        assert accepted[c] == (us[c] < min(1, math.exp(min(0, H0 - H1))))
        expected = q if accepted[c] else z[c]
        np.testing.assert_allclose(z_new[c], expected, rtol=1e-10)
        assert log_p[c] == pytest.approx(one(np.array([expected]))[0][0], rel=1e-10)


@pytest.mark.parametrize("outside", [-np.inf, np.inf, np.nan])
def test_a_density_that_is_not_finite_is_never_entered(outside):
    """The uniform density on the square (0, 1)^2, with something else around it, is kept."""

    def square(z, value=True):
        return np.where(((z > 0) & (z < 1)).all(axis=1), 0.0, outside), np.zeros_like(z)

    rng = np.random.default_rng(0)
    z = rng.random((4000, 2))
    for _ in range(5):
        z, accepted, log_p = move(square, z, 0.1, 2, rng)
        assert 0.3 < accepted.mean() < 0.9 and (log_p == 0).all()
    for z_j in z.T:
        assert scipy.stats.kstest(z_j, "uniform").pvalue > 1e-4


def test_a_chain_that_flies_off_stays_where_it_was_and_its_neighbours_do_not_notice():
    """Overflow on the way is no warning and no NaN in z."""
    draw = Draw()
    z = 0.5 * draw.normal(C, J)
    step = np.full((C, 1), 0.1)
    calm = move(quartic, z, step, 10, stream("hmc", seed=0))
    step[3] = 50.0
    z_new, accepted, log_p = move(quartic, z, step, 10, stream("hmc", seed=0))
    assert not accepted[3] and (z_new[3] == z[3]).all() and log_p[3] == quartic(z)[0][3]
    others = np.arange(C) != 3
    for one, other in zip(calm, (z_new, accepted, log_p)):
        np.testing.assert_array_equal(one[others], other[others])


def test_a_chain_that_starts_at_density_zero_leaves_it():
    def half_line(z, value=True):
        return np.where(z[:, 0] > 0, -z[:, 0], -np.inf), np.full_like(z, -1.0)

    rng = np.random.default_rng(0)
    z = np.full((C, 1), -0.1)
    for _ in range(20):
        z, *_ = move(half_line, z, 0.5, 3, rng)
    assert (z > 0).all()


# ---- Densities that are known ----


def assert_correlated(z):
    """Mean, covariance and marginals, these also along two more directions, are those of N(CENTRE, SIGMA)."""
    d = z - CENTRE
    assert_mean(d, 0)
    assert_mean(d[:, :, None] * d[:, None, :], SIGMA)
    for direction in ([1, 0], [0, 1], [0.6, 0.8], [0.8, -0.6]):
        sigma = math.sqrt(np.array(direction) @ SIGMA @ direction)
        assert scipy.stats.kstest(d @ direction / sigma, "norm").pvalue > 1e-4


@pytest.mark.parametrize("step", [0.3, 0.9])
def test_a_correlated_gaussian_stays(step):
    """Chains that start from the target are still there after ten moves, with fine steps and with coarse ones."""
    rng = np.random.default_rng(0)
    z = CENTRE + rng.standard_normal((10_000, 2)) @ np.linalg.cholesky(SIGMA).T
    for _ in range(10):
        z, accepted, log_p = move(correlated, z, step, 3, rng)
    assert_correlated(z)
    np.testing.assert_allclose(log_p, correlated(z)[0])


def test_a_correlated_gaussian_is_found():
    """Chains that start together in a corner, tuned and then frozen, end as independent draws from the target."""
    draws = sample(correlated, np.full((10_000, 2), 3.0), S=5, burn_in=80, L=1, rng=stream("hmc", seed=0), step=0.3)
    assert_correlated(draws.z[0])


def test_a_gaussian_in_one_dimension():
    """mean 1, standard deviation 0.25, from 5 draws of each chain of which the last is looked at."""

    def narrow(z, value=True):
        return (-8 * (z - 1) ** 2).sum(axis=1), -16 * (z - 1)

    z = sample(narrow, np.zeros((10_000, 1)), S=3, burn_in=80, L=5, rng=stream("hmc", seed=0)).z[-1]
    assert_mean(z, 1)
    assert_mean((z - 1) ** 2, 1 / 16)
    assert scipy.stats.kstest(4 * (z[:, 0] - 1), "norm").pvalue > 1e-4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_density_that_is_not_gaussian(dtype):
    z = np.zeros((10_000, 2), dtype)
    draws = sample(logistic, z, S=4, burn_in=60, L=3, rng=stream("hmc", seed=1), step=0.5, acceptance=0.7)
    for z_j in draws.z[-1].T:
        assert scipy.stats.kstest(z_j, "logistic").pvalue > 1e-4


def test_a_walk_in_a_circle():
    """Three steps of 1 in a round bowl lead from z to -z, whatever the push. Jitter breaks the circle."""

    def bowl(z, value=True):
        return -0.5 * (z**2).sum(axis=1), -z

    start = {"target": bowl, "z": np.full((4000, 1), 3.0), "S": 3, "burn_in": 0, "L": 30, "step": 1.0}
    for_ever = sample(**start, rng=stream("hmc", seed=0), jitter=0)
    np.testing.assert_allclose(np.abs(for_ever.z), 3)
    assert (for_ever.acceptance == 1).all()
    assert scipy.stats.kstest(sample(**start, rng=stream("hmc", seed=0)).z[-1, :, 0], "norm").pvalue > 1e-4


@pytest.mark.parametrize("kind", SMOOTH)
def test_two_ways_to_the_joint_density(kind):
    """Geweke's test. Pairs drawn with z ~ p(z), x ~ p(x|z) stay such pairs when over and over x is drawn anew from
    p(x|z) and z is moved by HMC on p(x, z). What is wrong with the move or its target shows in some mean.
    """
    model, draw, rng = model_of(kind), Draw(), np.random.default_rng(0)
    theta = draw.params(model.shapes["theta"])
    theta.flat[:] *= 2  # weights of scale 1: x says much of z
    chains, rounds, step = 8000, 20, {"bernoulli": 0.5, "gaussian": 0.25}[kind]

    def facts(z, x):
        log_pxz, _ = model.log_joint(theta, x, z)
        pairs = [x[:, :1] * z, x[:, 1:2] * z, x[:, 2:3] * z, x[:, :1] * x[:, 1:3], z[:, :1] * z[:, 1:]]
        return np.column_stack([z, z**2, np.tanh(z), x, *pairs, log_pxz])

    z = rng.standard_normal((100_000, J))
    direct = facts(z, model.decoder.sample(theta, z, rng))

    z = rng.standard_normal((chains, J))
    total, taken = 0.0, 0.0
    for _ in range(rounds):
        x = model.decoder.sample(theta, z, rng)
        z, accepted, _ = move(posterior(model.decoder, theta, x), z, step, 4, rng)
        total, taken = total + facts(z, x), taken + accepted.mean()
    by_moves = total / rounds  # one number for each chain: chains are independent, rounds are not
    assert 0.5 < taken / rounds < 0.95

    variance = direct.var(axis=0) / len(direct) + by_moves.var(axis=0) / chains
    pulls = (direct.mean(axis=0) - by_moves.mean(axis=0)) / np.sqrt(variance)
    assert np.abs(pulls).max() < 4, f"{np.abs(pulls).max():.1f} standard errors away"


# ---- The step ----


@pytest.mark.parametrize("acceptance", [0.6, 0.9])
@pytest.mark.parametrize("kind", SMOOTH)
def test_acceptance_as_asked_for(kind, acceptance):
    """Tuned over 200 moves, frozen for 50: over all chains it is within 3 points of what it was tuned to."""
    target, model, *_ = vae_posterior(kind, rows=400)
    z = np.zeros((400, model.J))
    draws = sample(target, z, 5, burn_in=200, L=50, rng=stream("hmc", seed=0), step=0.3, acceptance=acceptance)
    assert draws.acceptance.mean() == pytest.approx(acceptance, abs=0.03)
    assert draws.step.std() > 0.02 * draws.step.mean()  # each chain has its own


@pytest.mark.parametrize("a", [0.6, 0.9])
def test_tuning_by_its_formula(a):
    """A step times 1.02 or 1.02^(-a / (1 - a)): nothing changes on average when a share a is accepted."""
    step, accepted = np.array([[0.5], [0.25]]), np.array([True, False])
    np.testing.assert_allclose(tune(step, accepted, a), [[0.51], [0.25 * 1.02 ** (-a / (1 - a))]], rtol=1e-14)
    logs = np.log(tune(1.0, np.array([True, False]), a))[:, 0]
    assert a * logs[0] + (1 - a) * logs[1] == pytest.approx(0, abs=1e-15)
    assert (step == [[0.5], [0.25]]).all()


def test_a_sample_is_moves_with_tuning_and_then_without():
    """The whole of `sample`, again: same numbers, and after the burn-in the step stays, but for the jitter."""
    z, rng = np.zeros((C, 2)), stream("hmc", seed=3)
    draws = sample(correlated, z, S=4, burn_in=15, L=6, rng=rng, step=0.8, acceptance=0.7, jitter=0.1)

    rng, step = stream("hmc", seed=3), np.full((C, 1), 0.8)
    for _ in range(15):
        z, accepted, _ = move(correlated, z, step * rng.uniform(0.9, 1.1, (C, 1)), 4, rng)
        step = tune(step, accepted, 0.7)
    count = 0
    for l in range(6):
        z, accepted, log_p = move(correlated, z, step * rng.uniform(0.9, 1.1, (C, 1)), 4, rng)
        np.testing.assert_array_equal(draws.z[l], z)
        np.testing.assert_array_equal(draws.log_p[l], log_p)
        count += accepted
    np.testing.assert_array_equal(draws.step, step)
    np.testing.assert_array_equal(draws.acceptance, count / 6)
    assert 0 < draws.acceptance.mean() < 1


# ---- The posterior of a VAE ----


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_the_posterior(kind):
    """It agrees with the complex step to twelve digits."""
    target, *_, draw = vae_posterior(kind)
    z = draw.normal(C, J)
    _, gradient = target(z)
    z = z + 0j
    assert relative_error(gradient, complex_step(lambda: target(z)[0].sum(), z)) < 1e-12


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_posterior_is_the_models_joint(kind, value, monkeypatch):
    """In blocks as in one piece, with the value as without it: log p(x, z) and its gradient, theta's left alone."""
    target, model, theta, x, draw = vae_posterior(kind)
    z = draw.normal(C, J)
    expected, backward = model.log_joint(theta, x, z)
    expected_gradient = backward(np.ones(C), parameters=False)
    theta.grad[:] = before = draw.normal(theta.grad.size)
    for block in (C + 1, C, 5):
        monkeypatch.setattr(posterior_module, "BLOCK", block)
        log_p, gradient = target(z, value=value)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-12, atol=1e-12)
        if value:
            np.testing.assert_allclose(log_p, expected, rtol=1e-13)
        else:
            assert log_p is None
    np.testing.assert_array_equal(theta.grad, before)


@pytest.mark.parametrize("kind", KINDS)
def test_the_posterior_sees_theta_move(kind):
    """In MCEM theta is ascended between moves; the target is that of theta now."""
    target, model, theta, x, draw = vae_posterior(kind)
    z = draw.normal(C, J)
    target(z)
    theta.flat[:] += 0.1
    np.testing.assert_allclose(target(z)[0], model.log_joint(theta, x, z)[0], rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_written_and_the_dtype_is_kept(kind):
    """float32 in, float32 out, through tuned and frozen moves; theta, its gradient, x and the start stay."""
    model, draw = model_of(kind), Draw(np.float32, writeable=False)
    theta, x, z = draw.params(model.shapes["theta"]), data_for(model, draw, C), draw.normal(C, J)
    theta.grad.flags.writeable = False
    step = np.full((C, 1), 0.3, np.float32)
    step.flags.writeable = False
    draws = sample(posterior(model.decoder, theta, x), z, S=3, burn_in=3, L=2, rng=stream("hmc", seed=0), step=step)
    for array in (draws.z, draws.log_p, draws.step, tune(step, draws.acceptance > 0.5)):
        assert array.dtype == np.float32
    target = posterior(model.decoder, theta, x)
    z, accepted, log_p = move(target, z, 0.3, 3, stream("hmc", seed=0))  # a step of Python's own
    assert z.dtype == log_p.dtype == np.float32 and accepted.dtype == bool
    assert not theta.grad.any()


def test_float32_follows_float64():
    """The same noise, rounded, takes the same walk: a thousandth of a nat of energy at most is lost to rounding."""
    ends = {}
    for dtype in (np.float32, np.float64):
        target, *_, draw = vae_posterior("bernoulli", dtype=dtype)
        ends[dtype] = leapfrog(target, draw.normal(C, J), draw.normal(C, J), 0.2, 10)
    for single, double in zip(ends[np.float32], ends[np.float64]):
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, double, rtol=0, atol=1e-3)


# ---- What is not allowed ----


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"step": np.full(C, 0.1)}, r"for 13 chains, an array \(13, 1\); got \(13,\)"),
        ({"S": 0}, "leapfrog steps of a move, is 1 or more; got 0"),
    ],
)
def test_moves_that_make_no_sense(wrong, words):
    with pytest.raises(ValueError, match=words):
        move(**{"target": correlated, "z": np.zeros((C, 2)), "step": 0.1, "S": 2, "rng": stream("hmc", 0)} | wrong)


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"burn_in": -1}, "moves before the first draw, is 0 or more; got -1"),
        ({"step": 0.0}, "leapfrog step is a finite number above 0; got 0"),
        ({"step": -0.1}, "leapfrog step is a finite number above 0; got -0.1"),
        ({"step": math.nan}, "leapfrog step is a finite number above 0; got nan"),
        ({"step": math.inf}, "leapfrog step is a finite number above 0; got inf"),
    ],
)
def test_steps_that_make_no_sense(wrong, words):
    common = {"target": correlated, "z": np.zeros((C, 2)), "S": 2, "burn_in": 1, "L": 2, "rng": stream("hmc", 0)}
    with pytest.raises(ValueError, match=words):
        sample(**common | wrong)


def test_samples_that_make_no_sense():
    common = {"target": correlated, "z": np.zeros((C, 2)), "S": 2, "burn_in": 1, "rng": stream("hmc", 0)}
    with pytest.raises(ValueError, match="draws from each chain, is 1 or more; got 0"):
        sample(**common, L=0)
    with pytest.raises(ValueError, match="between 0 and 1; got 1"):
        sample(**common, L=1, acceptance=1)
    with pytest.raises(ValueError, match="0 or more and less than 1; got 1"):
        sample(**common, L=1, jitter=1)
    with pytest.raises(ValueError, match=r"13 datapoints need one z each, \(13, 2\); got \(12, 2\)"):
        vae_posterior("bernoulli")[0](np.zeros((12, 2)))


def test_no_burn_in_leaves_the_step():
    draws = sample(correlated, np.zeros((C, 2)), S=2, burn_in=0, L=1, rng=stream("hmc", seed=0), step=0.2)
    assert isinstance(draws, Draws) and (draws.step == 0.2).all()
