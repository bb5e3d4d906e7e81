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
from aevb_np.marginal_likelihood.hills import Hills, hills, trapezoidal
from aevb_np.model import log_joint
from aevb_np.params import Params


class Search(NamedTuple):
    """The grid from which hills are climbed, n points per axis over [-B, B]^J; and how a hill is summed up."""

    B: float
    n: int
    spacing: float  # in widths of the hill
    points: int  # for one datapoint at most


SEARCH = {1: Search(12, 4097, 0.4, 20_000), 2: Search(8, 129, 0.65, 50_000), 3: Search(6, 41, 0.65, 200_000)}
CUT = 18.0  # nats below the largest term: where nothing is left to sum
ROWS = 1000  # log p(x, z) at a time
ROUNDING = 1e-11  # of log p(x): the sums of a few hundred pixels
SPIKE = 2.5  # times narrower than the hill that it stands on


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

    The first grid has a sum too. Where the two differ by more than the first grid may be off, the error is as large as
    the rest: a spike on a slope is no hill, and only this grid sees it.

    A narrow hill is missed when no climb from the points of the first grid ends on it. No rule can know this.

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
    found, grid = hills(decoder, theta, x, B, SEARCH[J].n)
    log_px, error = np.full((2, len(x)), np.inf)
    todo, spacing = np.arange(len(x)), SEARCH[J].spacing
    while len(todo):
        value, off, full = integral(decoder, theta, x, of_rows(found, todo), spacing, points)
        better = ~full[todo] | np.isinf(error[todo])  # a sum that was broken off is the last resort
        log_px[todo] = np.where(better, value[todo], log_px[todo])
        error[todo] = np.where(better, np.where(full[todo], np.inf, off[todo]), error[todo])
        todo, spacing = todo[(off[todo] > tolerance) & ~full[todo]], spacing / 2
    error = np.fmax(error, np.abs(grid.log_px - log_px) - grid.error)  # a second opinion
    return Estimate(log_px, error + ROUNDING * (1 + np.abs(log_px)))


def of_rows(found: Hills, rows: NDArray) -> Hills:
    """Those of some datapoints."""
    kept = np.isin(found.row, rows)
    return Hills(*(part[kept] for part in found))


def integral(
    decoder: Any, theta: Params, x: NDArray, found: Hills, spacing: float, points: int
) -> tuple[NDArray, NDArray, NDArray]:
    """log p(x), how far off it may be, and whether the points did not suffice; each (M,), for the datapoints of `found`

    A point of a grid weighs |root| spacing^J.
    """
    M = len(x)
    point = lattice(decoder, theta, x, found, spacing, points)
    row = found.row[point.hill]
    top = np.full(M, -np.inf)
    np.maximum.at(top, row, point.log_term)
    term = np.exp(point.log_term - top[row])
    total = np.bincount(row, term, M)
    # 1. grids of every second point
    off = np.bincount(found.row, disagreement(point, term, len(found.row)), M)
    # 2. what the rule leaves of a hill whose second differences these are
    off += np.bincount(row, term * left_out(point), M)
    # 3. what is beyond the last points: it falls by CUT nats at least over as many points as there are up to here
    last = point.log_term < point.top[row] - CUT
    extent = np.zeros(len(found.row))
    np.maximum.at(extent, point.hill, np.abs(point.steps).max(axis=1))
    off += np.bincount(row[last], term[last] * (3 + extent[point.hill[last]] / 4), M)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = off / total
        error = np.where(share < 1, -np.log1p(-np.minimum(share, 1)), np.inf)
        return top + np.log(total), error, point.full


def disagreement(point: "Lattice", term: NDArray, C: int) -> NDArray:
    """How far the grids of every second point, 2^J for each hill, are from their mean at most.   (C,)"""
    J = point.steps.shape[1]
    member = point.steps % 2 @ 2 ** np.arange(J)
    parts = np.bincount(point.hill * 2**J + member, term, C * 2**J).reshape(C, -1)
    return np.abs(2**J * parts - parts.sum(axis=1, keepdims=True)).max(axis=1)


class Lattice(NamedTuple):
    """Points of the grids of all hills, sorted by hill and index, and the logarithm of what each adds to p(x)."""

    hill: NDArray  # (P,)
    steps: NDArray  # (P, J), from the top, whole numbers
    key: NDArray  # (P,), hill and index in one number
    log_term: NDArray  # (P,)
    full: NDArray  # (M,): more points were needed than are allowed
    top: NDArray  # (M,): points that are CUT nats below this have not grown


def lattice(decoder: Any, theta: Params, x: NDArray, found: Hills, spacing: float, points: int) -> Lattice:
    """The grids, each grown from the top of its hill by the neighbours of every point that counts.

    The widest hill of a datapoint comes first. Another whose top is already among the points, and not much narrower, is
    summed up there. Where others are much narrower, spikes, the hill that they stand on gets a grid as fine as
    they are.
    """
    grid = Growing(decoder, theta, x, found, spacing, points)
    volume = np.linalg.slogdet(found.root)[1]
    order = np.lexsort((-volume, found.row))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(found.row[order], found.row[order])
    group = np.full(len(order), -1)  # the wide hill in whose points the hill's top is; itself if it is wide
    for r in range(rank.max() + 1):
        own = np.flatnonzero((rank == r) & grid.matters)
        for earlier in range(r):
            wide = order[np.searchsorted(found.row[order], found.row[own]) + earlier]
            inside = np.flatnonzero((group[own] < 0) & (group[wide] == wide))
            inside = inside[grid.holds(wide[inside], found.z[own[inside]])]
            group[own[inside]] = wide[inside]
        new = own[group[own] < 0]
        group[new] = new
        grid.grow(new, new)
    narrower = np.linalg.norm(np.linalg.inv(found.root) @ found.root[group], 2, axis=(1, 2))
    spikes = np.flatnonzero((group >= 0) & (narrower > SPIKE))
    grid.refine(group, spikes)
    return grid.lattice()


class Growing:
    """The points of all grids so far, by their keys: a hill and an index along every axis in one whole number."""

    def __init__(self, decoder: Any, theta: Params, x: NDArray, found: Hills, spacing: float, points: int):
        self.decoder, self.theta, self.x, self.found, self.spacing, self.points = (
            decoder,
            theta,
            x,
            found,
            spacing,
            points,
        )
        J = found.z.shape[1]
        self.base = 2 ** (39 // J)  # an index lies between plus and minus half of this
        self.stride = self.base ** np.arange(J)
        self.steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * J), axis=-1).reshape(-1, J) @ self.stride
        self.log_volume = np.linalg.slogdet(found.root)[1] + J * np.log(spacing)
        self.top = np.full(len(x), -np.inf)
        peak = found.log_pxz + self.log_volume
        np.maximum.at(self.top, found.row, peak)
        self.matters = peak > self.top[found.row] - CUT
        self.key, self.log_term = np.empty(0, np.int64), np.empty(0)
        self.count, self.full = np.zeros(len(x), np.int64), np.zeros(len(x), bool)

    def keys(self, hill: NDArray, index: NDArray) -> NDArray:
        """Of points.   (P,), (P, J) -> (P,)"""
        return hill * self.base ** len(self.stride) + (index + self.base // 2) @ self.stride

    def places(self, key: NDArray) -> tuple[NDArray, NDArray]:
        """The other way round."""
        return key // self.base ** len(self.stride), key[:, None] // self.stride % self.base - self.base // 2

    def grow(self, wide: NDArray, hills: NDArray) -> None:
        """The grids of wide hills, from the tops of the hills that are summed up there to where nothing counts."""
        found = self.found
        key, near = self.nearest(wide, found.z[hills])
        self.full[found.row[hills[~near]]] = True
        new = np.unique(key[near, None] + self.steps)
        while len(new):
            hill, index = self.places(new)
            z = found.z[hill] + self.spacing * np.einsum("cjk,ck->cj", found.root[hill], index)
            row = found.row[hill]
            term = log_p(self.decoder, self.theta, self.x, row, z) + self.log_volume[hill]
            np.maximum.at(self.top, row, term)
            self.count += np.bincount(row, minlength=len(self.x))
            counts = term > self.top[row] - CUT
            self.full[row[counts & (self.count[row] > self.points)]] = True
            grown = new[counts & ~self.full[row]]
            key, log_term = np.concatenate([self.key, new]), np.concatenate([self.log_term, term])
            order = np.argsort(key)
            self.key, self.log_term = key[order], log_term[order]
            new = np.unique(grown[:, None] + self.steps)
            new = new[self.key[self.position(new)] != new]

    def position(self, key: NDArray) -> NDArray:
        """Where a key is in the list, if it is there."""
        return np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)

    def nearest(self, hill: NDArray, z: NDArray) -> tuple[NDArray, NDArray]:
        """The key of the point of the hill's grid that is next to z, and whether it is near enough to have one."""
        u = np.einsum("cjk,ck->cj", np.linalg.inv(self.found.root[hill]), z - self.found.z[hill]) / self.spacing
        near = np.abs(u).max(axis=1, initial=0) < self.base // 4
        return self.keys(hill, np.where(near[:, None], np.round(u), 0).astype(np.int64)), near

    def holds(self, hill: NDArray, z: NDArray) -> NDArray:
        """Is the point of the hill's grid that is next to z one that counts?"""
        key, near = self.nearest(hill, z)
        at = self.position(key)
        return near & (self.key[at] == key) & (self.log_term[at] > self.top[self.found.row[hill]] - CUT)

    def refine(self, group: NDArray, spikes: NDArray) -> None:
        """Instead of the grids of wide hills, others that are as fine as all of their spikes in every direction.

        They grow from the top of every hill of the group: the first grid may have passed a valley before a higher top
        was seen, and a new one would stop there.
        """
        hills, root = np.unique(group[spikes]), self.found.root.copy()
        for hill in hills:
            roots = root[spikes[group[spikes] == hill]]
            sharpness = np.linalg.inv(roots @ roots.swapaxes(1, 2)).sum(axis=0)
            root[hill] = np.linalg.cholesky(np.linalg.inv(sharpness))
        kept = ~np.isin(self.places(self.key)[0], hills)
        self.key, self.log_term = self.key[kept], self.log_term[kept]
        self.found = self.found._replace(root=root)
        self.log_volume = np.linalg.slogdet(root)[1] + len(self.stride) * np.log(self.spacing)
        members = np.flatnonzero(np.isin(group, hills))
        self.grow(group[members], members)

    def lattice(self) -> Lattice:
        """What has grown."""
        return Lattice(*self.places(self.key), self.key, self.log_term, self.full, self.top)


def log_p(decoder: Any, theta: Params, x: NDArray, row: NDArray, z: NDArray) -> NDArray:
    """log p(x, z), one z for each of the rows of x."""
    blocks = [slice(start, start + ROWS) for start in range(0, len(z), ROWS)]
    with np.errstate(all="ignore"):
        values = np.concatenate([log_joint(decoder, theta, x[row[rows]], z[rows])[0] for rows in blocks])
    return np.where(np.isnan(values), -np.inf, values)


def left_out(point: Lattice) -> NDArray:
    """2 exp(-2 pi^2 (sigma / h)^2) for every point, h / sigma from the second differences along every axis.   (P,)"""
    J = point.steps.shape[1]
    base = 2 ** (39 // J)
    share = np.zeros(len(point.key))
    for j in range(J):
        sides = [np.minimum(np.searchsorted(point.key, point.key + d * base**j), len(point.key) - 1) for d in (-1, 1)]
        there = np.all([point.key[side] == point.key + d * base**j for side, d in zip(sides, (-1, 1))], axis=0)
        with np.errstate(all="ignore"):
            second = 2 * point.log_term - point.log_term[sides[0]] - point.log_term[sides[1]]  # (h / sigma)^2
            share += np.where(there & (second > 0), trapezoidal(second), 0)
    return np.minimum(share, 1)
