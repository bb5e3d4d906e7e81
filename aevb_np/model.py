"""The variational auto-encoder: the pair of p(x, z) = p(z) p(x|z) and q(z|x). Section 3."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import StandardNormal
from aevb_np.networks import BernoulliMLP, GaussianMLP
from aevb_np.params import Params, Shapes

PRIOR = StandardNormal()

# Where the parameters start. Section 5 says N(0, 0.01) of all of them; what an author's program did is not known.
STARTS = ("paper", "zero-heads", "fan-in", "fan-in-zero-heads")


def log_joint(
    decoder: Any,
    theta: Params,
    x: NDArray,
    z: NDArray,
    value: bool = True,
    beta: float = 1.0,
    prior: StandardNormal = PRIOR,
) -> tuple[Any, Callable]:
    """log p(z) + beta log p(x|z), one number per row; the backward returns the gradient in z.

    With beta = 1 it is log p(x, z); with less it lies between that and the prior. value=False leaves the number out
    (None): where only the gradient counts, that saves a third of the work.
    """
    log_pz, back_prior = prior.log_prob(z)
    log_px, back_decode = decoder.log_prob(theta, x, z, value)

    def backward(dlog_p, inputs=True, parameters=True):
        dz = back_decode(beta * dlog_p, inputs, parameters)
        return dz + back_prior(dlog_p) if inputs else None

    return log_pz + beta * log_px if value else None, backward


class VAE:
    """A decoder p(x|z), an encoder q(z|x) and the prior p(z).

    Parameters
    ----------
    decoder : BernoulliMLP or GaussianMLP
        p(x|z), with parameters theta.
    encoder : GaussianMLP
        q(z|x), with parameters phi.
    prior : StandardNormal
        p(z), or another prior with the same words.

    Examples
    --------
    >>> from aevb_np.streams import stream
    >>> model = VAE.bernoulli(D=784, H=500, J=20)
    >>> p = model.init(stream("init", seed=0))
    >>> p.flat.size
    815824
    >>> p.theta.logits.W.shape, p.phi.mean.W.shape
    ((500, 784), (500, 20))
    """

    def __init__(
        self, decoder: BernoulliMLP | GaussianMLP, encoder: GaussianMLP, prior: StandardNormal = PRIOR
    ):
        if (decoder.n_in, decoder.n_out) != (encoder.n_out, encoder.n_in):
            raise ValueError(
                f"the decoder goes from {decoder.n_in} to {decoder.n_out} numbers, so the encoder must go from "
                f"{decoder.n_out} to {decoder.n_in}; it goes from {encoder.n_in} to {encoder.n_out}"
            )
        self.decoder, self.encoder, self.prior = decoder, encoder, prior
        self.D, self.J = encoder.n_in, encoder.n_out
        self.shapes: Shapes = {"theta": decoder.shapes, "phi": encoder.shapes}

    @classmethod
    def bernoulli(cls, D: int, H: int, J: int, unit: str = "tanh") -> "VAE":
        """The paper's model of MNIST: x in [0, 1], eq. (11)."""
        return cls(BernoulliMLP(J, H, D, unit), GaussianMLP(D, H, J, unit=unit))

    @classmethod
    def gaussian(
        cls, D: int, H: int, J: int, sigmoid_mean: bool = True, log_var_floor: float | None = None, unit: str = "tanh"
    ) -> "VAE":
        """The paper's model of Frey Face: real x, eq. (12), with the mean in (0, 1) unless told otherwise."""
        return cls(GaussianMLP(J, H, D, sigmoid_mean, log_var_floor, unit), GaussianMLP(D, H, J, unit=unit))

    def init(self, rng: np.random.Generator, dtype: Any = np.float32, start: str = "paper") -> Params:
        """Parameters before the first step.

        Parameters
        ----------
        rng : Generator
        dtype : dtype
        start : {"paper", "zero-heads", "fan-in", "fan-in-zero-heads"}
            "paper": all from N(0, 0.01^2); section 5 writes N(0, 0.01), its author's code takes std=0.01. "zero-heads":
            the same, with both heads of the encoder at 0, so that q(z|x) starts as the prior. "fan-in": every weight
            from N(0, 1 / n) for a layer of n inputs, with the encoder's log-variance head at 0.
            "fan-in-zero-heads": hidden layers so, both heads of the encoder at 0.

        Raises
        ------
        ValueError
            If no start is called so.
        """
        if start not in STARTS:
            raise ValueError(f"a start is one of {', '.join(STARTS)}; got {start!r}")
        p = Params(self.shapes, dtype=dtype)
        p.flat[:] = 0.01 * rng.standard_normal(p.flat.size)  # drawn in float64: one start for every dtype
        if start.startswith("fan-in"):
            for name, w, _ in p.arrays():
                if w.ndim == 2 and (start == "fan-in" or ".hidden." in name):
                    w *= 100 / len(w) ** 0.5  # the same draws, wider
        if start != "paper":
            p.phi.log_var.flat[:] = 0
        if start.endswith("zero-heads"):
            p.phi.mean.flat[:] = 0
        return p

    def log_joint(self, theta: Params, x: NDArray, z: NDArray, value: bool = True) -> tuple[Any, Callable]:
        """log p(x, z) = log p(z) + log p(x|z), as `log_joint` has it."""
        return log_joint(self.decoder, theta, x, z, value, prior=self.prior)

    def check(self, x: NDArray) -> None:
        """Say what is wrong with x, rows of numbers that the model is about to be shown.

        Raises
        ------
        ValueError
            Unless x is (M, D), finite, and where the decoder has its support: for bits between 0 and 1.
        """
        if x.ndim != 2 or x.shape[1] != self.D or not len(x):
            raise ValueError(f"this model takes rows of {self.D} numbers; got an array of shape {x.shape}")
        low, high = x.min(), x.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            bad = np.argwhere(~np.isfinite(x))
            raise ValueError(
                f"x holds {len(bad)} numbers that are NaN or infinite, the first in row {bad[0][0]}, "
                f"column {bad[0][1]}; remove those rows or fill them in"
            )
        least, most = getattr(self.decoder, "support", (-np.inf, np.inf))  # one of your own need not say
        if not least <= low <= high <= most:
            raise ValueError(
                f"the {self.decoder.likelihood.capitalize()} decoder needs x between {least:g} and {most:g}; "
                f"got values from {low:g} to {high:g}. "
                "Scale the pixels, or use the Gaussian decoder"
            )
