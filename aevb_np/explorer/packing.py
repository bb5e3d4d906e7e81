"""Numbers and images in few bytes: weights in 8 bits that draw nearly the same images, and grey PNGs."""

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aevb_np.numerics import sigmoid as sigmoid_of

CLOSE = 0.015  # of the range of a pixel: what rounding may change before 8 bits are too few
DAMPING = 1e-3  # of the mean square of a hidden unit, against a singular matrix


@dataclass(frozen=True)
class Rounded:
    """A matrix in whole numbers, every column in units of its own."""

    whole: NDArray  # (n, m), int8 or int16
    unit: NDArray  # (m,), float32

    def numbers(self) -> NDArray:
        """The matrix that they stand for."""
        return self.whole * self.unit

    def as_text(self, b: ArrayLike | None = None) -> dict[str, Any]:
        """For JSON, as base64 of little-endian numbers; with the bias of a layer, if there is one."""
        text = {"bits": 8 * self.whole.itemsize, "whole": encode(self.whole), "unit": encode(self.unit)}
        return text if b is None else {**text, "b": encode(np.asarray(b, np.float32))}


def encode(array: NDArray) -> str:
    """The bytes of an array in base64."""
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()


def units(W: NDArray, bits: int) -> tuple[int, NDArray]:
    """The largest whole number, and what each column is counted in."""
    top = 2 ** (bits - 1) - 1
    unit = (np.abs(W).max(axis=0) / top).astype(np.float32)
    unit[unit == 0] = 1
    return top, unit


def rounded(W: NDArray, bits: int) -> Rounded:
    """Every number rounded for itself."""
    top, unit = units(W, bits)
    return Rounded(np.round(W / unit).clip(-top, top).astype(f"int{bits}"), unit)


def rounded_together(W: NDArray, h: NDArray, bits: int) -> Rounded:
    """W rounded row by row, where the rows still to come make up for what was lost, so that h W stays what it was.

    Hidden units move together: a 2-D code has 500 of them, and what one loses another can give. Given the units
    already rounded, least squares over the rows of h say how the others move best, and all these regressions are in
    one Cholesky factor of (h'h)^-1 (what is known as optimal brain surgeon, or GPTQ, where language models are
    concerned). The largest error of a pixel is a third to a fifth of what plain rounding leaves.

    Parameters
    ----------
    W : array, (H, D)
    h : array, (M, H)
        Hidden units at the z that matter.
    bits : int
    """
    top, unit = units(W, bits)
    W = W.astype(np.float64)  # a copy, which takes up the losses
    second = h.T @ h / len(h)
    second[np.diag_indices_from(second)] += DAMPING * np.trace(second) / len(second) + 1e-12
    U = np.linalg.cholesky(np.linalg.inv(second)).T
    whole = np.empty(W.shape, f"int{bits}")
    for i in range(len(W)):
        whole[i] = np.round(W[i] / unit).clip(-top, top)
        lost = (W[i] - whole[i] * unit) / U[i, i]
        W[i + 1 :] -= np.outer(U[i, i + 1 :], lost)
    return Rounded(whole, unit)


def smallest(W: NDArray, b: NDArray, h: NDArray, sigmoid: bool) -> dict[str, Any]:
    """An output layer as text, in 8 bits if the images at every second row of h hardly change, else in 16."""

    def image(W, b):
        a = h[1::2] @ W + b
        return sigmoid_of(a) if sigmoid else np.clip(a, 0, 1)  # a screen shows no more

    found = rounded_together(W, h[::2], 8)
    bias = b + h[::2].mean(axis=0) @ (W - found.numbers())  # what is still lost on average
    if np.abs(image(found.numbers(), bias) - image(W, b)).max(initial=0) > CLOSE:
        found, bias = rounded(W, 16), b
    return found.as_text(bias)


def png(grey: NDArray) -> bytes:
    """A grey picture, (height, width) of uint8, as a PNG file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = grey.shape
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)  # eight bits, grey, nothing interlaced
    lines = np.insert(grey, 0, 0, axis=1).tobytes()  # every line begins with the number of its filter: none
    data = zlib.compress(lines, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
