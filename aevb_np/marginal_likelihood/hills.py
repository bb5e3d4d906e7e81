"""Where p(x, z) is large, for each x: its hills as functions of z. Before an integral is summed up, they must be found.

A grid sees every hill that is wider than its spacing. Of a narrower one it sees the foot: the point next to it is
higher than its neighbours, for the slope leads there. So every point that is higher than its neighbours is the start of
a climb. At the top the second derivatives tell how wide the hill is, in every direction.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.distributions import standard_normal_log_prob
from aevb_np.marginal_likelihood.estimate import Estimate
from aevb_np.params import Params
from aevb_np.true_posterior import posterior

NUMBERS = 20_000_000  # log p(x, z) at a time, 160 MB
CLIMBED = 16  # starts for each x at most, the most promising
DEEP = 30.0  # nats below the highest start from which on a start is left out, after all that it could gain
NEAR, LIKE = 4.0, 4.0  # a hill within 4 widths of another, and no more than half as wide as that, is a part of it
H = 1e-6  # of the differences that make the second derivatives


class Hills(NamedTuple):
    """C hills, those of one datapoint next to each other.

    Attributes
    ----------
    row : array of int, (C,)
        Of which datapoint.
    z : array, (C, J)
        The top.
    log_pxz : array, (C,)
        log p(x, z) there.
    root : array, (C, J, J)
        With root root^T the inverse of the negative second derivatives: z + root u has width 1 in every direction of u.
    """

    row: NDArray
    z: NDArray
    log_pxz: NDArray
    root: NDArray


def hills(decoder: Any, theta: Params, x: NDArray, B: float, n: int) -> tuple[Hills, Estimate]:
    """The hills of every datapoint that can be reached from a grid of n points along every axis from -B to B.

    And the sum over this grid, as a second opinion.
    """
    block, axis = max(1, NUMBERS // n**decoder.n_in), np.linspace(-B, B, n)
    found, sums = [], []
    for i in range(0, len(x), block):
        log_pxz = on_grid(decoder, theta, x[i : i + block], axis)
        found.append(starts(log_pxz, axis))
        sums.append(grid_sum(log_pxz, axis))
    row = np.concatenate([i * block + rows for i, (rows, _, _) in enumerate(found)])
    z, inverse = (np.concatenate([one[k] for one in found]) for k in (1, 2))
    log_px, error = np.concatenate(sums, axis=1)
    return distinct(climbed(decoder, theta, x, row, z, inverse)), Estimate(log_px, error)


def on_grid(decoder: Any, theta: Params, x: NDArray, axis: NDArray) -> NDArray:
    """log p(x, z) for every x and every point of a grid.   (M, n, .., n)"""
    J, M, n = decoder.n_in, len(x), len(axis)
    grid = np.stack(np.meshgrid(*[axis] * J, indexing="ij"), axis=-1).reshape(-1, J)
    log_pxz = np.empty((M, n**J))
    for i in range(0, n**J, 2000):
        z = grid[i : i + 2000]
        log_pxz[:, i : i + 2000] = decoder.log_prob_pairs(theta, x, z) + standard_normal_log_prob(z)[0]
    return np.where(np.isnan(log_pxz), -np.inf, log_pxz).reshape(M, *[n] * J)


def grid_sum(log_pxz: NDArray, axis: NDArray) -> tuple[NDArray, NDArray]:
    """log p(x) by the sum over a grid, and how far off it is by what the grid itself shows; each (M,)

    That is a lot where hills are narrow for the grid, by their second differences, or lie at its edge.
    """
    M, n, J = len(log_pxz), len(axis), log_pxz.ndim - 1
    top = log_pxz.reshape(M, -1).max(axis=1)
    with np.errstate(all="ignore"):
        term = np.exp(log_pxz - top.reshape(M, *[1] * J))
        total, off = term.reshape(M, -1).sum(axis=1), np.zeros(M)
        for j in range(1, J + 1):
            line, log_line = np.moveaxis(term, j, -1), np.moveaxis(log_pxz, j, -1)
            second = -np.diff(log_line, 2)  # (h / width)^2
            share = np.where(second > 0, trapezoidal(second), 0)
            off += (line[..., 1:-1] * share).reshape(M, -1).sum(axis=1)
            off += n * line[..., [0, -1]].reshape(M, -1).sum(axis=1)
            even, odd = (line[..., k::2].reshape(M, -1).sum(axis=1) for k in (0, 1))
            off += np.abs(even - odd)
        log_px = top + np.log(total) + J * np.log(axis[1] - axis[0])
        return log_px, np.where(off < total, -np.log1p(-off / total), np.inf)


def trapezoidal(second: NDArray) -> NDArray:
    """2 exp(-2 pi^2 (sigma / h)^2), which the trapezoidal rule leaves out of a hill; second = (h / sigma)^2."""
    return 2 * np.exp(-2 * np.pi**2 / second)


def starts(log_pxz: NDArray, axis: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Grid points that are higher than their neighbours: their row, z, and the inverse second derivatives there.

    A hill that is nowhere hollow rises from there by less than it falls to the lower neighbour, along each axis. At the
    edge of the grid there is no limit.
    """
    from scipy.ndimage import maximum_filter

    M, n, J = len(log_pxz), len(axis), log_pxz.ndim - 1
    h = axis[1] - axis[0]
    highest = maximum_filter(log_pxz, size=(1, *[3] * J), mode="constant", cval=-np.inf)
    place = np.argwhere((log_pxz == highest) & np.isfinite(log_pxz))  # (C, 1 + J)
    row, index = place[:, 0], place[:, 1:]
    value = log_pxz[tuple(place.T)]
    gain, inverse = np.zeros(len(row)), np.zeros((len(row), J, J))
    for j in range(J):
        edge = (index[:, j] == 0) | (index[:, j] == n - 1)
        left, right = place.copy(), place.copy()
        left[:, 1 + j], right[:, 1 + j] = np.maximum(index[:, j] - 1, 0), np.minimum(index[:, j] + 1, n - 1)
        down, up = value - log_pxz[tuple(left.T)], value - log_pxz[tuple(right.T)]  # both 0 or more
        with np.errstate(invalid="ignore"):
            curvature = np.fmax(np.nan_to_num(down + up), h * h)
            gain += np.where(edge, np.inf, np.fmax(down, up))
        inverse[:, j, j] = h * h / curvature
    best = log_pxz.reshape(M, -1).max(axis=1)
    promise = value + gain
    order = np.lexsort((-promise, row))
    rank = np.arange(len(row)) - np.searchsorted(row[order], row[order])
    kept = order[(promise[order] > best[row[order]] - DEEP) & (rank < CLIMBED)]
    return row[kept], axis[index[kept]], inverse[kept]


def climbed(decoder: Any, theta: Params, x: NDArray, row: NDArray, z: NDArray, inverse: NDArray) -> Hills:
    """Every start at the top of its hill, within a third of the hill's width, and the width."""
    J = z.shape[1]
    log_p, gradient = posterior(decoder, theta, x[row])(z)
    root = np.empty((len(row), J, J))
    todo = np.arange(len(row))
    for _ in range(4):
        ascend(decoder, theta, x, row, z, log_p, gradient, inverse, todo)
        curvature = second_derivatives(decoder, theta, x[row[todo]], z[todo])
        values, vectors = np.linalg.eigh(curvature)
        values = np.maximum(np.abs(values), 1)  # the prior's own is 1: nothing that matters is wider
        root[todo] = vectors / np.sqrt(values)[:, None, :]
        inverse[todo] = root[todo] @ root[todo].swapaxes(1, 2)
        left = np.einsum("cj,cjk,ck->c", gradient[todo], inverse[todo], gradient[todo])  # (distance / width)^2
        todo = todo[left > 0.1]
        if not len(todo):
            break
    return Hills(row, z, log_p, root)


def ascend(decoder, theta, x, row, z, log_p, gradient, inverse, todo) -> None:
    """Climb by quasi-Newton steps (BFGS), all of `todo` at once, each until less than a third of a width is left.

    z, log_p, gradient and inverse, an estimate of the inverse second derivatives, are changed in place.
    """
    t = np.ones(len(row))
    for _ in range(60):
        direction = np.einsum("cjk,ck->cj", inverse[todo], gradient[todo])
        slope = (gradient[todo] * direction).sum(axis=1)
        going = slope > 0.1
        todo, direction, slope = todo[going], direction[going], slope[going]
        if not len(todo):
            return
        with np.errstate(all="ignore"):
            trial = z[todo] + t[todo, None] * direction
            value, new = posterior(decoder, theta, x[row[todo]])(trial)
            up = (value >= log_p[todo] + 1e-4 * t[todo] * slope) & np.isfinite(new).all(axis=1)
        t[todo] = np.where(up, 1, t[todo] / 4)
        who, s, y = todo[up], (trial - z[todo])[up], (gradient[todo] - new)[up]
        z[who], log_p[who], gradient[who] = trial[up], value[up], new[up]
        sy = (s * y).sum(axis=1)
        good = sy > 1e-12 * np.linalg.norm(s, axis=1) * np.linalg.norm(y, axis=1)
        who, s, y, sy = who[good], s[good], y[good], sy[good]
        V = np.eye(z.shape[1]) - s[:, :, None] * y[:, None, :] / sy[:, None, None]
        inverse[who] = V @ inverse[who] @ V.swapaxes(1, 2) + s[:, :, None] * s[:, None, :] / sy[:, None, None]


def second_derivatives(decoder: Any, theta: Params, x: NDArray, z: NDArray) -> NDArray:
    """The negative second derivatives of log p(x, z) in z, by differences of the gradient.   (C, J) -> (C, J, J)"""
    target, J = posterior(decoder, theta, x), z.shape[1]
    columns = [(target(z - H * e, value=False)[1] - target(z + H * e, value=False)[1]) / (2 * H) for e in np.eye(J)]
    matrix = np.stack(columns, axis=2)
    return np.nan_to_num(0.5 * (matrix + matrix.swapaxes(1, 2)), posinf=1e300, neginf=-1e300)


def distinct(all_hills: Hills) -> Hills:
    """Without those that were climbed twice, and without those that are the shoulder of another one.

    The hill with the most under it comes first. Another stays if it is far from all before it, or far narrower.
    """
    row, z, log_p, root = all_hills
    weight = log_p + np.linalg.slogdet(root)[1]
    order = np.lexsort((-weight, row))
    kept: list[int] = []
    first = 0  # in `kept`, of this row
    for c in order:
        if kept and row[kept[-1]] != row[c]:
            first = len(kept)
        for k in kept[first:]:
            to_white = np.linalg.inv(root[k])
            width = np.linalg.norm(np.linalg.inv(to_white @ root[c]), 2)  # how much narrower at most
            if np.linalg.norm(to_white @ (z[c] - z[k])) < NEAR and width**2 < LIKE:
                break
        else:
            kept.append(c)
    return Hills(row[kept], z[kept], log_p[kept], root[kept])
