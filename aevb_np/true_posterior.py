"""The posterior p(z|x) of each datapoint as a landscape for HMC: log p(x, z), which is log p(z|x) up to a constant."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import StandardNormal
from aevb_np.model import PRIOR, log_joint
from aevb_np.params import Params

BLOCK = 200  # rows at a time: their logits stay in the processor's cache from one line to the next


def posterior(
    decoder: Any, theta: Params, x: NDArray, beta: float = 1.0, prior: StandardNormal = PRIOR
) -> Callable:
    """log p(z) + beta log p(x|z) as a function of z, in the form that `hmc` takes.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
        Or anything else with their `n_in` (J) and `log_prob`.
    theta : Params
        Of the decoder, as they are at the time of each call; their gradient is left alone.
    x : array, (C, D)
        One datapoint for every chain.
    beta : float
        1 for the posterior, 0 for the prior, and in between for annealing from the one to the other.
    prior : StandardNormal
        p(z), or another prior with the same words.

    Returns
    -------
    target : function
        target(z, value=True) -> the logarithm (C,), or None with value=False, and its gradient in z (C, J).

    Examples
    --------
    >>> from aevb_np import hmc
    >>> from aevb_np.streams import stream
    >>> from aevb_np.model import VAE
    >>> model = VAE.bernoulli(D=784, H=100, J=3)
    >>> theta = model.init(stream("init", seed=0)).theta
    >>> x = np.zeros((5, 784), np.float32)
    >>> draws = hmc.sample(posterior(model.decoder, theta, x), np.zeros((5, 3), np.float32), S=4, burn_in=20,
    ...                    L=50, rng=stream("hmc", seed=0))
    >>> draws.z.shape, draws.log_p.shape
    ((50, 5, 3), (50, 5))
    """

    def target(z, value=True):
        if z.shape != (len(x), decoder.n_in):
            raise ValueError(f"{len(x)} datapoints need one z each, ({len(x)}, {decoder.n_in}); got {z.shape}")
        log_p, gradient = np.empty(len(z), z.dtype), np.empty_like(z)
        for start in range(0, len(z), BLOCK):
            rows = slice(start, start + BLOCK)
            log_pxz, backward = log_joint(decoder, theta, x[rows], z[rows], value, beta, prior)
            gradient[rows] = backward(np.ones(len(z[rows]), z.dtype), parameters=False)
            if value:
                log_p[rows] = log_pxz
        return (log_p if value else None), gradient

    return target
