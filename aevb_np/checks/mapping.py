"""The student's code in the reference's terms: which array is which, what is summed, what goes up."""

import contextlib
import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks import shares, structure, values
from aevb_np.checks.formulas import SAMPLED
from aevb_np.checks.numeric import apart
from aevb_np.checks.problem import H_ENCODER, L, M, Point, model_of, point
from aevb_np.checks.reference import LATENT, Path, paths, priors, summed
from aevb_np.checks.student import LAYOUTS, Student, StudentError, Windows, arrays_for, candidates, log_sigma_heads
from aevb_np.checks.values import Fit, Terms, Units
from aevb_np.model import VAE

Arrays = dict[str, NDArray]
EQUAL = 1e-6
MOST = 256  # readings of the student's arrays to be tried: more than there are for either decoder


class Mapping(NamedTuple):
    """A student's VAE read as the package's."""

    student: Student
    model: VAE
    windows: Windows
    found: Fit | None  # how the value is made of the reference's parts
    many: Units | None  # what that means for a batch
    one: Units | None  # and for one row with one sample
    sure: bool = True  # whether it is known which array is which

    @property
    def bound(self) -> bool:
        """Whether the value is the paper's bound, in some unit."""
        known = self.many
        return self.exact and known is not None and max(abs(known.reconstruction - 1), abs(known.kl - 1)) < values.SAME

    @property
    def exact(self) -> bool:
        """Whether the value is made of the reference's parts, with the KL in closed form."""
        return self.found is not None and not self.found.faults and not self.found.sampled

    @property
    def sampled(self) -> bool:
        """Whether it is made of these, with the KL sampled: estimator A."""
        return self.found is not None and not self.found.faults and self.found.sampled

    def gradient(self, at: Point) -> Arrays:
        """The student's gradient in the reference's arrays: of the bound, summed over the rows, to go up.

        What has another shape than its parameter is left out.
        """
        unit = self.units(at).unit
        return {name: g / unit for name, g in self.as_given(at).items()}

    def as_given(self, at: Point) -> Arrays:
        """The same in the student's own units."""
        yours = self.student.gradients_at(arrays_for(self.windows, at.p), at)
        like = {name: w for name, w, _ in at.p.arrays()}
        return {
            window.name: window.back(yours[mine], like[window.name])
            for mine, window in self.windows.items()
            if mine in yours and yours[mine].shape == window.shape
        }

    def unit_of_gradients(self, at: Point) -> float | None:
        """In what the gradients are those of the right bound, whatever the value is; None if they are not."""
        yours = self.as_given(at)
        weights = dict.fromkeys(LATENT, self.student.kl_weight)
        ways = {way: {name: weights.get(way[0], 1.0) * g for name, g in arrays.items()}
                for way, arrays in paths(self.model, at).items()}  # fmt: skip
        bound, prior = summed(ways), summed(priors(at))
        for unit in (1.0, -1.0, 1 / len(at.x), -1 / len(at.x)):
            of_value = self.found.prior if self.found else dict.fromkeys(bound, 0.0)
            for c in of_value, {name: unit * (c != 0) for name, c in of_value.items()}:  # as it is, or once
                right = {name: unit * bound[name] + c[name] * prior[name] for name in yours}
                if len(yours) == len(self.windows) and all(apart(yours[name], g) < EQUAL for name, g in right.items()):
                    return unit
        return None

    def paths(self, at: Point, rows: NDArray | None = None, samples: NDArray | None = None) -> dict[Path, Arrays]:
        """The reference's gradient of the student's value, path by path, in the same terms."""
        known = self.units(at)
        factors = dict.fromkeys(LATENT, known.all_of_kl)
        found = {
            path: {name: factors.get(path[0], known.reconstruction) * g for name, g in arrays.items()}
            for path, arrays in paths(self.model, at, rows, samples, self.sampled).items()
        }
        for path, arrays in priors(at).items():
            found[path] = {name: known.prior[name] * g for name, g in arrays.items()}
        return found

    def units(self, at: Point) -> Units:
        """Those for this number of rows."""
        known = self.many if len(at.x) > 1 else self.one
        assert known is not None
        return known

    def mine(self, name: str) -> str:
        """What the student calls an array of the reference."""
        return next(mine for mine, window in self.windows.items() if window.name == name)


def models(student: Student) -> list[VAE]:
    """The paper's models that the student may have written down."""
    H = student.size_of("H")
    both = (H, H_ENCODER) if student.names is not None and "H" not in student.sizes else (H, H)
    means = (True, False) if student.decoder != "bernoulli" else (True,)
    sizes = student.size_of("J"), student.size_of("D"), student.units
    return [model_of(student.decoder, both, sigmoid_mean, *sizes) for sigmoid_mean in means]


def samples_of(student: Student) -> int:
    """L: 1 unless eps has room for more."""
    return 1 if student.layout == LAYOUTS[0] else L


def find(student: Student) -> Mapping | None:
    """The reading with which the value is the paper's bound, else the likeliest one with which it is explained.

    None if there is no reading at all: the arrays are not those of the paper's network.
    """
    guesses, sure = [], student.names is not None
    for model in models(student):
        terms = Terms(model, values.points_for(model, samples_of(student), M))
        known: dict[str, str] = {}

        def ask(shapes, fits, known=known, at=terms.points[0]):
            known.update(structure.reading(student, shapes, fits, at))
            return known

        for k, windows in enumerate(itertools.islice(candidates(student, model, ask), MOST)):
            value = values.at_points(student, windows, terms.points)
            found = values.fit(terms, value) or values.fit(terms, value, kl=SAMPLED)
            if found and found.a:
                return mapped(student, model, windows, found)
            if k == 0:
                guesses.append((model, windows))
                sure |= set(known) == set(windows)
    for model, windows in guesses:
        if read := explained(student, model, windows):
            return mapped(student, model, *read)
    return Mapping(student, *guesses[0], None, None, None, sure) if guesses else None


def exactly(student: Student, most: int = 24) -> Fit | None:
    """How the value is made of the parts of a declared network, if it is and no other fault is in it."""
    for model in models(student):
        points = values.points_for(model, samples_of(student), M)
        terms = Terms(model, points)

        def ask(shapes, fits, at=points[0]):
            return structure.reading(student, shapes, fits, at)

        for windows in itertools.islice(candidates(student, model, ask), most):
            value = values.at_points(student, windows, points)
            found = values.fit(terms, value) or values.fit(terms, value, kl=SAMPLED)
            if found and found.a and found.b * found.a < 0:
                return found
    return None


def explained(student: Student, model: VAE, windows: Windows) -> tuple[Windows, Fit] | None:
    """What a value is made of that is not the bound, with as few faults as possible.

    Whether a head gives log sigma or log sigma^2 may make one fault or another of the same value: both are told.
    """
    found = [(one, fit) for one in read_otherwise(student, model, windows) if (fit := with_faults(student, model, one))]
    fewest = min((values.lines(fit) for _, fit in found), default=0)
    best = [(one, fit) for one, fit in found if values.lines(fit) == fewest]
    if len(best) > 1 and best[0][0] == windows and best[0][1].faults:
        return windows, best[0][1]._replace(otherwise=best[1][1].faults)
    return best[0] if best else None


def read_otherwise(student: Student, model: VAE, windows: Windows) -> list[Windows]:
    """The windows, and the same with heads that give log sigma."""
    if student.names is not None:
        return [windows]
    found = []
    for heads in log_sigma_heads(model):
        factors = {mine: 2.0 if heads and one.name.startswith(heads) else 1.0 for mine, one in windows.items()}
        found.append({mine: one._replace(factor=factors[mine]) for mine, one in windows.items()})
    return found


def with_faults(student: Student, model: VAE, windows: Windows) -> Fit | None:
    """The value with what students write in place of its parts."""
    terms = Terms(model, values.points_for(model, samples_of(student), M), windows)
    value = values.at_points(student, windows, terms.points)
    asked = student, windows, model, samples_of(student), M
    found = values.with_others(terms, value, unused(student, windows, terms.points), called(windows))
    found = found or values.by_array(*asked) or shares.fit(*asked)
    return found or values.named(terms, value) or shares.by_formula(*asked)


def called(windows: Windows) -> dict[str, str]:
    """What the student calls the reference's arrays."""
    return {window.name: mine for mine, window in windows.items()}


def unused(student: Student, windows: Windows, points: list[Point]) -> list[str]:
    """The reference's names of the arrays that can be anything without the value taking note."""
    at, other = points[:2]
    here, there = arrays_for(windows, at.p), arrays_for(windows, other.p)
    value = student.value_at(here, at)
    return [window.name for mine, window in windows.items()
            if student.value_at(here | {mine: there[mine]}, at) == value]  # fmt: skip


def mapped(student: Student, model: VAE, windows: Windows, found: Fit) -> Mapping:
    """The mapping, once it is known what the value is made of."""
    many = values.units(found, M, student.sign, student.scale, student.kl_weight)
    if found.faults or found.sampled:
        return Mapping(student, model, windows, found, many, None)
    with contextlib.suppress(StudentError):  # it may not run with one row
        terms = Terms(model, values.points_for(model, 1, 1))
        alone = values.fit(terms, values.at_points(student, windows, terms.points))
        alone = alone or values.by_array(student, windows, model, 1, 1)
        if alone and alone.a:
            one = values.units(alone, 1, int(np.sign(many.unit)), None, student.kl_weight)
            return Mapping(student, model, windows, found, many, one)
    return Mapping(student, model, windows, found, many, None)


def problem_for(mapping: Mapping | None, student: Student) -> Point:
    """Where the gradients are checked."""
    model = mapping.model if mapping else models(student)[0]
    return point(model, student.seed, samples_of(student), scale=student.size)
