"""A run's folder: checkpoint.npz to go on from, best.npz, and config.json and history.csv for people."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np._atomic import replacing
from aevb_np.params import check_moved
from aevb_np.runs import checkpoints
from aevb_np.runs.folders import find
from aevb_np.runs.history import write_csv

CHOSEN = "chosen_on_test"  # in a checkpoint: its parameters were chosen by their bound on the test images


def write(run: Any, path: str | os.PathLike) -> None:
    """Write a `Run` to a folder, made if need be. A best.npz is written when the best came since the last time.

    Raises
    ------
    FloatingPointError
        When a parameter is not finite: such a run is not worth an older checkpoint.
    OSError
        When that cannot be done; an earlier checkpoint in the folder survives.
    """
    check_moved(run.p)
    folder, trainer, settings = Path(path), run.trainer, run.config.as_dict()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {CHOSEN: np.array(True)}
    if trainer.best:
        checkpoints.save(folder / "best.npz", {**trainer.best, **chosen}, settings)
        trainer.best = {}
    arrays = {**trainer.state(), **trainer.memory(), **(chosen if run.chosen_on_test else {})}
    checkpoints.save(folder / "checkpoint.npz", arrays, settings)
    with replacing(folder / "config.json", "w") as file:
        json.dump(settings, file, indent=2)
    with replacing(folder / "history.csv", "w") as file:
        write_csv(file, run.history, trainer.method.row_kind)


def read(path: str | os.PathLike) -> tuple[dict[str, NDArray], dict[str, Any], Path]:
    """The arrays and settings of a run's folder, of `runs/latest` or of one checkpoint, and where that is.

    Raises
    ------
    FileNotFoundError
        If there is no run.
    ValueError
        If its checkpoint is damaged or was written by a newer version.
    """
    place = find(path)
    arrays, settings = checkpoints.load(place / "checkpoint.npz" if place.is_dir() else place)
    return arrays, settings, place


def restore(run: Any, arrays: dict[str, NDArray]) -> None:
    """Bring a new `Run` to where these arrays are.

    Raises
    ------
    KeyError, ValueError
        If one is missing, or does not suit the run's settings.
    """
    run.trainer.restore_state(arrays)
    run.chosen_on_test = CHOSEN in arrays
    if not run.chosen_on_test:
        run.trainer.restore_memory(arrays)
