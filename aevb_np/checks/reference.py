"""The package's own functions, one path at a time: what each part of the bound gives to each gradient.

A path is isolated by feeding every backward zeros in all but one of its upstream gradients. There is no second copy of
the model here.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.problem import Point
from aevb_np.checks.units import UNITS
from aevb_np.distributions import bernoulli_log_prob, gaussian_kl, gaussian_log_prob
from aevb_np.model import VAE
from aevb_np.params import Params
from aevb_np.reparameterization import gaussian, repeat, repeat_rows

Arrays = dict[str, NDArray]
Path = tuple[str, str]  # (where it starts, what it comes through)

# In this order a backward pass meets the layers; the gradients of a layer are right only if all before it are.
MODEL_PARTS = {
    "theta.logits": "the decoder's output layer",
    "theta.mean": "the decoder's mean head",
    "theta.log_var": "the decoder's log-variance head",
    "theta.hidden": "the decoder's hidden layer",
    "phi.mean": "the encoder's mean head",
    "phi.log_var": "the encoder's log-variance head",
    "phi.hidden": "the encoder's hidden layer",
}
BACKWARD_ORDER = tuple(MODEL_PARTS)


def layer(name: str) -> str:
    """phi.mean of phi.mean.W."""
    return name.rpartition(".")[0]


def backward_order(name: str) -> int:
    """How many layers a backward pass meets before this array's."""
    return BACKWARD_ORDER.index(layer(name))


def on_the_way_back(name: str) -> tuple[int, bool]:
    """What arrays are sorted by to stand as a backward pass meets them; of a layer's two, the bias first."""
    return backward_order(name), name.endswith("W")


def taken(p: Params) -> Arrays:
    """The gradients that lie in p, which is left with zeros."""
    arrays = {name: gradient.copy() for name, _, gradient in p.arrays()}
    p.grad[:] = 0
    return arrays


def log_px_given(model: VAE, x: NDArray, output: Any) -> tuple[NDArray, Any]:
    """log p(x|z) from what the decoder puts out, and its backward to that: a list with one gradient for each head."""
    if "logits" in model.decoder.shapes:
        log_px, back = bernoulli_log_prob(x, output)
        return log_px, lambda d: [back(d)]
    if "log_var" not in model.decoder.shapes:
        v = model.decoder.variance  # type: ignore[union-attr]
        return -0.5 * ((x - output) ** 2 / v).sum(axis=1), lambda d: [d[:, None] * (x - output) / v]
    log_px, back = gaussian_log_prob(x, *output)
    return log_px, lambda d: list(back(d)[1:])


def units_of(model: VAE) -> str:
    """The kind of its hidden units, one of UNITS."""
    return model.encoder.unit


def paths(
    model: VAE, at: Point, rows: NDArray | None = None, samples: NDArray | None = None, sampled: bool = False
) -> dict[Path, Arrays]:
    """The gradient of the bound, summed over the rows, path by path: together they are the whole.

    Parameters
    ----------
    model : VAE
        The package's own.
    at : Point
        In float64.
    rows, samples : array, (M,) and (L,), optional
        How much each datapoint and each sample counts; 1 when left out.
    sampled : bool
        Whether the KL is: estimator A, eq. (6).

    Returns
    -------
    dict
        (start, way) -> arrays. It starts at "logits", or "mean" or "log_var" of a Gaussian decoder, or at the "kl" or
        the "prior", or at one of SAMPLED in place of the KL; and comes through the "decoder" only, "mu" or "sigma".
    """
    p, L = at.p, at.samples
    d_rows = np.ones(len(at.x)) if rows is None else rows
    d_samples = np.ones(L) if samples is None else samples
    p.grad[:] = 0
    (mu, log_var), back_encode = model.encoder.forward(p.phi, at.x)
    _, back_kl = gaussian_kl(mu, log_var)
    (mus, log_vars), back_repeat = repeat_rows(mu, log_var, L)
    z, back_sample = gaussian(mus, log_vars, at.eps)
    output, back_decode = model.decoder.forward(p.theta, z)
    _, back_log_prob = log_px_given(model, repeat(at.x, L), output)

    found: dict[Path, Arrays] = {}
    nothing = np.zeros_like(mu)
    heads = back_log_prob(np.outer(d_samples, d_rows).ravel() / L)
    for i, head in enumerate(tuple(model.decoder.shapes)[1:]):  # after "hidden"
        dz = back_decode(*(d if i == j else np.zeros_like(d) for j, d in enumerate(heads)))
        found[head, "decoder"] = taken(p)
        dmu, dlog_var = back_repeat(*back_sample(dz))
        back_encode(dmu, nothing)
        found[head, "mu"] = taken(p)
        back_encode(nothing, dlog_var)
        found[head, "sigma"] = taken(p)
    starts = {"kl": back_kl(-d_rows)}
    if sampled:
        at_each = np.outer(d_samples, d_rows).reshape(-1, 1) / L
        starts = {start: back_repeat(*(at_each * d for d in pair)) for start, pair in of_densities(
            z, at.eps, np.exp(0.5 * log_vars)).items()}  # fmt: skip
    for start, (dmu, dlog_var) in starts.items():
        back_encode(dmu, nothing)
        found[start, "mu"] = taken(p)
        back_encode(nothing, dlog_var)
        found[start, "sigma"] = taken(p)
    return found


SAMPLED = "p(z)", "q(z|x) by z", "q(z|x) itself"  # where log p(z) - log q(z|x) depends on mu and log sigma^2
LATENT = "kl", *SAMPLED


def of_densities(z: NDArray, eps: NDArray, sigma: NDArray) -> dict[str, tuple[NDArray, NDArray]]:
    """d/dmu and d/dlog sigma^2 of log p(z) - log q(z|x) at z = mu + sigma eps: by z, and of q with z held."""
    by_z = {"p(z)": -z, "q(z|x) by z": eps / sigma}
    itself = {"q(z|x) itself": (-eps / sigma, 0.5 * (1 - eps**2))}
    return {start: (dz, 0.5 * sigma * eps * dz) for start, dz in by_z.items()} | itself


def priors(at: Point) -> dict[Path, Arrays]:
    """-w for the weights and for the biases: the gradient of log N(w; 0, I), as paths of their own."""
    return {
        ("prior", kind): {name: -w * name.endswith(end) for name, w, _ in at.p.arrays()}
        for kind, end in (("weights", ".W"), ("biases", ".b"))
    }


def activations(model: VAE, at: Point) -> Arrays:
    """The numbers of every row, with one sample each, on their way through the model, by their symbols: (rows, n)."""
    phi, theta = at.p.phi, at.p.theta
    (mu, log_var), _ = model.encoder.forward(phi, at.x)
    z, _ = gaussian(mu, log_var, at.eps)
    output: Any = model.decoder.forward(theta, z)[0]
    f = UNITS[units_of(model)].f
    a_phi, a_theta = at.x @ phi.hidden.W + phi.hidden.b, z @ theta.hidden.W + theta.hidden.b
    named = {"x": at.x, "a_enc": a_phi, "h_enc": f(a_phi), "mu": mu, "log_var": log_var}
    named |= {"sigma": np.exp(0.5 * log_var), "eps": at.eps, "z": z, "a_dec": a_theta, "h_dec": f(a_theta)}
    if "logits" in model.decoder.shapes:
        named |= {"a_out": output, "y": 0.5 * (1 + np.tanh(0.5 * output))}
    else:
        if "log_var" not in model.decoder.shapes:
            output = output, np.full_like(output, np.log(model.decoder.variance))  # type: ignore[union-attr]
        named |= {"m": output[0], "log_var_x": output[1], "prec": np.exp(-output[1])}
        named["a_m"] = named["h_dec"] @ theta.mean.W + theta.mean.b
    return named


def summed(paths: dict[Path, Arrays]) -> Arrays:
    """The gradients, all paths together."""
    names = next(iter(paths.values()))
    return {name: sum((arrays[name] for arrays in paths.values()), np.zeros(())) for name in names}
