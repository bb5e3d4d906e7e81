"""Which of a student's arrays is which, where shapes do not tell? By what the value does when they are moved.

No formula is used, only the graph, so it is true of wrong values, too. A head whose matrix is zero hides the encoder's
hidden layer; without noise z is mu, and then only the head of mu reaches the decoder; a Gaussian's log-probability is
quadratic in x with a coefficient that only the decoder's log-variance knows.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.problem import Point
from aevb_np.checks.student import Student, StudentError

Arrays = dict[str, NDArray]
NOTHING = 1e-9  # relative to the value


class Probe:
    """The student's value with some arrays zero or moved."""

    def __init__(self, student: Student, shapes: dict[str, tuple[int, ...]], at: Point):
        rng = np.random.default_rng(9)
        self.student, self.at = student, at
        self.start = {name: 0.4 * rng.standard_normal(shape) for name, shape in shapes.items()}
        self.moves = {name: 0.3 * rng.standard_normal(shape) for name, shape in shapes.items()}

    def __call__(
        self, moved: tuple[str, ...] = (), zero: tuple[str, ...] = (), x: float = 0.0, quiet: bool = False
    ) -> float:
        """The value; `x` is added to the data, `quiet` takes the noise away."""
        arrays = {name: np.zeros_like(w) if name in zero else w.copy() for name, w in self.start.items()}
        for name in moved:
            arrays[name] = arrays[name] + self.moves[name]
        at = self.at._replace(x=self.at.x + x, eps=self.at.eps * (not quiet))
        return float(self.student.value_at(arrays, at))

    def meets(self, name: str, others: list[str], zero: tuple[str, ...] = ()) -> bool:
        """Whether, without noise, the value is no sum of a function of one array and a function of another.

        A prior on the parameters is such a sum, and does not count.
        """

        def value(*moved: str) -> float:
            return self(moved, zero, quiet=True)

        start, alone = value(), value(name)
        return any(self.differs(value(name, other) - alone, value(other) - start, abs(start)) for other in others)

    def bends(self, name: str, zero: tuple[str, ...]) -> bool:
        """Whether the curvature in x, straight through to the value, depends on an array."""

        def curvature(moved: tuple[str, ...]) -> float:
            return sum(c * self(moved, zero, x) for c, x in ((1, 0.2), (-2, 0.0), (1, -0.2)))

        return self.differs(curvature((name,)), curvature(()), abs(self((), zero)))

    @staticmethod
    def differs(a: float, b: float, size: float = 0.0) -> bool:
        """Whether it is more than rounding; NaN is no difference."""
        return abs(a - b) > NOTHING * max(abs(a), abs(b), size)


def reading(
    student: Student, shapes: dict[str, tuple[int, ...]], fits: dict[str, list[str]], at: Point
) -> dict[str, str]:
    """array -> its name in the reference, as far as the value's behaviour tells; {} if it tells nothing.

    Parameters
    ----------
    fits : dict
        What each array may be by its shape.
    """
    probe = Probe(student, shapes, at)
    try:
        with np.errstate(all="ignore"):
            return decided(probe, fits)
    except StudentError:
        return {}


def decided(probe: Probe, fits: dict[str, list[str]]) -> dict[str, str]:
    """Each group of arrays of one shape, split by a question of yes or no."""

    def which(*names: str) -> list[str]:
        return [mine for mine, options in fits.items() if set(names) <= set(options)]

    heads, first = tuple(which("phi.mean.W")), tuple(which("phi.hidden.W"))
    through, last = which("theta.hidden.W"), which("theta.logits.W") + which("theta.mean.W")
    known = {mine: options[0] for mine, options in fits.items() if len(options) == 1}

    def split(kind: str, yes: str, no: str, question: Callable[[str], bool]) -> None:
        mine = which(f"{yes}.{kind}", f"{no}.{kind}")
        answers = {name: question(name) for name in mine}
        if not any(answers.values()) and yes == "theta.log_var":  # a squared error has no use for it
            answers = {name: not probe.meets(name, through) for name in mine}
        if len(mine) == 2 and sum(answers.values()) == 1:
            known.update({name: f"{yes if said else no}.{kind}" for name, said in answers.items()})

    split("b", "theta.hidden", "phi.hidden", lambda name: probe.meets(name, last, heads))
    for kind in "Wb":
        split(kind, "phi.mean", "phi.log_var", lambda name: probe.meets(name, through))
        split(kind, "theta.log_var", "theta.mean", lambda name: probe.bends(name, first))
    return known
