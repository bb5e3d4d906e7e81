"""Wake-sleep: each phase is the gradient of its own objective, and neither touches the other network."""

import numpy as np
import pytest
from finite_differences import complex_step, relative_error

import aevb_np
from aevb_np.distributions import gaussian_log_prob
from aevb_np.model import VAE
from aevb_np.optimizers import SGD
from aevb_np.params import Params
from aevb_np.reparameterization import gaussian
from aevb_np.wake_sleep import WakeSleep

M, D, J, H, N = 7, 11, 3, 5, 70
STEP = 1e-3


def one_step(kind, prior="none"):
    """The parameters before and after one step of SGD, the bound it returns, and the draws that it made."""
    rng = np.random.default_rng(0)
    model = {"bernoulli": VAE.bernoulli, "gaussian": VAE.gaussian}[kind](D, H, J)
    before = Params(model.shapes, 0.5 * rng.standard_normal(Params(model.shapes).flat.size))
    after = Params(model.shapes, before.flat.copy())
    x = rng.uniform(0.1, 0.9, (M, D))
    bound = WakeSleep(model, after, SGD(STEP), N, prior).step(x, np.arange(M), np.random.default_rng(1))

    draws = np.random.default_rng(1)  # the same random numbers, in the same order
    eps, z_dream = draws.standard_normal((M, J)), draws.standard_normal((M, J))
    dream = model.decoder.sample(before.theta, z_dream, draws)
    return model, before, after, x, bound, eps, z_dream, dream


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_a_step_ascends_both_objectives(kind):
    model, before, after, x, _, eps, z_dream, dream = one_step(kind)
    (mu, log_var), _ = model.encoder.forward(before.phi, x)
    z, _ = gaussian(mu, log_var, eps)  # a constant: phi does not move with it
    p = Params(model.shapes, before.flat.astype(complex))

    def objective():
        log_pxz, _ = model.log_joint(p.theta, x, z)  # wake
        log_qz, _ = model.encoder.log_prob(p.phi, z_dream, dream)  # sleep
        return (log_pxz.sum() + log_qz.sum()) / M

    numeric = complex_step(objective, p.flat)
    assert relative_error((after.flat - before.flat) / STEP, numeric) < 1e-11  # the move cancels digits


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
def test_the_bound_is_estimator_a_on_the_data(kind):
    model, before, _, x, bound, eps, *_ = one_step(kind)
    (mu, log_var), _ = model.encoder.forward(before.phi, x)
    z = mu + np.exp(log_var / 2) * eps
    log_pxz, _ = model.log_joint(before.theta, x, z)
    log_qz, _ = gaussian_log_prob(z, mu, log_var)
    assert np.allclose(bound, log_pxz - log_qz, rtol=1e-12)


def test_the_prior_pulls_both_networks():
    _, before, free, *_ = one_step("bernoulli", "none")
    _, _, pulled, *_ = one_step("bernoulli", "all")
    assert np.allclose((pulled.flat - free.flat) / STEP, -before.flat / N, atol=1e-10)


def test_dreams_are_bits_for_a_bernoulli_decoder():
    *_, dream = one_step("bernoulli")
    assert set(np.unique(dream)) <= {0, 1}


def test_a_run_learns_and_goes_on_to_the_same_bits(start, tmp_path):
    whole = start(method="wake-sleep", samples=12_000)
    rows = list(whole.train())
    part = start(method="wake-sleep", samples=12_000)
    for progress in part.steps():
        if progress.samples == 5_000:
            break
    part.save(tmp_path)
    rest = aevb_np.load(tmp_path, part.data)
    list(rest.train())
    assert np.array_equal(rest.p.flat, whole.p.flat) and rest.config.method == "wake-sleep"
    first = start(method="wake-sleep").evaluate("test").bound_a.mean()
    assert rows[-1].test_bound > first + 3


@pytest.mark.parametrize("setting", [{"draws": 2}, {"estimator": "A"}])
def test_settings_of_aevb_are_refused(start, setting):
    with pytest.raises(ValueError, match="for the methods aevb and full-vb; wake-sleep has none"):
        start(method="wake-sleep", **setting)
