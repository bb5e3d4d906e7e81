"""The integral itself, p(x) = int p(z) p(x|z) dz, as a sum over a grid. For J = 1, 2 and, with patience, 3.

The trapezoidal rule is the best there is here. For a smooth hill that is flat at both ends of the grid its error falls
like exp(-2 pi^2 (sigma / h)^2), sigma the width of the hill and h the distance of the points: with h = sigma eight
digits are right. What remains to be found out is how narrow the hills are, and whether the grid holds all of them.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import standard_normal_log_prob
from aevb_np.marginal_likelihood.estimate import Estimate
from aevb_np.params import Params


class Grid(NamedTuple):
    """[-B, B]^J, with so many points per axis to begin with and at most."""

    B: float
    coarsest: int
    finest: int


# Under the prior one z in 500 million has a coordinate beyond 6. Models with one latent number spread their data over a
# longer line than that, and there the points cost nothing. 129^3 points are two million.
GRIDS = {1: Grid(12, 257, 65_537), 2: Grid(8, 129, 2_049), 3: Grid(6, 65, 129)}
SHELL = 1 / 10  # the outermost part of every axis, as a share of B
POINTS = 2000  # grid points at a time, fewer where there are more than a thousand datapoints


def quadrature(
    decoder: Any,
    theta: Params,
    x: NDArray,
    B: float | None = None,
    tolerance: float = 1e-3,
    finest: int | None = None,
) -> Estimate:
    """log p(x) by the trapezoidal rule on a uniform grid over [-B, B]^J; exact but for an error that it names.

    Every second point of a grid makes a coarser one. The error is how far that is off, plus the share of the integral
    in the grid's outermost shell, where mass beyond the edge shows. Datapoints for which the two grids disagree get
    twice the points per axis, again and again.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
        Or anything else with their `n_in` (J) and `log_prob_pairs`.
    theta : Params
        Of the decoder. All is computed in float64, whatever their dtype.
    x : array, (M, D)
    B : float, optional
        The grid's half-width: 12, 8 or 6 for J = 1, 2, 3 unless told otherwise.
    tolerance : float
        In nats: how far the two grids may disagree.
    finest : int, optional
        Points per axis at most: 65,537, 2,049 or 129 for J = 1, 2, 3 unless told otherwise. What disagreement is left
        there is in the error. For J = 3 and a thousand MNIST images 129 take two minutes, 257 eight times as long.

    Raises
    ------
    ValueError
        For more than three latent dimensions.

    Examples
    --------
    >>> from aevb_np.model import VAE
    >>> from aevb_np.streams import stream
    >>> model = VAE.bernoulli(D=5, H=4, J=2)
    >>> theta = model.init(stream("init", seed=0)).theta         # weights of 0.01: all bits are fair coins, nearly
    >>> estimate = quadrature(model.decoder, theta, np.ones((1, 5)))
    >>> print(f"{estimate.log_px[0]:.1f}, 5 log 1/2 = {5 * np.log(0.5):.1f}")
    -3.5, 5 log 1/2 = -3.5
    """
    J = decoder.n_in
    if J > 3:
        raise ValueError(
            f"a grid over J = {J} latent dimensions has too many points; quadrature is for J up to 3. "
            "Use hmc, importance or ais"
        )
    B, finest = GRIDS[J].B if B is None else B, finest or GRIDS[J].finest
    if B <= 0:
        raise ValueError(f"B, half the width of the grid, is more than 0; got {B:g}")
    theta, x = Params(theta.shapes, theta.flat.astype(np.float64)), x.astype(np.float64)
    log_px, disagreement, shell = np.empty((3, len(x)))
    todo, n = np.arange(len(x)), min(GRIDS[J].coarsest, finest)
    while len(todo):
        log_px[todo], disagreement[todo], shell[todo] = trapezoid(decoder, theta, x[todo], B, n)
        n = 2 * n - 1
        todo = todo[disagreement[todo] > tolerance] if n <= finest else todo[:0]
    return Estimate(log_px, disagreement + shell)


def trapezoid(decoder: Any, theta: Params, x: NDArray, B: float, n: int) -> tuple[NDArray, NDArray, NDArray]:
    """log p(x) on n^J points, how far its coarser grids are from it, and the share of the outermost shell; each (M,).

    A point weighs the volume h^J, and half of that for every axis at whose end it lies. The points with an even index
    along every axis are a grid of their own; so are those with an odd index along the first axis, and so on: 2^J grids
    of every second point, whose mean is the fine one. The one that is farthest off counts.

    Of hills that are a thousand nats apart only the highest matter. So the sums are kept relative to the highest point
    seen so far.
    """
    if n < 3 or n % 2 == 0:
        raise ValueError(
            f"the points per axis are odd in number and 3 at least, so that every second is a grid; got {n}"
        )
    J = decoder.n_in
    axis, h = np.linspace(-B, B, n), np.full(n, 2 * B / (n - 1))
    h[[0, -1]] /= 2
    highest, sums = np.full(len(x), -np.inf), np.zeros((len(x), 2**J + 1))
    step = max(1, min(POINTS, 1000 * POINTS // len(x)))
    for start in range(0, n**J, step):
        index = np.stack(np.unravel_index(np.arange(start, min(start + step, n**J)), (n,) * J), axis=1)  # (points, J)
        z = axis[index]
        member = np.eye(2**J)[index % 2 @ 2 ** np.arange(J)]  # of which of the 2^J grids
        in_shell = np.abs(z).max(axis=1, keepdims=True) > (1 - SHELL) * B
        weights = h[index].prod(axis=1, keepdims=True) * np.hstack([member, in_shell])  # (points, 2^J + 1)
        log_pxz = decoder.log_prob_pairs(theta, x, z) + standard_normal_log_prob(z)[0]  # (M, points)
        higher = np.maximum(highest, log_pxz.max(axis=1))
        sums = sums * np.exp(highest - higher)[:, None] + np.exp(log_pxz - higher[:, None]) @ weights
        highest = higher
    total, shell = sums[:, :-1].sum(axis=1), sums[:, -1]
    with np.errstate(divide="ignore"):  # a grid so coarse that some of its parts see nothing is off by infinity
        off = np.abs(np.log(2**J * sums[:, :-1] / total[:, None])).max(axis=1)
    return highest + np.log(total), off, shell / total
