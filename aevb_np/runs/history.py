"""What a run writes down while it trains: a row of bounds now and then, and one at the end.

The rows are the same wherever it ran. A run that ended and went on has a row more, and the mean of the minibatches
after it begins there.
"""

import csv
import dataclasses
import math
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

# Rows come after so many samples: five to a decade, then one every 200,000.
FIRST_MARKS = (10_000, 16_000, 25_000, 40_000, 63_000, 100_000, 160_000, 250_000)
MARK = 200_000


@dataclass(frozen=True)
class Row:
    """One row of the history; bounds in nats per image.

    `train_running` is the mean of the minibatch bounds since the row before, as the paper's author reported it; it lags
    behind `train_bound`, which is evaluated at the parameters of the row. `theta_kl` is KL(q(theta) || p(theta)) / N of
    full variational Bayes, which the bounds do not contain.
    """

    step: int
    samples: int
    train_running: float
    train_bound: float
    test_bound: float
    test_reconstruction: float
    test_kl: float
    test_standard_error: float
    train_reconstruction: float
    train_kl: float
    min_log_var: float
    theta_kl: float = math.nan

    running = "minibatches"  # what the mean of the steps since the row before is called

    def __str__(self):
        return (
            f"{self.samples:>11,} samples   train {self.train_bound:8.2f}   test {self.test_bound:8.2f} {self.equals} "
            f"{self.test_reconstruction:.2f} - KL {self.test_kl:.2f}   nats per image{self.beside}"
        )

    @property
    def brief(self) -> str:
        """The bounds, that of the test images with its two parts."""
        return (
            f"train {self.train_bound:.1f}, test {self.test_bound:.1f} {self.equals} "
            f"{self.test_reconstruction:.1f} - KL {self.test_kl:.1f}{self.beside}"
        )

    @property
    def equals(self) -> str:
        """Between the bound and its parts: "=" for estimator B, "~" for A, that of wake-sleep, which draws its KL."""
        return "=" if abs(self.test_reconstruction - self.test_kl - self.test_bound) < 0.01 else "~"

    @property
    def result(self) -> str:
        """The same as a sentence, with its error."""
        return (
            f"bound {self.test_bound:.2f} +- {self.test_standard_error:.2f} nats per test image (reconstruction "
            f"{self.test_reconstruction:.2f}, KL {self.test_kl:.2f}); train {self.train_bound:.2f}{self.beside}"
        )

    @property
    def beside(self) -> str:
        """What full variational Bayes has beside its bounds."""
        return "" if math.isnan(self.theta_kl) else f", KL(theta)/N {self.theta_kl:.2f}"


@dataclass(frozen=True)
class JointRow:
    """One row of the history of Monte Carlo EM, in nats per training image. There is no bound: it has no encoder.

    `log_joint` is the mean of log p(x, z) at the chains, with the parameters of the row; `log_joint_running` that
    of the steps since the row before. It lies neither above nor below log p(x) by any rule.
    """

    step: int
    samples: int
    log_joint_running: float
    log_joint: float
    acceptance: float

    running = "log p(x, z) at the moves"

    def __str__(self):
        return f"{self.samples:>11,} samples   {self.result}"

    @property
    def brief(self) -> str:
        """log p(x, z), and the share of moves accepted."""
        return f"log p(x, z) at the chains {self.log_joint:.1f}, acceptance {self.acceptance:.2f}"

    @property
    def result(self) -> str:
        """The same as a sentence."""
        return (
            f"log p(x, z) {self.log_joint:.2f} nats per training image at the chains (no bound: there is no encoder); "
            f"acceptance of their moves {self.acceptance:.3f}"
        )


def marks(samples: int) -> int:
    """How many rows there are after so many samples, not counting the one at the end of a run."""
    return sum(mark <= samples for mark in FIRST_MARKS) + max(0, samples // MARK - 1)


def columns(kind: type) -> list[str]:
    """The names of the numbers in a row."""
    return [column.name for column in dataclasses.fields(kind)]


def to_array(history: list, kind: type) -> NDArray:
    """The rows as an array (rows, columns)."""
    return np.array([dataclasses.astuple(row) for row in history], np.float64).reshape(-1, len(columns(kind)))


def from_array(array: NDArray, kind: type) -> list:
    """The rows that `to_array` made an array of."""
    return [kind(int(step), int(samples), *rest) for step, samples, *rest in array.tolist()]


def write_csv(file: IO[str], history: list, kind: type) -> None:
    """A header, then a line for each row; what a model does not have is left empty."""
    writer = csv.writer(file)
    writer.writerow(columns(kind))
    for row in history:
        writer.writerow(["" if value != value else value for value in dataclasses.astuple(row)])
