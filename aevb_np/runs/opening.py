"""The front door: a new run on any data, or a saved one."""

import os
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from aevb_np.data.dataset import Dataset
from aevb_np.data.loading import NAMES
from aevb_np.data.loading import load as load_data
from aevb_np.data.own import own
from aevb_np.runs import saving
from aevb_np.runs.config import Config, configure
from aevb_np.runs.run import Run


def start(dataset: Dataset | ArrayLike | str | os.PathLike, **settings: Any) -> Run:
    """A new run on a data set.

    Parameters
    ----------
    dataset : Dataset, array, name or path
        "digits", "faces", "mnist" or "frey"; an array of images, a file or a folder is read as `aevb_np.data.own` says.
    **settings
        Any field of `Config`: latent (J), hidden (H), minibatch (M), draws (L), estimator, optimizer, step, warmup,
        prior, seed, dtype, samples, ... What is left out is as `configure` says: as in the paper, for its data.

    Raises
    ------
    ValueError
        If a setting is unknown or out of range, or the data cannot be used.
    """
    if isinstance(dataset, str | os.PathLike) and "data" not in settings:
        settings["data"] = str(dataset) if str(dataset) in NAMES else str(Path(dataset).expanduser().resolve())
    dataset = as_dataset(dataset, settings.get("decoder"))
    run = Run(configure(dataset, **settings), dataset)
    run.usual_warmup = settings.get("warmup") is None
    return run


def as_dataset(data: Any, decoder: str | None = None) -> Dataset:
    """A data set as it is, by its name or path, or made of an array of images."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, str | os.PathLike):
        return load_data(data, decoder=decoder)
    if isinstance(data, list | tuple) or hasattr(data, "__array__"):
        return own(data, decoder=decoder)
    raise ValueError(
        f"training needs a Dataset such as aevb_np.data.digits(), a name ({', '.join(NAMES)}), the path of a file or "
        f"folder, or an array of images; got {type(data).__name__}"
    )


def load(path: str | os.PathLike, dataset: Dataset | ArrayLike | str | os.PathLike | None = None) -> Run:
    """A run from its folder, from `runs/latest` or from one checkpoint such as `best.npz`.

    Parameters
    ----------
    path : path
    dataset : Dataset, array, name or path, optional
        The data it was trained on, as for `start`; by default they are loaded again when they are needed.

    Raises
    ------
    FileNotFoundError
        If there is no run.
    ValueError
        If its checkpoint is damaged or was written by a newer version, or the data are not those of the run.
    """
    arrays, settings, place = saving.read(path)
    if isinstance(dataset, str | os.PathLike):
        settings, dataset = {**settings, "data": str(Path(dataset).expanduser().resolve())}, None
    elif dataset is not None and not isinstance(dataset, Dataset):
        dataset = as_dataset(dataset, settings.get("decoder"))
        if dataset.digest != settings.get("digest"):
            raise ValueError(f"{place} was trained on other data than these: {settings.get('description')}")
    try:
        run = Run(Config.from_dict(settings), dataset)
        saving.restore(run, arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{place} holds no complete run: {error}") from None
    return run
