"""Which of several arrays are the images and which are labels: by the names that people give, or by their shapes."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.data.reading.formats import Loader, RefusedError, labels_in

LABELS = ("y", "label", "labels", "lbls", "target", "targets", "classes", "gnd", "ys", "testtarget")
IMAGES = ("x", "images", "image", "imgs", "img", "xs", "data", "pixels", "digits", "faces", "ff")  # the plainest first
SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test", "t10k": "test"}
OTHER = ("val", "valid", "validation", "extra", "dev", "mapping", "writers")  # neither to train nor to test on


class Part(NamedTuple):
    """Images and their labels as they lie in a file."""

    name: str  # what messages call it
    x: NDArray
    labels: NDArray | None
    labels_from: str = ""


class Name(NamedTuple):
    """What a name says of its array."""

    split: str | None  # train, test, other or None
    is_labels: bool
    rank: int  # how plainly it says that these are images; the lower the plainer


def understood(name: str) -> Name:
    """What a name such as x_train, trainImages or t10k-labels-idx1-ubyte says.

    >>> understood("train_images"), understood("t10k-labels-idx1-ubyte")
    (Name(split='train', is_labels=False, rank=1), Name(split='test', is_labels=True, rank=99))
    """
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    words = re.sub(r"(?<![a-z])(train|test)(?=[a-z])", r"\1 ", words.lower()).replace("train ing", "training")
    words = words.replace("test ing", "testing")
    found = re.findall(r"[a-z]+\d*[a-z]*", words)
    split = next((SPLITS[word] for word in found if word in SPLITS), None)
    split = "other" if any(word in OTHER for word in found) else split
    rank = min((IMAGES.index(word) for word in found if word in IMAGES), default=99)
    return Name(split, any(word in LABELS for word in found) and rank == 99, rank)


def chosen(path: Path, arrays: Mapping[str, Loader]) -> list[Part]:
    """The images among the arrays of a file, each part with its labels: one part, or two for training and testing."""
    if list(arrays) == [""]:
        x = arrays[""]()
        beside, labels = _labels_beside(path, len(x) if x.ndim else 0)
        return [Part(str(path), x, labels, beside)]
    names = {name: understood(name) for name in arrays}
    images = [name for name in arrays if not names[name].is_labels and names[name].split != "other"]
    by_split = {split: [name for name in images if names[name].split == split] for split in ("train", "test", None)}
    if by_split["train"] and by_split["test"]:
        picked = [_plainest(path, arrays, names, by_split[split]) for split in ("train", "test")]
    else:
        candidates = by_split[None] + by_split["train"] or by_split["test"]
        picked = [_plainest(path, arrays, names, candidates)]
    return [_with_labels(path, arrays, names, name) for name in picked]


def _plainest(path: Path, arrays: Mapping[str, Loader], names: Mapping[str, Name], candidates: list[str]) -> str:
    """The array that is named most plainly; among unknown names, the only one that can be images."""
    if named := sorted((name for name in candidates if names[name].rank < 99), key=lambda name: names[name].rank):
        return named[0]
    if len(candidates) > 1:
        candidates = [name for name in candidates if _can_be_images(arrays[name])]
    if len(candidates) != 1:
        raise RefusedError(
            f"{path} holds the arrays {', '.join(arrays) or '(none)'}. Name the images x, or x_train and x_test"
        )
    return candidates[0]


def _can_be_images(load: Loader) -> bool:
    try:
        array = load()
    except ValueError:
        return False
    return array.dtype.kind in "buif" and array.ndim > 1 and min(array.shape) > 1


def _with_labels(path: Path, arrays: Mapping[str, Loader], names: Mapping[str, Name], name: str) -> Part:
    """A part with the labels of the same split, by name, or else by a shape that fits."""
    images, split = arrays[name](), names[name].split
    splits = split, split or "train"
    called = [other for other in arrays if names[other].is_labels and names[other].split in splits]
    if not called:
        unknown = [other for other in arrays if names[other].split == split and names[other].rank == 99]
        called = [other for other in unknown if other != name and _fits(arrays[other], images)]
    place = f"{name} of {path}"
    if not called:
        return Part(place, images, None)
    return Part(place, images, arrays[called[0]](), called[0])


def _fits(load: Loader, images: NDArray) -> bool:
    try:
        array = load()
    except ValueError:
        return False
    return array.dtype.kind in "biu" and array.size == len(images) and max(array.shape, default=0) == array.size


def _labels_beside(path: Path, N: int) -> tuple[str, NDArray | None]:
    """The labels that lie beside an IDX file of images, as all data sets after MNIST have them."""
    name = re.sub(r"images(?=[-.]idx)", "labels", path.name).replace("idx3", "idx1")
    beside = path.with_name(name)
    if name == path.name or not beside.is_file():
        return "", None
    labels = labels_in(beside)
    return (name, labels) if np.shape(labels) == (N,) else ("", None)
