"""A folder of pictures: all of one size, turned grey; folders inside it are classes, or train and test."""

import functools
import os
import re
import stat
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm", ".pbm", ".pnm", ".webp")
PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}


def there_are(folder: Path) -> bool:
    """Whether pictures lie in a folder, or in the folders inside it."""
    return bool(_parts(folder) or _classes(folder))


def arrays(folder: Path) -> dict[str, Callable[[], NDArray]]:
    """The pictures as x, their classes as labels; x_train and so on, when they lie in folders called train and test."""
    found: dict[str, Callable[[], NDArray]] = {}
    for ending, part in (_parts(folder) or {"": folder}).items():
        classes = _classes(part)
        paths = [path for group in classes.values() for path in group]
        found["x" + ending] = functools.partial(_grey, paths)
        if len(classes) > 1:
            labels = np.repeat(_numbers(classes), [len(group) for group in classes.values()])
            found["labels" + ending] = labels.copy
    return found


def _numbers(names) -> list[int]:
    """The label of each class: its name where all are numbers, else its place in the order of the names."""
    names = list(names)
    return [int(name) for name in names] if all(name.isdigit() for name in names) else list(range(len(names)))


def _parts(folder: Path) -> dict[str, Path]:
    """The folders for training and for testing, when there are both and pictures in them."""
    inside = {PARTS[path.name.lower()]: path for path in folder.iterdir() if path.name.lower() in PARTS}
    if len(inside) < 2 or _in(folder) or not all(path.is_dir() and _classes(path) for path in inside.values()):
        return {}
    return {f"_{part}": inside[part] for part in ("train", "test")}


def _classes(folder: Path) -> dict[str, list[Path]]:
    """The pictures directly in a folder, under its own name; or else those of the folders inside it, under theirs."""
    if direct := _in(folder):
        return {folder.name: direct}
    inside = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: _natural(path.name))
    return {path.name: there for path in inside if (there := _in(path))}


def _natural(name: str) -> tuple:
    return (0, int(name), name) if name.isdigit() else (1, 0, name)


def _in(folder: Path) -> list[Path]:
    """The pictures directly in a folder, in the order of their names."""
    return sorted(
        (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")),
        key=lambda path: path.name,
    )


def _grey(paths: list[Path]) -> NDArray:
    """All pictures in grey: (N, rows, columns), in 8 bits when all of them have 8, else as the deepest has."""
    first = _pixels(paths[0])
    pixels = np.empty((len(paths), *first.shape), first.dtype)
    for n, path in enumerate(paths):
        picture = _pixels(path)
        if picture.shape != first.shape:
            raise ValueError(
                f"pictures need one size: {paths[0]} is {by(first.shape)} and {path} is {by(picture.shape)} "
                "(rows x columns). Crop or resize them"
            )
        if picture.dtype != pixels.dtype:
            pixels, picture = _alike(pixels, picture, paths[0], path)
        pixels[n] = picture
    return pixels


def _alike(pixels: NDArray, picture: NDArray, one: Path, other: Path) -> tuple[NDArray, NDArray]:
    """8 and 16 bits made alike: 255 becomes 65,535."""
    if {pixels.dtype, picture.dtype} != {np.dtype(np.uint8), np.dtype(np.uint16)}:
        raise ValueError(f"{one} holds {pixels.dtype}, {other} {picture.dtype}. Save all pictures with 8 bits a pixel")
    if pixels.dtype == np.uint8:
        pixels = pixels.astype(np.uint16) * 257
    else:
        picture = picture.astype(np.uint16) * 257
    return pixels, picture


def _pixels(path: Path) -> NDArray:
    """One picture, upright and grey, (rows, columns); what is transparent shows white, as on paper."""
    from PIL import Image, ImageOps

    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError(f"{path} is a pipe, a device or a folder, and no picture. Take it out")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                upright = ImageOps.exif_transpose(picture)
                if re.match("I|F", upright.mode):  # more than 8 bits, which Pillow would cut off at 255
                    return _deep(np.asarray(upright))
                if "A" in upright.getbands() or "transparency" in upright.info:
                    paper = Image.new("RGBA", upright.size, "white")
                    paper.alpha_composite(upright.convert("RGBA"))
                    upright = paper
                return np.asarray(upright.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{path} cannot be read as a picture ({error}). Save it again or take it out") from error


def _deep(pixels: NDArray) -> NDArray:
    """Pixels of more than 8 bits: in uint16 where they fit."""
    whole = pixels.dtype.kind in "iu" and pixels.min() >= 0 and pixels.max() <= 65_535
    return pixels.astype(np.uint16) if whole else pixels


def by(shape) -> str:
    """A shape as people write it: 28 x 20."""
    return " x ".join(map(str, shape))
