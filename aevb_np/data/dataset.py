"""What every loader returns: pixels as they are stored, and how to turn a minibatch of them into x."""

import dataclasses
import functools
import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images as rows of pixels, kept as stored (uint8: a quarter of float32) and scaled one minibatch at a time.

    Attributes
    ----------
    name : str
        What is printed beside every number: "mnist".
    x_train, x_test : array, (N, D) and (N_test, D)
        Pixels, uint8 as a rule; a person's own numbers may be float32.
    image_shape : (rows, columns)
        With rows * columns = D.
    divisor : float
        ``x / divisor`` is what the model sees.
    decoder : {"bernoulli", "gaussian"}
        The decoder that the paper uses for such data (section 5).
    binarize : {"none", "threshold", "static", "dynamic", "given"}
        How the pixels were, or are ("dynamic": at every minibatch afresh), made binary; "given": they came so.
    labels_train, labels_test : array of int, (N,), or None
    factors_train, factors_test : array, (N, F), or None
        Known continuous causes of the images, one column each.
    factor_names : tuple of str
        The names of those F columns.
    understood : str
        How a person's own file was read; empty for data that are known by name.

    Examples
    --------
    >>> pixels = np.array([[0, 51, 102, 255]], np.uint8)
    >>> four = Dataset("four", pixels, pixels, image_shape=(2, 2), divisor=255)
    >>> four.scale(four.x_train)
    array([[0. , 0.2, 0.4, 1. ]], dtype=float32)
    >>> four.describe()
    'four: 1 training and 1 test images of 2 x 2, pixels / 255, real-valued'
    """

    name: str
    x_train: NDArray
    x_test: NDArray
    image_shape: tuple[int, int]
    divisor: float
    decoder: str = "bernoulli"
    binarize: str = "none"
    labels_train: NDArray | None = None
    labels_test: NDArray | None = None
    factors_train: NDArray | None = None
    factors_test: NDArray | None = None
    factor_names: tuple[str, ...] = ()
    understood: str = ""

    def scale(self, pixels: NDArray, rng: np.random.Generator | None = None, dtype=np.float32) -> NDArray:
        """Rows of pixels as the model sees them: divided by the divisor; "dynamic" then draws Bernoulli(x) by `rng`."""
        x = pixels.astype(dtype)
        x /= self.divisor
        if self.binarize == "dynamic":
            if rng is None:
                raise ValueError("dynamic binarisation draws fresh pixels; pass a generator as rng")
            x = binary(x, rng)
        return x

    def __repr__(self) -> str:
        return f"<{self.describe()}>"

    def within_unit_interval(self) -> bool:
        """Whether every x lies between 0 and 1."""
        return all(x.min() >= 0 and x.max() <= self.divisor for x in (self.x_train, self.x_test))

    def first(self, N: int) -> "Dataset":
        """The same data with the first N training points only."""
        if not 1 <= N <= len(self.x_train):
            raise ValueError(f"{self.name} has {len(self.x_train):,} training points; the first {N:,} were asked for")

        def cut(array):
            return None if array is None else array[:N]

        return dataclasses.replace(
            self,
            x_train=self.x_train[:N],
            labels_train=cut(self.labels_train),
            factors_train=cut(self.factors_train),
        )

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of all pixels and of what makes x of them: a resumed run can tell whether its data changed.

        Labels and factors do not count, for no training looks at them.
        """
        sha256 = hashlib.sha256(f"{float(self.divisor)!r} {self.binarize} {self.image_shape}".encode())
        for pixels in (self.x_train, self.x_test):
            sha256.update(f" {pixels.dtype.str} {pixels.shape} ".encode())
            sha256.update(np.ascontiguousarray(pixels).data)
        return sha256.hexdigest()

    def describe(self) -> str:
        """Name, counts, shape, scaling and binarisation in one line, to stand beside every number."""
        rows, columns = self.image_shape
        values = {
            "none": "real-valued",
            "threshold": "binary (threshold 1/2)",
            "static": "binary (drawn once)",
            "dynamic": "binary (drawn afresh for every minibatch)",
            "given": "binary",
        }[self.binarize]
        scaling = "as they are" if self.divisor == 1 else f"/ {self.divisor:g}"
        return (
            f"{self.name}: {len(self.x_train):,} training and {len(self.x_test):,} test images "
            f"of {rows} x {columns}, pixels {scaling}, {values}"
        )


def binary(x: NDArray, rng: np.random.Generator) -> NDArray:
    """Each pixel drawn from Bernoulli(x), as 0 and 1 in the dtype of x."""
    return (rng.random(x.shape, dtype=np.float32) < x).astype(x.dtype)
