"""How every algorithm ends its step: the pull of the prior on the parameters, a look at the numbers, and uphill."""

from numpy.typing import NDArray

from aevb_np.optimizers import Optimizer
from aevb_np.params import Params, check_finite, check_moved

PRIORS = ("all", "weights", "none")


def under_prior(p: Params, which: str) -> list[tuple[NDArray, NDArray]]:
    """The arrays on which the prior N(0, I) of the parameters lies, each with its gradient.

    The paper puts it on all parameters (section 5); "weights" leaves the biases free, "none" is maximum likelihood.
    """
    if which not in PRIORS:
        raise ValueError(f"the prior is on one of {', '.join(PRIORS)}; got {which!r}")
    if which == "all":
        return [(p.flat, p.grad)]
    return [(w, dw) for _, w, dw in p.arrays() if which == "weights" and w.ndim == 2]


class Ascent:
    """Moves parameters uphill on eq. (8) divided by N, with the prior on the parameters (section 5).

    Parameters
    ----------
    p : Params
        What is moved, in place. Its gradient is that of the mean bound when `step` is called.
    optimizer : Optimizer
    N : int
        Datapoints in the training set.
    prior : list of (array, gradient)
        What the prior lies on, by `under_prior`.
    """

    def __init__(self, p: Params, optimizer: Optimizer, N: int, prior: list[tuple[NDArray, NDArray]]):
        self.p, self.optimizer, self.N, self.prior = p, optimizer, N, prior

    def step(self, bound: NDArray) -> None:
        """Move.

        Raises
        ------
        FloatingPointError
            Where a number is not finite any more; if it is the bound or the gradient, the parameters are as they were.
        """
        for w, dw in self.prior:
            dw -= w / self.N  # 1/N grad log N(w; 0, I)
        check_finite(bound, self.p)
        self.optimizer.ascend(self.p.flat, self.p.grad)
        check_moved(self.p)
