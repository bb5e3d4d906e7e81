"""Your own images: an array in a .npy or .npz file, or a folder of pictures."""

import contextlib
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aevb_np.data.dataset import Dataset
from aevb_np.streams import stream

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff")

# What NumPy and zipfile were seen to raise, besides ValueError, for files with one wrong byte.
UNREADABLE = (OSError, EOFError, RuntimeError, TypeError, zipfile.BadZipFile, zlib.error, tokenize.TokenError)


class Part(NamedTuple):
    """Images and their labels, as they lie in the file or, later, as rows of pixels."""

    name: str  # what errors call it
    x: NDArray
    labels: Any


def own(
    path: str | os.PathLike,
    shape: tuple[int, int] | None = None,
    decoder: str | None = None,
    labels: ArrayLike | None = None,
    test_fraction: float = 0.1,
) -> Dataset:
    """A data set made of your own images.

    Parameters
    ----------
    path : path
        - FILE.npy: images (N, rows, columns), or rows of pixels (N, D).
        - FILE.npz: such an array under the name x, or under any name when it is alone; or x_train and x_test. Labels
          under labels, or labels_train and labels_test (y, y_train and y_test will do).
        - FOLDER of pictures of one size (png, jpg, bmp, gif, tif), taken in the order of their names and turned grey;
          what is transparent shows white, as on paper.
    shape : (rows, columns), optional
        How to draw rows of D pixels. Default: a square; needed when D is no square number.
    decoder : {"bernoulli", "gaussian"}, optional
        Default: "bernoulli" when x lies between 0 and 1, else "gaussian".
    labels : array of int, (N,), optional
        One for each image, in the order of the file.
    test_fraction : float
        Between 0 and 1: this part of the images, chosen at random but the same at every call, is kept for testing. Not
        used when the file has an x_test.

    Returns
    -------
    data : Dataset
        Whole numbers from 0 to 255 are divided by 255, unless all of them are 0 or 1; other numbers are taken as they
        are, in float32.

    Raises
    ------
    FileNotFoundError
        When there is nothing at `path`.
    ValueError
        When it holds no images of the kinds above; the message says what was found and what to do.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(folder + "/noise.npy", np.arange(800).astype(np.uint8).reshape(50, 4, 4))
    ...     own(folder + "/noise.npy").describe()
    'noise: 45 training and 5 test images of 4 x 4, pixels / 255, real-valued'
    """
    path = Path(path).expanduser()
    if decoder not in (None, "bernoulli", "gaussian"):
        raise ValueError(f"a decoder is 'bernoulli' or 'gaussian'; got {decoder!r}")
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction lies between 0 and 1; got {test_fraction:g}. 0.1 keeps every tenth image")

    parts = _load(path)
    if parts[0].x.dtype != parts[-1].x.dtype:
        raise ValueError(f"{path}: x_train is {parts[0].x.dtype}, x_test {parts[-1].x.dtype}; save both as one type")
    if labels is not None:
        if len(parts) == 2:
            raise ValueError(f"{path} has x_train and x_test; put labels there too, as labels_train and labels_test")
        parts = [parts[0]._replace(labels=labels)]
    image_shape, *other = [_image_shape(part, shape) for part in parts]
    if other and other[0] != image_shape:
        raise ValueError(f"{path}: x_train has images of {_by(image_shape)}, x_test of {_by(other[0])}; resize one")
    parts = [Part(part.name, _rows(part), _whole_numbers(part)) for part in parts]
    train, test = parts if len(parts) == 2 else _split(parts[0], test_fraction)

    low = min(float(train.x.min()), float(test.x.min()))
    high = max(float(train.x.max()), float(test.x.max()))
    divisor = 255 if train.x.dtype == np.uint8 and high > 1 else 1
    low, high = low / divisor, high / divisor
    in_unit = low >= 0 and high <= 1
    if decoder == "bernoulli" and not in_unit:
        raise ValueError(
            f"{path}: the Bernoulli decoder needs x between 0 and 1; got values from {low:g} to {high:g}. "
            "Scale the pixels, or use decoder='gaussian'"
        )
    return Dataset(
        name=path.stem if path.is_file() else path.resolve().name,
        x_train=train.x,
        x_test=test.x,
        image_shape=image_shape,
        divisor=divisor,
        decoder=decoder or ("bernoulli" if in_unit else "gaussian"),
        binarize="given" if divisor == 1 and in_unit and _is_binary(train.x) and _is_binary(test.x) else "none",
        labels_train=train.labels,
        labels_test=test.labels,
    )


def _is_binary(x: NDArray) -> bool:
    return bool(((x == 0) | (x == 1)).all())


def _load(path: Path) -> list[Part]:
    """What lies at `path`: one part to be split, or two for training and testing."""
    if not path.exists():
        raise FileNotFoundError(f"there is nothing at {path}. Give a .npy or .npz file, or a folder of pictures")
    if path.is_dir():
        return [Part(str(path), _pictures(path), None)]
    if path.suffix.lower() not in (".npy", ".npz"):
        raise ValueError(f"{path} is no .npy or .npz file and no folder of pictures. Save an array with numpy.save")
    with open(path, "rb") as file, _damage_explained(path):
        held = np.load(file, allow_pickle=False)
        if isinstance(held, np.ndarray):
            return [Part(str(path), held, None)]
        return [
            Part(f"{x} of {path}", held[x], None if labels is None else held[labels])
            for x, labels in _chosen(path, held.files)
        ]


class _UnclearError(ValueError):
    """An archive whose arrays can be read, but which of them are the images?"""


def _chosen(path: Path, names: list[str]) -> list[tuple[str, str | None]]:
    """Which arrays of an archive are images, each with the name of its labels."""

    def labels(*candidates):
        return next((name for name in candidates if name in names), None)

    if "x_train" in names and "x_test" in names:
        return [(f"x_{part}", labels(f"labels_{part}", f"y_{part}")) for part in ("train", "test")]
    images = [name for name in names if name.partition("_")[0] not in ("labels", "y")]
    if "x" not in images and len(images) != 1:
        raise _UnclearError(
            f"{path} holds the arrays {', '.join(names) or '(none)'}. Name the images x, or x_train and x_test"
        )
    return [("x" if "x" in images else images[0], labels("labels", "labels_train", "y", "y_train"))]


@contextlib.contextmanager
def _damage_explained(path: Path) -> Iterator[None]:
    """What NumPy and zipfile raise for a file that they cannot read, in words that name the file and the way out."""
    try:
        yield
    except _UnclearError:
        raise
    except UNREADABLE as error:
        raise ValueError(f"{path} is truncated or damaged ({error}). Save or copy it again") from error
    except ValueError as error:
        if "pickle" in str(error):
            raise ValueError(
                f"{path} is no array of numbers: it holds Python objects, which are never unpickled, or is damaged. "
                "Save one array with numpy.save; images of unequal sizes do not make one"
            ) from error
        raise ValueError(f"{path} is truncated or damaged ({error}). Save or copy it again") from error


def _pictures(folder: Path) -> NDArray[np.uint8]:
    """All pictures of a folder in grey: (N, rows, columns)."""
    paths = sorted(
        (path for path in folder.iterdir() if path.suffix.lower() in PICTURES and not path.name.startswith(".")),
        key=lambda path: path.name,
    )
    if not paths:
        raise ValueError(
            f"{folder} holds no pictures ({', '.join(PICTURES)}), and folders inside it are not searched. "
            "Put the pictures directly into it"
        )
    first = _grey(paths[0])
    pixels = np.empty((len(paths), *first.shape), np.uint8)
    for n, path in enumerate(paths):
        picture = _grey(path)
        if picture.shape != first.shape:
            raise ValueError(
                f"pictures need one size: {paths[0]} is {_by(first.shape)} and {path} is {_by(picture.shape)} "
                "(rows x columns). Crop or resize them"
            )
        pixels[n] = picture
    return pixels


def _grey(path: Path) -> NDArray[np.uint8]:
    """One picture, upright and grey, (rows, columns)."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            deep = picture.mode[0] in "IF"  # Pillow would cut such pixels off at 255
            upright = ImageOps.exif_transpose(picture)
            if "A" in upright.getbands() or "transparency" in upright.info:
                paper = Image.new("RGBA", upright.size, "white")
                paper.alpha_composite(upright.convert("RGBA"))
                upright = paper
            pixels = np.asarray(upright.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} cannot be read as a picture ({error}). Save it again or take it out") from error
    if deep:
        raise ValueError(f"{path} has more than 8 bits a pixel. Save it with 8, or all as one array in a .npy file")
    return pixels


def _image_shape(part: Part, shape: tuple[int, int] | None) -> tuple[int, int]:
    """Rows and columns of the images, given, found or guessed; complains of arrays that are no images."""
    if part.x.dtype.kind not in "buif":
        raise ValueError(f"{part.name} holds {part.x.dtype}, not real numbers. Save pixels as numbers")
    if part.x.ndim not in (2, 3) or part.x.size == 0:
        raise ValueError(
            f"{part.name} has shape {part.x.shape}; images are (N, rows, columns) or rows of pixels (N, D), "
            "and colours are averaged first, as in x.mean(axis=-1)"
        )
    if shape is not None and (len(shape) != 2 or min(shape) < 1):
        raise ValueError(f"a shape is (rows, columns), both at least 1; got {shape}")
    if part.x.ndim == 3:
        found = part.x.shape[1], part.x.shape[2]
        if shape is not None and tuple(shape) != found:
            raise ValueError(f"{part.name} holds images of {_by(found)}, not {_by(shape)}. Leave the shape out")
        return found
    D = part.x.shape[1]
    if shape is None:
        side = math.isqrt(D)
        if side * side != D:
            raise ValueError(
                f"{part.name} has rows of {D} numbers, which make no square. Say how they are drawn: a shape of rows "
                f"and columns that multiply to {D}, such as 1x{D}"
            )
        return side, side
    if shape[0] * shape[1] != D:
        raise ValueError(
            f"each row of {part.name} has {D} pixels; shape {_by(shape)} makes {shape[0] * shape[1]}. "
            "Give rows and columns that multiply to it"
        )
    return shape[0], shape[1]


def _rows(part: Part) -> NDArray:
    """Rows of pixels: 0..255, and True and False as 1 and 0, in uint8, everything else in float32; all finite."""
    x = part.x.reshape(len(part.x), -1)
    pixels = x.dtype.kind in "iu" and x.min() >= 0 and x.max() <= 255  # grey levels, in whatever integers
    if pixels or x.dtype == np.bool_:
        return x.astype(np.uint8, copy=False)
    with np.errstate(over="ignore"):  # too large for float32: infinite, and reported here
        x = x.astype(np.float32, copy=False)
    finite = np.isfinite(x)
    if not finite.all():
        index = np.unravel_index(int(finite.argmin()), part.x.shape)
        raise ValueError(
            f"{part.name} has {finite.size - int(finite.sum()):,} values that are NaN or infinite in float32, "
            f"the first at index {tuple(int(i) for i in index)}. Leave those images out, or replace the values"
        )
    return x


def _whole_numbers(part: Part) -> NDArray[np.int64] | None:
    """Labels as integers, one for each image."""
    if part.labels is None:
        return None
    labels = np.asarray(part.labels)
    if labels.shape != (len(part.x),):
        raise ValueError(
            f"{part.name} has {len(part.x):,} images and labels of shape {labels.shape}. "
            f"Give one label for each image: shape ({len(part.x)},)"
        )
    if labels.dtype.kind not in "bui":
        raise ValueError(f"labels of {part.name} are whole numbers; got {labels.dtype}. Number the classes from 0")
    return labels.astype(np.int64)


def _split(part: Part, test_fraction: float) -> tuple[Part, Part]:
    """One part for training and one for testing; which images go where depends on their number alone."""
    N = len(part.x)
    if N < 2:
        raise ValueError(f"{part.name} holds {N} image; at least 2 are needed, one of them for testing")
    n_test = round(N * test_fraction)
    if not 0 < n_test < N:
        missing = "test" if n_test == 0 else "training"
        raise ValueError(
            f"test_fraction {test_fraction:g} of {N:,} images leaves no {missing} image. "
            f"Choose one from {1 / N:.2g} to {1 - 1 / N:.2g}"
        )
    order = stream("data", seed=0).permutation(N)
    train, test = (
        Part(part.name, part.x[index], None if part.labels is None else part.labels[index])
        for index in (order[:-n_test], order[-n_test:])
    )
    return train, test


def _by(shape) -> str:
    return " x ".join(map(str, shape))
