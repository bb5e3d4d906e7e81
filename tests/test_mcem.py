"""Monte Carlo EM: what a step does, where many steps lead, and that a run goes on as if it had never stopped."""

import math

import numpy as np
import pytest
from oracles import LinearGaussian
from test_gradients import Draw, data_for, model_of

import aevb_np
from aevb_np import hmc
from aevb_np.mcem import LEAPFROGS, MCEM, UPDATES
from aevb_np.model import VAE
from aevb_np.networks import GaussianMLP
from aevb_np.optimizers import SGD, Adagrad
from aevb_np.params import Params
from aevb_np.runs.fitting import fit_encoder
from aevb_np.streams import stream
from aevb_np.true_posterior import posterior

N, M = 13, 5


def small_mcem(optimizer, prior="all", kind="bernoulli"):
    model, draw = model_of(kind), Draw()
    p, x = draw.params(model.shapes), data_for(model, draw, N)
    return MCEM(model, p, optimizer, N, stream("hmc", 0), prior), x


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("prior", ["all", "none"])
def test_a_step_is_one_move_and_five_updates(kind, prior):
    """Written out: these chains move, then theta goes uphill on log p(x, z) and its prior, z held fixed."""
    mcem, x = small_mcem(SGD(step=0.1), prior, kind)
    model, before = mcem.model, mcem.p.flat.copy()
    index, chains, steps = np.array([7, 0, 12, 3, 4]), mcem.z.copy(), mcem.steps.copy()
    steps[index] = mcem.steps[index] = np.linspace(0.1, 3.0, M)[:, None]  # so that some moves are refused
    value = mcem.step(x[index], index, stream("noise", 0))

    p, rng = Params(model.shapes, before.copy()), stream("noise", 0)
    target = posterior(model.decoder, p.theta, x[index])
    z, accepted, log_pxz = hmc.move(target, chains[index], hmc.jittered(steps[index], rng), LEAPFROGS, rng)
    assert 0 < accepted.sum() < M
    np.testing.assert_array_equal(value, log_pxz)
    np.testing.assert_allclose(value, model.log_joint(p.theta, x[index], z)[0], rtol=1e-12)
    for _ in range(UPDATES):
        p.grad[:] = 0
        _, backward = model.log_joint(p.theta, x[index], z)
        backward(np.ones(M))
        p.theta.flat[:] += 0.1 * (p.theta.grad / M - (prior == "all") * p.theta.flat / N)
    np.testing.assert_allclose(mcem.p.flat, p.flat, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(mcem.p.phi.flat, Params(model.shapes, before).phi.flat)

    others = np.setdiff1d(np.arange(N), index)
    np.testing.assert_array_equal(mcem.z[index], z)
    np.testing.assert_array_equal(mcem.z[others], chains[others])
    np.testing.assert_allclose(mcem.steps[index], hmc.tune(steps[index], accepted))
    np.testing.assert_array_equal(mcem.steps[others], steps[others])
    np.testing.assert_array_equal(mcem.moves, [accepted.sum(), M])


def test_it_finds_the_maximum_of_the_likelihood():
    """On a linear-Gaussian model the maximum is known (Tipping and Bishop, 1999): b is the mean of the data, W the
    first principal axis times sqrt(lambda - sigma^2). EM has to end there, and its chains in the posterior.
    """
    rng, D, n, variance = np.random.default_rng(0), 3, 100, 0.5
    x = rng.standard_normal((n, 1)) @ np.array([[1.5, -1.0, 0.5]]) + [1.0, 0.0, -2.0]
    x += math.sqrt(variance) * rng.standard_normal((n, D))
    decoder = LinearGaussian(1, D, variance)
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    best = Params(decoder.shapes)
    best.b[...], best.W[...] = x.mean(axis=0), vectors[:, -1] * math.sqrt(values[-1] - variance)
    maximum = decoder.log_marginal(best, x).mean()

    model = VAE(decoder, GaussianMLP(D, 2, 1))
    p = Params(model.shapes)
    p.theta.flat[:] = 0.1
    mcem = MCEM(model, p, Adagrad(step=0.1), n, stream("hmc", 0), prior="none")
    start = decoder.log_marginal(p.theta, x).mean()
    theta, late = np.zeros_like(p.theta.flat), []
    for t in range(600):
        mcem.step(x, np.arange(n), stream("noise", 0, t))
        if t >= 300:
            theta += p.theta.flat / 300
            late.append(mcem.z.copy())
    assert start < maximum - 0.8
    assert maximum - 0.02 < decoder.log_marginal(Params(decoder.shapes, theta), x).mean() <= maximum

    mean, covariance = decoder.posterior(Params(decoder.shapes, theta), x)
    if np.sign(p.theta.W[0, 0]) != np.sign(best.W[0, 0]):
        assert np.allclose(-p.theta.W, best.W, atol=0.15)
    np.testing.assert_allclose(np.mean(late, axis=0), mean, atol=0.2)
    assert np.mean(np.var(late, axis=0)) == pytest.approx(covariance.item(), rel=0.1)


def test_the_steps_are_tuned_to_nine_in_ten():
    mcem, x = small_mcem(SGD(step=1e-3))
    for t in range(600):
        if t == 300:
            mcem.moves[:] = 0
        mcem.step(x, np.arange(N), stream("noise", 0, t))
    accepted, tried = mcem.moves
    assert tried == 300 * N and accepted / tried == pytest.approx(0.9, abs=0.03)


def test_single_precision_stays():
    model, draw = model_of("bernoulli"), Draw(np.float32)
    mcem = MCEM(model, draw.params(model.shapes), Adagrad(0.1), N, stream("hmc", 0))
    x = data_for(model, draw, N)
    for t in range(2):
        value = mcem.step(x, np.arange(N), stream("noise", 0, t))
    for array in (value, mcem.z, mcem.steps, mcem.p.flat, mcem.p.grad, *mcem.ascent.optimizer.arrays.values()):
        assert array.dtype == np.float32


# ---- As a run ----


def test_lengths_are_counted_in_updates_and_a_small_data_set_is_one_batch(start, small):
    run = start(method="mcem", minibatch=None, samples=3000)
    assert run.config.minibatch == 200 and run.config.samples_per_step == 1000
    list(run.train())
    assert (run.step, run.samples, run.trainer.optimizer.t) == (3, 3000, 15)
    assert start(method="mcem", minibatch=20).config.samples_per_step == 100


def test_above_a_thousand_it_takes_a_hundred_at_a_time(small):
    import dataclasses

    large = dataclasses.replace(small, x_train=np.tile(small.x_train, (6, 1)), labels_train=None)
    assert aevb_np.start(large, method="mcem").config.minibatch == 100


@pytest.mark.parametrize("minibatch", [20, 200])
def test_a_run_learns_and_goes_on_to_the_same_bits(start, tmp_path, minibatch):
    """The chains, their steps and the share of accepted moves are in the checkpoint."""
    settings = {"method": "mcem", "minibatch": minibatch, "samples": 60_000, "warmup": 10}
    whole, part = start(**settings), start(**settings)
    rows = list(whole.train())
    for progress in part.steps():
        if progress.samples == 34_000:  # between two rows
            break
    part.save(tmp_path)
    rest = aevb_np.load(tmp_path, part.data)
    list(rest.train())
    assert np.array_equal(rest.p.flat, whole.p.flat) and rest.history == whole.history
    for name in ("z", "steps", "moves"):
        assert np.array_equal(getattr(rest.method, name), getattr(whole.method, name))
    assert rows[-1].log_joint > rows[0].log_joint + 1
    assert 0.5 < rows[-1].acceptance < 1
    assert whole.trainer.optimizer.arrays["G"].shape == whole.p.theta.flat.shape


def test_the_row_is_log_p_of_x_and_z_at_the_chains(start):
    run = start(method="mcem", samples=6_000)
    rows = list(run.train())
    x = run.data.scale(run.data.x_train)
    log_pxz, _ = run.model.log_joint(run.p.theta, x, run.method.z)
    assert rows[-1].log_joint == pytest.approx(log_pxz.mean(), rel=1e-6)
    assert "bound" not in rows[-1].brief + str(rows[-1]).replace("no bound", "")


def test_without_an_encoder_there_is_no_bound(start, small):
    run = start(method="mcem", samples=1_000)
    for ask in (run.encode, run.reconstruct, run.bound):
        with pytest.raises(ValueError, match="MCEM has no encoder"):
            ask(small.x_test)
    with pytest.raises(ValueError, match="MCEM has no encoder"):
        run.evaluate("test")
    assert run.sample(3).shape == (3, 42)


@pytest.mark.parametrize("setting", [{"draws": 2}, {"estimator": "A"}])
def test_settings_of_aevb_are_refused(start, setting):
    with pytest.raises(ValueError, match="for the methods aevb and full-vb; mcem has none"):
        start(method="mcem", **setting)


def test_a_checkpoint_without_the_chains_is_damaged(start, tmp_path):
    run = start(method="mcem", samples=2_000)
    list(run.train())
    run.save(tmp_path)
    arrays, settings = aevb_np.runs.checkpoints.load(tmp_path / "checkpoint.npz")
    del arrays["chains_z"]
    aevb_np.runs.checkpoints.save(tmp_path / "checkpoint.npz", arrays, settings)
    with pytest.raises(ValueError, match="holds no complete run: 'chains_z'"):
        aevb_np.load(tmp_path, run.data)


# ---- An encoder for a decoder that is given ----


def test_an_encoder_for_a_decoder_that_mcem_trained(start, tmp_path):
    """theta stays to the last bit, phi learns, and the bound rises; stopped, it goes on to the same bits."""
    source = start(method="mcem", samples=60_000)
    list(source.train())
    run = fit_encoder(source, step=0.1, samples=20_000, minibatch=20)
    phi = run.p.phi.flat.copy()
    before = run.evaluate("test").bound_b.mean()
    for progress in run.steps():
        if progress.samples == 9_000:
            run.save(tmp_path)
    assert np.array_equal(run.p.theta.flat, source.p.theta.flat) and not np.array_equal(run.p.phi.flat, phi)
    assert run.evaluate("test").bound_b.mean() > before + 1
    rest = aevb_np.load(tmp_path, source.data)
    list(rest.train())
    assert np.array_equal(rest.p.flat, run.p.flat)
    assert run.trainer.optimizer.arrays["G"].shape == run.p.phi.flat.shape


def test_what_the_decoder_decides_cannot_be_chosen(start):
    source = start(samples=1_000)
    with pytest.raises(ValueError, match="latent is 2 in the decoder that is given; got 3"):
        fit_encoder(source, latent=3)
    with pytest.raises(ValueError, match="freeze: for the method aevb; mcem has none"):
        fit_encoder(source, method="mcem")
