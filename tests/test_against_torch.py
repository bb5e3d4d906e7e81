"""The same bound and the same gradients from PyTorch's autograd, at our weights. Skipped where torch is not installed.

The formulas are written down once more here, in torch's own words (its distributions and losses), from the paper.
"""

import numpy as np
import pytest

from aevb_np.data import digits
from aevb_np.estimators import importance_weighted, sgvb_a, sgvb_b
from aevb_np.model import VAE
from aevb_np.optimizers import SGD
from aevb_np.runs.opening import start
from aevb_np.streams import stream
from aevb_np.wake_sleep import WakeSleep

torch = pytest.importorskip("torch")

M, L, H, J = 7, 3, 11, 2


def leaves(params):
    """Our parameters as tensors that gather gradients, in the order of the flat vector."""
    return {
        group: {
            layer: {
                name: torch.tensor(getattr(getattr(params[group], layer), name), requires_grad=True) for name in arrays
            }
            for layer, arrays in shapes.items()
        }
        for group, shapes in params["shapes"].items()
    }


def as_tensors(model, p):
    return leaves({"theta": p.theta, "phi": p.phi, "shapes": model.shapes})


def flat_gradient(tensors):
    every = [leaf for group in tensors.values() for layer in group.values() for leaf in layer.values()]
    return np.concatenate(
        [np.zeros(leaf.numel()) if leaf.grad is None else leaf.grad.numpy().ravel() for leaf in every]
    )


def affine(layer, x):
    return torch.nn.functional.linear(x, layer["W"].T, layer["b"])


def normal(network, x, sigmoid_mean=False):
    """N(mu, sigma^2), eq. (12)."""
    h = torch.tanh(affine(network["hidden"], x))
    mean = affine(network["mean"], h)
    return torch.distributions.Normal(
        torch.sigmoid(mean) if sigmoid_mean else mean, torch.exp(affine(network["log_var"], h) / 2)
    )


def log_px(theta, x, z):
    """log p(x|z), eq. (11) or (12)."""
    if "logits" in theta:
        logits = affine(theta["logits"], torch.tanh(affine(theta["hidden"], z)))
        return -torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return normal(theta, z, sigmoid_mean=True).log_prob(x).sum(1)


def torch_terms(tensors, x, eps):
    """log p(x|z), log p(z), log q(z|x) for every sample (L, M), and the KL (M,)."""
    q = normal(tensors["phi"], x)
    prior = torch.distributions.Normal(torch.zeros(J, dtype=x.dtype), torch.ones(J, dtype=x.dtype))
    z = q.mean + q.stddev * eps.reshape(-1, len(x), J)
    fit = torch.stack([log_px(tensors["theta"], x, z_l) for z_l in z])
    kl = torch.distributions.kl_divergence(q, prior).sum(1)
    return fit, prior.log_prob(z).sum(2), q.log_prob(z).sum(2), kl


BOUNDS = {
    sgvb_a: lambda fit, log_pz, log_qz, kl: (fit + log_pz - log_qz).mean(0),
    sgvb_b: lambda fit, log_pz, log_qz, kl: fit.mean(0) - kl,
    importance_weighted: lambda fit, log_pz, log_qz, kl: torch.logsumexp(fit + log_pz - log_qz, 0) - np.log(len(fit)),
}


@pytest.mark.parametrize("decoder", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("estimator", BOUNDS)
def test_bounds_and_gradients(estimator, decoder):
    model = {"bernoulli": VAE.bernoulli, "gaussian": VAE.gaussian}[decoder](D=13, H=H, J=J)
    rng = np.random.default_rng(0)
    p = model.init(stream("init", 0), np.float64)
    p.flat[:] = 0.5 * rng.standard_normal(p.flat.size)
    x, eps, weight = rng.random((M, 13)), rng.standard_normal((L * M, J)), rng.standard_normal(M)
    ours, backward = estimator(model, p.theta, p.phi, x, eps)
    backward(weight)

    tensors = as_tensors(model, p)
    theirs = BOUNDS[estimator](*torch_terms(tensors, torch.tensor(x), torch.tensor(eps)))
    theirs.backward(torch.tensor(weight))
    assert np.allclose(ours, theirs.detach().numpy(), rtol=1e-12)
    assert np.allclose(p.grad, flat_gradient(tensors), rtol=1e-9, atol=1e-11)


def test_the_two_phases_of_wake_sleep():
    model = VAE.gaussian(D=13, H=H, J=J)
    p = model.init(stream("init", 1), np.float64)
    p.flat[:] = 0.5 * np.random.default_rng(1).standard_normal(p.flat.size)
    x = np.random.default_rng(2).random((M, 13))
    tensors = as_tensors(model, p)

    still = SGD(step=1e-300)  # far below the last bit of any parameter
    WakeSleep(model, p, still, N=10**9, prior="none").step(x, np.arange(M), stream("noise", 0))

    rng = stream("noise", 0)
    q = normal(tensors["phi"], torch.tensor(x))
    z = (q.mean + q.stddev * torch.tensor(rng.standard_normal((M, J)))).detach()
    wake = log_px(tensors["theta"], torch.tensor(x), z).mean()
    z = torch.tensor(rng.standard_normal((M, J)))
    p_x = normal(tensors["theta"], z, sigmoid_mean=True)
    dream = (p_x.mean + p_x.stddev * torch.tensor(rng.standard_normal((M, 13)))).detach()
    sleep = normal(tensors["phi"], dream).log_prob(z).sum(1).mean()
    (wake + sleep).backward()
    assert np.allclose(p.grad, flat_gradient(tensors), rtol=1e-9, atol=1e-11)


def test_a_trained_run_has_the_bound_that_torch_computes():
    run = start(digits(300, 50), latent=J, hidden=20, samples=20_000, dtype="float64")
    for _ in run.train():
        pass
    x = run.data.x_test / 255.0
    eps = stream("evaluate", 0).standard_normal((50, J))
    fit, _, _, kl = torch_terms(as_tensors(run.model, run.p), torch.tensor(x), torch.tensor(eps))
    assert np.allclose(run.bound(x, draws=1, seed=0), (fit[0] - kl).detach().numpy(), rtol=1e-10)
