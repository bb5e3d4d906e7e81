"""Where is a published data file: in a folder of yours, in the cache, or on the network? And is it the right one?

Nothing is used that was not compared with its SHA-256 first. A folder of yours, named by the environment variable
AEVB_DATA_DIR, comes before the cache and the cache before the network, so a class without a network needs one folder.
"""
import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aevb_np.data.published import DATA_SETS, FILES, DamagedFileError, DataFolderError


def find(name: str) -> Path | None:
    """Where on this machine the file is (its bytes not yet checked), or None. Never asks the network."""
    return next((path for folder in places() if (path := in_folder(name, folder))), None)


def checked(path: Path, name: str) -> NDArray[np.uint8]:
    """The unpacked bytes at `path`, when they are those of the published file `name`.

    Raises
    ------
    DamagedFileError
        Naming the bytes and checksums that were expected and found: those of the file as it lies there.
    """
    file = FILES[name]
    content = _unpacked(path, file.content_size)
    if content is not None and hashlib.sha256(content.data).hexdigest() == file.content_sha256:
        return content

    packed = path.suffix == Path(name).suffix
    sha256, size = (file.sha256, file.size) if packed else (file.content_sha256, file.content_size)
    with open(path, "rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    raise DamagedFileError(
        f"{path} is not the published file: expected {size:,} bytes with SHA-256 {sha256[:8]}..., "
        f"found {path.stat().st_size:,} with {found[:8]}... "
        f"Delete it, or fetch it again with `aevb data --fetch {_owner(name)}`"
    )


def _unpacked(path: Path, size: int) -> NDArray[np.uint8] | None:
    """The bytes of a file, gunzipped where it ends in .gz; None unless there are exactly `size` of them."""
    content = np.empty(size, np.uint8)  # filled in pieces: gzip's own way of reading it all at once holds it twice
    filled = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
            while piece := stream.read(2**20):
                if filled + len(piece) > size:
                    return None
                content[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
                filled += len(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error):  # truncated, not gzip at all, corrupt
        return None
    return content if filled == size else None


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
    """The file in a folder laid out like the registry; MNIST also unpacked, and as torchvision leaves it."""
    forms = [name]
    if name.startswith("mnist/"):
        packed = Path(name).name
        forms += [name.removesuffix(".gz"), "MNIST/raw/" + packed.removesuffix(".gz"), "MNIST/raw/" + packed]
    return next((folder / form for form in forms if (folder / form).is_file()), None)


def existing_places() -> list[Path]:
    """The folders to look in, without complaint about one that `fetch` may be about to make."""
    named = named_folder()
    return [*([named] if named else []), cache_folder()]
