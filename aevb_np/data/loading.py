"""A data set by its name or by the path of a file, as the command line and a saved run know it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aevb_np.data.dataset import Dataset
from aevb_np.data.digits import digits
from aevb_np.data.faces import faces
from aevb_np.data.frey_face import frey_face
from aevb_np.data.mnist import mnist
from aevb_np.data.own import own
from aevb_np.data.reading.formats import KNOWN, labels_in

NAMES: dict[str, Callable[[], Dataset]] = {"digits": digits, "faces": faces, "mnist": mnist, "frey": frey_face}
MNIST_TRAIN = 50_000  # section 5 and Figure 3 of the paper; up to 60,000 can be asked for


def load(
    source: str | os.PathLike,
    train: int | None = None,
    binarize: str | None = None,
    shape: tuple[int, int] | None = None,
    labels: str | os.PathLike | None = None,
    test_fraction: float | None = None,
    decoder: str | None = None,
) -> Dataset:
    """A data set by its name (digits, faces, mnist, frey) or from one's own file or folder.

    Parameters
    ----------
    source : str or path
    train : int, optional
        Keep the first so many training points.
    binarize : {"none", "threshold", "static", "dynamic"}, optional
        For mnist.
    shape, labels, test_fraction, decoder : optional
        For one's own data, see `own`; `labels` is the path of a file here.

    Raises
    ------
    ValueError
        If there is no such data set, or an option is not for it.
    OSError
        If a file cannot be found or read.
    """
    name = str(source)
    mine = {"shape": shape, "labels": labels, "test_fraction": test_fraction, "decoder": decoder}
    given: dict[str, Any] = {option: value for option, value in mine.items() if value is not None}
    if name == "mnist":
        refuse(name, given)
        dataset = mnist(max(MNIST_TRAIN, train or 0), binarize or "none")
    elif name in NAMES:
        refuse(name, given)
        dataset = NAMES[name]()
    elif name and Path(name).expanduser().exists():
        if labels is not None:
            given["labels"] = labels_in(Path(labels))
        dataset = own(name, **given)
    else:
        raise ValueError(
            f"no data set is called {name!r} and no file or folder either; there are {', '.join(NAMES)}, "
            f"or give a {KNOWN}"
        )
    if binarize not in (None, dataset.binarize):
        raise ValueError(f"binarize={binarize!r} is for mnist; the pixels of {name} stay as they are")
    return dataset if train is None else dataset.first(train)


def refuse(name: str, given: dict[str, Any]) -> None:
    """Options for one's own files do not go with a data set that is known by name."""
    given = {option: value for option, value in given.items() if option != "decoder"}
    if given:
        raise ValueError(f"{', '.join(given)}: for one's own files; {name} has them fixed. Leave it out")
