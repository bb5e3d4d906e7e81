"""The first fault on the way back in a network of any kind, with no reference to compare with.

For one datapoint the gradient of a weight matrix is the outer product of its layer's input and of its delta. An array
feeds a layer if the input changes when the array is moved. So it shows in which order a backward pass meets the layers:
of the wrong ones, the first is where the fault is, for every gradient computed earlier is correct. Where the numbers
before the units can be put together from the inputs, the ratio of delta and measured delta names a slope.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks import black_box, tables
from aevb_np.checks.hygiene import copied
from aevb_np.checks.names import kind_of_factor, told
from aevb_np.checks.numeric import apart
from aevb_np.checks.problem import Point
from aevb_np.checks.report import Finding
from aevb_np.checks.student import Student, StudentError
from aevb_np.checks.units import UNITS

Arrays = dict[str, NDArray]
EQUAL = 1e-5
ROWS = 3
FAMILY = "one step of the way back"


class Layer(NamedTuple):
    """A weight matrix, the biases beside it, and the arrays that feed it; `turned` if its rows are the outputs."""

    weights: str
    biases: str
    feeders: frozenset[str]
    turned: bool


def layers(student: Student, parameters: Arrays, at: Point) -> list[Layer]:
    """The layers, those first that a backward pass meets first; none if the code cannot be asked for one row."""
    try:
        one = at.row(0)
        here = directions(student.gradients_at(copied(parameters), one))
        rng, moved = np.random.default_rng(2), {}
        for name, w in parameters.items():
            other = copied(parameters) | {name: w + 0.1 * rng.standard_normal(np.shape(w))}
            moved[name] = directions(student.gradients_at(other, one))
    except (StudentError, ValueError, KeyError, np.linalg.LinAlgError):
        return []
    found = []
    for name, sides in here.items():
        changed = [frozenset(other for other, there in moved.items() if other != name and name in there
                             and not parallel(there[name][k], sides[k])) for k in (0, 1)]  # fmt: skip
        turned = len(changed[1]) < len(changed[0])  # the input depends on fewer arrays than the delta
        found.append(Layer(name, beside(student, parameters, one, sides[0 if turned else 1]), changed[turned], turned))
    return sorted(found, key=lambda layer: -len(layer.feeders))


def directions(gradients: Mapping[str, NDArray]) -> dict[str, tuple[NDArray, NDArray]]:
    """The two vectors of every gradient that is an outer product, each of length 1."""
    found = {}
    for name, g in gradients.items():
        if g.ndim == 2 and min(g.shape) > 1 and np.isfinite(g).all():
            U, s, V = np.linalg.svd(g)
            if s[0] > 0 and s[1] < 1e-9 * s[0]:
                found[name] = U[:, 0], V[0]
    return found


def parallel(a: NDArray, b: NDArray) -> bool:
    """Whether two vectors of length 1 are the same, or opposite."""
    return a.shape == b.shape and abs(abs(float(a @ b)) - 1) < 1e-9


def beside(student: Student, parameters: Arrays, one: Point, delta: NDArray) -> str:
    """The biases whose gradient is the delta of a layer."""
    for name, g in student.gradients_at(copied(parameters), one).items():
        vector = np.ravel(g)
        length = np.linalg.norm(vector)
        if len(vector) == len(delta) == max(np.shape(g), default=0) and length > 0 and parallel(vector / length, delta):
            return name
    return ""


def in_order(found: list[Layer], names: list[str]) -> list[str]:
    """The arrays as a backward pass meets them; those of no layer come last."""
    ordered = [name for layer in found for name in (layer.biases, layer.weights) if name]
    return [*dict.fromkeys(ordered), *(name for name in names if name not in ordered)]


def check(
    student: Student, found: list[Layer], parameters: Arrays, at: Point, yours: Arrays, table: tables.Table,
    constants: Mapping[str, int],
) -> list[Finding]:  # fmt: skip
    """What can be said of the wrong gradients beyond each by itself."""
    wrong = tables.wrong(table.rows)
    if any(name not in yours or yours[name].shape != table.gradients[name].shape for name in wrong):
        return []
    if not all(np.isfinite(yours[name]).all() for name in yours):
        return []
    try:
        said = shares(student, parameters, at, yours, table.gradients, constants)
        return said or first_on_the_way_back(student, found, parameters, at, yours, table, constants)
    except (StudentError, np.linalg.LinAlgError):
        return []


def shares(
    student: Student, parameters: Arrays, at: Point, yours: Arrays, measured: Arrays, constants: Mapping[str, int]
) -> list[Finding]:
    """How often the named parts of the value are in the gradients, or that one of them is of another function."""
    names = list(student.parts_at(copied(parameters), at))
    if len(names) < 2:
        return []
    gradients = {part: {name: m.gradient for name, m in tables.measure(
        lambda p, part=part: student.parts_at(p, at)[part], parameters).items()} for part in names}  # fmt: skip
    columns = [np.concatenate([g[name].ravel() for name in measured]) for g in gradients.values()]
    whole = np.concatenate([np.asarray(yours[name], float).ravel() for name in measured])
    counts, *_ = np.linalg.lstsq(np.stack(columns, 1), whole, rcond=None)
    if apart(np.stack(columns, 1) @ counts, whole) < EQUAL:
        odd = [(part, float(c)) for part, c in zip(names, counts) if abs(c - 1) > 1e-4]
        said = [f"{part!r} {enters(c, constants)}" for part, c in odd]
        text = f"of the value's parts {' and '.join(said)}"
        label = ",".join(f"{part}:{told(c, constants)}" for part, c in odd)
        place = "the parts of the value in the gradients"
        return [Finding(f"part:{label}", place, "a part of the value", text, whole=True)]
    return of_another_loss(student, parameters, at, names, gradients)


def enters(c: float, constants: Mapping[str, int]) -> str:
    """What a coefficient that is not 1 says."""
    said = told(c, constants)
    return {"0": "is missing from the gradients", "-1": "has the wrong sign in the gradients"}.get(
        said, f"is in the gradients {said} times")  # fmt: skip


def of_another_loss(
    student: Student, parameters: Arrays, at: Point, names: list[str], gradients: dict[str, Arrays]
) -> list[Finding]:
    """The share of the KL is right where nothing comes back from the reconstruction, the rest is of another loss."""
    calm = at._replace(eps=at.eps + 1)
    here, there = (student.parts_at(copied(parameters), one) for one in (at, calm))
    rest = [part for part in names if here[part] != there[part]]
    kl = [part for part in names if part not in rest and any(g.any() for g in gradients[part].values())]
    if len(kl) != 1 or not rest:
        return []
    outside = [name for name, g in gradients[kl[0]].items() if not g.any()]
    still = {name: np.zeros_like(w) if name in outside else w for name, w in parameters.items()}
    true = tables.measure(lambda p: student.value_at(p, at), still)
    asked = student.gradients_at(copied(still), at)
    if not outside or any(apart(asked[name], true[name].gradient) > EQUAL for name in still if name not in outside):
        return []
    said = " and ".join(map(repr, rest))
    text = f"the share of {kl[0]!r} in the gradients is right; the rest is not the gradient of {said}"
    if is_a_gradient(student, parameters, at):
        text += ", but that of another function: one loss is reported, another one is followed"
    return [Finding("part:another loss", f"the gradients of {said}", "a part of the value", text, whole=True)]


def is_a_gradient(student: Student, parameters: Arrays, at: Point, h: float = 1e-5) -> bool:
    """Whether the gradients are those of some function: then their derivatives are symmetric."""
    rng = np.random.default_rng(3)
    u, v = ({name: rng.standard_normal(np.shape(w)) for name, w in parameters.items()} for _ in range(2))

    def slope(along: Arrays, of: Arrays) -> float:
        up, down = (student.gradients_at({n: w + s * h * along[n] for n, w in parameters.items()}, at) for s in (1, -1))
        return sum(float(((up[n] - down[n]) * of[n]).sum()) for n in parameters) / (2 * h)

    one, other = slope(u, v), slope(v, u)
    return abs(one - other) < 1e-5 * max(abs(one), abs(other))


def first_on_the_way_back(
    student: Student, found: list[Layer], parameters: Arrays, at: Point, yours: Arrays, table: tables.Table,
    constants: Mapping[str, int],
) -> list[Finding]:  # fmt: skip
    """The first layer with a wrong gradient, and what is known of the step to it."""
    wrong = tables.wrong(table.rows)
    layer = next((one for one in found if one.weights in wrong or one.biases in wrong), None)
    if layer is None or not any(one.feeders for one in found):
        return []
    before = [one for one in found if len(one.feeders) > len(layer.feeders)]
    nearer = [name for one in before for name in (one.biases, one.weights) if name]
    own = [name for name in (layer.biases, layer.weights) if name and name in wrong]
    if len(own) < 2 and layer.biases:
        return []  # one of two that have the same delta: it is no step of the way back
    name = layer.weights
    place = f"{name}{f' and {layer.biases}' if layer.biases else ''}"
    place += ", the output layer" * (not nearer)
    right = f"; {', '.join(nearer)}, nearer the output, {'is' if len(nearer) == 1 else 'are'} right" * bool(nearer)
    a, n = np.asarray(yours[name], float), table.gradients[name]
    c = float((a * n).sum() / max((n * n).sum(), 1e-300))
    if c and apart(a, c * n) < EQUAL:
        said = told(c, constants)
        how = "has the wrong sign" if said == "-1" else f"is {said} times what it should be"
        text = f"{place}: what comes to it {how}"
        kind = kind_of_factor(said)
    elif black_box.array_faults(name, a, n, constants):
        return []  # there are better words for it
    else:
        text, kind = f"{place}: {slope_of(student, layer, found, parameters, at)}", FAMILY
    text += right
    if nearer:
        text += ". Every gradient computed earlier in the backward pass is correct; the error starts here"
    return [Finding(f"first:{name}", place, kind, text, whole=True)]


def slope_of(student: Student, layer: Layer, found: list[Layer], parameters: Arrays, at: Point) -> str:
    """Which slope is missing, or stands for another, if the ratio of delta and measured delta tells."""
    general = "what comes back to it, or the slope of its units, is wrong"
    rows = [read_row(student, layer, found, parameters, at.row(m)) for m in range(ROWS)]
    rows = [row for row in rows if row is not None]
    if len(rows) < ROWS:
        return general
    a, delta, true = (np.stack(each) for each in zip(*rows))
    for name, unit in UNITS.items():
        slope = unit.slope(a)
        if name == "linear" or not fits_forward(name, student, layer, found, parameters, at):
            continue
        before = true / np.where(slope, slope, np.nan)  # what comes back, before the slope
        h = unit.f(a)
        tried = {"1": np.ones_like(a), f"{unit.words} of h, after the unit": unit.slope(h), "1 - h": 1 - h, "h": h,
                 "the slope twice": slope**2, "1 - a^2": 1 - a**2}  # fmt: skip
        tried |= {f"{other.words}, that of {called}": other.slope(a) for called, other in UNITS.items()
                  if called not in (name, "linear")}  # fmt: skip
        for said, wrong in tried.items():
            known = np.isfinite(before)
            if known.sum() > 3 and apart(delta[known], (before * wrong)[known]) < 1e-4:
                if said == "1":
                    missing = f"the slope of its {name} units, {unit.words}, is missing"
                    return f"{missing}: {layer.weights} lacks a slope before it"
                return f"the slope of its {name} units is {unit.words}; yours is {said}"
    return general


def read_row(
    student: Student, layer: Layer, found: list[Layer], parameters: Arrays, one: Point
) -> tuple[NDArray, NDArray, NDArray] | None:
    """What the layer's units take, your delta and the measured one, for one row."""
    u = input_of(student, layer, found, parameters, one)
    if u is None:
        return None
    W = parameters[layer.weights].T if layer.turned else parameters[layer.weights]
    a = u @ W + (parameters[layer.biases].ravel() if layer.biases else 0.0)
    name = layer.weights
    mine = student.gradients_at(copied(parameters), one)[name]
    true = tables.measure_one(lambda p: student.value_at(p, one), parameters, name).gradient
    deltas = ((g.T if layer.turned else g).T @ u / (u @ u) for g in (mine, true))
    return (a, *deltas)


def input_of(
    student: Student, layer: Layer, found: list[Layer], parameters: Arrays, one: Point
) -> NDArray | None:
    """The numbers that a layer is fed with, for one row: its gradient has their direction, but not their size."""
    gradients = student.gradients_at(copied(parameters), one)
    g = gradients[layer.weights].T if layer.turned else gradients[layer.weights]
    if layer.biases:
        delta = gradients[layer.biases].ravel()
        return g @ delta / (delta @ delta)
    x = one.x.ravel()
    if not layer.feeders and len(x) == len(g):
        return x
    before = [other for other in found if other.weights in layer.feeders]
    last = max(before, key=lambda other: len(other.feeders), default=None)
    if last is None:
        return None
    u = input_of(student, last, found, parameters, one)
    if u is None:
        return None
    W = parameters[last.weights].T if last.turned else parameters[last.weights]
    a = u @ W + (parameters[last.biases].ravel() if last.biases else 0.0)
    side = np.linalg.svd(g)[0][:, 0]
    for unit in UNITS.values():
        h = unit.f(a)
        if len(h) == len(side) and parallel(h / max(np.linalg.norm(h), 1e-300), side):
            return h
    return None


def fits_forward(
    name: str, student: Student, layer: Layer, found: list[Layer], parameters: Arrays, at: Point
) -> bool:
    """Whether a layer that this one feeds is fed with these units."""
    one = at.row(0)
    u = input_of(student, layer, found, parameters, one)
    after = sorted((other for other in found if layer.weights in other.feeders), key=lambda other: len(other.feeders))
    if u is None or not after:
        return False
    W = parameters[layer.weights].T if layer.turned else parameters[layer.weights]
    h = UNITS[name].f(u @ W + (parameters[layer.biases].ravel() if layer.biases else 0.0))
    sides = directions(student.gradients_at(copied(parameters), one)).get(after[0].weights)
    if sides is None:
        return False
    return parallel(h / max(np.linalg.norm(h), 1e-300), sides[after[0].turned])
