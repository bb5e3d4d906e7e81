"""Is the value the bound of the paper? A gradient check cannot tell: the gradient of a wrong formula can be right.

The value is computed at a few random points and written as

    value = a reconstruction + b KL + c prior + constant

with the parts of the reference. If that fits exactly, a and b tell sign and scale, and a wrong factor in one of them
names itself. If not, every part is replaced by what students write in its place (`formulas`), until something fits.
"""

import functools
import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.facts import check_sampler
from aevb_np.checks.formulas import (
    BERNOULLI,
    GAUSSIAN,
    HARMLESS,
    KL,
    LOG_VAR,
    NOISE,
    PAIRED,
    RIGHT,
    SAME_SIGMA,
    SAMPLED,
    fixed,
)
from aevb_np.checks.names import told
from aevb_np.checks.numeric import combination
from aevb_np.checks.problem import Point, point
from aevb_np.checks.report import Finding
from aevb_np.checks.student import Student, Windows, arrays_for
from aevb_np.model import VAE
from aevb_np.params import Params
from aevb_np.reparameterization import repeat

POINTS, MANY = 9, 24  # more than the numbers to be found
EXACT = 1e-7  # of the value; log(y + 1e-8) for log y changes it by less
SAME = 1e-4  # for coefficients
SMALL = 0.05  # times the parameters at which the value is compared


class Fit(NamedTuple):
    """value = a reconstruction + b KL + sum_w c_w (-w^2 / 2) + constant, and which formulas the parts are."""

    a: float
    b: float
    prior: dict[str, float]  # c_w for every array w
    constant: float
    faults: tuple[str, ...] = ()
    sampled: bool = False  # the KL is: estimator A
    otherwise: tuple[str, ...] = ()  # the faults, if the encoder's head gives log sigma


class Terms:
    """The parts of the value at every point, in every variant, computed once."""

    def __init__(self, model: VAE, points: list[Point], windows: Windows | None = None, log_var: str = "",
                 paired: Callable = repeat):  # fmt: skip
        self.likelihoods = likelihoods_of(model)
        self.model, self.points, self.windows, self.paired = model, points, windows or {}, paired
        self.encoded = [model.encoder.forward(at.p.phi, at.x)[0] for at in points]
        if log_var:
            self.encoded = [(mu, LOG_VAR[log_var](s)) for mu, s in self.encoded]
        names = [name for name, _, _ in points[0].p.arrays()]
        arrays = [{name: w for name, w, _ in at.p.arrays()} for at in points]
        self.log_prior = {name: np.array([-0.5 * (one[name] ** 2).sum() for one in arrays]) for name in names}
        groups = ([n for n in names if (np.ndim(arrays[0][n]) > 1) == weights] for weights in (True, False))
        self.groups = [group for group in groups if group]
        self.shares = dict.fromkeys(names, 1.0) | {w.name: w.factor**-2 for w in self.windows.values()}
        self.known: dict[tuple, NDArray] = {}
        self.outputs: dict[str, list[tuple[NDArray, ...]]] = {}

    @functools.cached_property
    def prior(self) -> list[NDArray]:
        """log N(w; 0, I) of the student's arrays, without its constant, for each group with one coefficient.

        An array that makes log sigma is half of that which makes log sigma^2.
        """
        shared = {name: share * self.log_prior[name] for name, share in self.shares.items()}
        return [sum((shared[name] for name in group), np.zeros(())) for group in self.groups]

    def reconstruction(self, noise: str, likelihood: str) -> NDArray:
        """One number for each point: the mean over samples, the sum over rows and pixels, without log 2 pi."""
        key = noise, likelihood
        if key not in self.known:
            if noise not in self.outputs:
                self.outputs[noise] = [self.decoded(*pair, noise) for pair in zip(self.points, self.encoded)]
            log_px, each = self.likelihoods[likelihood], zip(self.points, self.outputs[noise])
            self.known[key] = np.array([log_px(*output).sum() / at.samples for at, output in each])
        return self.known[key]

    def decoded(self, at: Point, encoded: tuple[NDArray, NDArray], noise: str = RIGHT) -> tuple[NDArray, ...]:
        """What a likelihood is made of, for every sample: x, and the logits or the mean and log-variance."""
        mu, log_var = (repeat(array, at.samples) for array in encoded)
        output, _ = self.model.decoder.forward(at.p.theta, mu + NOISE[noise](log_var, at.eps, len(at.x)))
        return (self.paired(at.x, at.samples), *(output if isinstance(output, tuple) else (output,)))

    def prior_of(self, coefficients: Iterable[float]) -> dict[str, float]:
        """The prior's coefficient for every array of the reference, from those of the groups."""
        return {name: float(c) * self.shares[name] for group, c in zip(self.groups, coefficients) for name in group}

    def kl(self, kind: str) -> NDArray:
        """One number for each point, the sum over the rows."""
        if kind == SAMPLED:
            return np.array([self.sampled_kl(*pair) for pair in zip(self.points, self.encoded)])
        if (kind,) not in self.known:
            self.known[kind,] = np.array([KL[kind](mu, log_var).sum() for mu, log_var in self.encoded])
        return self.known[kind,]

    def sampled_kl(self, at: Point, encoded: tuple[NDArray, NDArray]) -> float:
        """The mean over the samples of log q(z|x) - log p(z), the sum over the rows."""
        mu, log_var = (repeat(array, at.samples) for array in encoded)
        z = mu + np.exp(0.5 * log_var) * at.eps
        return float(0.5 * (z**2 - at.eps**2 - log_var).sum() / at.samples)


def likelihoods_of(model: Any) -> dict[str, Callable]:
    """The formulas of log p(x|z), the right one first, as functions of x and of what the decoder gives."""
    if "logits" in model.decoder.shapes:
        return BERNOULLI
    return GAUSSIAN if "log_var" in model.decoder.shapes else fixed(model.decoder.variance)


def points_for(model: VAE, samples: int, rows: int, count: int = POINTS) -> list[Point]:
    """Where the value is compared."""
    return [point(model, seed=100 + k, samples=samples, rows=rows) for k in range(count)]


def at_points(student: Student, windows: Windows, points: list[Point]) -> NDArray:
    """The student's value at every point."""
    return np.array([float(student.value_at(arrays_for(windows, at.p), at)) for at in points])


def cleaned(coefficients: NDArray) -> NDArray:
    """Zero for what is only rounding."""
    return np.where(np.abs(coefficients) > 1e-6, coefficients, 0.0)


def fit(terms: Terms, value: NDArray, noise: str = RIGHT, likelihood: str = RIGHT, kl: str = RIGHT) -> Fit | None:
    """The coefficients of the parts, if they make the value exactly."""
    columns = [terms.reconstruction(noise, likelihood), terms.kl(kl), *terms.prior, np.ones(len(value))]
    found = combination(columns, value)
    if found is None or found[1] > EXACT:
        return None
    a, b, *c, constant = map(float, cleaned(found[0]))
    return Fit(
        a,
        b,
        terms.prior_of(c),
        constant,
        tuple(kind for kind in (noise, likelihood, kl) if kind not in (RIGHT, SAMPLED)),
        kl == SAMPLED,
    )


def by_array(student: Student, windows: Windows, model: VAE, samples: int, rows: int) -> Fit | None:
    """The right value, with a prior that counts otherwise in every array."""
    terms = Terms(model, points_for(model, samples, rows, MANY))
    terms.groups = [[name] for group in terms.groups for name in group]
    found = fit(terms, at_points(student, windows, terms.points))
    return found if found and found.a else None


def named(terms: Terms, value: NDArray) -> Fit | None:
    """The value as a combination of what students write, with as few faults as possible."""
    kinds = list(itertools.product(NOISE, terms.likelihoods, KL))
    kinds = [three for three in kinds if three.count(RIGHT) > 0]  # two faults at most
    kinds.sort(key=lambda three: -three.count(RIGHT))
    for noise, likelihood, kl in near(terms, value, kinds):
        found = fit(terms, value, noise, likelihood, kl)
        if found and found.a:
            return found
    for text in LOG_VAR:
        found = fit(Terms(terms.model, terms.points, terms.windows, log_var=text), value)
        if found and found.a:
            return found._replace(faults=(text,))
    for text, paired in PAIRED.items():
        found = fit(Terms(terms.model, terms.points, terms.windows, paired=paired), value)
        if found and found.a:
            return found._replace(faults=(text,))
    return None


def near(terms: Terms, value: NDArray, kinds: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Those of the combinations that come near the value: all are tried at once, for there are many."""
    rest = [*terms.prior, np.ones(len(value))]
    columns = [[terms.reconstruction(noise, likelihood), terms.kl(kl), *rest] for noise, likelihood, kl in kinds]
    X = np.array(columns).transpose(0, 2, 1)  # (kinds, points, parts)
    with np.errstate(all="ignore"):  # some formulas do not suit the numbers
        Q, _ = np.linalg.qr(X / np.linalg.norm(X, axis=1, keepdims=True))
        left = value - (Q @ (value @ Q)[:, :, None])[:, :, 0]  # value @ Q is (kinds, parts)
        off = np.linalg.norm(left, axis=1) / np.linalg.norm(value)
    return [three for three, much in zip(kinds, off) if much < 2 * EXACT]


def with_others(terms: Terms, value: NDArray, unused: list[str], called: dict[str, str]) -> Fit | None:
    """The right value, but for one array that its bound does not read: there are zeros, or another, in its place.

    `unused` are those without which the value is the same; any other may still be read by the prior.
    """
    likes = {name: w.shape for name, w, _ in terms.points[0].p.arrays()}
    for name in sorted(likes, key=lambda name: name not in unused):
        for other in [None, *(n for n, shape in likes.items() if shape == likes[name] and n != name)]:
            instead_of = Terms(terms.model, [instead(at, name, other) for at in terms.points], terms.windows)
            instead_of.log_prior = terms.log_prior
            found = fit(instead_of, value)
            if found and found.a:
                where = (
                    f"{called[name]} is never used; where it belongs there is {called[other] if other else 'nothing'}"
                )
                nothing_else = " but for its prior" * (name not in unused)
                return found._replace(faults=(f"{UNUSED}{called[name]}{nothing_else}: {where}",))
    return None


def instead(at: Point, name: str, other: str | None) -> Point:
    """The same point with another array, or zeros, in the place of one."""
    p = Params(at.p.shapes)
    p.flat[:] = at.p.flat
    arrays = {n: w for n, w, _ in p.arrays()}
    arrays[name][...] = arrays[other] if other else 0.0
    return at._replace(p=p)


def elsewhere(student: Student, windows: Windows, model: VAE, found: Fit, samples: int, rows: int) -> list[Finding]:
    """Whether the value is made of the same parts where the parameters are small, and so is the KL.

    A floor that is not reached at ordinary parameters shows there.
    """
    for part, (phi, theta) in {"": (SMALL, SMALL), "the KL": (SMALL, 0.0)}.items():
        points = points_for(model, samples, rows)
        for at in points:
            at.p.phi.flat *= phi
            at.p.theta.flat *= theta
        terms = Terms(model, points)
        kl = terms.kl(SAMPLED if found.sampled else RIGHT)
        made = found.a * terms.reconstruction(RIGHT, RIGHT) + found.b * kl + found.constant
        made += sum((c * terms.log_prior[name] for name, c in found.prior.items()), np.zeros(()))
        off = np.abs(at_points(student, windows, points) - made).max() / np.abs(made).max()
        if off < 1e-5 and not part:
            return []
        if off >= 1e-5:
            place = part or "the reconstruction"
    text = "where the parameters are small, and with them the KL, the value is another: is there a floor or a clip?"
    return [fault("elsewhere", "a formula", text, f"{place}, where the parameters are small")]


class Units(NamedTuple):
    """In what the student counts: `unit` is what the bound, summed over the rows and to go up, is multiplied with.

    `reconstruction`, `kl` and `prior` are the factors with which these enter then; 1, 1 and anything are right.
    """

    unit: float
    reconstruction: float
    kl: float
    prior: dict[str, float]
    weight: float = 1.0  # of the KL, as declared: the value has kl times as much of it

    @property
    def all_of_kl(self) -> float:
        """How often the KL enters."""
        return self.kl * self.weight


def units(found: Fit, rows: int, sign: int | None, scale: str | None, weight: float) -> Units:
    """The units that leave least to complain about, unless they are declared."""
    signs = [sign] if sign else [1 if found.a > 0 else -1]
    scales = [{"sum": 1.0, "mean": 1 / rows}[scale]] if scale else [1.0, 1 / rows]
    options = [s * c for s in signs for c in scales]

    def off(unit):
        factors = found.a / unit, -found.b / unit / weight
        return sum(abs(k - 1) > SAME for k in factors), sum(abs(abs(k) - 1) > SAME for k in factors)

    unit = min(options, key=off)
    prior = {name: c / unit for name, c in found.prior.items()}
    return Units(unit, found.a / unit, -found.b / unit / weight, prior, weight)


def lines(found: Fit) -> int:
    """How many lines have to be mended; a sigma that is wrong in z and in the KL alike stands in one."""
    return len(found.faults) - (len(found.faults) == 2 and SAME_SIGMA.get(found.faults[0]) == found.faults[1])


def judge(
    found: Fit, at: Point, units: Units, student: Student, gradients: str = ""
) -> tuple[list[Finding], list[str]]:
    """What is wrong with the value, and what is worth a note; `gradients` are "of the value", "of the bound" or ""."""
    findings = [formula(text) for text in found.faults if text not in HARMLESS]
    if len(found.faults) == 2 and lines(found) == 1:
        findings = [findings[0]._replace(text=f"{found.faults[0]}; and the KL has the same sigma")]
    constants, M = at.constants, len(at.x)
    k_r, k_kl = units.reconstruction, units.kl
    notes = [direction(units.unit, M), *sampled(found), *(text for text in found.faults if text in HARMLESS)]
    if findings and found.otherwise and gradients != "of the bound":  # which of the two, only who wrote it knows
        text = f"{findings[0].text}; or, if your head gives log sigma, {' and '.join(found.otherwise)}"
        places = dict.fromkeys([findings[0].place.removesuffix(MAYBE), *map(place_of, found.otherwise)])
        findings = [findings[0]._replace(text=text, place=" or ".join(places) + ", by what the head is meant to give")]
    if found.sampled:
        notes.append("the KL is sampled, not in closed form: estimator A, eq. (6)")
    summed, ratio = abs(abs(units.unit) - 1) < SAME, abs(k_kl / k_r)
    if abs(k_r - k_kl) < SAME * k_r and abs(k_r - 1) > SAME and student.scale is None:
        said, how = plainest(k_r * abs(units.unit), M, constants)
        text = f"the value is {said} times the bound, {how} over the rows"
        if gradients == "of the bound":
            text += ", of which the gradients are right" + (said == "M") * ": did (M, 1) and (M,) become (M, M)?"
            findings.append(fault("scales", "a term", text, "its scale as a whole"))
        elif said in ("2", "1/2") or set(said) & set("MLDJ"):
            text += "; it should be once that, and no other scale"
            findings.append(fault("scales", "a term", text, "its scale as a whole"))
        else:
            notes.append(text + "; its gradients are so too" * (gradients == "of the value"))
    elif abs(ratio * M - 1) < SAME and summed:
        text = "the reconstruction is summed over the rows, the KL is averaged"
        findings.append(fault("scales", "a term", text, BESIDE))
    elif abs(ratio * M - 1) < SAME and abs(k_r - 1) < SAME:
        text = "the KL enters the value 1/M times: it is divided by the number of rows twice"
        findings.append(fault("scales", "a term", text, "the KL: how often it enters"))
    elif abs(ratio / M - 1) < SAME:
        text = "the KL is summed over the rows, the reconstruction is averaged"
        findings.append(fault("scales", "a term", text, BESIDE))
    else:
        for name, k in (("reconstruction", k_r), ("KL", k_kl)):
            if abs(k - 1) > SAME:
                text, where = f"the {name} {enters(k, constants)}", f"the {name}: how often it enters"
                findings.append(fault(f"{name}:{told(k, constants)}", "a term", text, where))
    return findings, notes


MAYBE = " (its gradient may be right for it)"
BESIDE = "the reconstruction beside the KL: sums and means over the rows"


def plainest(k: float, M: int, constants: dict[str, int]) -> tuple[str, str]:
    """How many times the sum over the rows, or their mean, a value is: whichever has the shorter name."""
    said = (told(k, constants), "summed"), (told(k * M, constants), "averaged")
    return min(said, key=lambda one: (not set(one[0]) & set("MLDJ") and one[0] not in ("2", "1/2"), len(one[0])))


def fault(label: str, family: str, text: str, place: str) -> Finding:
    """A finding about the value."""
    return Finding(f"value:{label}", place + MAYBE, family, text, part="value")


def formula(text: str) -> Finding:
    """A finding about one of the formulas that the value is made of; what is drawn counts as the sampler's."""
    finding = fault(f"formula:{text}", "a formula", text, place_of(text))
    return finding._replace(part="sampler", place=place_of(text)) if text in NOISE else finding


def place_of(text: str) -> str:
    """The part of the value in which a formula stands."""
    if text in NOISE:
        return "z = mu + sigma eps"
    if text in LOG_VAR:
        return "the encoder's log_var, on its way into the value"
    if " of log p(z)" in text or " of log q(z|x)" in text:
        return "log p(z) - log q(z|x)"
    if text in KL or text.startswith("the KL"):
        return "the KL"
    if text in BERNOULLI or text in GAUSSIAN or text.startswith("the reconstruction"):
        return "the reconstruction, log p(x|z)"
    if text.startswith(UNUSED):
        return text.removeprefix(UNUSED).partition(":")[0].removesuffix(" but for its prior") + " and its layer"
    return "what counts in it"


UNUSED = "the value does not depend on "


def sampled(found: Fit) -> list[str]:
    """What a sample of z, drawn as the value draws it, says of its moments; nothing if it is drawn rightly."""
    noise = next((text for text in found.faults if text in NOISE), None)
    if noise is None:
        return []
    drawn = check_sampler(lambda mu, log_var, eps: mu + NOISE[noise](log_var, eps, len(eps)))
    return ["z as the value draws it: " + ", ".join(drawn.notes)] if drawn.findings else []


def enters(k: float, constants: dict[str, int]) -> str:
    """What a wrong coefficient says."""
    said = told(k, constants)
    if said == "0":
        return "is missing from the value"
    return "has the wrong sign in the value" if said == "-1" else f"enters the value {said} times"


def direction(unit: float, M: int) -> str:
    """In words."""
    kind = "a bound, to go up" if unit > 0 else "a loss, to go down"
    return f"the value is {kind}, {'the sum' if abs(abs(unit) - 1) < SAME else 'the mean'} over the rows of x"
