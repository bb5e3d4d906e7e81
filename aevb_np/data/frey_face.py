"""Frey Face: 1,965 video frames of one face, 28 x 20, on which the paper trains a Gaussian decoder (section 5)."""

import io
import math

import numpy as np

from aevb_np.data import fetching
from aevb_np.data.dataset import Dataset
from aevb_np.data.files import FREY
from aevb_np.streams import stream

FRAMES = 1965


def frey_face(n_train: int = 1600, split: str = "random", divisor: float = 256) -> Dataset:
    """`n_train` frames for training and all the others for testing.

    The paper gives neither the split nor the scale. Its curves that ignore z lie where a random split of 1,500 to 1,600
    and pixels / 256 put them. Splits differ by several nats: compare with `pixel_baseline` of your own.

    Parameters
    ----------
    n_train : int
        From 1 to 1,964: the size of the split. `Dataset.first` makes a smaller training set with the same test set.
    split : {"random", "sequential"}
        "random": one permutation, the same for everybody whatever the seed of a run. "sequential": the first `n_train`
        frames of the video; much harder, for the face goes on to do something else.
    divisor : float
        ``x = pixel / divisor``; pixels go from 8 to 238.

    Returns
    -------
    data : Dataset
        ``x_train`` (n_train, 560) and ``x_test`` (1965 - n_train, 560) of uint8; factor "frame": the place in the
        video, 0 to 1964.

    Raises
    ------
    ValueError
        For an argument outside its range.
    DataFolderError, DamagedFileError, FetchError
        See `aevb_np.data.published`.
    """
    if not 1 <= n_train < FRAMES:
        raise ValueError(f"Frey Face has {FRAMES:,} frames; n_train = {n_train:,} is not from 1 to {FRAMES - 1:,}")
    if split not in ("random", "sequential"):
        raise ValueError(f"Frey Face is split at random or sequentially; got {split!r}. Use 'random' or 'sequential'")
    if not 0 < divisor < np.inf:
        raise ValueError(f"pixels are divided by a positive number, 256 as a rule; got {divisor:g}")

    from scipy.io import loadmat

    content = fetching.read(FREY)
    alone = content.size == FRAMES * 560  # from a file that is not the published one
    pixels = content.reshape(FRAMES, 560) if alone else loadmat(io.BytesIO(content.data))["ff"].T
    order = stream("data", seed=0).permutation(FRAMES) if split == "random" else np.arange(FRAMES)
    train, test = order[:n_train], order[n_train:]
    return Dataset(
        name="frey",
        x_train=np.ascontiguousarray(pixels[train]),
        x_test=np.ascontiguousarray(pixels[test]),
        image_shape=(28, 20),
        divisor=divisor,
        decoder="gaussian",
        factors_train=train[:, None].astype(np.float32),
        factors_test=test[:, None].astype(np.float32),
        factor_names=("frame",),
    )


def pixel_baseline(data: Dataset) -> tuple[float, float]:
    """The log-likelihood of a Gaussian decoder that ignores z: a model whose bound is above this has learned something.

        log p(x) = sum_i log N(x_i; m_i, v_i),      m and v: mean and variance of pixel i over the training images

    Parameters
    ----------
    data : Dataset
        With images as they are: not "dynamic".

    Returns
    -------
    train, test : float
        Averages over the images, in nats per image, computed in float64.

    Raises
    ------
    ValueError
        When a pixel is the same in all training images: its likelihood has no upper limit.

    Examples
    --------
    >>> two = Dataset("two", np.array([[0], [2]]), np.array([[4]]), image_shape=(1, 1), divisor=1)
    >>> train, test = pixel_baseline(two)                # m = 1, v = 1
    >>> round(train, 4), round(test, 4)
    (-1.4189, -5.4189)
    """
    if data.binarize == "dynamic":
        raise ValueError("the pixel baseline needs images that stay the same; this data set draws them afresh")
    x_train, x_test = (pixels.astype(np.float64) / data.divisor for pixels in (data.x_train, data.x_test))
    mean, var = x_train.mean(axis=0), x_train.var(axis=0)
    if constant := int((x_train == x_train[0]).all(axis=0).sum()):  # rounding can leave their variance just above 0
        raise ValueError(
            f"{constant} of the {len(var)} pixels of {data.name} are the same in all {len(x_train):,} training images, "
            "so a Gaussian fits them without limit; the pixel baseline needs images in which every pixel varies"
        )

    def log_p(x):
        return float(-0.5 * (np.log(2 * math.pi * var) + (x - mean) ** 2 / var).sum(axis=1).mean())

    return log_p(x_train), log_p(x_test)
