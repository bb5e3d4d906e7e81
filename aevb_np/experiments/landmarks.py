"""Numbers that every VAE meets on its way, whether it learns or not: where it starts, and where it gets stuck."""

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Landmarks:
    """Of one data set, in nats per image; a test computes them again from the data.

    Attributes
    ----------
    pixels : int
        In an image.
    untrained : float
        All parameters near 0: a Bernoulli decoder says 1/2 for every pixel and has -D ln 2; a Gaussian one has mean 1/2
        and variance 1.
    ignores_z : (test, train)
        Every pixel's own mean (and variance) over the training images, and a KL of 0.
    best : float
        The highest value of the curves that are known, for any N_z and number of samples.
    most : float
        What no bound can reach: minus the entropy of the grey pixels themselves; infinite for densities.
    squared : float
        The squared error of a decoder that ignores z, a sum over the pixels: no bound, but often taken for one.
    room : float
        So far a value may be off and is still taken for one of these.
    """

    pixels: int
    untrained: float
    ignores_z: tuple[float, float]
    best: float
    most: float
    squared: float
    room: float

    def plausible(self, nats: float, strict: bool = False) -> bool:
        """Whether somebody's program can have found this; of a unit that few people use, `strict` asks for more."""
        highest = 0.3 * self.best if self.best < 0 else 1.9 * self.best
        lowest = 1.1 * self.untrained if self.best < 0 else 6 * self.untrained
        return lowest <= nats <= (highest if strict or self.best > 0 else 0.01 * self.best)


LANDMARKS = {
    "mnist": Landmarks(784, -784 * math.log(2), (-205.8, -206.3), best=-97.1, most=-45.5, squared=52.9, room=1.0),
    "digits": Landmarks(784, -784 * math.log(2), (-193.5, -193.3), best=-105.2, most=-46.6, squared=47.8, room=1.0),
    "frey": Landmarks(560, -526.2, (579.6, 576.2), best=1488.1, most=math.inf, squared=6.4, room=3.0),
    "faces": Landmarks(560, -525.0, (956.7, 956.9), best=1121.6, most=math.inf, squared=1.9, room=3.0),
}

DEFAULT_RUNS = {  # of `aevb train digits` and `aevb train faces`, seed 0: N_z, samples, test bound
    "digits": (2, 400_000, -146.0),
    "faces": (2, 800_000, 1104.5),
}


def remarks(data: str, nats: float) -> Iterator[str]:
    """What a bound says about the model that has it, where that can be said from the number alone."""
    marks = LANDMARKS[data]
    if abs(nats - marks.untrained) <= max(marks.room, 0.015 * abs(marks.untrained)):
        start = f"{marks.pixels} ln 2 = {-marks.untrained:.2f}" if marks.best < 0 else f"{marks.untrained:.1f}"
        yield f"that is what an untrained model has ({start}): nothing has been learned yet. Did the parameters move?"
        yield "a step size near 0, a warm-up as long as the run or a gradient that is never used leave them there"
    if min(abs(nats - value) for value in marks.ignores_z) <= 2 * marks.room:
        yield f"that is a decoder that ignores z ({marks.ignores_z[0]:.1f} on the test images): look at your KL"
        yield "a KL near 0 weighs too much, or z never reaches the decoder, or training has only begun"
    if nats > marks.best + 0.05 * abs(marks.best):
        yield (
            f"far better than anything known here ({marks.best:.1f}). The usual causes: a squared error in place "
            "of log p(x|z), the KL left out,"
        )
        yield "other pixels (binarised, or on another scale), or z = mu in place of a sample"
    if abs(abs(nats) - marks.squared) <= 0.05 * marks.squared:
        yield f"as a squared error, {marks.squared} (a sum over the pixels) is a decoder that ignores z"
    if nats > marks.most:
        yield (
            f"no bound on these grey pixels can be above {marks.most:.1f}, minus their own entropy: this is no bound, "
            "or the pixels are others"
        )
    if nats < marks.untrained - max(marks.room, 0.015 * abs(marks.untrained)):
        yield (
            f"worse than an untrained model ({marks.untrained:.1f}): a sum over images, pixels that are not divided "
            "by 255, or a training that diverges"
        )
