"""Which local derivative is wrong? With one row and one sample the gradient of a bias *is* the delta of its layer.

So the deltas of the student's backward pass can be read off, and every step from one to the next held against what the
step should be, *given the student's own delta before it*: a fault further up does not hide one here. When a step is
wrong, the formulas that students write in its place are tried; all rows and all units must agree on one.
"""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks import batches, slopes
from aevb_np.checks.mapping import Mapping
from aevb_np.checks.names import kind_of_factor, told
from aevb_np.checks.numeric import apart
from aevb_np.checks.paths import surplus
from aevb_np.checks.problem import Point
from aevb_np.checks.reference import BACKWARD_ORDER, MODEL_PARTS, activations, backward_order, priors, summed, units_of
from aevb_np.checks.report import Finding

Arrays = dict[str, NDArray]
EQUAL = 1e-6
ROWS = 3


class Rows(NamedTuple):
    """A few rows, each by itself: the numbers of the forward pass and the student's gradients, (rows, ...)."""

    numbers: Arrays
    gradients: Arrays
    weights: Arrays
    reconstruction: float  # how often each enters the student's value: 1 when that is right
    kl: float


def observe(mapping: Mapping, at: Point) -> Rows:
    """Ask the student for the gradients of single rows; what they have of a prior on the parameters is taken off."""
    alone = [at.row(m) for m in range(ROWS)]
    known = mapping.units(alone[0])
    answers = [mapping.gradient(one) for one in alone]
    minus_w = summed(priors(at))
    more = surplus(mapping, at, mapping.gradient(at))
    rescaled = mapping.units(at).unit / known.unit
    prior = {name: (known.prior[name] + rescaled * more.get(name, 0.0)) * w for name, w in minus_w.items()}
    names = set.intersection(*(set(answer) for answer in answers))
    gradients = {name: np.stack([answer[name] for answer in answers]) - prior[name] for name in names}
    together = Point(at.p, at.x[:ROWS], at.eps[:ROWS])
    weights = {name: w for name, w, _ in at.p.arrays() if name.endswith(".W")}
    return Rows(activations(mapping.model, together), gradients, weights, known.reconstruction, known.all_of_kl)


def check(mapping: Mapping, at: Point) -> list[Finding]:
    """Walk back through the layers, each given what the student has before it."""
    rows = observe(mapping, at)
    deltas: Arrays = {}
    findings = []
    for layer in (name for name in BACKWARD_ORDER if f"{name}.W" in rows.weights):
        enters = rows.reconstruction, rows.kl
        choices = slopes.choices(layer, rows.numbers, rows.weights, deltas, enters, units_of(mapping.model))
        delta, found = delta_of(layer, rows, choices, deltas, mapping)
        findings += found
        if delta is None:
            break  # nothing can be said of what comes after
        deltas[layer] = delta
        findings += step_fault(layer, delta, choices, rows.numbers, at, mapping)
    yours = mapping.gradient(at)
    return [confirmed(one, mapping, at, yours) for one in findings]


def confirmed(found: Finding, mapping: Mapping, at: Point, yours: Arrays) -> Finding:
    """What single rows say, and that it is said of these only, if all together are something else."""
    layer = found.label.split(":")[1]
    if "updated weights" in found.label or all(batches.alike(mapping, at, f"{layer}.{kind}", yours) for kind in "bW"):
        return found
    text = (
        f"{found.text}; so it is for one row by itself, in a batch it is otherwise: look at how rows are put together"
    )
    return found._replace(label=f"single:{found.label}", text=text)


def delta_of(
    layer: str, rows: Rows, choices: list[slopes.Choice], before: Arrays, mapping: Mapping
) -> tuple[NDArray | None, list[Finding]]:
    """The student's delta of a layer, from its biases or its weights, and whether the two agree."""
    right = choices[0].delta
    b, W = rows.gradients.get(f"{layer}.b"), rows.gradients.get(f"{layer}.W")
    u = rows.numbers[batches.INPUT.get(layer, "h_dec")]
    if W is None or b is None:
        return (b if W is None else from_weights(W, u)), []
    if close(np.einsum("ri,rj->rij", u, b), W):
        return b, []
    other = from_weights(W, u)
    if not close(np.einsum("ri,rj->rij", u, other), W):
        return b, wrong_input(layer, b, W, rows.numbers, mapping, close(b, right))
    if close(other, right) or not close(b, right):
        text = "with one row the gradient of the biases is the delta, and these are not the delta that the weights have"
        text += recognised(b, choices, before)
        return other, [finding(f"bias:{layer}", f"{layer}.b", "two deltas for one layer", text, mapping)]
    text = "the weights' gradient is made of another delta than that of the biases, which is right"
    text += recognised(other, choices, before)
    return b, [finding(f"delta of weights:{layer}", f"{layer}.W", "two deltas for one layer", text, mapping)]


def recognised(delta: NDArray, choices: list[slopes.Choice], before: Arrays) -> str:
    """What a delta is that only the biases or only the weights have, if that can be told."""
    for name, other in before.items():
        if delta.shape == other.shape and close(delta, other):
            return f": they have the delta of {MODEL_PARTS[name]}"
    for choice in choices[1:]:
        if close(delta, choice.delta):
            return f": {choice.text}"
    return ""


def from_weights(W: NDArray, u: NDArray) -> NDArray:
    """The delta of which the gradient of the weights is the outer product with the input u, if it is one."""
    return np.einsum("ri,rij->rj", u, W) / (u**2).sum(axis=1, keepdims=True)


def wrong_input(layer: str, b: NDArray, W: NDArray, numbers: Arrays, mapping: Mapping, right: bool) -> list[Finding]:
    """The weights' gradient is an outer product with the delta, but of what?"""
    name, fed = f"{layer}.W", batches.INPUT.get(layer, "h_dec")
    used = np.einsum("rij,rj->ri", W, b) / (b**2).sum(axis=1, keepdims=True)
    if not close(np.einsum("ri,rj->rij", used, b), W):
        text = "with one row it should be the outer product of the layer's input and its delta, and is none"
        return [finding(f"weights:{layer}", name, "the gradient of a weight matrix", text, mapping)]
    matches = [
        text
        for symbol, v in numbers.items()
        if v.shape == used.shape
        for text, made in slopes.inputs(symbol, v).items()
        if close(made, used)
    ]
    if not matches:
        text = f"the delta is right, the numbers it is multiplied with are not {fed}"
        if not right:
            text = f"the delta of the biases is multiplied with numbers that are not {fed}; neither is as it should be"
        return [finding(f"input:{layer}:?", name, "a wrong input", text, mapping)]
    plain = min(matches, key=len)
    text = f"the delta is multiplied with {plain}; the forward pass fed {fed}"
    return [finding(f"input:{layer}:{plain}", name, "a wrong input", text, mapping)]


def step_fault(
    layer: str, delta: NDArray, choices: list[slopes.Choice], numbers: Arrays, at: Point, mapping: Mapping
) -> list[Finding]:
    """Nothing if the step is right, what it is if it is known, else that it is wrong."""
    right = choices[0]
    if close(delta, right.delta):
        return []
    name = f"{layer}.b"
    for choice in choices[1:]:
        if close(delta, choice.delta) and not close(choice.delta, right.delta):
            return [finding(f"slope:{layer}:{choice.label}", name, choice.family, choice.text, mapping)]
    c = float((delta * right.delta).sum() / (right.delta**2).sum())
    if close(delta, c * right.delta):
        said = told(c, at.constants)
        text = f"the delta {'has the wrong sign' if said == '-1' else f'is {said} times what it should be'}"
        return [finding(f"slope:{layer}:factor {said}", name, kind_of_factor(said), text, mapping)]
    if text := cut_off(delta, right.delta) or other_variance(layer, delta, right.delta, numbers):
        return [finding(f"slope:{layer}:cut", name, "numbers are cut off", text, mapping)]
    if moved(layer, delta - right.delta, numbers):
        text = "the gradient came back through weights that had already been updated"
        return [finding(f"slope:{layer}:updated weights", name, "an update too early", text, mapping)]
    text = "given the deltas before it, what comes back to it, or its own slope, is wrong: "
    text += f"its delta should be {right.text}"
    return [finding(f"place:{layer}", name, "one step of the way back", text, mapping)]


def cut_off(delta: NDArray, right: NDArray) -> str:
    """What was done to the right numbers: limited from both sides, or from one, or rounded."""
    high, low = float(delta.max()), float(delta.min())
    limit = max(high, -low)
    for made, text in (
        (np.clip(right, -limit, limit), f"every number beyond -{limit:.4g} and {limit:.4g} is cut off (for one row)"),
        (np.minimum(right, high), f"every number above {high:.4g} is cut off (for one row)"),
        (np.maximum(right, low), f"every number below {low:.4g} is cut off (for one row)"),
        *((np.round(right, k), f"it is rounded to {k} decimals (for one row)") for k in range(5)),
    ):
        if close(delta, made) and (made != right).sum() > 1:
            return f"the delta is right but that {text}"
    return ""


def other_variance(layer: str, delta: NDArray, right: NDArray, v: Arrays) -> str:
    """Whether the variance of a Gaussian decoder has a floor, a ceiling or something added, in the gradients only."""
    if layer not in ("theta.mean", "theta.log_var"):
        return ""
    ratio = delta / right if layer == "theta.mean" else (2 * delta + 1) / (2 * right + 1)
    variance = 1 / v["prec"]
    used = variance / ratio
    if not np.isfinite(used).all() or (used <= 0).any():
        return ""
    more, high, low = float(np.median(used - variance)), float(used.max()), float(used.min())
    for made, text in (
        (variance + more, f"sigma_x^2 + {more:.4g}"),
        (np.maximum(variance, low), f"sigma_x^2, but at least {low:.4g},"),
        (np.minimum(variance, high), f"sigma_x^2, but at most {high:.4g},"),
    ):
        if apart(used, made) < 1e-6 and (np.abs(made - variance) > 1e-9 * variance).sum() > 1:
            return f"the gradient uses {text} where the value uses sigma_x^2"
    return ""


def moved(layer: str, residual: NDArray, v: Arrays) -> bool:
    """Whether what is too much points along the input of the weights that the gradient came back through.

    Their own gradient is that input times the delta; moving them by it adds |delta|^2 times the input.
    """
    if layer == "phi.mean":
        u = v["z"]
    elif layer.endswith("hidden"):
        h = v["h_dec" if layer.startswith("theta") else "h_enc"]
        u = h * (1 - h**2)
    else:
        return False
    c = (residual * u).sum(axis=1, keepdims=True) / (u**2).sum(axis=1, keepdims=True)
    return close(c * u, residual)


def finding(label: str, name: str, family: str, text: str, mapping: Mapping) -> Finding:
    """A finding about one array of the student's."""
    layer = name.rpartition(".")[0]
    where = f"{MODEL_PARTS[layer]} ({mapping.mine(name)})"
    if mapping.many is not None and mapping.many.unit < 0:
        text = turned(text)
    for mine, window in mapping.windows.items():
        text = text.replace(window.name, mine)
        if window.name == f"{layer}.b" and window.factor != 1:
            text += " (told for log sigma^2; your head gives log sigma, for which all of it is twice that)"
    return Finding(label, where, family, f"{where}: {text}", order=backward_order(name))


def turned(text: str) -> str:
    """The words for a bound, said for a loss: the deltas have the other sign."""
    return re.sub(r"(your delta of [^:;]*? is )(.+?)((?:, [^,]*)?), it should be (.+)$", for_a_loss, text)


def for_a_loss(match: re.Match) -> str:
    """Both formulas with the other sign."""
    start, used, rest, right = match.groups()
    return f"{start}{minus(used)}{rest}, it should be {minus(right)} (for a loss)"


def minus(formula: str) -> str:
    """The formula with the other sign, written as one would."""
    if match := re.fullmatch(r"(\(?)(\w) - (\w)(\)?)((?!\^| -).*)", formula):
        left, a, b, end, rest = match.groups()
        return f"{left}{b} - {a}{end}{rest}"
    if match := re.fullmatch(r"\((.+) - 1\) / 2", formula):
        return f"(1 - {match[1]}) / 2"
    return formula[1:] if re.fullmatch(r"-\w+", formula) else formula if formula == "0" else f"-({formula})"


def close(a: NDArray, b: NDArray) -> bool:
    """Whether two stacks of rows are the same, row by row."""
    return all(apart(one, other) < EQUAL or np.abs(one - other).max() < 1e-12 for one, other in zip(a, b))
