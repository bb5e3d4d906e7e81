"""What a run writes down while it trains: a row of bounds now and then, and one at the end.

The rows are the same wherever it ran. A run that ended and went on has a row more, and the mean of the minibatches
after it begins there.
"""

import csv
import dataclasses
from typing import IO

import numpy as np
from numpy.typing import NDArray

# Rows come after so many samples: five to a decade, then one every 200,000.
FIRST_MARKS = (10_000, 16_000, 25_000, 40_000, 63_000, 100_000, 160_000, 250_000)
MARK = 200_000


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
