"""The integral itself, p(x) = int p(z) p(x|z) dz, as a sum over points. For J = 1, 2 and, with patience, 3.

The trapezoidal rule is the best there is here. For a smooth hill its error falls like exp(-2 pi^2 (sigma / h)^2), sigma
the width of the hill and h the distance of the points: with h = sigma eight digits are right. So everything depends on
knowing the width. A grid that is the same for all x cannot: where a posterior is narrower than its spacing and lies
midway between its points, all coarser grids agree with it on a number that is hundreds of nats too low.

So each hill of p(x, z) is found first (see `hills`), and gets a grid of its own, turned and stretched as the hill is.
It grows from the top as far as there is anything to sum.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.marginal_likelihood.estimate import Estimate
from aevb_np.marginal_likelihood.hills import Hills, hills
from aevb_np.model import log_joint
from aevb_np.params import Params


class Search(NamedTuple):
    """The grid from which hills are climbed, n points per axis over [-B, B]^J; and how a hill is summed up."""

    B: float
    n: int
    spacing: float  # in widths of the hill
    points: int  # for one datapoint at most


SEARCH = {1: Search(12, 513, 0.4, 20_000), 2: Search(8, 129, 0.7, 50_000), 3: Search(6, 41, 0.8, 200_000)}
CUT = 25.0  # nats below the largest term: where nothing is left to sum
ROWS = 1000  # log p(x, z) at a time
ROUNDING = 1e-11  # of log p(x): the sums of a few hundred pixels
WIDER = 2.0  # variance of the Gaussians by which hills share a place, in variances of the hills


def quadrature(
    decoder: Any,
    theta: Params,
    x: NDArray,
    B: float | None = None,
    tolerance: float = 1e-3,
    points: int | None = None,
) -> Estimate:
    """log p(x) by the trapezoidal rule on a grid around every hill of p(x, z), with an error that covers the truth.

    The error is the sum of three, each of which would show what the others may miss: how far the grids of every second
    point disagree; what the rule leaves out of a hill as narrow as the second differences along the grid say; and what
    lies beyond the last points. Datapoints with an error above the tolerance get half the spacing, again and again. The
    error is infinite where that takes too many points.

    A hill is missed when nothing slopes up to it from the points of the first grid. This no rule can know.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
        Or anything else with their `n_in` (J), `log_prob` and `log_prob_pairs`.
    theta : Params
        Of the decoder. All is computed in float64, whatever their dtype.
    x : array, (M, D)
    B : float, optional
        Half the width of the grid from which the hills are climbed: 12, 8 or 6 for J = 1, 2, 3 unless told otherwise.
        Hills beyond it are reached from its edge.
    tolerance : float
        In nats: above this error the spacing is halved.
    points : int, optional
        For one datapoint at most: 20,000, 50,000 or 200,000 for J = 1, 2, 3 unless told otherwise.

    Raises
    ------
    ValueError
        For no latent dimension, or more than three.

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
    if J not in SEARCH:
        raise ValueError(
            f"a grid over J = {J} latent dimensions has too many points; quadrature is for J from 1 to 3. "
            "Use hmc, importance or ais"
        )
    B, points = SEARCH[J].B if B is None else B, points or SEARCH[J].points
    if not B > 0:
        raise ValueError(f"B, half the width of the grid, is more than 0; got {B:g}")
    if not tolerance > 0:
        raise ValueError(f"the tolerance of an error is more than 0 nats; got {tolerance:g}")
    theta, x = Params(theta.shapes, theta.flat.astype(np.float64)), x.astype(np.float64)
    found = hills(decoder, theta, x, B, SEARCH[J].n)
    log_px, error = np.full((2, len(x)), np.inf)
    todo, spacing = np.arange(len(x)), SEARCH[J].spacing
    while len(todo):
        value, off, full = integral(decoder, theta, x, of_rows(found, todo), spacing, points)
        better = ~full[todo] | np.isinf(error[todo])  # a sum that was broken off is the last resort
        log_px[todo] = np.where(better, value[todo], log_px[todo])
        error[todo] = np.where(better, np.where(full[todo], np.inf, off[todo]), error[todo])
        todo, spacing = todo[(off[todo] > tolerance) & ~full[todo]], spacing / 2
    return Estimate(log_px, error + ROUNDING * (1 + np.abs(log_px)))


def of_rows(found: Hills, rows: NDArray) -> Hills:
    """Those of some datapoints."""
    kept = np.isin(found.row, rows)
    return Hills(*(part[kept] for part in found))


def integral(
    decoder: Any, theta: Params, x: NDArray, found: Hills, spacing: float, points: int
) -> tuple[NDArray, NDArray, NDArray]:
    """log p(x), how far off it may be, and whether the points did not suffice; each (M,), for the datapoints of `found`

    A point counts for a hill with the hill's share of it, so that hills which overlap are not counted twice. A point of
    a grid weighs |root| spacing^J.
    """
    M, J = len(x), x.shape[1] and found.z.shape[1]
    point = lattice(decoder, theta, x, found, spacing, points)
    row = found.row[point.hill]
    top = np.full(M, -np.inf)
    np.maximum.at(top, row, point.log_term)
    term = np.exp(point.log_term - top[row])
    total = np.bincount(row, term, M)
    # 1. grids of every second point
    member = point.index % 2 @ 2 ** np.arange(J)
    parts = np.bincount(point.hill * 2**J + member, term, len(found.row) * 2**J).reshape(-1, 2**J)  # (C, 2^J)
    disagreement = np.abs(2**J * parts - parts.sum(axis=1, keepdims=True)).max(axis=1)
    off = np.bincount(found.row, disagreement, M)
    # 2. what the rule leaves of a hill whose second differences these are
    off += np.bincount(row, term * left_out(point), M)
    # 3. what is beyond the last points, if it falls as it did up to there
    last = point.log_term < top[row] - CUT
    off += 3 * np.bincount(row[last], term[last], M)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = off / total
        error = np.where(share < 1, -np.log1p(-np.minimum(share, 1)), np.inf)
        return top + np.log(total), error, point.full


class Lattice(NamedTuple):
    """Points of the grids of all hills, sorted by hill and index, and the logarithm of what each adds to p(x)."""

    hill: NDArray  # (P,)
    index: NDArray  # (P, J), whole numbers
    key: NDArray  # (P,), hill and index in one number
    log_term: NDArray  # (P,)
    full: NDArray  # (M,): more points were needed than are allowed


def lattice(decoder: Any, theta: Params, x: NDArray, found: Hills, spacing: float, points: int) -> Lattice:
    """The grids, each grown from the top of its hill by the neighbours of every point that counts."""
    J = found.z.shape[1]
    base = 2 ** (39 // J)  # the index along an axis lies between plus and minus half of this
    stride = base ** np.arange(J)
    steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * J), axis=-1).reshape(-1, J) @ stride
    middle = (base // 2) * stride.sum()
    log_volume = np.linalg.slogdet(found.root)[1] + J * np.log(spacing)
    top = np.full(len(x), -np.inf)
    np.maximum.at(top, found.row, found.log_pxz + log_volume)
    new = (np.arange(len(found.row)) * base**J + middle)[found.log_pxz + log_volume > top[found.row] - CUT]
    new = np.unique(new[:, None] + steps)
    key, log_term = np.empty(0, np.int64), np.empty(0)
    count, full = np.zeros((2, len(x)), np.int64)
    while len(new):
        hill, index = new // base**J, new[:, None] // stride % base - base // 2
        z = found.z[hill] + spacing * np.einsum("cjk,ck->cj", found.root[hill], index)
        row = found.row[hill]
        term = log_p(decoder, theta, x, row, z) + log_volume[hill] + log_share(found, hill, z)
        np.maximum.at(top, row, term)
        count += np.bincount(row, minlength=len(x))
        counts = term > top[row] - CUT
        full |= (np.bincount(row[counts], minlength=len(x)) > 0) & (count > points)
        grown = new[counts & ~full[row].astype(bool)]
        key, log_term = np.concatenate([key, new]), np.concatenate([log_term, term])
        order = np.argsort(key)
        key, log_term = key[order], log_term[order]
        new = np.unique(grown[:, None] + steps)
        new = new[key[np.minimum(np.searchsorted(key, new), len(key) - 1)] != new]
    hill, index = key // base**J, key[:, None] // stride % base - base // 2
    return Lattice(hill, index, key, log_term, full.astype(bool))


def log_p(decoder: Any, theta: Params, x: NDArray, row: NDArray, z: NDArray) -> NDArray:
    """log p(x, z), one z for each of the rows of x."""
    blocks = [slice(start, start + ROWS) for start in range(0, len(z), ROWS)]
    with np.errstate(all="ignore"):
        values = np.concatenate([log_joint(decoder, theta, x[row[rows]], z[rows])[0] for rows in blocks])
    return np.where(np.isnan(values), -np.inf, values)


def log_share(found: Hills, hill: NDArray, z: NDArray) -> NDArray:
    """The logarithm of a hill's share of z: of all hills of its datapoint, taken as Gaussians, its part of their sum.

    The shares add up to 1 everywhere, and change as slowly as the hills do.
    """
    share = np.zeros(len(z))
    size = np.bincount(found.row)
    first = np.searchsorted(found.row, np.arange(len(size)))
    several = np.flatnonzero(size[found.row[hill]] > 1)
    if not len(several):
        return share
    white = np.linalg.inv(found.root)

    def height(c, z):
        u = np.einsum("cjk,ck->cj", white[c], z - found.z[c])
        return found.log_pxz[c] - 0.5 / WIDER * (u**2).sum(axis=1)

    own, row = height(hill[several], z[several]), found.row[hill[several]]
    total = np.full(len(several), -np.inf)
    for k in range(size.max()):
        has = size[row] > k
        total[has] = np.logaddexp(total[has], height(first[row[has]] + k, z[several[has]]))
    share[several] = own - total
    return share


def left_out(point: Lattice) -> NDArray:
    """2 exp(-2 pi^2 (sigma / h)^2) for every point, h / sigma from the second differences along every axis.   (P,)"""
    J = point.index.shape[1]
    base = 2 ** (39 // J)
    share = np.zeros(len(point.key))
    for j in range(J):
        sides = [np.minimum(np.searchsorted(point.key, point.key + d * base**j), len(point.key) - 1) for d in (-1, 1)]
        there = np.all([point.key[side] == point.key + d * base**j for side, d in zip(sides, (-1, 1))], axis=0)
        with np.errstate(all="ignore"):
            second = 2 * point.log_term - point.log_term[sides[0]] - point.log_term[sides[1]]  # (h / sigma)^2
            share += np.where(there & (second > 0), 2 * np.exp(-2 * np.pi**2 / second), 0)
    return np.minimum(share, 1)
