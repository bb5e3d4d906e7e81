"""Your own images: an array, a file that holds one, or a folder of pictures."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aevb_np.data.dataset import Dataset
from aevb_np.data.reading.formats import arrays
from aevb_np.data.reading.layout import Images, laid_out
from aevb_np.data.reading.naming import Part, chosen
from aevb_np.data.reading.pictures import by
from aevb_np.data.reading.ranges import Scale, scale_of, shown
from aevb_np.streams import stream


class Half(NamedTuple):
    """The images to train or to test on, as they are stored, and their labels."""

    x: NDArray
    labels: NDArray[np.int64] | None


def own(
    source: str | os.PathLike | ArrayLike,
    shape: tuple[int, int] | None = None,
    decoder: str | None = None,
    labels: ArrayLike | None = None,
    test_fraction: float = 0.1,
) -> Dataset:
    """A data set made of your own images.

    Parameters
    ----------
    source : path or array
        - An array: images (N, rows, columns), with colours (N, rows, columns, 3) or (N, 3, rows, columns), which are
          averaged, or rows of pixels (N, D). An array that lies on its side, or has a column of labels, is recognised
          by its size.
        - FILE.npy, an IDX file (.gz or not), a table in text (.csv): one such array. FILE.npz, FILE.mat: such an array
          under the name x, images or the like, or under any name when it is alone; or x_train and x_test. Labels under
          labels, y or the like.
        - FOLDER of pictures of one size (png, jpg, bmp, gif, tif, pgm, webp), taken in the order of their names and
          turned grey; what is transparent shows white, as on paper. Or one folder in it for each class; or folders
          called train and test; or a folder of such files as above.
    shape : (rows, columns), optional
        How to draw rows of D pixels. Default: a square; needed when D is no square number.
    decoder : {"bernoulli", "gaussian"}, optional
        Default: "bernoulli" when x lies between 0 and 1, else "gaussian".
    labels : array of int or of names, (N,), optional
        One for each image, in the order of the file; names are numbered in their order.
    test_fraction : float
        Between 0 and 1: this part of the images, chosen at random but the same at every call, is kept for testing. Not
        used when the file has an x_test.

    Returns
    -------
    data : Dataset
        Its `understood` says which array was read and how: whole numbers from 0 to 255 are divided by 255, and so on.

    Raises
    ------
    FileNotFoundError
        When there is nothing at `source`.
    ValueError
        When it holds no images of the kinds above, or numbers of no known range; the message says what was found and
        what to do.

    Examples
    --------
    >>> noise = np.arange(800).astype(np.uint8).reshape(50, 4, 4)
    >>> own(noise).describe()
    'array: 45 training and 5 test images of 4 x 4, pixels / 255, real-valued'
    >>> own(noise).understood
    'read as 50 images: whole numbers from 0 to 255, divided by 255; no labels'
    """
    if decoder not in (None, "bernoulli", "gaussian"):
        raise ValueError(f"a decoder is 'bernoulli' or 'gaussian'; got {decoder!r}")
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction lies between 0 and 1; got {test_fraction:g}. 0.1 keeps every tenth image")
    name, place, parts = _parts(source)
    if labels is not None:
        if len(parts) == 2:
            raise ValueError(f"{place} has x_train and x_test; put labels there too, as labels_train and labels_test")
        parts = [parts[0]._replace(labels=np.asarray(labels), labels_from="")]
    images = [laid_out(part, shape, transposed="emnist" in name.lower()) for part in parts]
    _refuse_unlike(place, parts, images)
    for one in images:
        _refuse_holes(one)
    scale = scale_of(place, [one.x for one in images], decoder)
    halves = [Half(scale.apply(one.x), _numbered(one)) for one in images]
    train, test = halves if len(halves) == 2 else _split(images[0], halves[0], test_fraction)
    in_unit = _within(scale, train.x, test.x)
    if decoder == "bernoulli" and not in_unit:
        low, high = _ends(train, test)
        raise ValueError(
            f"{place}: the Bernoulli decoder needs x between 0 and 1; got values from {shown(low)} to {shown(high)}. "
            "Give (x - x.min()) / (x.max() - x.min()), or use decoder='gaussian'"
        )
    return Dataset(
        name=name,
        x_train=train.x,
        x_test=test.x,
        image_shape=images[0].image_shape,
        divisor=scale.divisor,
        decoder=decoder or ("bernoulli" if in_unit else "gaussian"),
        binarize="given" if scale.binary else "none",
        labels_train=train.labels,
        labels_test=test.labels,
        understood=_understood(parts, images, scale, halves),
    )


def _parts(source: Any) -> tuple[str, str, list[Part]]:
    """The data set's name, what messages call it, and what was read: one part to be split, or two."""
    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser()
        found = chosen(path, arrays(path))
        return (path.stem.removesuffix(".csv") if path.is_file() else path.resolve().name), str(path), found
    try:
        array = np.asarray(source)
    except ValueError as error:  # images of unequal sizes
        raise ValueError(f"images of unequal sizes make no array ({error}). Crop or resize them") from None
    return "array", "the array", [Part("the array", array, None)]


def _refuse_unlike(place: str, parts: list[Part], images: list[Images]) -> None:
    """The images to train and to test on are of one type, one size and one range."""
    if len(parts) == 1:
        return
    train, test = images
    if train.x.dtype != test.x.dtype:
        raise ValueError(f"{place}: x_train is {train.x.dtype}, x_test {test.x.dtype}; save both as one type")
    if train.image_shape != test.image_shape:
        raise ValueError(
            f"{place}: x_train has images of {by(train.image_shape)}, x_test of {by(test.image_shape)}; resize one"
        )
    ends = [float(one.x.max()) for one in images]
    if max(ends) > 1.5 and min(ends) <= 1 + 1e-6 and train.x.dtype.kind == "f":
        raise ValueError(
            f"{place}: x_train goes up to {shown(ends[0])}, x_test to {shown(ends[1])}; scale both in the same way"
        )


def _refuse_holes(images: Images) -> None:
    """Every number is finite in float32."""
    if images.x.dtype.kind != "f":
        return
    with np.errstate(over="ignore"):  # too large for float32: infinite, and reported here
        finite = np.isfinite(images.x.astype(np.float32, copy=False))
    if not finite.all():
        n, place = np.unravel_index(int(finite.argmin()), finite.shape)
        row, column = divmod(int(place), images.image_shape[1])
        raise ValueError(
            f"{images.name} has {finite.size - int(finite.sum()):,} values that are NaN or infinite in float32, "
            f"the first in image {n}, row {row}, column {column}. Leave those images out, or replace the values"
        )


def _within(scale: Scale, *pixels: NDArray) -> bool:
    return all(x.min() >= 0 and x.max() <= scale.divisor for x in pixels)


def _ends(*halves: Half) -> tuple[float, float]:
    return min(float(half.x.min()) for half in halves), max(float(half.x.max()) for half in halves)


def _numbered(images: Images) -> NDArray[np.int64] | None:
    """Labels as whole numbers, one for each image."""
    if images.labels is None:
        return None
    labels = np.asarray(images.labels)
    if labels.shape != (len(images.x),):
        raise ValueError(
            f"{images.name} has {len(images.x):,} images and labels of shape {labels.shape}. "
            f"Give one label for each image: shape ({len(images.x)},)"
        )
    if labels.dtype.kind == "U":
        return np.unique(labels, return_inverse=True)[1].astype(np.int64)
    whole = labels.dtype.kind in "bui" or labels.dtype.kind == "f" and bool((labels == np.rint(labels)).all())
    if not whole:
        raise ValueError(f"labels of {images.name} are whole numbers or names; got {labels.dtype}. Number the classes")
    return labels.astype(np.int64)


def _split(images: Images, all_of_them: Half, test_fraction: float) -> tuple[Half, Half]:
    """One half for training and one for testing; which images go where depends on their number alone."""
    N = len(all_of_them.x)
    if N < 2:
        raise ValueError(f"{images.name} holds {N} image; at least 2 are needed, one of them for testing")
    n_test = round(N * test_fraction)
    if not 0 < n_test < N:
        missing = "test" if n_test == 0 else "training"
        raise ValueError(
            f"test_fraction {test_fraction:g} of {N:,} images leaves no {missing} image. "
            f"Choose one from {1 / N:.2g} to {1 - 1 / N:.2g}"
        )
    order = stream("data", seed=0).permutation(N)
    train, test = (
        Half(all_of_them.x[index], None if all_of_them.labels is None else all_of_them.labels[index])
        for index in (order[:-n_test], order[-n_test:])
    )
    return train, test


def _understood(parts: list[Part], images: list[Images], scale: Scale, halves: list[Half]) -> str:
    """One line that says what was read, and how."""
    counts = " and ".join(f"{len(one.x):,}" for one in images)
    where = " and ".join(part.name for part in parts)
    where = f" {where}" if where != "the array" else ""
    words = [f"{scale.words}", *dict.fromkeys(word for one in images for word in one.words)]
    if halves[0].labels is None:
        words.append("no labels")
    else:
        beside = f" from {parts[0].labels_from}" if parts[0].labels_from else ""
        words.append(f"labels{beside}: {len(np.unique(halves[0].labels))} classes")
    return f"read{where} as {counts} images: {'; '.join(words)}"
