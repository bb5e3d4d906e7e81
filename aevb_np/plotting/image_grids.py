"""Grey images in rows and columns, as in Figure 5: samples, reconstructions, completions.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aevb_np.plotting.style import GAP, UNSEEN, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure



def mosaic(x: ArrayLike, image_shape: tuple[int, int], columns: int) -> NDArray:
    """Many images side by side in one array, row after row, one white pixel (1.0) apart.

    Parameters
    ----------
    x : array, (M, D)
        Image k goes to row ``k // columns`` and column ``k % columns``.
    image_shape : (height, width)
        With height * width = D.
    columns : int

    Returns
    -------
    picture : array, (rows * (height + 1) - 1, columns * (width + 1) - 1)
        Tiles without an image are white.

    Examples
    --------
    >>> mosaic(np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]), (1, 2), columns=2)
    array([[0.1, 0.2, 1. , 0.3, 0.4],
           [1. , 1. , 1. , 1. , 1. ],
           [0.5, 0.6, 1. , 1. , 1. ]])
    """
    x = np.asarray(x)
    height, width = image_shape
    if x.ndim != 2 or x.shape[1] != height * width:
        raise ValueError(
            f"images of {height} x {width} come as rows of {height * width} numbers; got an array of shape {x.shape}"
        )
    if columns < 1:
        raise ValueError(f"images stand in one column or more; got {columns}")
    rows = -(-len(x) // columns)
    picture = np.ones((max(rows * (height + GAP) - GAP, 0), columns * (width + GAP) - GAP))
    for k, image in enumerate(x.reshape(-1, height, width)):
        top, left = k // columns * (height + GAP), k % columns * (width + GAP)
        picture[top : top + height, left : left + width] = image
    return picture


def images(
    x: ArrayLike, image_shape: tuple[int, int], columns: int = 10, title: str = "", invert: bool = True
) -> "Figure":
    """A grid of grey images, as in Figure 5.

    Parameters
    ----------
    x : array, (M, D)
        Grey values; what is below 0 or above 1 is drawn as 0 or 1.
    image_shape : (height, width)
        With height * width = D.
    columns : int
    title : str
    invert : bool
        True draws 1 black and 0 white: ink on paper, as the paper shows MNIST. False draws 1 white, as faces need.
    """
    grey = grey_values(x, invert)
    columns = min(columns, max(len(grey), 1))
    figure, _ = show(mosaic(grey, image_shape, columns), columns, title)
    return figure


def reconstructions(
    x: ArrayLike,
    x_mean: ArrayLike,
    image_shape: tuple[int, int],
    invert: bool = True,
    columns: int = 10,
    title: str = "",
) -> "Figure":
    """Images, and below each what the model makes of it: the decoder's mean at the encoder's mean.

    Parameters
    ----------
    x, x_mean : array, (M, D)
        The originals and their reconstructions.
    image_shape : (height, width)
        With height * width = D.
    invert : bool
        As in `images`.
    columns : int
        Pairs in one row.
    title : str
    """
    originals, means = grey_values(x, invert), grey_values(x_mean, invert)
    if originals.shape != means.shape:
        raise ValueError(f"every image needs its reconstruction; got shapes {originals.shape} and {means.shape}")
    figure, _ = _strips({"original": originals, "reconstruction": means}, image_shape, columns, title)
    return figure


def completions(
    x: ArrayLike,
    seen: ArrayLike,
    x_mean: ArrayLike,
    spread: ArrayLike,
    image_shape: tuple[int, int],
    invert: bool = True,
    columns: int = 10,
    title: str = "",
) -> "Figure":
    """Images, what was seen of each, and what the posterior makes of that: its mean, and how far to trust it.

    Parameters
    ----------
    x, seen, x_mean, spread : array, (M, D)
        The whole images; what was seen, with NaN in pixels of which nothing was seen (drawn in blue, which no image
        holds); posterior mean and standard deviation.
    image_shape : (height, width)
        With height * width = D.
    invert : bool
        As in `images`. The spread is always white where there is none and black where it is largest.
    columns : int
        Images in one row.
    title : str
    """
    from matplotlib import colormaps

    spread = np.asarray(spread, dtype=float)
    largest = spread.max(initial=0)
    rows = {
        "image": grey_values(x, invert),
        "seen": grey_values(seen, invert),
        "posterior mean": grey_values(x_mean, invert),
        f"spread\n(black: {largest:.2g})": 1 - spread / (largest or 1),
    }
    if len({grey.shape for grey in rows.values()}) > 1:
        shapes = ", ".join(str(grey.shape) for grey in rows.values())
        raise ValueError(f"every image needs what was seen of it, a mean and a spread; got shapes {shapes}")
    figure, axes = _strips(rows, image_shape, columns, title)
    for picture in axes.images:
        picture.set_cmap(colormaps["gray"].with_extremes(bad=UNSEEN))
    return figure


def _strips(
    rows: Mapping[str, NDArray], image_shape: tuple[int, int], columns: int, title: str
) -> "tuple[Figure, Axes]":
    """Rows of grey images that belong together column by column, with their names; long ones go on in a new strip."""
    names, (M, D), height = list(rows), next(iter(rows.values())).shape, image_shape[0]
    columns = min(columns, max(M, 1))
    strips = -(-M // columns)
    blank = np.ones((strips * columns - M, D))
    parts = [np.concatenate([grey, blank]).reshape(strips, columns, D) for grey in rows.values()]
    picture = mosaic(np.stack(parts, axis=1).reshape(len(names) * strips * columns, D), image_shape, columns)

    space = max(2, height // 5)  # more white between two strips than within one
    pitch = len(names) * (height + GAP)
    picture = np.insert(picture, np.repeat(pitch * np.arange(1, strips), space), 1.0, axis=0)
    tops = np.add.outer((pitch + space) * np.arange(strips), (height + GAP) * np.arange(len(names)))
    figure, axes = show(picture, columns, title, left=1.0)
    axes.set_yticks(tops.ravel() + height / 2 - 0.5, names * strips)
    return figure, axes


def grey_values(x: ArrayLike, invert: bool) -> NDArray:
    """Grey values as a screen has them: 0 black, 1 white."""
    grey = np.clip(np.asarray(x, dtype=float), 0, 1)
    return 1 - grey if invert else grey


def show(picture: NDArray, columns: int, title: str, left: float = 0.0, below: float = 0.0) -> "tuple[Figure, Axes]":
    """One grey picture as large as a notebook likes it, without ticks and frame; left and below, inches for labels."""
    rows, width = (max(n, 1) for n in picture.shape)
    scale = min((6.0 - left) / width, 1.2 * columns / width, 12.0 / rows)  # inches a pixel
    size = max(scale * width + left, 3.0) + 0.1, max(scale * rows, 0.4) + below + (0.35 if title else 0.1)
    figure, axes = styled_figure(title, *size, grid=False)
    if picture.size:
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[], anchor="NW")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure, axes
