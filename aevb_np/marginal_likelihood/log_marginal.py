"""One door to the four methods, for any trained model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import StandardNormal
from aevb_np.marginal_likelihood.annealing import annealed_importance
from aevb_np.marginal_likelihood.appendix_d import appendix_d
from aevb_np.marginal_likelihood.estimate import Estimate, floats
from aevb_np.marginal_likelihood.importance import importance_sampling
from aevb_np.marginal_likelihood.quadrature import quadrature
from aevb_np.model import VAE
from aevb_np.params import Params

METHODS = ("hmc", "importance", "quadrature", "ais")

# What an infinite error means, and what to do; and what the method cannot see in itself.
INFINITE = {
    "hmc": "the chain changed places or hardly moved, and log p(x) may be far lower or higher; try another start",
    "importance": "a few samples make the sum, and log p(x) may be far higher: q(z|x) is too narrow or points amiss",
    "quadrature": "the sum takes more points than it may have; use ais",
    "ais": "one chain makes the sum, and log p(x) may be far higher; a longer way (T) is needed",
}
BLIND = {
    "hmc": "blind to hills of the posterior that no chain has climbed: too low there, and nothing tells",
    "importance": "blind to hills of the posterior that q(z|x) does not reach: too low there, and nothing tells",
    "quadrature": "blind only to a narrow hill that no climb from the points of the first grid ends on",
    "ais": "too low on average, by as much as the chains fall behind; `bidirectional` tells by how much",
}


def log_marginal(
    model: VAE,
    theta: Params,
    phi: Params,
    x: NDArray,
    method: str,
    rng: np.random.Generator,
    z: NDArray | None = None,
    **settings: Any,
) -> Estimate:
    """log p(x) of every datapoint, in nats, by one of `METHODS`.

    Parameters
    ----------
    model : VAE
    theta, phi : Params
        Of its decoder and of its encoder; only "importance", and "hmc" without z, look at phi.
    x : array, (M, D)
    method : {"hmc", "importance", "quadrature", "ais"}
        `appendix_d`, `importance_sampling` with K = 5,000, `quadrature`, `annealed_importance`.
    rng : Generator
    z : array, (M, J), optional
        Where the chains of "hmc" start; the encoder's means if left out. `starts` finds some without an encoder.
    **settings
        Handed on to the method.

    Examples
    --------
    >>> from aevb_np.streams import stream
    >>> model = VAE.bernoulli(D=7, H=5, J=2)
    >>> p = model.init(stream("init", seed=3))
    >>> p.flat[:] *= 50                                        # weights of scale 0.5
    >>> x = (stream("data", seed=0).random((3, 7)) < 0.5).astype(np.float32)
    >>> for method in METHODS:
    ...     estimate = log_marginal(model, p.theta, p.phi, x, method, stream("hmc", seed=0))
    ...     print(f"{method:10} {estimate.log_px.mean():.1f}")
    hmc        -5.1
    importance -5.1
    quadrature -5.1
    ais        -5.1
    """
    model.check(x)
    if type(model.prior) is not StandardNormal:
        raise ValueError(f"log p(x) is estimated for the prior N(0, I) only; this model's is {model.prior.name}")
    if not model.J:
        raise ValueError("this model has no latent numbers (J = 0): its log p(x) is log p(x|z), nothing is to estimate")
    x = floats(x, theta)
    if method == "hmc":
        start = model.encoder.forward(phi, x)[0][0] if z is None else z
        return appendix_d(model.decoder, theta, x, start, rng, **settings)
    if method == "importance":
        return importance_sampling(model, theta, phi, x, rng=rng, **{"K": 5000} | settings)
    if method == "quadrature":
        return quadrature(model.decoder, theta, x, **settings)
    if method == "ais":
        return annealed_importance(model.decoder, theta, x, rng, **settings)
    raise ValueError(f"log p(x) is estimated by one of {', '.join(METHODS)}; got {method!r}")
