"""MNIST: handwritten digits of 28 x 28 pixels, on which the paper trains a Bernoulli decoder (section 5)."""

import numpy as np
from numpy.typing import NDArray

from aevb_np.data import fetching
from aevb_np.data.dataset import Dataset
from aevb_np.streams import stream

BINARIZE = ("none", "threshold", "static", "dynamic")


def mnist(n_train: int = 50_000, binarize: str = "none", divisor: float = 255) -> Dataset:
    """The first `n_train` of the 60,000 training images, and the 10,000 official test images.

    The paper trains on 50,000 (Figure 3) and does not say whether its pixels were binary. Real-valued pixels, fed to
    the Bernoulli cross-entropy, land on its curves; the bound is then no log-probability of anything normalised.

    Parameters
    ----------
    n_train : int
        From 1 to 60,000.
    binarize : {"none", "threshold", "static", "dynamic"}
        "threshold": x >= 1/2. "static": each pixel drawn once from Bernoulli(x), the same draw for everybody.
        "dynamic": pixels stay grey, and `Dataset.scale` draws them afresh for every minibatch.
    divisor : float
        ``x = pixel / divisor``, 255 or more.

    Returns
    -------
    data : Dataset
        ``x_train`` (n_train, 784) and ``x_test`` (10000, 784) of uint8: 0..255, or 0 and 1 with divisor 1 for
        "threshold" and "static". Labels 0..9.

    Raises
    ------
    ValueError
        For an argument outside its range.
    DataFolderError, DamagedFileError, FetchError
        See `aevb_np.data.published`.
    """
    if not 1 <= n_train <= 60_000:
        raise ValueError(f"MNIST has 60,000 training images; n_train = {n_train:,} is not from 1 to 60,000")
    if binarize not in BINARIZE:
        raise ValueError(f"MNIST is binarised by one of {', '.join(BINARIZE)}; got {binarize!r}")
    if not 255 <= divisor < np.inf:
        raise ValueError(f"MNIST's pixels go up to 255 and x to 1; divide by 255 or more, not by {divisor:g}")

    x_train = read_idx("train-images-idx3-ubyte.gz", 2051)[:n_train].reshape(n_train, 784)
    x_test = read_idx("t10k-images-idx3-ubyte.gz", 2051).reshape(10_000, 784)
    if binarize == "threshold":
        for pixels in (x_train, x_test):
            np.greater_equal(pixels, divisor / 2, out=pixels)
    elif binarize == "static":
        for step, pixels in enumerate((x_train, x_test)):
            draw_in_place(pixels, divisor, stream("binarise", seed=0, step=step))
    return Dataset(
        name="mnist",
        x_train=x_train,
        x_test=x_test,
        image_shape=(28, 28),
        divisor=1 if binarize in ("threshold", "static") else divisor,
        binarize=binarize,
        labels_train=read_idx("train-labels-idx1-ubyte.gz", 2049)[:n_train].astype(np.int64),
        labels_test=read_idx("t10k-labels-idx1-ubyte.gz", 2049).astype(np.int64),
    )


def draw_in_place(pixels: NDArray[np.uint8], divisor: float, rng: np.random.Generator, rows: int = 1000) -> None:
    """Replace every pixel by a draw from Bernoulli(pixel / divisor), some rows at a time: float32 takes much room.

    The first N rows come out the same however many follow them.
    """
    for start in range(0, len(pixels), rows):
        block = pixels[start : start + rows]
        x = block.astype(np.float32)
        x /= divisor
        np.less(rng.random(x.shape, dtype=np.float32), x, out=block)


def read_idx(name: str, magic: int) -> NDArray[np.uint8]:
    """One of the four files, found or fetched, checked and parsed."""
    return parse_idx(fetching.read(f"mnist/{name}"), magic, name)


def parse_idx(content: NDArray[np.uint8], magic: int, name: str = "the file") -> NDArray[np.uint8]:
    """The array in an IDX file: a magic number, one size for each dimension, then the bytes; integers are big-endian.

    Parameters
    ----------
    content : array of uint8, (bytes,)
        The whole file, unpacked.
    magic : {2051, 2049}
        Images or labels: 0x0803 or 0x0801, whose last byte counts the dimensions.
    name : str
        What errors call it.

    Returns
    -------
    array of uint8
        (N, rows, columns) or (N,); a view of `content`.

    Raises
    ------
    ValueError
        For another magic number, or more or fewer bytes than the sizes in the header ask for.

    Examples
    --------
    >>> parse_idx(np.array([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4], np.uint8), magic=2049)
    array([5, 0, 4], dtype=uint8)
    """
    kinds = {2051: "images", 2049: "labels"}
    start = 4 + 4 * (magic % 256)
    if len(content) < start:
        raise ValueError(f"{name} ends inside its header: {len(content)} of {start} bytes. Fetch it again")
    found, *shape = (int(number) for number in content[:start].view(">u4"))
    if found != magic:
        is_other = f", which means {kinds[found]}" if found in kinds else ""
        raise ValueError(f"an IDX file of {kinds[magic]} starts with the number {magic}; {name} has {found}{is_other}")
    expected = int(np.prod(shape, dtype=object))
    if len(content) - start != expected:
        raise ValueError(
            f"{name} announces {' x '.join(map(str, shape))} = {expected:,} bytes; "
            f"it holds {len(content) - start:,}. Fetch it again"
        )
    return content[start:].reshape(shape)
