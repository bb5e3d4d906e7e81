"""Some pixels were seen, the others were not.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.completion.observation import Observation
from aevb_np.distributions import bernoulli_log_prob, gaussian_log_prob


class Inpainting(Observation):
    """Some pixels are seen as they are, the others not at all.

    Given z the pixels are independent: log p(seen|z) is the decoder's sum over pixels, without the missing ones.

    Parameters
    ----------
    decoder : BernoulliMLP, GaussianMLP
    seen : array of bool, (D,)
        Which pixels are seen, the same in all images.

    Examples
    --------
    >>> from aevb_np import BernoulliMLP
    >>> left_half = Inpainting(BernoulliMLP(2, 5, 4), np.array([True, False, True, False]))
    >>> left_half.view(np.array([[0.1, 0.2, 0.3, 0.4]]))
    array([[0.1, 0.3]])
    """

    def __init__(self, decoder: Any, seen: NDArray):
        super().__init__(decoder)
        seen = np.asarray(seen)
        if seen.shape != (decoder.n_out,) or seen.dtype != bool:
            raise ValueError(
                f"`seen` says of each of {decoder.n_out} pixels whether it is seen, True or False; "
                f"got an array of {seen.dtype}, shape {seen.shape}"
            )
        self.missing = ~seen
        self.places = np.flatnonzero(seen)  # faster to take by than True and False
        self.n_out = len(self.places)

    def bernoulli(self, observed: NDArray, logits: NDArray, value: bool) -> tuple[Any, Callable]:
        """The decoder's sum over pixels, without those that are missing."""
        log_p, back_log_prob = bernoulli_log_prob(observed, self.view(logits), value)

        def backward(dlog_p):
            return (self._everywhere(back_log_prob(dlog_p)),)  # dlogits

        return log_p, backward

    def gaussian(self, observed: NDArray, mu: NDArray, log_var: NDArray, value: bool) -> tuple[Any, Callable]:
        """The decoder's sum over pixels, without those that are missing."""
        log_p, back_log_prob = gaussian_log_prob(observed, self.view(mu), self.view(log_var), value)

        def backward(dlog_p):
            _, dmu, dlog_var = back_log_prob(dlog_p)
            return self._everywhere(dmu), self._everywhere(dlog_var)

        return log_p, backward

    def _everywhere(self, dseen: NDArray) -> NDArray:
        """The gradient in all pixels: none in those that are missing.   (M, n_out) -> (M, D)"""
        d = np.zeros((len(dseen), len(self.missing)), dseen.dtype)
        d[:, self.places] = dseen
        return d

    def view(self, x: NDArray) -> NDArray:
        """The seen pixels."""
        return x[:, self.places]

    def fill(self, observed: NDArray, mean_image: NDArray) -> NDArray:
        """The seen pixels, and the mean image where nothing was seen."""
        x = np.tile(mean_image.astype(observed.dtype), (len(observed), 1))
        x[:, self.places] = observed
        return x

    def describe(self) -> str:
        """How many pixels are missing."""
        D = len(self.missing)
        return f"{D - self.n_out} of {D} pixels are missing; log p(seen|z) is the decoder's sum over the others"


def half(side: str, image_shape: tuple[int, int]) -> NDArray:
    """The pixels of one half of an image: "top", "bottom", "left" or "right".   -> array of bool, (D,)

    Of an odd number of rows or columns the one in the middle belongs to the bottom or right half.

    Examples
    --------
    >>> half("left", (2, 2))
    array([ True, False,  True, False])
    """
    rows, columns = image_shape
    row, column = np.divmod(np.arange(rows * columns), columns)
    halves = {
        "top": row < rows // 2,
        "bottom": row >= rows // 2,
        "left": column < columns // 2,
        "right": column >= columns // 2,
    }
    if side not in halves:
        raise ValueError(f"the halves of an image are {', '.join(halves)}; got {side!r}")
    return halves[side]
