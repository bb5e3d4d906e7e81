"""What the numbers of images mean: grey levels of so many bits, numbers from 0 to 1, or something made of them.

What is recognised is brought to 0..1 and said; what is not, and would train to nonsense, is refused with the way out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NEARLY = 1e-3  # so far outside 0..1 rounding or a resized picture may lie
LEVELS = (1023, 4095, 16_383, 65_535)  # of 10, 12, 14 and 16 bits
DIM = 16  # uint8 that goes no further is taken for levels of few bits, such as scikit-learn's digits
MODEST = 20.0  # numbers up to here a Gaussian decoder can start from
STANDARDISED = {  # the least and the largest of (x - mean) / sd that people write into their loaders
    "MNIST": (0.1307, 0.3081),
    "Fashion-MNIST": (0.2860, 0.3530),
    "KMNIST": (0.1918, 0.3483),
    "MNIST, two digits,": (0.13, 0.31),
    "ImageNet's red": (0.485, 0.229),
    "ImageNet's grey": (0.449, 0.226),
}


class Scale(NamedTuple):
    """How numbers become x = (stored numbers) / divisor.

    Attributes
    ----------
    words : str
        The range that was found and what is made of it.
    shift, factor : float
        (numbers + shift) * factor is stored, if that changes anything.
    dtype : str
        Of what is stored.
    divisor : float
    clip : bool
        Whether what lies beyond 0 and 1 is rounding.
    binary : bool
        Whether only two values are there.
    """

    words: str
    shift: float = 0.0
    factor: float = 1.0
    dtype: str = "float32"
    divisor: float = 1
    clip: bool = False
    binary: bool = False

    def apply(self, x: NDArray) -> NDArray:
        """The numbers to be stored."""
        if self.shift or self.factor != 1:
            x = (x.astype(np.float64) + self.shift) * self.factor
        if self.clip:
            x = np.clip(x, 0, 1)
        if np.dtype(self.dtype).kind == "u" and x.dtype.kind == "f":
            x = np.rint(x)
        return x.astype(self.dtype, copy=False)


def scale_of(name: str, parts: list[NDArray], decoder: str | None) -> Scale:
    """What the numbers of all images mean.

    Parameters
    ----------
    name : str
        What messages call them.
    parts : list of array, (N, D)
        Real numbers, finite.
    decoder : {"bernoulli", "gaussian"} or None
        What was asked for: a Gaussian decoder takes numbers as they are where they mean nothing that is known.

    Raises
    ------
    ValueError
        For numbers that mean nothing that is known and would train to nonsense.
    """
    if parts[0].dtype == np.bool_:
        return Scale("True and False", dtype="uint8", binary=True)
    low, high = (float(f(f(x) for x in parts)) for f in (min_, max_))
    span = f"from {shown(low)} to {shown(high)}"
    if low == high:
        span = f"which are all {shown(low)}: there is nothing to learn"
    if low == high == 0:
        return Scale(f"numbers {span}", dtype="uint8", binary=True)
    values = _two(parts, low, high)
    if values and (low, high) in ((0, 1), (0, 255), (0, 65_535), (-1, 1)):
        said = f"only {shown(low)} and {shown(high)}" + ("" if high == 1 and low == 0 else ", taken for 0 and 1")
        return Scale(said, shift=-low, factor=1 / (high - low), dtype="uint8", binary=True)
    if all(x.dtype.kind in "iu" or (x == np.rint(x)).all() for x in parts):
        return _whole(name, parts, low, high, span, decoder)
    return _real(name, parts, low, high, span, decoder)


def min_(x):
    return x.min() if isinstance(x, np.ndarray) else min(x)


def max_(x):
    return x.max() if isinstance(x, np.ndarray) else max(x)


def _two(parts: list[NDArray], low: float, high: float) -> bool:
    return all(((x == low) | (x == high)).all() for x in parts)


def shown(number: float) -> str:
    """A number in six digits, or in as many as tell it from a whole one.

    >>> shown(255.0), shown(0.1307), shown(1.0000001192)
    ('255', '0.1307', '1.0000001')
    """
    short = f"{number:g}"
    return short if abs(float(short) - number) <= 1e-6 * abs(number) and float(short) % 1 else _exact(number, short)


def _exact(number: float, short: str) -> str:
    return short if float(short) == number else str(np.float32(number))


# -- whole numbers -----------------------------------------------------------------------------------------------------


def _whole(name: str, parts: list[NDArray], low: float, high: float, span: str, decoder: str | None) -> Scale:
    """Grey levels, of as many bits as they need."""
    if low < 0:
        return _negative(name, parts[0].dtype, low, high, span, decoder, whole=True)
    if high <= DIM:
        return Scale(f"whole numbers {span}, divided by {high:g}", dtype="uint8", divisor=high)
    if high <= 255:
        return Scale(f"whole numbers {span}, divided by 255", dtype="uint8", divisor=255)
    if high <= 65_535 and all((x % 257 == 0).all() for x in parts):
        return Scale(f"16 bits {span}, all multiples of 257: 8 bits, divided by 255", 0, 1 / 257, "uint8", 255)
    if high <= 65_535:
        most = next(levels for levels in LEVELS if high <= levels)
        bits = f"{most.bit_length()} bits"
        return Scale(f"whole numbers {span}, taken for {bits} and divided by {most:,}", dtype="uint16", divisor=most)
    raise ValueError(
        f"{name} has whole numbers {span}, more than 16 bits have. If these are grey levels, give x / x.max()"
    )


def _negative(
    name: str, dtype: np.dtype, low: float, high: float, span: str, decoder: str | None, whole: bool
) -> Scale:
    """Numbers below 0, of which nobody can tell what they were made of."""
    if decoder == "gaussian" and dtype.kind == "f":
        return Scale(f"numbers {span}, taken as they are")
    cause, undo = "Grey levels are not negative", "(x - x.min()) / (x.max() - x.min())"
    for half in (128, 32_768):
        if whole and low >= -half and high < half and high - low > half / 2:
            cause = "Grey levels that ran over into the sign? Undo it"
            undo = f"x.astype(int) % {2 * half}, or if {half} was subtracted x.astype(int) + {half}"
            break
    raise ValueError(f"{name} has {'whole ' if whole else ''}numbers {span}. {cause}: give {undo}")


# -- other numbers -----------------------------------------------------------------------------------------------------


def _real(name: str, parts: list[NDArray], low: float, high: float, span: str, decoder: str | None) -> Scale:
    """Numbers that somebody has scaled already."""
    if low >= 0 and high <= 1.0001 / 255:
        twice = "as if pixels had been divided by 255 twice. Give 255 * x"
        what = twice if high > 0.1 / 255 else "almost nothing. Give x / x.max()"
        raise ValueError(f"{name} has numbers {span}, {what}")
    if low >= 0 and high <= 1:
        return Scale(f"numbers {span}, as they are")
    if low >= -NEARLY and high <= 1 + NEARLY:
        out = sum(int(((x < 0) | (x > 1)).sum()) for x in parts)
        return Scale(f"numbers {span}, {out:,} of them cut off at 0 or 1", clip=True)
    if _near(low, -1, 0.1) and _near(high, 1, 0.5) and low >= -1 - NEARLY and high <= 1 + NEARLY:
        return Scale(f"numbers {span}, between -1 and 1, brought to 0..1", shift=1, factor=0.5, clip=True)
    if _near(low, -0.5, 0.05) and _near(high, 0.5, 0.25) and low >= -0.5 - NEARLY and high <= 0.5 + NEARLY:
        return Scale(f"numbers {span}, between -1/2 and 1/2, brought to 0..1", shift=0.5, clip=True)
    if (scale := _standardised(parts, low, high, span)) and decoder != "gaussian":
        return scale
    if decoder != "gaussian" and _pixel_by_pixel(parts):
        raise ValueError(
            f"{name} has numbers {span}, standardised pixel by pixel. Give the pixels as they were before, "
            "or (x.clip(-3, 3) + 3) / 6"
        )
    if low >= 0 and MODEST < high <= 255.5:
        return Scale(f"numbers {span}, divided by 255", factor=1 / 255, clip=True)
    if low >= 0 and 4096 < high <= 65_535.5:
        return Scale(f"numbers {span}, taken for 16 bits and divided by 65,535", factor=1 / 65_535, clip=True)
    if decoder == "gaussian" or max(-low, high) <= MODEST:
        hint = "; x.clip(0, 1) would make grey levels of them" if low > -0.3 and high < 1.3 else ""
        return Scale(f"numbers {span}, taken as they are by a Gaussian decoder{hint}")
    if low < 0:
        return _negative(name, parts[0].dtype, low, high, span, decoder, whole=False)
    raise ValueError(f"{name} has numbers {span}, which are no known range. If these are grey levels, give x / x.max()")


def _pixel_by_pixel(parts: list[NDArray]) -> bool:
    """Whether every pixel that changes has mean 0 and standard deviation 1 of its own."""
    mean, sd = parts[0].mean(axis=0, dtype=np.float64), parts[0].std(axis=0, dtype=np.float64)
    changes = sd > 0
    return bool(np.median(abs(mean[changes])) < 1e-3 and np.median(abs(sd[changes] - 1)) < 1e-2)


def _near(number: float, what: float, room: float) -> bool:
    return abs(number - what) <= room


def _standardised(parts: list[NDArray], low: float, high: float, span: str) -> Scale | None:
    """Numbers from which a mean was subtracted, and that were divided by a standard deviation: back to 0..1."""
    for data, (mean, sd) in STANDARDISED.items():
        if _near(low, -mean / sd, 2e-3) and _near(high, (1 - mean) / sd, 2e-3):
            said = f"numbers {span}: {data} standardised by {mean:g} and {sd:g}, brought back to 0..1"
            return Scale(said, shift=-low, factor=1 / (high - low), clip=True)
    N = sum(x.size for x in parts)
    mean = sum(float(x.sum(dtype=np.float64)) for x in parts) / N
    sd = (sum(float(np.square(x - mean, dtype=np.float64).sum()) for x in parts) / N) ** 0.5
    if low < 0 and abs(mean) < 0.05 and _near(sd, 1, 0.05) and high - low <= MODEST:
        said = f"numbers {span}, standardised (mean {mean:.2f}, standard deviation {sd:.2f}), stretched to 0..1"
        return Scale(said, shift=-low, factor=1 / (high - low), clip=True)
    return None
