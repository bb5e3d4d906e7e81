"""A drawn data set, a block of images at a time: row i depends on the seed and on i alone, however many are drawn."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aevb_np.streams import stream

BLOCK = 1_000  # images drawn from one stream, and held in memory at a time
TEST = 2**31  # the block that the test set begins with, beyond those of any training set


def in_blocks(draw_block: Callable[..., tuple[NDArray, ...]], n: int, seed: int, first: int = 0) -> list[NDArray]:
    """Arrays of n rows, drawn by ``draw_block(rng, rows)`` one block at a time, each from a stream of its own.

    Block k is drawn from the stream of step ``first + k``. `draw_block` draws its random numbers for a whole block
    whatever the rows it is asked for.
    """
    if n < 1:
        raise ValueError(f"a data set has at least 1 training and 1 test image; got {n}")
    starts = range(0, n, BLOCK)
    blocks = [draw_block(stream("data", seed, first + k), min(BLOCK, n - start)) for k, start in enumerate(starts)]
    return [np.concatenate(arrays) for arrays in zip(*blocks)]
