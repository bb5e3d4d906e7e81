"""Every array in a file, whatever its format, which is told from the first bytes and not from the name.

Nothing is unpickled. What a header claims is compared with what is there before any memory is asked for.
"""

import contextlib
import functools
import gzip
import io
import math
import os
import re
import stat
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from aevb_np.data.reading import pictures

MOST = 2 * 10**9  # bytes that a packed file may unpack to
UNPACK = "If that is right, save the array unpacked with numpy.save"

# What NumPy, SciPy and zipfile were seen to raise, besides ValueError, for files with one wrong byte.
UNREADABLE = (
    OSError, EOFError, RuntimeError, TypeError, KeyError, IndexError, OverflowError, zipfile.BadZipFile, zlib.error,
    tokenize.TokenError, NotImplementedError, UnicodeDecodeError, MemoryError,
)  # fmt: skip
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
KNOWN = ".npy, .npz, IDX, CSV or .mat file, or a folder of pictures"


class RefusedError(ValueError):
    """A file that is read for what it is, and cannot be used; the message says what to do."""


Loader = Callable[[], NDArray]  # arrays are read when they are wanted: what is not asked for may be anything


def arrays(path: Path) -> dict[str, Loader]:
    """The arrays in a file or a folder by their names, each to be read by a call; "" is the name of a file's only one.

    Raises
    ------
    FileNotFoundError
        When there is nothing at `path`.
    ValueError
        When it is no format that is known, is damaged, or is larger than a file of its length can be.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is nothing at {path}. Give a {KNOWN}")
    if path.is_dir():
        return _folder(path)
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise RefusedError(f"{path} is a pipe or a device, no file and no folder. Save what comes from it in a file")
    with explained(path):
        return _file(path)


def labels_in(path: Path) -> NDArray:
    """The labels in a file of their own: its only array, or the only one with a name of labels."""
    found = arrays(path)
    if len(found) != 1:
        raise RefusedError(f"{path} holds {len(found)} arrays; give a file with the labels alone, by numpy.save")
    return np.squeeze(next(iter(found.values()))())


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """What the libraries raise for a file that they cannot read, in words that name the file and the way out."""
    try:
        yield
    except RefusedError:
        raise
    except UNREADABLE as error:
        raise RefusedError(f"{path} is truncated or damaged ({_short(error)}). Save or copy it again") from error
    except ValueError as error:
        if "pickle" in str(error) or "object" in str(error).lower():
            raise RefusedError(
                f"{path} is no array of numbers: it holds Python objects, which are never unpickled, or is damaged. "
                "Save one array with numpy.save; images of unequal sizes do not make one"
            ) from error
        raise RefusedError(f"{path} is truncated or damaged ({_short(error)}). Save or copy it again") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _file(path: Path) -> dict[str, Loader]:
    """The arrays of one regular file, by its first bytes."""
    with open(path, "rb") as file:
        head = file.read(512)
    if head[:2] == b"\x1f\x8b":
        return _gzipped(path)
    for starts, read in (
        (b"\x93NUMPY", lambda: {"": _guarded(path, lambda: _npy_file(path))}),
        (b"PK\x03\x04", lambda: _archive(path)),
        (b"PK\x05\x06", lambda: _archive(path)),
        (b"MATLAB 5.0", lambda: _matlab(path)),
    ):
        if head.startswith(starts):
            return read()
    if head.startswith(b"\x80"):
        raise ValueError("a pickle")
    if path.suffix.lower() in (".npy", ".npz"):  # nothing of the kind, though it is called so; and no pickle
        raise RefusedError(f"{path} is truncated or damaged (no array begins like this). Save or copy it again")
    for starts, what, way_out in REFUSED:
        if head.startswith(starts):
            raise RefusedError(f"{path} is {what}. {way_out}")
    if is_idx(head):
        return {"": _guarded(path, lambda: _idx(path))}
    if path.suffix.lower() in pictures.SUFFIXES:
        raise RefusedError(f"{path} is one picture. Give the folder that holds all of them: {path.parent}")
    if b"\0" in head or not head:
        raise RefusedError(f"{path} is no {KNOWN}. Save an array with numpy.save, and give that file")
    return {"": _guarded(path, lambda: _table(path))}


REFUSED = (
    (b"\x89HDF", "an HDF5 file (Keras, or MATLAB's -v7.3)",
     "Save the images with numpy.save from Python, or in MATLAB with save(name, 'x', '-v7')"),
    (b"PAR1", "a Parquet file", "Save the images with numpy.save, and give that file"),
    (b"BZh", "packed by bzip2", "Unpack it, and give what was in it"),
    (b"\xfd7zXZ", "packed by xz", "Unpack it, and give what was in it"),
    (b"Rar!", "a RAR archive", "Unpack it, and give the folder"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it, and give what was in it"),
)  # fmt: skip


def _guarded(path: Path, read: Callable[[], NDArray]) -> Loader:
    """A loader whose errors name the file."""

    def guarded() -> NDArray:
        with explained(path):
            return read()

    return guarded


# -- NumPy's own -----------------------------------------------------------------------------------------------------


def _npy_file(path: Path) -> NDArray:
    with open(path, "rb") as file:
        return _npy(file, path.stat().st_size, str(path))


def _npy(file: IO[bytes], size: int, name: str) -> NDArray:
    """An array in NumPy's format, once its header has been compared with the bytes that follow it."""
    version = np.lib.format.read_magic(file)
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in header:  # version 3 is for names of fields, which images have none of
        raise ValueError(f"version {version} of the format")
    shape, fortran, dtype = header[version](file)
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be loaded, for they are pickled")
    claimed, there = math.prod(shape) * dtype.itemsize, size - file.tell()
    if claimed > there:
        raise RefusedError(
            f"{name} is truncated or damaged: its header speaks of {' x '.join(map(str, shape))} numbers, "
            f"{claimed:,} bytes, and {there:,} follow. Save or copy it again"
        )
    content = np.frombuffer(bytearray(file.read(claimed)), dtype, math.prod(shape))
    return content.reshape(shape, order="F" if fortran else "C")


def _archive(path: Path) -> dict[str, Loader]:
    """The arrays of an .npz file."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.endswith("data.pkl") for name in names):
        raise ValueError("a pickle, as PyTorch writes it")
    held = [name for name in names if name.endswith(".npy")]
    if names and not held:
        raise RefusedError(f"{path} is an archive without arrays ({names[0]}, ...). Unpack it, and give the folder")

    def loader(name: str) -> Loader:
        def read() -> NDArray:
            with zipfile.ZipFile(path) as archive:
                size = archive.getinfo(name).file_size
                _refuse_bombs(path, size)
                with archive.open(name) as file:
                    return _npy(file, size, f"{name.removesuffix('.npy')} of {path}")

        return _guarded(path, read)

    return {name.removesuffix(".npy"): loader(name) for name in held}


def _refuse_bombs(path: Path, size: int) -> None:
    """Refuse what would unpack to more than `MOST` bytes."""
    if size > MOST:
        raise RefusedError(
            f"{path} would unpack to {size / 1e9:,.1f} GB; from a packed file at most {MOST / 1e9:g} GB are read. "
            + UNPACK
        )


def _unzipped(path: Path) -> bytes:
    """The content of a gzipped file, up to `MOST` bytes."""
    with gzip.open(path) as file:  # counted first: a bomb takes time then, and no memory
        size = 0
        while piece := file.read(2**20):
            size += len(piece)
            if size > MOST:
                raise RefusedError(f"{path} would unpack to more than {MOST / 1e9:g} GB. {UNPACK}")
    with gzip.open(path) as file:
        return file.read()


def _gzipped(path: Path) -> dict[str, Loader]:
    """What a gzipped file holds: IDX, an array of NumPy's or a table."""
    with gzip.open(path) as file:
        head = file.read(512)
    if is_idx(head):
        return {"": _guarded(path, lambda: _idx(path))}
    if head.startswith(b"\x93NUMPY"):
        return {"": _guarded(path, lambda: _npy(io.BytesIO(content := _unzipped(path)), len(content), str(path)))}
    if head.startswith(b"\x80"):
        raise ValueError("a pickle")
    if b"\0" in head or not head:
        raise RefusedError(f"{path} holds nothing that is known once unpacked. Unpack it, and give what was in it")
    return {"": _guarded(path, lambda: _table(path))}


# -- IDX -------------------------------------------------------------------------------------------------------------


def is_idx(head: bytes) -> bool:
    """Whether a file begins like IDX: two zeros, a type, a number of dimensions from 1 to 4."""
    return len(head) >= 8 and head[:2] == b"\0\0" and head[2] in IDX_TYPES and 1 <= head[3] <= 4


def _idx(path: Path) -> NDArray:
    """The array of an IDX file, plain or gzipped; big-endian, its sizes compared with the bytes that follow."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else open(path, "rb") as file:
        _, _, kind, dimensions = file.read(4)
        shape = [int(n) for n in np.frombuffer(file.read(4 * dimensions), ">u4")]
        dtype = np.dtype(IDX_TYPES[kind])
        size = math.prod(shape) * dtype.itemsize
        if packed:
            _refuse_bombs(path, size)
        if not packed and size > path.stat().st_size:
            content = b""
        else:
            content = file.read(size + 1)
    if len(content) != size:
        raise RefusedError(
            f"{path} is truncated or damaged: it announces {' x '.join(map(str, shape))} numbers, {size:,} bytes, and "
            f"holds {'more' if len(content) > size else 'fewer'}. Save or copy it again"
        )
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))


# -- tables ----------------------------------------------------------------------------------------------------------

LABEL_COLUMNS = ("label", "labels", "class", "target", "y", "digit")
INDEX_COLUMNS = ("", "id", "index", "unnamed: 0")


class Table(np.ndarray):
    """The numbers of a table, whose first line named its columns."""

    columns: tuple[str, ...] = ()


def _table(path: Path) -> NDArray:
    """A table of numbers in text: separated by commas, semicolons, tabs or blanks, with or without a line of names."""
    packed = path.suffix.lower() == ".gz"
    text = io.StringIO(_unzipped(path).decode("utf-8-sig")) if packed else open(path, encoding="utf-8-sig")  # noqa: SIM115
    with text as file:
        first = file.readline()
        delimiter = next((mark for mark in ",;\t" if mark in first), None)
        cells = [cell.strip().strip('"').strip() for cell in first.strip().split(delimiter)]
        names = () if all(map(_is_number, cells)) else tuple(cells)
        if not names:
            file.seek(0)
        if names and not any(character.isalpha() for character in first):
            raise RefusedError(f"{path} is no table of numbers; it begins with {first.strip()[:40]!r}. {CSV_WAY_OUT}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of no rows, which is told below
                numbers = np.loadtxt(file, np.float64, delimiter=delimiter, ndmin=2, quotechar='"', comments=None)
        except ValueError as error:
            raise RefusedError(f"{path} is no table of numbers ({_short(error)}). {CSV_WAY_OUT}") from error
    if numbers.size == 0:
        raise RefusedError(f"{path} holds no rows of numbers. {CSV_WAY_OUT}")
    if (numbers == np.rint(numbers)).all() and abs(numbers).max() < 2**31:
        numbers = numbers.astype(np.int32)
    table = numbers.view(Table)
    table.columns = names if len(names) == numbers.shape[1] else ()
    return table


CSV_WAY_OUT = "A table has one image in each line, its pixels as numbers, or give a " + KNOWN


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf)", text, re.I))


# -- MATLAB ----------------------------------------------------------------------------------------------------------

NUMERIC = ("double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "logical")
PACKED = 15  # the type of an element that zlib packed
BYTES = {"double": 8, "int64": 8, "uint64": 8, "single": 4, "int32": 4, "uint32": 4, "int16": 2, "uint16": 2}


def _matlab(path: Path) -> dict[str, Loader]:
    """The arrays of a .mat file, those in structures with a point in their names."""
    from scipy.io import whosmat

    found: dict[str, Loader] = {}
    with _of_scipy():
        held = whosmat(str(path))
    _refuse_inflation(path)
    for name, shape, kind in held:
        size = math.prod(shape) * BYTES.get(kind, 1)
        if size > max(MOST, 16 * path.stat().st_size):
            _refuse_bombs(path, size)
        if kind in NUMERIC:
            found[name] = _guarded(path, functools.partial(_variable, path, name))
        elif kind == "struct":
            found |= {inner: array.view for inner, array in _fields(name, _variable(path, name))}
    return found


def _refuse_inflation(path: Path) -> None:
    """Unpack the packed parts of a .mat file once, counting and keeping nothing: structures do not tell their size."""
    size = 0
    with open(path, "rb") as file:
        header = file.read(128)
        order: Literal["little", "big"] = "little" if header[126:128] == b"IM" else "big"
        while tag := file.read(8):
            kind, length = (int.from_bytes(part, order) for part in (tag[:4], tag[4:]))
            if kind != PACKED:
                file.seek(length, os.SEEK_CUR)
                continue
            unpacking = zlib.decompressobj()
            waiting = file.read(length)
            while waiting and size <= MOST:
                size += len(unpacking.decompress(waiting, 2**20))
                waiting = unpacking.unconsumed_tail
            if size > MOST:
                raise RefusedError(f"{path} would unpack to more than {MOST / 1e9:g} GB. {UNPACK}")


def _variable(path: Path, name: str) -> NDArray:
    from scipy.io import loadmat

    with _of_scipy():
        return np.asarray(loadmat(str(path), variable_names=[name])[name])


@contextlib.contextmanager
def _of_scipy() -> Iterator[None]:
    """SciPy's own kind of error for a damaged file, made an ordinary one."""
    from scipy.io.matlab import MatReadError

    try:
        yield
    except MatReadError as error:
        raise ValueError(str(error)) from error


def _fields(name: str, value: Any) -> Iterator[tuple[str, NDArray]]:
    """The numeric arrays in a structure, however deep."""
    if value.dtype.names and value.size == 1:
        for field in value.dtype.names:
            yield from _fields(f"{name}.{field}", value.reshape(-1)[0][field])
    elif value.dtype.kind in "buif":
        yield name, value


# -- folders ---------------------------------------------------------------------------------------------------------


def _folder(folder: Path) -> dict[str, Loader]:
    """What a folder holds: pictures, or arrays by the names of their files."""
    if pictures.there_are(folder):
        return pictures.arrays(folder)
    held: dict[str, Loader] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith(".") and _looks_like_an_array(path):
            inside = arrays(path)
            stem = path.name.removesuffix(".gz")
            stem = stem if is_idx_name(stem) else Path(stem).stem
            held |= {stem if len(inside) == 1 else f"{stem}.{name}": read for name, read in inside.items()}
    if not held:
        raise RefusedError(
            f"{folder} holds no pictures ({', '.join(pictures.SUFFIXES)}), neither directly nor in one folder for each "
            "class, and no arrays. Put the pictures directly into it"
        )
    return held


def is_idx_name(name: str) -> bool:
    return bool(re.search(r"[-.]idx\d-?ubyte$", name))


def _looks_like_an_array(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith((".npy", ".npz", ".mat", ".csv", ".tsv", ".idx")) or is_idx_name(name)
