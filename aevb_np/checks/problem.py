"""Where to check: sizes that share no factor, so that a wrong one names itself, and parameters that are not small.

With M, L, J, D = 7, 3, 5, 11 no sum over the wrong axis and no missing transpose can go unnoticed. At scale 0.5 the
network is far from linear, where slips hide, and no unit is saturated.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.units import OneHiddenLayer, fixed_variance
from aevb_np.model import VAE
from aevb_np.networks import BernoulliMLP, GaussianMLP
from aevb_np.params import Params

M, L, J, D = 7, 3, 5, 11
H_DECODER, H_ENCODER = 8, 6
SCALE = 0.5


class Point(NamedTuple):
    """Parameters, data and noise: everything that the value is a function of. eps has L M rows, sample-major."""

    p: Params
    x: NDArray
    eps: NDArray

    @property
    def samples(self) -> int:
        """L."""
        return len(self.eps) // len(self.x)

    @property
    def constants(self) -> dict[str, int]:
        """The sizes by which a wrong factor is named."""
        sizes = {"M": len(self.x), "L": self.samples, "D": self.x.shape[1], "J": self.eps.shape[1]}
        return {name: size for name, size in sizes.items() if size > 1}

    def row(self, m: int, sample: int = 0) -> "Point":
        """One datapoint with one sample."""
        one = slice(sample * len(self.x) + m, sample * len(self.x) + m + 1)
        return Point(self.p, self.x[m : m + 1], self.eps[one])


def model_of(
    decoder: str, H: tuple[int, int] = (H_DECODER, H_ENCODER), sigmoid_mean: bool = True, J: int = J, D: int = D,
    units: str = "tanh",
) -> VAE:  # fmt: skip
    """The paper's model, eq. (11) or (12), with H hidden units in decoder and encoder, or one that people often have.

    `decoder` may be a Gaussian of one fixed variance, see `fixed_variance`, and the units others than tanh.
    """
    if units != "tanh" or decoder not in ("bernoulli", "gaussian"):
        variance = fixed_variance(decoder)
        heads = ("logits",) if decoder == "bernoulli" else ("mean", "log_var")[: 1 if variance else 2]
        theta = OneHiddenLayer(J, H[0], D, units, heads, sigmoid_mean and decoder != "bernoulli", variance)
        return VAE(theta, OneHiddenLayer(D, H[1], J, units, ("mean", "log_var")))  # type: ignore[arg-type]
    kinds: dict[str, Any] = {
        "bernoulli": lambda: BernoulliMLP(J, H[0], D),
        "gaussian": lambda: GaussianMLP(J, H[0], D, sigmoid_mean),
    }
    return VAE(kinds[decoder](), GaussianMLP(D, H[1], J))


def point(model: VAE, seed: int = 0, samples: int = L, rows: int = M, scale: float = SCALE) -> Point:
    """A random point for a model; grey values between 0 and 1 suit both decoders."""
    rng = np.random.default_rng((seed, samples, rows))
    p = Params(model.shapes)
    p.flat[:] = scale * rng.standard_normal(p.flat.size)
    return Point(p, rng.random((rows, model.D)), rng.standard_normal((samples * rows, model.J)))
