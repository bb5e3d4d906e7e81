"""The prior on z is said once: another one is a class with three words, and whoever cannot serve it says so."""

import numpy as np
import pytest
from finite_differences import complex_step

from aevb_np.aevb import AEVB
from aevb_np.distributions import StandardNormal
from aevb_np.estimators import sgvb_a, sgvb_b
from aevb_np.marginal_likelihood import log_marginal
from aevb_np.model import VAE
from aevb_np.networks import BernoulliMLP, GaussianMLP
from aevb_np.optimizers import Adagrad
from aevb_np.params import Params
from aevb_np.streams import stream

M, D, J, H = 7, 11, 2, 5


class Laplace(StandardNormal):
    """p(z) = prod_j 1/2 exp(-|z_j|)"""

    name = "Laplace(0, 1)"

    @staticmethod
    def log_prob(z):
        sign = np.where(z.real < 0, -1.0, 1.0).astype(z.real.dtype)
        return -(sign * z + np.log(2)).sum(axis=1), lambda dlog_p: -dlog_p[:, None] * sign

    @staticmethod
    def kl(mu, log_var):
        raise ValueError("the KL to a Laplace prior is not written here; estimator A does without")

    def sample(self, shape, rng, dtype):
        return rng.laplace(size=shape).astype(dtype)


@pytest.fixture
def model():
    return VAE(BernoulliMLP(J, H, D), GaussianMLP(D, H, J), Laplace())


def test_estimator_a_ascends_with_it_and_b_says_why_not(model):
    rng = np.random.default_rng(0)
    p = model.init(rng, np.float64)
    p.flat[:] = 0.5 * rng.standard_normal(p.flat.size)
    x, eps = rng.integers(0, 2, (M, D)).astype(float), rng.standard_normal((M, J))
    _, backward = sgvb_a(model, p.theta, p.phi, x, eps)
    p.grad[:] = 0
    backward(np.ones(M))

    q = Params(p.shapes, p.flat.astype(complex))
    measured = complex_step(lambda: sgvb_a(model, q.theta, q.phi, x, eps)[0].sum(), q.flat)
    assert np.allclose(p.grad, measured, rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="the KL to a Laplace prior is not written here"):
        sgvb_b(model, p.theta, p.phi, x, eps)
    aevb = AEVB(model, p, Adagrad(0.1), N=M, estimator=sgvb_a)
    first, *_, last = (aevb.step(x, np.arange(M), stream("noise", 0, t)).mean() for t in range(300))
    assert last > first + 1


def test_what_is_written_for_the_standard_normal_refuses_it_by_name(model):
    p = model.init(stream("init", 0))
    with pytest.raises(ValueError, match=r"for the prior N\(0, I\) only; this model's is Laplace\(0, 1\)"):
        log_marginal(model, p.theta, p.phi, np.ones((1, D), np.float32), "quadrature", stream("hmc", 0))
