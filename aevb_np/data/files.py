"""Where is a published data file: in a folder of yours, in the cache, or on the network? And is it the right one?

Nothing is used that was not compared with its SHA-256 first. A folder of yours, named by the environment variable
AEVB_DATA_DIR, comes before the cache and the cache before the network, so a class without a network needs one folder.
"""

import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aevb_np.data.published import (
    DATA_SETS,
    FILES,
    FREY_FRAMES,
    MEANS,
    OTHERS,
    DamagedFileError,
    DataFolderError,
    OtherDataError,
)
from aevb_np.data.reading import formats

FREY = "frey_face/frey_rawface.mat"
FOLDERS = ("", "mnist", "MNIST", "MNIST/raw", "mnist/raw", "raw", "frey_face", "frey")  # where people keep them


def find(name: str) -> Path | None:
    """Where on this machine the file is (its bytes not yet checked), or None. Never asks the network."""
    return next((path for folder in places() if (path := in_folder(name, folder))), None)


def checked(path: Path, name: str) -> NDArray[np.uint8]:
    """The unpacked bytes at `path`, when they are those of the published file `name`.

    Of Frey Face also the frames alone, 1965 x 560 bytes, when they came in another file than the published one.

    Raises
    ------
    OtherDataError
        When the file is sound and holds other data.
    DamagedFileError
        Naming the bytes and checksums that were expected and found: those of the file as it lies there.
    """
    file = FILES[name]
    content = _unpacked(path, file.content_size)
    if content is not None and hashlib.sha256(content.data).hexdigest() == file.content_sha256:
        return content
    if name == FREY and (frames := _frames(path)) is not None:
        return frames.reshape(-1)
    if other := _other(path, file.content_size):
        raise OtherDataError(
            f"{path} is {other}. It can be trained on: `aevb train \"{path.parent if 'labels' in name else path}\"`. "
            f"For {_owner(name)} itself `aevb data --fetch {_owner(name)} --to FOLDER` fills another folder"
        )
    sha256, size = (file.sha256, file.size) if is_packed(path) else (file.content_sha256, file.content_size)
    with open(path, "rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    raise DamagedFileError(
        f"{path} is not the published file: expected {size:,} bytes with SHA-256 {sha256[:8]}..., "
        f"found {path.stat().st_size:,} with {found[:8]}... "
        f"Fetch it again with `aevb data --fetch {_owner(name)}`"
    )


def is_packed(path: Path) -> bool:
    """Whether a file is gzipped, by its first bytes: some people have renamed theirs. An empty one goes by its name."""
    with open(path, "rb") as file:
        head = file.read(2)
    return head == b"\x1f\x8b" or (path.suffix == ".gz" and not formats.is_idx(head + bytes(6)))


def _unpacked(path: Path, size: int) -> NDArray[np.uint8] | None:
    """The bytes of a file, gunzipped where it is packed; None unless there are exactly `size` of them."""
    content = np.empty(size, np.uint8)  # filled in pieces: gzip's own way of reading it all at once holds it twice
    filled = 0
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else open(path, "rb") as stream:
            while piece := stream.read(2**20):
                if filled + len(piece) > size:
                    return None
                content[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
                filled += len(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error):  # truncated, not gzip at all, corrupt
        return None
    return content if filled == size else None


def _frames(path: Path) -> NDArray[np.uint8] | None:
    """Frey Face's 1965 frames from any file that holds them, as rows or as columns, in whole or in scaled numbers."""
    try:
        held = [load() for load in formats.arrays(path).values()]
    except ValueError:
        return None
    for array in held:
        if array.dtype.kind not in "uif" or array.size != 1965 * 560 or 1965 not in array.shape:
            continue
        frames = np.moveaxis(array, array.shape.index(1965), 0).reshape(1965, 560)
        for factor in (1, 255, 256):
            levels = np.rint(frames.astype(np.float64) * factor)
            if levels.min() < 0 or levels.max() > 255:
                continue
            levels = np.ascontiguousarray(levels.astype(np.uint8))
            if hashlib.sha256(levels.data).hexdigest() == FREY_FRAMES:
                return levels
    return None


def _other(path: Path, size: int) -> str:
    """What a sound file holds that is not what its name says; empty when it is damaged, or no IDX file."""
    with open(path, "rb") as stream:
        if known := OTHERS.get(hashlib.file_digest(stream, "md5").hexdigest()):
            return f"{known}, not MNIST"
    try:
        [load] = formats.arrays(path).values()
        array = load()
    except ValueError:
        return ""
    if array.dtype != np.uint8 or array.ndim not in (1, 3):
        return ""
    if array.ndim == 1 and array.nbytes + 8 == size:  # as many labels as there should be: which data set has these?
        even = len(array) > 1000 and np.ptp(np.bincount(array)) == 0
        return "a file of labels with equal classes, as Fashion-MNIST and KMNIST have them, not MNIST" if even else ""
    if array.ndim == 3 and array.nbytes + 16 == size:
        name = MEANS.get(round(float(array.mean()) / 255, 4))
        if name:  # a few wrong bytes leave the mean where it was
            return "" if name == "MNIST" else f"{name} by its mean grey level, not MNIST"
    what = "labels" if array.ndim == 1 else f"images of {array.shape[1]} x {array.shape[2]}"
    return f"a sound file of {len(array):,} {what}, and not MNIST's"


def _owner(name: str) -> str:
    """The data set to which a file belongs."""
    return next(owner for owner, names in DATA_SETS.items() if name in names)


def local_folder() -> Path | None:
    """The folder that AEVB_DATA_DIR names; None when it is unset or empty.

    Raises
    ------
    DataFolderError
        When there is no such folder: a typing mistake should not end in a silent download.
    """
    folder = named_folder()
    if folder is not None and not folder.is_dir():
        raise DataFolderError(
            f"AEVB_DATA_DIR names {folder}, and there is no such folder. "
            f'Make it with `aevb data --fetch all --to "{folder}"`, or unset the variable'
        )
    return folder


def cache_folder() -> Path:
    """Where downloads are kept: the operating system's folder for caches."""
    import pooch

    return Path(pooch.os_cache("aevb_np"))


def named_folder() -> Path | None:
    value = os.environ.get("AEVB_DATA_DIR")
    return Path(value).expanduser() if value else None


def places() -> Iterator[Path]:
    """The folders to look in, in order."""
    folder = local_folder()
    if folder is not None:
        yield folder
    yield cache_folder()


def in_folder(name: str, folder: Path) -> Path | None:
    """The file in a folder laid out like the registry, or as people have it: the first with the right bytes.

    Where none has them, the first that there is, to be complained of.
    """
    found = list(_candidates(name, folder))
    if len(found) < 2:
        return found[0] if found else None
    return next((path for path in found if is_good(path, name)), found[0])


def is_good(path: Path, name: str) -> bool:
    """Whether a file has the bytes of the published one."""
    try:
        checked(path, name)
    except DamagedFileError:
        return False
    return True


def _candidates(name: str, folder: Path) -> Iterator[Path]:
    """What may be the file, by its name: with and without .gz, as torchvision, 7-Zip or Kaggle leave it."""
    usual = [folder / name, folder / name.removesuffix(".gz")]
    seen: set[Path] = set()
    for path in (*usual, *_similar(name, folder)):
        if path.is_file() and not any(path.samefile(other) for other in seen):
            seen.add(path)
            yield path


def _similar(name: str, folder: Path) -> Iterator[Path]:
    """Files with a name like this one, in the folders where people keep them."""
    words = re.findall(r"train|t10k|images|labels", name) if name != FREY else ["frey"]
    spellings = ["".join(words), "".join(words).replace("t10k", "test"), *(["ff."] if name == FREY else [])]
    for inside in FOLDERS:
        for path in sorted((folder / inside).glob("*")):
            plain = re.sub(r"[^a-z0-9.]", "", path.name.lower())
            if plain.startswith(tuple(spellings)):
                yield from sorted(path.glob("*")) if path.is_dir() else [path]


def existing_places() -> list[Path]:
    """The folders to look in, without complaint about one that `fetch` may be about to make."""
    named = named_folder()
    return [*([named] if named else []), cache_folder()]
