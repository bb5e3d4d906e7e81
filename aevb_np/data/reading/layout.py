"""How images lie in an array: which axis counts them, which are rows and columns, where colours and labels are."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.data.reading.formats import INDEX_COLUMNS, LABEL_COLUMNS
from aevb_np.data.reading.naming import Part
from aevb_np.data.reading.pictures import by

# Numbers in an image that name their data set: MNIST, Frey Face, Olivetti's faces, and how those images are drawn.
FAMOUS = {784: (28, 28), 560: (28, 20), 4096: (64, 64)}
CHANNELS = (1, 3, 4, 2)  # grey, colours, both with transparency
CLASSES = 1000  # labels are whole numbers below
ASPECT = 4  # images are not more than so many times as wide as they are high


class Images(NamedTuple):
    """Images as rows of numbers, as they lie in the file but for their order.

    Attributes
    ----------
    name : str
    x : array, (N, D)
    image_shape : (rows, columns)
    labels : array, (N,), or None
    words : tuple of str
        What had to be understood for that.
    """

    name: str
    x: NDArray
    image_shape: tuple[int, int]
    labels: Any
    words: tuple[str, ...]


def laid_out(part: Part, shape: tuple[int, int] | None, transposed: bool = False) -> Images:
    """Find the images in an array of 2, 3 or 4 dimensions.

    Raises
    ------
    ValueError
        When there are none to be found; the message says what was found and what to do.
    """
    if part.x.dtype.kind not in "buif":
        raise ValueError(f"{part.name} holds {part.x.dtype}, not real numbers. Save pixels as numbers")
    if shape is not None and (len(shape) != 2 or min(shape) < 1):
        raise ValueError(f"a shape is (rows, columns), both at least 1; got {shape}")
    if part.x.ndim not in (2, 3, 4) or part.x.size == 0:
        raise ValueError(
            f"{part.name} has shape {part.x.shape}; images are (N, rows, columns), with colours (N, rows, columns, 3), "
            "or rows of pixels (N, D)"
        )
    x, labels = part.x, _flat(part.labels)
    words: list[str] = []
    if x.ndim == 4:
        x, words = _without_colours(part.name, x)
    elif x.ndim == 3 and 1 in x.shape[1:] and shape is None and _drawn(max(x.shape[1:])):  # (N, D, 1), (N, 1, D)
        x = x.reshape(len(x), -1)
    if x.ndim == 3:
        if _counted_last(x.shape, shape, labels):
            x, words = np.moveaxis(x, 2, 0), [*words, "the last axis counts the images"]
        found = x.shape[1], x.shape[2]
        if shape is not None and tuple(shape) != found:
            raise ValueError(f"{part.name} holds images of {by(found)}, not {by(shape)}. Leave the shape out")
        if min(found) == 1 and shape is None:
            raise ValueError(
                f"{part.name} has images of {by(found)}, a single line. Were colours averaged along a wrong axis? "
                f"Give the images before that, or if it is right a shape of {found[0]}x{found[1]}"
            )
        rows = x.reshape(len(x), -1)
    else:
        rows, labels, found, words = _from_rows(part, x, labels, shape)
    if transposed:
        rows = rows.reshape(-1, *found).transpose(0, 2, 1).reshape(len(rows), -1)
        found, words = found[::-1], [*words, "turned upright, as EMNIST needs it"]
    return Images(part.name, np.asarray(rows), found, labels, tuple(words))


def _flat(labels: Any) -> Any:
    """Labels in one dimension: a column or a row of them, or one of several columns that is 1."""
    if labels is None:
        return None
    labels = np.asarray(labels)
    if labels.ndim == 2 and 1 in labels.shape and labels.size > 1:
        return labels.reshape(-1)
    one_hot = labels.ndim == 2 and labels.dtype.kind in "buif" and ((labels == 0) | (labels == 1)).all()
    for axis in (1, 0) if one_hot else ():
        if (labels.sum(axis=axis) == 1).all() and labels.shape[axis] < labels.shape[1 - axis]:
            return labels.argmax(axis=axis)
    return labels


# -- three and four axes -----------------------------------------------------------------------------------------------


def _counted_last(shape: tuple[int, ...], wanted: tuple[int, int] | None, labels: Any) -> bool:
    """Whether (rows, columns, N) is meant and not (N, rows, columns)."""
    a, b, c = shape
    if wanted is not None and (a, b) != (b, c):
        return tuple(wanted) == (a, b) != (b, c)
    if labels is not None and len(labels) in (a, c) and a != c:
        return len(labels) == c
    return (a == b and c > a) or (_slim(b, c) and not _slim(a, b) and min(a, b) > 1)


def _slim(rows: int, columns: int) -> bool:
    return max(rows, columns) > ASPECT * min(rows, columns)


def _without_colours(name: str, x: NDArray) -> tuple[NDArray, list[str]]:
    """(N, rows, columns) from four axes, one of which holds 1 to 4 colours."""
    shape = x.shape
    words = []
    if shape[3] in CHANNELS:
        pass
    elif shape[1] in CHANNELS:
        x = np.moveaxis(x, 1, 3)
    elif shape[2] in CHANNELS:  # (rows, columns, colours, N), as MATLAB has it
        x, words = np.moveaxis(x, 3, 0), ["the last axis counts the images"]
    elif shape[0] in CHANNELS:
        x = np.moveaxis(x, 0, 3)
    else:
        raise ValueError(
            f"{name} has shape {shape}, and no axis of 1 to 4 colours. Images are (N, rows, columns) or "
            "(N, rows, columns, 3); choose one picture of each volume, as in x[:, 0]"
        )
    colours = x.shape[3] - (x.shape[3] % 2 == 0)
    if (x[..., colours:] != x[0, 0, 0, colours:]).any():
        raise ValueError(
            f"{name} has shape {shape}, and its last colour, the transparency, differs from pixel to pixel. "
            f"Leave it out, as in x[..., :{colours}] or x[:, :{colours}]"
        )
    x = x[..., :colours]
    if x.shape[3] == 1:
        return x[..., 0], words
    grey = x.mean(axis=3, dtype=np.float64)
    if x.dtype.kind in "iu":
        grey = np.rint(grey).astype(x.dtype)
    return grey, [*words, f"{x.shape[3]} colours averaged"]


# -- rows of numbers ---------------------------------------------------------------------------------------------------


def _from_rows(part: Part, x: NDArray, labels: Any, shape: tuple[int, int] | None) -> tuple[NDArray, Any, Any, list]:
    """Rows of pixels from a table, which may lie on its side and have a column of labels."""
    words: list[str] = []
    columns = [column.lower() for column in getattr(part.x, "columns", ())]
    x = np.asarray(x)
    named = next((n for n, column in enumerate(columns) if column in LABEL_COLUMNS), None)
    numbering = [n for n, column in enumerate(columns) if column in INDEX_COLUMNS]
    if named is not None or numbering:
        if named is not None:
            words.append(f"labels in the column {columns[named]!r}")
            labels = x[:, named] if labels is None else labels
        if numbering:
            words.append("a column of running numbers left out")
        x = np.delete(x, [*numbering, *([] if named is None else [named])], axis=1)
    N, D = x.shape
    if _on_its_side(x, shape, labels):
        x, words = x.T, [*words, f"it lies on its side: each of the {D:,} columns is an image"]
        N, D = D, N
    found = _drawn(D, shape)
    if found is None and (column := _label_column(x, shape)) is not None:
        where = "first" if column == 0 else "last"
        words.append(f"labels in the {where} column")
        labels = x[:, column] if labels is None else labels
        x = np.delete(x, column, axis=1)
        D, found = D - 1, _drawn(D - 1, shape)
    if found is None:
        raise ValueError(_cannot_be_drawn(part.name, N, D, shape))
    if shape is None and D in FAMOUS and found[0] != found[1]:
        words.append(f"{D} numbers are drawn as {by(found)}")
    return x, labels, found, words


def _drawn(D: int, shape: tuple[int, int] | None = None) -> tuple[int, int] | None:
    """Rows and columns of an image of D pixels: as was asked for, as is known, or a square."""
    if shape is not None:
        return (int(shape[0]), int(shape[1])) if shape[0] * shape[1] == D else None
    side = math.isqrt(D)
    return FAMOUS.get(D) or ((side, side) if side * side == D and side > 1 else None)


def _on_its_side(x: NDArray, shape: tuple[int, int] | None, labels: Any) -> bool:
    """Whether the columns of an (N, D) array are the images: by its labels, the asked shape, or what can be drawn."""
    N, D = x.shape
    if labels is not None and N != D and len(labels) in (N, D):
        return len(labels) == D
    if D == 1 or shape is None and ({D, D - 1} & set(FAMOUS) or _coloured(D)):
        return False
    if shape is None and (N in FAMOUS or N - 1 in FAMOUS and _label_column(x.T, shape) is not None):
        return True
    as_rows = _drawn(D, shape) or _label_column(x, shape) is not None
    labelled = shape is not None and _label_column(x.T, shape) is not None
    return not as_rows and (_drawn(N, shape) is not None or labelled)


def _coloured(D: int) -> bool:
    """Whether D numbers are three colours of a square."""
    return D % 3 == 0 and _drawn(D // 3) is not None


def _label_column(x: NDArray, shape: tuple[int, int] | None) -> int | None:
    """The first or the last column, when the others make images and its numbers are a few whole ones without gaps."""
    if _drawn(x.shape[1] - 1, shape) is None:
        return None
    for column in (0, -1):
        values = np.unique(x[:, column])
        whole = np.isfinite(values).all() and (values == np.rint(values)).all()
        if whole and 1 < len(values) <= CLASSES and values[0] in (0, 1) and values[-1] - values[0] == len(values) - 1:
            return column
    return 0 if _few(x[:, 0]) else -1 if _few(x[:, -1]) else None


def _few(values: NDArray) -> bool:
    """Whether numbers can be labels of which some are missing: whole, small, and most of them more than once."""
    found = np.unique(values)
    whole = np.isfinite(found).all() and (found == np.rint(found)).all()
    return bool(whole and 1 < len(found) <= min(CLASSES, len(values) // 2) and found[0] >= 0 and found[-1] < 100)


def _cannot_be_drawn(name: str, N: int, D: int, shape: tuple[int, int] | None) -> str:
    """What to do with rows that make no image."""
    if shape is not None:
        return (
            f"each row of {name} has {D} pixels; shape {by(shape)} makes {shape[0] * shape[1]}. "
            f"Give rows and columns that multiply to {D}"
        )
    if N == D:
        return (
            f"{name} has shape ({N}, {D}), which looks like one image. Give all of them as one array, "
            f"(N, {N}, {D}); at least 2 are needed"
        )
    if D - 1 in FAMOUS:
        return (
            f"{name} has rows of {D} numbers, one more than {by(FAMOUS[D - 1])}, and neither the first nor the last "
            "can be a label. Leave one out, as in x[:, 1:] or x[:, :-1]"
        )
    if _coloured(D):
        rows, columns = _drawn(D // 3) or (0, 0)
        return (
            f"{name} has rows of {D} numbers, 3 colours of {rows} x {columns}. Give x.reshape(-1, 3, {rows}, "
            f"{columns}) where one colour comes after the other, else x.reshape(-1, {rows}, {columns}, 3)"
        )
    rows = max(n for n in range(1, math.isqrt(D) + 1) if D % n == 0)
    if _slim(rows, D // rows):
        return (
            f"{name} has rows of {D} numbers, which make no image: {D} = {rows} x {D // rows} at best. "
            "Save the images alone, as (N, rows, columns), without other columns"
        )
    return (
        f"{name} has rows of {D} numbers, which make no square. Say how they are drawn: a shape of rows and columns "
        f"that multiply to {D}, such as {rows}x{D // rows}"
    )
