"""You can ask of a two-dimensional latent space whether it found the truth: these faces have two causes, both known.

A head turns from left to right, and its mouth goes from a frown to a smile. The pictures stand in for the Frey Face
data (28 x 20 pixels, grey), for which the paper uses a Gaussian decoder. The head is an egg with a face painted on it:
every pixel asks which point of the egg it shows, turns that point back to the front, and looks up what is painted
there. Grey levels are sums of soft spots and soft edges, so that the pictures change smoothly with both causes.
"""

import numpy as np
from numpy.typing import NDArray

from aevb_np.data.blocks import BLOCK, TEST, in_blocks
from aevb_np.data.dataset import Dataset

ROWS, COLUMNS = 28, 20
DARKEST, BRIGHTEST = 8, 248  # grey levels
WIDEST_TURN = 0.4  # radians

# Standard deviation of the camera's noise, in grey levels. Without it the pictures would lie on a surface with as many
# dimensions as causes, and a Gaussian likelihood grows without bound as its variance off that surface goes to 0.
NOISE = 8.0


def faces(n_train: int = 10_000, n_test: int = 2_000, seed: int = 0) -> Dataset:
    """Faces drawn afresh from the seed, with two factors, each uniform on [-1, 1].

    "turn" goes from -1 (the head looks to the left edge of the picture) to 1 (right), "smile" from -1 (frown) to 1.

    Parameters
    ----------
    n_train, n_test : int
        Numbers of images, at least 1. The first n images are the same however many are asked for.
    seed : int
        From 0 to 2**32 - 1. The same seed draws the same images.

    Returns
    -------
    Dataset
        Pixels uint8 (N, 560) and factors float32 (N, 2), for a Gaussian decoder; no labels.

    Raises
    ------
    ValueError
        For fewer than one image, or a seed out of range.

    Examples
    --------
    >>> data = faces(n_train=20, n_test=10)
    >>> print(data.describe())
    faces: 20 training and 10 test images of 28 x 20, pixels / 256, real-valued
    >>> data.factor_names
    ('turn', 'smile')
    """
    x_train, factors_train = in_blocks(photograph_block, n_train, seed)
    x_test, factors_test = in_blocks(photograph_block, n_test, seed, first=TEST)
    return Dataset(
        "faces",
        x_train,
        x_test,
        image_shape=(ROWS, COLUMNS),
        divisor=256,
        decoder="gaussian",
        factors_train=factors_train,
        factors_test=factors_test,
        factor_names=("turn", "smile"),
    )


def photograph_block(rng: np.random.Generator, n: int) -> tuple[NDArray, NDArray]:
    """The first n faces of a block: pixels (n, 560), uint8, and factors (n, 2)."""
    factors = rng.uniform(-1, 1, (BLOCK, 2))[:n]
    grey = face(turn=factors[:, 0], smile=factors[:, 1])
    grey += NOISE * rng.standard_normal(grey.shape)  # row by row: n rows are the first n of more
    return np.rint(grey.clip(DARKEST, BRIGHTEST)).astype(np.uint8), factors.astype(np.float32)


def face(turn: NDArray, smile: NDArray) -> NDArray:
    """Grey levels (n, 560) of heads with the given turn and smile (n,), without noise.

    In float64, so that rounded to whole grey levels they are the same on every processor.

    >>> left, right = face(turn=np.array([-1, 1]), smile=np.array([0, 0])).reshape(2, ROWS, COLUMNS)
    >>> bool(left[:, :10].mean() > right[:, :10].mean())  # the skin is brighter than the hair behind the ear
    True
    """
    row, column = np.divmod(np.arange(ROWS * COLUMNS), COLUMNS)
    y = (row - 13) / 12.5  # -1 at the crown, 1 at the chin
    across = (column - (COLUMNS - 1) / 2) / 8.2
    x = across / (1 - 0.16 * y - 0.1 * y**2)  # an egg: -1 and 1 at the sides, which draw in towards the chin
    z = np.sqrt((1 - x**2 - y**2).clip(0.02))  # towards the camera

    angle = WIDEST_TURN * turn[:, None]
    side = x * np.cos(angle) - z * np.sin(angle)  # where it was before the head turned: 0 on the line of the nose,
    front = x * np.sin(angle) + z * np.cos(angle)  # and 0 at the ears
    nose = x - 1.2 * np.sin(angle)  # the nose stands out from the egg, so it travels further

    light = 0.75 * z - 0.4 * x - 0.35 * y  # the lamp stays at the upper left
    skin = 150 + 75 * light + features(np.abs(side), y, nose, smile[:, None])
    head = mix(skin, 30 + 50 * light, hair(side, front, y))
    neck = edge(0.45 - np.abs(across), 0.08)
    behind = mix(95 + 20 * y, 115 - 60 * across, neck * edge(y - 0.4, 0.1))
    return mix(behind, head, edge(1 - np.hypot(x, y), 0.07))


def features(aside: NDArray, y: NDArray, nose: NDArray, smile: NDArray) -> NDArray:
    """What eyes, brows, nose, mouth and cheeks add to the grey of the skin; `aside` is the same left and right."""
    eyes = 35 * spot(aside - 0.36, 0.22, y + 0.16, 0.09) - 125 * spot(aside - 0.36, 0.12, y + 0.16, 0.06)
    brows = -80 * spot(aside - 0.37, 0.22, y + 0.36 + 0.07 * smile + 0.4 * (aside - 0.37) ** 2, 0.06)
    bridge = 30 * spot(nose, 0.1, y - 0.06, 0.24) - 30 * spot(nose - 0.2, 0.1, y - 0.1, 0.2)
    nostrils = -55 * spot(np.abs(nose) - 0.1, 0.1, y - 0.28, 0.06)
    lips = y - 0.58 + 0.14 * smile * ((aside / 0.34) ** 2 - 0.45)  # a smile lifts the corners and widens the mouth
    slope = 0.43 * smile * aside / 0.34**2  # of the lips, in pixels
    mouth = -115 * np.exp(-((lips / 0.1) ** 2) / (1 + slope**2)) * edge(0.4 + 0.1 * smile - aside, 0.08)
    cheeks = 32 * smile * spot(aside - 0.5, 0.18, y - 0.3, 0.14)
    return eyes + brows + bridge + nostrils + mouth + cheeks


def hair(side: NDArray, front: NDArray, y: NDArray) -> NDArray:
    """1 where hair covers the head, 0 on the skin: above the hairline, and behind the ears down to the jaw."""
    return np.maximum(edge(-0.58 + 0.25 * side**2 - y, 0.06), edge(0.05 - front, 0.12) * edge(0.35 - y, 0.15))


def spot(u: NDArray, width: float, v: NDArray, height: float) -> NDArray:
    """A soft spot: 1 where u = v = 0, 1/e at `width` and `height` from there."""
    return np.exp(-((u / width) ** 2) - (v / height) ** 2)


def edge(distance: NDArray, softness: float) -> NDArray:
    """0 outside (distance < 0), 1 inside, within about `softness` of the border between."""
    return 0.5 * (1 + np.tanh(distance / softness))


def mix(below: NDArray, above: NDArray, cover: NDArray) -> NDArray:
    """`below` where `cover` is 0, `above` where it is 1."""
    return below + cover * (above - below)
