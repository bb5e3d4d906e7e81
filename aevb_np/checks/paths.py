"""Which part of the bound, on which way, is missing, has the wrong sign, or enters with a wrong factor?

The student's gradient is written as a sum of the reference's paths with coefficients. A hypothesis, such as "the KL is
missing", gives coefficients and so predicts every array; one that predicts them all is true.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.mapping import Mapping
from aevb_np.checks.names import told
from aevb_np.checks.numeric import apart, combination
from aevb_np.checks.problem import Point
from aevb_np.checks.reference import LATENT, MODEL_PARTS, SAMPLED, Path, backward_order, layer, priors, summed
from aevb_np.checks.report import Finding

Arrays = dict[str, NDArray]
EQUAL = 1e-6
FAMILY = "a part of the bound, on one of its ways"

# What a statement is about, and which paths that is: the larger first.
FAMILIES: dict[str, Callable[[str, str], bool]] = {
    "the whole bound": lambda start, way: start != "prior",
    "the reconstruction": lambda start, way: start not in (*LATENT, "prior"),
    "the KL": lambda start, way: start in LATENT,
    "log p(z)": lambda start, way: start == "p(z)",
    "log q(z|x)": lambda start, way: start.startswith("q"),
    "the reconstruction's part in the encoder": lambda start, way: (
        start not in (*LATENT, "prior") and way != "decoder"
    ),
    "the reconstruction's part in the decoder": lambda start, way: way == "decoder",
    "everything through mu": lambda start, way: way == "mu",
    "everything through log sigma^2": lambda start, way: way == "sigma",
    "the reconstruction through mu": lambda start, way: start not in (*LATENT, "prior") and way == "mu",
    "the reconstruction through sigma": lambda start, way: start not in (*LATENT, "prior") and way == "sigma",
    "log p(z) through mu": lambda start, way: (start, way) == ("p(z)", "mu"),
    "the KL through mu": lambda start, way: start in LATENT and way == "mu",
    "the KL through log sigma^2": lambda start, way: start in LATENT and way == "sigma",
    "log p(z) through sigma": lambda start, way: (start, way) == ("p(z)", "sigma"),
    "log q(z|x) through z": lambda start, way: start == "q(z|x) by z",
    "log q(z|x) with z held": lambda start, way: start == "q(z|x) itself",
    "log q(z|x) through z and mu": lambda start, way: (start, way) == ("q(z|x) by z", "mu"),
    "log q(z|x) through z and sigma": lambda start, way: (start, way) == ("q(z|x) by z", "sigma"),
    "log q(z|x) through its mu, with z held": lambda start, way: (start, way) == ("q(z|x) itself", "mu"),
    "log q(z|x) through its log sigma^2, with z held": lambda start, way: (start, way) == ("q(z|x) itself", "sigma"),
    "what comes from the decoder's mean": lambda start, way: start == "mean",
    "what comes from the decoder's log-variance": lambda start, way: start == "log_var",
    "the prior on the parameters": lambda start, way: start == "prior",
}
# In which arrays: all, or those of a part of the network.
SCOPES: dict[str, Callable[[str], bool]] = {
    "": lambda name: True,
    " in the weights": lambda name: name.endswith(".W"),
    " in the biases": lambda name: name.endswith(".b"),
    " in the encoder's hidden layer": lambda name: layer(name) == "phi.hidden",
    " in the encoder's heads": lambda name: layer(name) in ("phi.mean", "phi.log_var"),
    " in the decoder's hidden layer": lambda name: layer(name) == "theta.hidden",
    " from the decoder's hidden layer on": lambda name: layer(name) == "theta.hidden" or name.startswith("phi"),
    " in the decoder's output": lambda name: name.startswith("theta") and layer(name) != "theta.hidden",
}


class Hypothesis(NamedTuple):
    """One family enters c times in the arrays of one scope."""

    family: str
    scope: str
    c: float

    def predicts(self, paths: dict[Path, Arrays], name: str) -> NDArray:
        """The gradient of an array if this is so."""
        c = self.c if SCOPES[self.scope](name) else 1.0
        return sum(
            ((c if FAMILIES[self.family](*path) else 1.0) * arrays[name] for path, arrays in paths.items()),
            np.zeros(()),
        )


def check(mapping: Mapping, at: Point, yours: Arrays, wrong: list[str]) -> list[Finding]:
    """Findings about the arrays in `wrong` (the reference's names, in backward order)."""
    paths = mapping.paths(at)
    coefficients = {name: found for name in yours if (found := coefficients_of(paths, yours[name], name))}
    whole = explained(paths, yours, wrong, coefficients, at.constants) or unasked_prior(mapping, at, yours, wrong)
    return whole or in_part(coefficients, wrong, at.constants, mapping) + used_rows(mapping, at, yours, wrong)


def coefficients_of(paths: dict[Path, Arrays], a: NDArray, name: str) -> dict[Path, float] | None:
    """With which coefficients the paths add up to the student's gradient, if they do."""
    true = sum(arrays[name] for arrays in paths.values())
    columns = {path: arrays[name] for path, arrays in paths.items()}
    columns = {path: g for path, g in columns.items() if np.linalg.norm(g) > 1e-9 * np.linalg.norm(true)}
    found = combination(list(columns.values()), a)
    if found is None or found[1] > EQUAL:
        return None
    return dict(zip(columns, map(float, found[0])))


def explained(paths, yours, wrong, coefficients, constants) -> list[Finding]:
    """The simplest hypothesis that predicts every array."""
    off = {0.0, -1.0, 2.0, 0.5} if any(start in SAMPLED for start, _ in paths) else set()
    off |= {float(f"{c:.6g}") for name in wrong for c in coefficients.get(name, {}).values() if abs(c - 1) > 1e-4}
    for scope in SCOPES:
        for c in sorted(off, key=abs):  # what is missing before what is there twice
            for family in FAMILIES:
                guess = Hypothesis(family, scope, c)
                if all(apart(guess.predicts(paths, name), a) < 3 * EQUAL for name, a in yours.items()):
                    text = f"{family} {enters(c, constants)}{scope}"
                    order = min(backward_order(name) for name in wrong)
                    return [Finding(f"path:{family}{scope}:{told(c, constants)}", place(wrong, scope), FAMILY, text,
                                    whole=True, order=order)]  # fmt: skip
    return []


def surplus(mapping: Mapping, at: Point, yours: Arrays) -> dict[str, float]:
    """How many times -w, of the prior on the parameters, each gradient has too much; only where that is all it has."""
    true, minus_w = summed(mapping.paths(at)), summed(priors(at))
    found = {}
    for name, a in yours.items():
        difference, w = a - true[name], minus_w[name]
        c = float((difference * w).sum() / (w * w).sum())
        if apart(difference, c * w) < 1e-5 and apart(a, true[name]) > EQUAL:
            found[name] = c
    return found


def unasked_prior(mapping: Mapping, at: Point, yours: Arrays, wrong: list[str]) -> list[Finding]:
    """A prior on weights or biases in the gradient that is not in the value."""
    found = surplus(mapping, at, yours)
    if set(found) != set(wrong) or np.ptp(list(found.values())) > 1e-4 * max(map(abs, found.values())):
        return []
    ends = {name[-1] for name in wrong}
    what = {"b": "biases", "W": "weights"}[ends.pop()] if len(ends) == 1 else "parameters"
    every = [name for name in yours if name[-1] in {one[-1] for one in wrong}]
    if len(wrong) < len(every):
        what = ", ".join(mapping.mine(name) for name in wrong)
    text = f"a prior on the {what} (weight decay) is in the gradient but not in the value"
    text = text if len(wrong) == len(every) else text.replace("on the", "on")
    return [
        Finding(
            f"path:unasked prior:{what}",
            f"the gradients of {'the ' * (len(wrong) == len(every))}{what}",
            FAMILY,
            text,
            whole=True,
        )
    ]


def place(wrong: list[str], scope: str) -> str:
    """Where to look."""
    return scope.removeprefix(" ") or f"from {MODEL_PARTS[layer(wrong[0])]} on"


def enters(c: float, constants: dict[str, int]) -> str:
    """What a wrong coefficient says."""
    said = told(c, constants)
    if said == "0":
        return "is missing"
    return "has the wrong sign" if said == "-1" else f"enters {said} times"


def in_part(coefficients, wrong: list[str], constants, mapping: Mapping) -> list[Finding]:
    """What the coefficients of one array say, when no one statement accounts for everything."""
    findings = []
    for name in wrong:
        off = {path: c for path, c in coefficients.get(name, {}).items() if abs(c - 1) > 1e-4}
        if off:
            said = "; ".join(f"{described(path)} {enters(c, constants)}" for path, c in off.items())
            label = ",".join(f"{start} {way}:{told(c, constants)}" for (start, way), c in off.items())
            where = f"{mapping.mine(name)}, in {MODEL_PARTS[layer(name)]}"
            text = f"in the gradient of {mapping.mine(name)}: {said}"
            findings.append(Finding(f"part:{name}:{label}", where, FAMILY, text, order=backward_order(name)))
    return findings


def described(path: Path) -> str:
    """A path in words."""
    start, way = path
    if start == "prior":
        return f"the prior on the {way}"
    if start in SAMPLED:
        return f"log {start}{' through mu' if way == 'mu' else ' through sigma'}"
    source = {"kl": "the KL", "mean": "the part of the decoder's mean", "log_var": "that of the decoder's log-variance"}
    ways = {"decoder": "", "mu": " through mu", "sigma": " through log sigma^2" if start == "kl" else " through sigma"}
    return source.get(start, "the reconstruction") + ways[way]


def used_rows(mapping: Mapping, at: Point, yours: Arrays, wrong: list[str]) -> list[Finding]:
    """Whether some datapoints, or some samples, are left out of the gradients."""
    findings = []
    for kind, count in (("datapoints", len(at.x)), ("samples", at.samples)):
        if count == 1:
            continue
        ones = np.eye(count)
        each = [summed(mapping.paths(at, **{"rows" if kind == "datapoints" else "samples": one})) for one in ones]
        for name in wrong:
            used = weights_of([arrays[name] for arrays in each], yours.get(name), mapping, at, name)
            if used is None:
                continue
            odd = np.flatnonzero(np.abs(used - 1) > 1e-4).tolist()
            counted = np.flatnonzero(used).tolist()
            if 0 < len(counted) < count or 0 < len(odd) <= count // 2:
                text = f"{mapping.mine(name)}: only the {kind} {counted} contribute"
                if len(counted) == count:
                    times = ", ".join(sorted({told(float(used[i]), at.constants) for i in odd}))
                    text = f"{mapping.mine(name)}: of the {kind}, {odd} counted {times} times, the others once"
                    text = text.replace(f"{odd} counted", f"number {', '.join(map(str, odd))} counts")
                place = f"{mapping.mine(name)}, in {MODEL_PARTS[layer(name)]}"
                findings.append(Finding(f"rows:{kind}:{counted}", place, "a part of the batch", text,
                                        order=backward_order(name)))  # fmt: skip
    return findings


def weights_of(columns: list[NDArray], a: NDArray | None, mapping: Mapping, at: Point, name: str) -> NDArray | None:
    """How much each row or sample counts in an array, if it is a sum over them."""
    if a is None:
        return None
    fixed = sum(columns) - summed(mapping.paths(at))[name]  # what does not depend on the rows counts in every column
    fixed = fixed / (len(columns) - 1)
    found = combination([c - fixed for c in columns], a - fixed)
    if found is None or found[1] > EQUAL:
        return None
    return np.where(np.abs(found[0]) < 1e-4, 0.0, found[0])
