"""Where runs live on disk: a folder each, made whole or not at all, and `latest`, which names the newest."""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

from aevb_np._atomic import move, replacing

RUNS, LATEST = "runs", "latest"


def find(path: str | os.PathLike) -> Path:
    """The folder or file of a run; `latest` is a text file with the name of a folder beside it, on every system."""
    path = Path(path)
    if path.name == LATEST and path.is_file():
        path = path.parent / path.read_text(encoding="utf-8").strip()
    if not path.exists():
        raise FileNotFoundError(f"there is no run at {path}; `aevb train` makes one")
    return path


def point_latest(folder: Path) -> None:
    """Let `latest` beside this folder name it."""
    with replacing(folder.parent / LATEST, "w") as file:
        file.write(folder.name + "\n")


def create(run: Any, path: Path, number: bool = False) -> Path:
    """A new folder for a run, which holds a checkpoint from its first moment on.

    Parameters
    ----------
    run : Run
    path : Path
    number : bool
        If the folder is there already, try path-2, path-3 and so on.

    Raises
    ------
    OSError
        If it is there already (and `number` is not set) or cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        run.save(part)
        for folder in [path, *(path.with_name(f"{path.name}-{k}") for k in range(2, 10_000 if number else 2))]:
            if folder.exists():
                continue
            try:
                move(part, folder)
            except OSError:
                if folder.exists():  # another process was quicker to take this name
                    continue
                raise
            if folder.parent.name == RUNS:
                with contextlib.suppress(OSError):  # a convenience, and another run may be writing it
                    point_latest(folder)
            return folder
        raise FileExistsError(f"{path} is there already and is not overwritten")
    finally:
        shutil.rmtree(part, ignore_errors=True)
