"""Where every random number comes from: a stream named by what it is for, the run's seed and the step.

A stream can be opened at any step without drawing what came before it. So a run can start anywhere, a checkpoint holds
no random state, and evaluating a model never changes how it is trained.
"""

import numpy as np

PURPOSES = ("init", "minibatch", "noise", "binarise", "evaluate", "dreams", "hmc", "data")

LIMIT = 2**32  # NumPy folds larger numbers into several words, and two streams could then be the same


def stream(purpose: str, seed: int, step: int = 0) -> np.random.Generator:
    """The generator for one purpose, one seed and one step.

    Parameters
    ----------
    purpose : str
        One of `PURPOSES`: each is a stream of its own.
    seed, step : int
        From 0 to 2**32 - 1.

    Raises
    ------
    ValueError
        For a seed or step that is no whole number in that range.

    Examples
    --------
    >>> a, b = stream("noise", seed=0, step=7), stream("noise", seed=0, step=7)
    >>> bool(a.normal() == b.normal())
    True
    """
    if purpose not in PURPOSES:
        raise ValueError(f"a stream is for one of {', '.join(PURPOSES)}; got {purpose!r}")
    for name, number in (("seed", seed), ("step", step)):
        if not (isinstance(number, (int, np.integer)) and 0 <= number < LIMIT):
            raise ValueError(f"a {name} is a whole number from 0 to {LIMIT - 1}; got {number}")
    return np.random.default_rng((1 + PURPOSES.index(purpose), seed, step))
