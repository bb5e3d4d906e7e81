"""You need no download to begin: here are digits that look handwritten, drawn by a pen whose habits are known numbers.

They come in MNIST's format (28 x 28 pixels, bright ink on black, fitted into a box of 20 pixels and centred by their
mass), so that whatever runs on the one runs on the other. Every digit begins as strokes noted down by hand in
`ALLOGRAPHS`; it is bent a little, turned, slanted, stretched, and drawn with a pen of its own thickness. No picture of
MNIST went into it, but its shapes and the numbers in `HABITS` were chosen with MNIST's digits in view.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from aevb_np.data.blocks import BLOCK, TEST, in_blocks
from aevb_np.data.dataset import Dataset

SIDE = 28  # pixels along each side of an image

# How each digit is written, and how often in that way. Strokes are parted by "+"; each is a smooth curve through points
# "x,y" in hundredths of the height, y downwards. A stroke that begins where the last one ended makes a corner.
ALLOGRAPHS = {
    0: {
        "42,0 14,16 0,56 12,91 34,100 60,82 70,44 60,10 36,2": 0.5,
        "34,2 10,16 0,50 10,86 38,100 70,84 82,50 72,14 42,0 24,8": 0.5,
    },
    1: {
        "0,0 0,50 0,100": 0.9,
        "4,22 20,0 + 20,0 20,100": 0.06,
        "6,22 30,0 + 30,0 30,100 + 2,100 60,100": 0.04,
    },
    2: {
        "6,20 30,0 56,16 50,46 26,76 0,100 + 0,100 34,97 72,97": 0.25,
        "6,14 26,0 44,18 30,60 0,96 + 0,96 40,97 90,90": 0.2,
        "6,16 30,0 54,14 52,44 32,78 12,96 0,90 10,76 34,84 56,96 80,90": 0.25,
        "8,22 32,0 62,18 58,50 36,84 10,100 0,86 16,68 44,76 64,98 78,96": 0.3,
    },
    3: {
        "4,10 30,0 54,14 44,38 20,48 + 20,48 48,54 58,74 44,95 20,100 0,92": 0.5,
        "2,8 32,0 52,16 40,38 26,47 46,54 56,76 36,98 0,96": 0.35,
        "0,8 30,5 54,2 + 54,2 22,42 + 22,42 52,52 52,86 22,100 0,92": 0.15,
    },
    4: {
        "10,0 2,30 6,50 30,54 60,46 + 62,2 57,50 52,100": 0.4,
        "8,4 0,46 + 0,46 30,50 64,44 + 54,0 50,50 44,100": 0.2,
        "20,10 0,54 + 0,54 36,58 74,52 + 54,0 48,50 38,100": 0.2,
        "48,0 20,34 0,60 + 0,60 70,58 + 48,0 46,100": 0.2,
    },
    5: {
        "66,0 20,4 + 20,4 12,44 + 12,44 38,42 56,64 46,90 22,100 0,90": 0.4,
        "72,0 22,2 + 22,2 16,30 36,50 50,74 36,96 0,96": 0.3,
        "84,4 28,6 + 28,6 18,46 + 18,46 44,42 64,64 48,92 24,100 0,84": 0.3,
    },
    6: {
        "44,0 18,26 2,64 10,94 34,98 50,78 42,58 22,64 8,86": 0.4,
        "30,0 8,34 0,70 14,96 42,98 60,78 50,56 26,60 6,80": 0.3,
        "36,0 8,36 0,72 20,98 54,96 72,74 56,58 28,68 12,90": 0.3,
    },
    7: {
        "0,8 32,6 62,2 + 62,2 46,40 24,100": 0.45,
        "0,24 4,8 32,6 62,4 + 62,4 50,40 36,100": 0.35,
        "0,6 60,2 + 60,2 42,40 24,100 + 14,52 60,48": 0.2,
    },
    8: {
        "56,12 30,0 8,16 24,42 46,66 44,92 22,100 4,84 18,58 44,34 56,12": 0.4,
        "56,14 32,0 6,18 30,46 54,74 30,100 4,80 30,48 56,14": 0.3,
        "44,6 12,4 8,26 32,46 44,76 24,100 4,80 26,48 58,22 44,6": 0.3,
    },
    9: {
        "52,12 28,0 2,22 12,44 38,36 52,12 + 52,12 50,50 42,100": 0.25,
        "46,6 20,4 2,26 14,44 36,34 46,6 + 46,6 42,50 26,100": 0.25,
        "50,26 40,2 14,4 0,26 14,44 38,40 50,26 + 50,26 50,60 50,100": 0.25,
        "54,16 30,0 4,20 12,44 36,40 54,16 + 54,16 50,56 36,90 10,100": 0.25,
    },
}

# The pen's habits, each a normal variable kept within bounds: mean, standard deviation, least, most.
HABITS = {
    "slant": (0.12, 0.22, -0.5, 0.8),  # to the right, per unit of height
    "width": (1.05, 0.19, 0.6, 1.6),  # times that in ALLOGRAPHS, before the slant
    "size": (19.6, 0.5, 18.0, 20.5),  # pixels: the longer side of the digit, ink included
    "thickness": (2.6, 0.65, 1.3, 4.6),  # pixels
    "rotation": (0.0, 0.1, -0.3, 0.3),  # radians, clockwise
    "x": (0.0, 0.2, -0.6, 0.6),  # pixels from the middle of the image, (14, 14) as in MNIST, to the centre of mass of
    "y": (0.0, 0.2, -0.6, 0.6),  # the strokes; that of the ink is near, as ink on ink counts once
}
BEND = 0.05  # standard deviation of each bending mode, in heights
SPACING = 1 / 24  # heights from one point of a stroke to the next: less than a pixel
EDGE = 1.2  # pixels over which ink fades into paper
SHARPNESS = 1.6  # per square pixel, see `ink`


def digits(n_train: int = 10_000, n_test: int = 2_000, seed: int = 0) -> Dataset:
    """Digits drawn afresh from the seed, all ten equally often, with the habits of the pen as known factors.

    Parameters
    ----------
    n_train, n_test : int
        Numbers of images, at least 1. The first n images are the same however many are asked for.
    seed : int
        From 0 to 2**32 - 1. The same seed draws the same images.

    Returns
    -------
    Dataset
        Pixels uint8 (N, 784), labels int64 (N,), and factors float32 (N, 7), columns as in `HABITS`.

    Raises
    ------
    ValueError
        For fewer than one image, or a seed out of range.

    Examples
    --------
    >>> data = digits(n_train=20, n_test=10)
    >>> print(data.describe())
    digits: 20 training and 10 test images of 28 x 28, pixels / 255, real-valued
    >>> np.bincount(data.labels_train)
    array([2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    >>> data.factor_names
    ('slant', 'width', 'size', 'thickness', 'rotation', 'x', 'y')
    """
    x_train, labels_train, factors_train = in_blocks(write_block, n_train, seed)
    x_test, labels_test, factors_test = in_blocks(write_block, n_test, seed, first=TEST)
    return Dataset(
        "digits",
        x_train,
        x_test,
        image_shape=(SIDE, SIDE),
        divisor=255,
        labels_train=labels_train,
        labels_test=labels_test,
        factors_train=factors_train,
        factors_test=factors_test,
        factor_names=tuple(HABITS),
    )


def write_block(rng: np.random.Generator, n: int) -> tuple[NDArray, NDArray, NDArray]:
    """The first n digits of a block: pixels (n, 784), labels (n,) and factors (n, 7)."""
    labels = rng.permuted(np.tile(np.arange(10), (BLOCK // 10, 1)), axis=1).ravel()[:n]  # every ten holds each digit
    mean, sd, least, most = np.array(list(HABITS.values())).T
    factors = rng.normal(mean, sd, (BLOCK, len(HABITS)))[:n].clip(least, most)
    style = rng.random(BLOCK)[:n]
    curves, modes, pen_down, shares = skeletons()
    weights = rng.normal(0, BEND, (BLOCK, modes.shape[2], 2))[:n]

    thickness, shift = factors[:, 3], factors[:, 5:]
    which = np.searchsorted(shares, labels + style)
    curve = place(curves[which] + modes[which] @ weights, factors)
    lengths = np.linalg.norm(np.diff(curve, axis=1), axis=2) * pen_down[which]
    middles = (curve[:, 1:] + curve[:, :-1]) / 2
    mass = lengths / lengths.sum(axis=1, keepdims=True)
    offset = SIDE / 2 + shift - np.einsum("np,npc->nc", mass, middles)
    pixels = ink(middles + offset[:, None], lengths, thickness)
    return pixels, labels, factors.astype(np.float32)


def place(curve: NDArray, factors: NDArray) -> NDArray:
    """Curves (n, P, 2) in heights, stretched, turned, slanted, and scaled to their size in pixels."""
    slant, width, size, thickness, rotation = factors.T[:5, :, None]
    x, y = curve[:, :, 0] * width, curve[:, :, 1]
    x, y = x * np.cos(rotation) - y * np.sin(rotation), x * np.sin(rotation) + y * np.cos(rotation)
    placed = np.stack([x - slant * y, y], axis=2)
    extent = np.ptp(placed, axis=1).max(axis=1)
    return placed * ((size - thickness) / extent[:, None])[:, :, None]


def ink(points: NDArray, lengths: NDArray, thickness: NDArray) -> NDArray:
    """Pixels (n, 784), uint8, of strokes made of P short pieces: their middles (n, P, 2) and lengths (n, P), in pixels.

    A pixel at distance d from a long straight stroke finds that exp(-k r^2), r being its distance to a point of the
    stroke, integrates to sqrt(pi / k) exp(-k d^2): the logarithm of the integral gives d. And exp(-k r^2) is one factor
    for the row times one for the column, so that the sum over all pieces is a product of two small matrices, and no r
    is ever computed. Where strokes bend or cross, a large k keeps d exact and a small k lets the ink run together.

    In float64: what the last bits of another processor's exp and matrix products do is then lost in rounding to whole
    grey values, and the digits are the same everywhere.
    """
    centres = np.arange(SIDE)
    x, y = points.transpose(2, 0, 1)[:, :, None]  # (n, 1, P) each
    k = SHARPNESS
    columns = np.exp(-k * (centres[:, None] - x) ** 2)  # (n, 28, P)
    rows = np.exp(-k * (centres[:, None] - y) ** 2) * lengths[:, None]
    integral = rows @ columns.transpose(0, 2, 1)  # (n, 28, 28)
    tiny = np.finfo(np.float64).tiny  # far from the stroke the integral underflows
    squared = -np.log(integral * math.sqrt(k / math.pi) + tiny) / k
    distance = np.sqrt(squared.clip(0))
    radius = thickness[:, None, None] / 2
    coverage = (0.5 + (radius - distance) / EDGE).clip(0, 1)
    return np.rint(255 * coverage).astype(np.uint8).reshape(len(points), -1)


@functools.cache
def skeletons() -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """All A allographs as curves of P points: what `write_block` needs of them, worked out once.

    Returns
    -------
    curves : array, (A, P, 2)
        Points in heights, the middle of the digit at 0. Shorter ones repeat their last point.
    modes : array, (A, P, K)
        How far each bending mode moves each point.
    pen_down : array, (A, P - 1)
        1 where the pen writes from a point to the next, 0 where it jumps.
    shares : array, (A,)
        The digit plus the summed shares of its allographs up to this one: digit d fills the interval from d to d + 1.
    """
    written = [trace(strokes) for styles in ALLOGRAPHS.values() for strokes in styles]
    P = max(len(curve) for curve, _ in written)
    curves = np.stack([np.pad(curve, [(0, P - len(curve)), (0, 0)], "edge") for curve, _ in written])
    pen_down = np.stack([np.pad(down, (0, P - 1 - len(down))) for _, down in written])
    modes = np.stack([np.pad(bending(curve), [(0, P - len(curve)), (0, 0)], "edge") for curve, _ in written])
    sums = [np.cumsum(list(styles.values())) for styles in ALLOGRAPHS.values()]
    shares = np.concatenate([digit + s / s[-1] for digit, s in enumerate(sums)])
    return curves, modes, pen_down, shares


def trace(strokes: str) -> tuple[NDArray, NDArray]:
    """A curve (P, 2) through all strokes of an allograph, and where the pen is down (P - 1,)."""
    curves = []
    for stroke in strokes.split(" + "):
        points = np.array([point.split(",") for point in stroke.split()], float) / 100
        curves.append(evenly(smooth(points)))
    curve = np.concatenate(curves)
    pen_down = np.ones(len(curve) - 1)
    pen_down[np.cumsum([len(c) for c in curves])[:-1] - 1] = 0
    return curve - (curve.min(axis=0) + curve.max(axis=0)) / 2, pen_down


def bending(curve: NDArray) -> NDArray:
    """The modes (P, K) in which a curve (P, 2) bends: slow waves over the paper, and along the way of the pen."""
    across, down = np.pi * (curve.T + 0.5)
    way = np.linspace(0, np.pi, len(curve))
    paper = [np.cos(2 * across) / 2, np.cos(across) * np.cos(down) / 2, np.cos(2 * down) / 2]
    return np.stack([*paper, np.cos(way), np.cos(2 * way) / 2, np.cos(3 * way) / 3], axis=1)


def smooth(points: NDArray, per_span: int = 20) -> NDArray:
    """The Catmull-Rom spline through points (n, 2)."""
    before, after = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    p = np.vstack([before, points, after])
    t = np.arange(per_span)[:, None] / per_span
    spans = [
        b + t * (c - a) / 2 + t**2 * (a - 2.5 * b + 2 * c - d / 2) + t**3 * (1.5 * (b - c) + (d - a) / 2)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:])
    ]
    return np.vstack([*spans, points[-1]])


def evenly(curve: NDArray) -> NDArray:
    """The same curve by points that lie `SPACING` apart, or a little less."""
    way = np.append(0, np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1)))
    at = np.linspace(0, way[-1], 1 + math.ceil(way[-1] / SPACING))
    return np.stack([np.interp(at, way, column) for column in curve.T], axis=1)
