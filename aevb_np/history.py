"""What a run writes down while it trains: a row of bounds now and then, the same rows wherever and however it ran."""

import csv
import dataclasses
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
    behind `train_bound`, which is evaluated at the parameters of the row.
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

    def __str__(self):
        return (
            f"{self.samples:>11,} samples   train {self.train_bound:8.2f}   test {self.test_bound:8.2f} = "
            f"{self.test_reconstruction:.2f} - KL {self.test_kl:.2f}   nats per image"
        )


COLUMNS = [column.name for column in dataclasses.fields(Row)]


def marks(samples: int) -> int:
    """How many rows there are after so many samples, not counting the one at the end of a run."""
    return sum(mark <= samples for mark in FIRST_MARKS) + max(0, samples // MARK - 1)


def to_array(history: list[Row]) -> NDArray:
    """The rows as an array (rows, columns)."""
    return np.array([dataclasses.astuple(row) for row in history], np.float64).reshape(-1, len(COLUMNS))


def from_array(array: NDArray) -> list[Row]:
    """The rows that `to_array` made an array of."""
    return [Row(int(step), int(samples), *rest) for step, samples, *rest in array.tolist()]


def write_csv(file: IO[str], history: list[Row]) -> None:
    """A header, then a line for each row; what a model does not have is left empty."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for row in history:
        writer.writerow(["" if value != value else value for value in dataclasses.astuple(row)])
