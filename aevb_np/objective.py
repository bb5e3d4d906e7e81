"""What every algorithm ascends: eq. (8) divided by N, with the prior on the parameters. Section 5."""

import numpy as np
from numpy.typing import NDArray

from aevb_np.optimizers import Optimizer
from aevb_np.params import Params, check_finite, check_moved

PRIORS = ("all", "weights", "none")


def prior_precision(p: Params, which: str) -> NDArray:
    """The precision of the Gaussian prior on every parameter: 1 where N(0, I) lies, 0 where nothing does.   (P,) or ()

    The paper puts the prior on all parameters (section 5); "weights" leaves the biases free, "none" is maximum
    likelihood.
    """
    if which not in PRIORS:
        raise ValueError(f"the prior is on one of {', '.join(PRIORS)}; got {which!r}")
    if which != "weights":
        return np.array(which == "all", p.flat.dtype)
    precision = Params(p.shapes, np.zeros_like(p.flat))
    for _, w, _ in precision.arrays():
        w[...] = w.ndim == 2
    return precision.flat


class Ascent:
    """Moves parameters uphill on eq. (8) divided by N, with the prior on the parameters (section 5).

    Parameters
    ----------
    p : Params
        What is moved, in place. Between `begin` and `step` every backward adds the mean bound's gradient to its own.
    optimizer : Optimizer
    N : int
        Datapoints in the training set.
    precision : array, (P,) or ()
        Of the prior, by `prior_precision`.
    """

    def __init__(self, p: Params, optimizer: Optimizer, N: int, precision: NDArray):
        if N < 1:
            raise ValueError(f"N, the datapoints in the training set, is 1 or more; got {N}")
        self.p, self.optimizer = p, optimizer
        self.slope = -precision / N  # 1/N grad log N(w; 0, I) = -w / N

    def begin(self) -> None:
        """Start the gradient from that of the prior instead of zero, so that zeroing and the prior are one pass."""
        np.multiply(self.p.flat, self.slope, out=self.p.grad)

    def step(self, bound: NDArray) -> None:
        """Move.

        Raises
        ------
        FloatingPointError
            Where a number is not finite any more; if it is the bound or the gradient, the parameters are as they were.
        """
        check_finite(bound, self.p)
        if not self.optimizer.ascend(self.p.flat, self.p.grad):
            check_moved(self.p)
