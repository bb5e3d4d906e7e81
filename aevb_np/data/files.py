"""Where is a published data file: in a folder of yours, in the cache, or on the network? And is it the right one?

Nothing is used that was not compared with its SHA-256 first. A folder of yours, named by the environment variable
AEVB_DATA_DIR, comes before the cache and the cache before the network, so a class without a network needs one folder.
"""

import gzip
import hashlib
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from aevb_np.atomic import replacing


class File(NamedTuple):
    """One published file. Its content, after gunzip, has sums of its own: some people keep the files unpacked."""

    sha256: str
    size: int  # bytes
    content_sha256: str
    content_size: int
    addresses: tuple[str, ...]  # tried in this order


MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)


def _mnist(name, sha256, size, content_sha256, content_size):
    return File(sha256, size, content_sha256, content_size, tuple(mirror + name for mirror in MNIST_MIRRORS))


FILES = {
    "mnist/train-images-idx3-ubyte.gz": _mnist(
        "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        9_912_422,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        47_040_016,
    ),
    "mnist/train-labels-idx1-ubyte.gz": _mnist(
        "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        28_881,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        60_008,
    ),
    "mnist/t10k-images-idx3-ubyte.gz": _mnist(
        "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        1_648_877,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        7_840_016,
    ),
    "mnist/t10k-labels-idx1-ubyte.gz": _mnist(
        "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        4_542,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        10_008,
    ),
    "frey_face/frey_rawface.mat": File(
        "265a83a23adb081755cd3de375509828e690324d1d60f076b8ecebc840d59c64",
        1_100_584,
        "265a83a23adb081755cd3de375509828e690324d1d60f076b8ecebc840d59c64",
        1_100_584,
        (
            "https://github.com/lawrennd/datasets_mirror/raw/main/brendan_faces/frey_rawface.mat",
            "https://cs.nyu.edu/~roweis/data/frey_rawface.mat",
        ),
    ),
}

DATA_SETS = {  # the files behind each name that `aevb data` knows; no file: it comes with the package
    "digits": (),
    "faces": (),
    "mnist": tuple(name for name in FILES if name.startswith("mnist/")),
    "frey": ("frey_face/frey_rawface.mat",),
}


class DataFolderError(FileNotFoundError):
    """A folder for data files was named, and it is not there, or is no folder."""


class DamagedFileError(ValueError):
    """A data file is there, and its bytes are not the published ones."""


class FetchError(OSError):
    """No address gave the file."""


def read(name: str) -> NDArray[np.uint8]:
    """The bytes of a published file, unpacked and checked; fetched first when it is nowhere on this machine.

    Parameters
    ----------
    name : str
        A key of `FILES`: "mnist/t10k-labels-idx1-ubyte.gz".

    Returns
    -------
    content : array of uint8, (bytes,)

    Raises
    ------
    DataFolderError
        When AEVB_DATA_DIR names a folder that does not exist.
    DamagedFileError
        When the file that was found does not have the published SHA-256.
    FetchError
        When it was found nowhere and no address gave it.
    """
    return checked(find(name) or download(name, cache_folder()), name)


def find(name: str) -> Path | None:
    """Where on this machine the file is (its bytes not yet checked), or None. Never asks the network."""
    return next((path for folder in _places() if (path := _in_folder(name, folder))), None)


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
    folder = _named_folder()
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


def _named_folder() -> Path | None:
    value = os.environ.get("AEVB_DATA_DIR")
    return Path(value).expanduser() if value else None


def _places() -> Iterator[Path]:
    """The folders to look in, in order."""
    folder = local_folder()
    if folder is not None:
        yield folder
    yield cache_folder()


def _in_folder(name: str, folder: Path) -> Path | None:
    """The file in a folder laid out like the registry; MNIST also unpacked, and as torchvision leaves it."""
    forms = [name]
    if name.startswith("mnist/"):
        packed = Path(name).name
        forms += [name.removesuffix(".gz"), "MNIST/raw/" + packed.removesuffix(".gz"), "MNIST/raw/" + packed]
    return next((folder / form for form in forms if (folder / form).is_file()), None)


def download(name: str, folder: Path) -> Path:
    """Fetch a file into `folder` / `name` from the first address that gives the published bytes.

    Raises
    ------
    FetchError
        When none does: what each one answered, and what to do without a network.
    """
    import pooch

    file, target = FILES[name], folder / name
    way_out = (
        "On a machine with a network run `aevb data --fetch all --to FOLDER` and set AEVB_DATA_DIR=FOLDER here, "
        "or use the embedded data sets `digits` and `faces`"
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FetchError(f"{name} cannot be kept in {target.parent}: {error.strerror}. {way_out}") from error

    bar = sys.stderr is not None and sys.stderr.isatty()
    # "identity": some servers would unpack the file on the way, and then its sum is another one
    downloader = pooch.HTTPDownloader(
        progressbar=bar, chunk_size=2**16, timeout=(10, 60), headers={"Accept-Encoding": "identity"}
    )
    answers = []
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("CRITICAL")
    try:
        for address in file.addresses:
            try:
                path = pooch.retrieve(
                    address, f"sha256:{file.sha256}", target.name, target.parent, downloader=downloader
                )
                return Path(path)
            except (OSError, ValueError) as error:
                answers.append(f"{urlsplit(address).netloc}: {_reason(error)}")
    finally:
        logger.setLevel(level)
    places = " or ".join(str(place) for place in _existing_places())
    raise FetchError(
        f"{name} is not in {places}, and could not be fetched: {len(answers)} addresses tried "
        f"({'; '.join(answers)}). {way_out}"
    )


def _reason(error: Exception) -> str:
    """Why an address did not give the file, in a few words."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.RequestException):
        return type(error).__name__
    if isinstance(error, ValueError):
        return "not the published bytes"
    return getattr(error, "strerror", None) or type(error).__name__


class Row(NamedTuple):
    """What `status` says of one data set.

    Attributes
    ----------
    name : str
    here : bool
        Whether it can be used without a network.
    where : {"embedded", "local folder", "cached", "damaged", "not here"}
        "damaged": a file was found, and its bytes are not the published ones.
    path : Path or None
        The folder that holds the files, or the damaged file.
    size : int
        Bytes on this machine, or to download when it is not here; 0 when embedded.
    """

    name: str
    here: bool
    where: str
    path: Path | None
    size: int


def status() -> list[Row]:
    """One row for every data set: whether it is here, where, and its size. Reads and checks every file it finds."""
    return [_row(name, files) if files else Row(name, True, "embedded", None, 0) for name, files in DATA_SETS.items()]


def _row(data_set: str, names: tuple[str, ...]) -> Row:
    paths = []
    for name in names:
        path = find(name)
        if path is None:
            return Row(data_set, False, "not here", None, sum(FILES[name].size for name in names))
        if not _is_good(path, name):
            return Row(data_set, False, "damaged", path, path.stat().st_size)
        paths.append(path)
    folder = local_folder()
    where = "local folder" if folder in paths[0].parents else "cached"
    return Row(data_set, True, where, paths[0].parent, sum(path.stat().st_size for path in paths))


def _is_good(path: Path, name: str) -> bool:
    try:
        checked(path, name)
    except DamagedFileError:
        return False
    return True


def fetch(names: str | Iterable[str] = "all", to: str | os.PathLike | None = None) -> list[Path]:
    """Prepare a folder that AEVB_DATA_DIR can name, for example for a class without a network.

    Every file is copied from where it is found on this machine, else downloaded. A damaged file is replaced, a good one
    left alone, and none is ever seen half written.

    Parameters
    ----------
    names : str or iterable of str
        "mnist", "frey" or "all". The embedded "digits" and "faces" are allowed and need no file.
    to : path, optional
        The folder, made when it does not exist. Default: the one that AEVB_DATA_DIR names, else the cache.

    Returns
    -------
    paths : list of Path
        The files in that folder.

    Raises
    ------
    ValueError
        For a name that is no data set.
    DataFolderError
        When `to` is a file.
    FetchError
        When a file was found nowhere and no address gave it.
    """
    chosen = [names] if isinstance(names, str) else list(names)
    if unknown := [name for name in chosen if name not in ("all", *DATA_SETS)]:
        raise ValueError(f"there is no data set {unknown[0]!r} to fetch; use all, {', '.join(DATA_SETS)}")
    folder = Path(to).expanduser() if to is not None else _named_folder() or cache_folder()
    if folder.exists() and not folder.is_dir():
        raise DataFolderError(f"{folder} is a file; name a folder for the data files, or one that can be made")
    files = [file for name, files in DATA_SETS.items() if name in chosen or "all" in chosen for file in files]
    return [_deliver(file, folder) for file in files]


def _deliver(name: str, folder: Path) -> Path:
    """Make sure that a good copy of one file is in `folder`."""
    found = (_in_folder(name, place) for place in (folder, *_existing_places()))
    source = next((path for path in found if path and _is_good(path, name)), None)
    if source is not None and folder in source.parents:
        return source
    with tempfile.TemporaryDirectory() as scratch:
        source = source or download(name, Path(scratch))
        target = folder / (name if source.suffix == Path(name).suffix else name.removesuffix(".gz"))
        _copy(source, target)
    return target


def _existing_places() -> list[Path]:
    """The folders to look in, without complaint about one that `fetch` may be about to make."""
    named = _named_folder()
    return [*([named] if named else []), cache_folder()]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(source, "rb") as whole, replacing(target) as file:  # the bytes only: a class may read what is new here
        shutil.copyfileobj(whole, file)
