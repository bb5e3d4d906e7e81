"""Bring published files to this machine, or into a folder for a class; and say which ones are here."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from aevb_np._atomic import replacing
from aevb_np.data import files
from aevb_np.data.published import DATA_SETS, FILES, DamagedFileError, DataFolderError, FetchError, OtherDataError


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
    return files.checked(files.find(name) or download(name, files.cache_folder()), name)


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
    places = " or ".join(str(place) for place in files.existing_places())
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
    where : {"embedded", "local folder", "cached", "damaged", "other data", "not here"}
        "damaged": a file was found, and its bytes are not the published ones. "other data": and are sound.
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
    return [_row(name, names) if names else Row(name, True, "embedded", None, 0) for name, names in DATA_SETS.items()]


def _row(data_set: str, names: tuple[str, ...]) -> Row:
    paths = []
    for name in names:
        path = files.find(name)
        if path is None:
            return Row(data_set, False, "not here", None, sum(FILES[name].size for name in names))
        try:
            files.checked(path, name)
        except DamagedFileError as error:
            where = "other data" if isinstance(error, OtherDataError) else "damaged"
            return Row(data_set, False, where, path, path.stat().st_size)
        paths.append(path)
    folder = files.local_folder()
    where = "local folder" if folder in paths[0].parents else "cached"
    return Row(data_set, True, where, paths[0].parent, sum(path.stat().st_size for path in paths))


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
    folder = Path(to).expanduser() if to is not None else files.named_folder() or files.cache_folder()
    if folder.exists() and not folder.is_dir():
        raise DataFolderError(f"{folder} is a file; name a folder for the data files, or one that can be made")
    wanted = [file for name, names in DATA_SETS.items() if name in chosen or "all" in chosen for file in names]
    return [_deliver(file, folder) for file in wanted]


def _deliver(name: str, folder: Path) -> Path:
    """Make sure that a good copy of one file is in `folder`."""
    found = (files.in_folder(name, place) for place in (folder, *files.existing_places()))
    source = next((path for path in found if path and files.is_good(path, name)), None)
    if source is not None and folder in source.parents:
        return source
    with tempfile.TemporaryDirectory() as scratch:
        source = source or download(name, Path(scratch))
        target = folder / (name if files.is_packed(source) else name.removesuffix(".gz"))
        if name == files.FREY:
            target = target.with_suffix(source.suffix)  # the same frames may have come in another format
        _refuse_other_data(target, name)
        _copy(source, target)
    return target


def _refuse_other_data(target: Path, name: str) -> None:
    """Somebody's good file is never replaced; a damaged one is."""
    if target.is_file():
        try:
            files.checked(target, name)
        except OtherDataError:
            raise
        except DamagedFileError:
            return


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(source, "rb") as whole, replacing(target) as file:  # the bytes only: a class may read what is new here
        shutil.copyfileobj(whole, file)
