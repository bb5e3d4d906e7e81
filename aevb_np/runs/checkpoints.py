"""Everything that a stopped run needs to go on, in one .npz file. Written atomically, never pickled."""

import json
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np._atomic import replacing

FORMAT = 1  # of the file; a reader refuses a newer one


def save(path: str | os.PathLike, arrays: dict[str, NDArray], config: dict[str, Any]) -> None:
    """Write named arrays and the settings that they belong to.

    Raises
    ------
    OSError
        When it cannot be written; an older checkpoint at `path` survives.
    """
    with replacing(path) as file:
        np.savez(file, format=np.array(FORMAT), config=np.array(json.dumps(config)), **arrays)  # type: ignore[arg-type]


def load(path: str | os.PathLike) -> tuple[dict[str, NDArray], dict[str, Any]]:
    """Read what `save` wrote: the arrays and the settings.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is damaged, is no checkpoint, or was written by a newer version of this package.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no checkpoint {path}") from None
    with file:
        try:
            with np.load(file, allow_pickle=False) as content:
                arrays = {name: content[name] for name in content.files}
            version = int(arrays.pop("format"))
            config = json.loads(str(arrays.pop("config"))) if version <= FORMAT else {}
        except Exception as error:  # a damaged archive can fail in any way that zipfile, zlib, NumPy and JSON know
            raise ValueError(f"{path} is damaged, or no checkpoint of this package ({type(error).__name__})") from None
    if version > FORMAT:
        raise ValueError(
            f"{path} has format {version}; this version of aevb_np reads up to format {FORMAT}. "
            "Update aevb_np to go on with it"
        )
    return arrays, config
