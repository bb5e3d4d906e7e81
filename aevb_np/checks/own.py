"""A network of any kind, by its own words: encode(parameters, x) and decode(parameters, z) say what its bound is.

From what they give, the bound is put together and held against the value, as with the paper's network.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks import values
from aevb_np.checks.formulas import SAMPLED
from aevb_np.checks.problem import M, Point
from aevb_np.checks.student import LAYOUTS, Arrays, Student, StudentError, Window, called
from aevb_np.checks.units import fixed_variance
from aevb_np.checks.values import Fit, Terms

L = 3


class Own:
    """A student's encode and decode in the place of the package's model."""

    def __init__(self, student: Student, probabilities: bool = False):
        self.student, self.probabilities = student, probabilities
        self.encoder, self.decoder = _Encoder(self), _Decoder(self)
        self.D, self.J = student.size_of("D"), student.size_of("J")


class Held:
    """A student's arrays in the place of `Params`, with the labels of the rows."""

    def __init__(self, arrays: Arrays, labels: tuple[NDArray, ...]):
        self.own, self.labels = arrays, labels
        self.phi = self.theta = self

    def arrays(self) -> Any:
        """(name, array, nothing)."""
        return ((name, w, None) for name, w in self.own.items())


class _Encoder:
    def __init__(self, own: Own):
        self.own = own

    def forward(self, p: Held, x: NDArray) -> tuple[tuple[NDArray, ...], None]:
        """mu and log sigma^2, (M, J)."""
        student = self.own.student
        given = [x.reshape(-1, *student.shape) if student.shape else x]
        answer = by_rows(student, student.encode, p, given)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise StudentError("encode(parameters, x) must give two arrays, mu and log sigma^2", "in encode")
        return tuple(shaped(student, a, self.own.J, "encode") for a in answer), None


class _Decoder:
    def __init__(self, own: Own):
        self.own, student = own, own.student
        self.variance = fixed_variance(student.decoder)
        heads = {"bernoulli": ["logits"], "gaussian": ["mean", "log_var"]}
        self.shapes: dict[str, dict] = dict.fromkeys(["own", *heads.get(student.decoder, ["mean"])], {})

    def forward(self, p: Held, z: NDArray) -> tuple[Any, None]:
        """The logits, the mean, or the mean and the log-variance, (M, D)."""
        student = self.own.student
        answer = by_rows(student, student.decode, p, [z])
        if "log_var" in self.shapes:
            if not isinstance(answer, (tuple, list)) or len(answer) != 2:
                text = "decode(parameters, z) of a Gaussian decoder must give its mean and its log sigma^2"
                raise StudentError(text, "in decode")
            return tuple(shaped(student, a, self.own.D, "decode") for a in answer), None
        output = shaped(student, answer, self.own.D, "decode")
        return (np.log(output / (1 - output)) if self.own.probabilities else output), None


def by_rows(student: Student, function: Any, p: Held, given: list[NDArray]) -> Any:
    """What a function gives for all rows at once, or for each by itself."""
    arrays = {name: w.copy() for name, w in p.own.items()}
    rows = len(given[0])
    labels = [np.tile(y, (rows // len(y), 1)) for y in p.labels]
    if student.one_row:
        answers = [called(function, student.tree(arrays), *(a[m] for a in (*given, *labels))) for m in range(rows)]
        if isinstance(answers[0], (tuple, list)):
            return tuple(np.stack(each) for each in zip(*answers))
        return np.stack(answers)
    turned = [a.T if student.columns else a for a in (*given, *labels)]
    return called(function, student.tree(arrays), *turned)


def shaped(student: Student, array: Any, n: int, place: str) -> NDArray:
    """An answer as (rows, n)."""
    array = np.asarray(array, np.float64)
    array = array.T if student.columns else array.reshape(len(array), -1) if array.ndim > 1 else array
    if array.ndim != 2 or array.shape[1] != n:
        raise StudentError(f"{place} gave an array of shape {array.shape}; it should be (rows, {n})", f"in {place}")
    return array


def even_points(student: Student, shapes: dict[str, tuple[int, ...]]) -> list[Point]:
    """Where the value is compared: parameters so small that no point outweighs the others, whatever the depth is."""
    for size in (0.4, 0.2, 0.1, 0.05):
        found = points(student, shapes, size * student.size)
        value = np.abs([student.value_at(dict(at.p.own), at) for at in found])
        if np.isfinite(value).all() and value.max() < 30 * np.median(value):
            break
    return found


def points(student: Student, shapes: dict[str, tuple[int, ...]], size: float) -> list[Point]:
    """Random ones, in the student's own arrays."""
    samples = 1 if student.layout == LAYOUTS[0] else L
    found = []
    for k in range(values.POINTS):
        rng = np.random.default_rng((100 + k, samples, M))
        arrays = {name: size * rng.standard_normal(shape) for name, shape in shapes.items()}
        x, eps = rng.random((M, student.size_of("D"))), rng.standard_normal((samples * M, student.size_of("J")))
        at = Point(Held(arrays, ()), x, eps)  # type: ignore[arg-type]
        labels = [y.T if student.columns else y for y in student.conditions(at)]
        found.append(at._replace(p=Held(arrays, tuple(labels))))  # type: ignore[arg-type]
    return found


def fit(student: Student, shapes: dict[str, tuple[int, ...]]) -> tuple[Fit | None, Point]:
    """How the value is made of the parts of this network's bound, and a point; None if it is made of something else."""
    those = even_points(student, shapes)
    windows = {name: Window(name, False, 1.0, shape) for name, shape in shapes.items()}
    value = values.at_points(student, windows, those)
    found = None
    for own in [Own(student)] + [Own(student, True)] * (student.decoder == "bernoulli"):
        terms = Terms(own, those, windows)  # type: ignore[arg-type]
        with np.errstate(all="ignore"):
            if own.probabilities and not np.isfinite(terms.reconstruction(values.RIGHT, values.RIGHT)).all():
                break
            found = values.fit(terms, value) or values.fit(terms, value, kl=SAMPLED)
        if found and found.a:
            return found, those[0]
    with np.errstate(all="ignore"):
        return values.named(Terms(Own(student), those, windows), value), those[0]  # type: ignore[arg-type]
