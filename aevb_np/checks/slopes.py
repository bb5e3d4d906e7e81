"""For every step of the way back: what it should be, and what students write in its place.

Each function gives the deltas (rows, n) that follow from the delta before, the right one first. The words are meant
for a student: what was used, and what belongs there.
"""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.reference import MODEL_PARTS
from aevb_np.checks.units import UNITS

Arrays = Mapping[str, NDArray]
LOCAL, WIRING, FORMULA = "a local derivative", "which way the gradient comes back", "the gradient of a density"


class Choice(NamedTuple):
    """A delta, and what it means if it is the student's."""

    label: str
    delta: NDArray
    text: str
    family: str = LOCAL


def choices(
    layer: str, v: Arrays, W: Arrays, before: Arrays, enters: tuple[float, float], units: str = "tanh"
) -> list[Choice]:
    """The right step to the delta of a layer, and the others.

    Parameters
    ----------
    layer : str
        Of the reference.
    v : dict of arrays
        The numbers of the forward pass, `reference.activations`.
    W : dict of arrays
        The weights.
    before : dict of arrays
        The student's deltas of the layers that a backward pass meets first.
    enters : (float, float)
        How often the reconstruction and the KL enter the student's value: 1, 1 unless that is wrong.
    units : str
        The kind of the hidden units.
    """
    r, k = enters
    match layer:
        case "theta.logits":
            return logits(v, r)
        case "theta.mean":
            return decoder_mean(v, r)
        case "theta.log_var":
            return decoder_log_var(v, r)
        case "theta.hidden":
            heads = [name for name in ("theta.logits", "theta.mean", "theta.log_var") if name in before]
            found = hidden(v["h_dec"], v["a_dec"], heads, W, before, units)
            return found + other_layer(v["a_enc"], "encoder", heads, W, before, units)
        case "phi.mean":
            return encoder_mean(v, W, before, k, units)
        case "phi.log_var":
            return encoder_log_var(v, W, before, k, units)
    heads = ["phi.mean", "phi.log_var"]
    found = hidden(v["h_enc"], v["a_enc"], heads, W, before, units)
    return found + other_layer(v["a_dec"], "decoder", heads, W, before, units)


def inputs(u: str, v: NDArray) -> Arrays:
    """What students multiply a delta with when they mean the numbers v, called u: v itself comes first."""
    return {
        u: v, f"{u}^2": v**2, f"tanh({u})": np.tanh(v), f"1 - {u}^2": 1 - v**2, f"-{u}": -v, f"|{u}|": np.abs(v),
        f"({u} > 0)": (v > 0) * 1.0, f"({u} > 0.5)": (v > 0.5) * 1.0, f"1 - {u}": 1 - v, f"exp({u})": np.exp(v),
        f"sigmoid({u})": 1 / (1 + np.exp(-v)), f"2 {u}": 2 * v, f"{u} / 2": v / 2,
    }  # fmt: skip


def listed(right: str, formulas: Mapping[str, NDArray], times: float, what: str, family: str = FORMULA) -> list[Choice]:
    """Choices from formulas, the first of them right."""
    return [
        Choice(used, times * delta, right if used == right else f"{what} is {used}, it should be {right}", family)
        for used, delta in formulas.items()
    ]


def logits(v: Arrays, r: float) -> list[Choice]:
    """d log p(x|z) / d logits of eq. (11)."""
    x, y, a = v["x"], v["y"], v["a_out"]
    slope = y * (1 - y)
    formulas = {
        "x - y": x - y,
        "y - x": y - x,
        "(x - y) y (1 - y)": (x - y) * slope,
        "(y - x) y (1 - y)": (y - x) * slope,
        "(x - y) / (y (1 - y)), the derivative in y": (x - y) / slope,
        "x - a, with the logits a for the probabilities y": x - a,
        "x - round(y)": x - np.round(y),
        "sign(x - y)": np.sign(x - y),
        "x": x,
        "-y": -y,
        "x / y": x / y,
        "1 - y": 1 - y,
        "x (1 - y)": x * (1 - y),
        "-(1 - x) y": -(1 - x) * y,
        "x - tanh(a)": x - np.tanh(a),
        "x - sigmoid(y), with y that is a sigmoid already": x - 1 / (1 + np.exp(-y)),
        "(x - y)^2": (x - y) ** 2,
        "1 - x - y": 1 - x - y,
        "0": 0 * x,
    }
    return listed("x - y", formulas, r, "your delta of the logits")


def decoder_mean(v: Arrays, r: float) -> list[Choice]:
    """d log p(x|z) / d what the mean's sigmoid takes, eq. (12); without a sigmoid its slope is 1."""
    m, precision, a = v["m"], v["prec"], v["a_m"]
    d, with_sigmoid = v["x"] - m, not np.array_equal(m, a)
    slope = m * (1 - m) if with_sigmoid else np.ones_like(m)
    s = " m (1 - m)" if with_sigmoid else ""
    right = f"(x - m) / sigma_x^2{s}"
    formulas = {
        right: d * precision * slope,
        f"(m - x) / sigma_x^2{s}": -d * precision * slope,
        f"(x - m){s}, without 1 / sigma_x^2": d * slope,
        f"(x - m) / sigma_x{s}": d * np.sqrt(precision) * slope,
        f"(x - m) sigma_x^2{s}": d / precision * slope,
        f"(x - m) / sigma_x^4{s}": d * precision**2 * slope,
        f"(x - m) log sigma_x^2{s}": d * v["log_var_x"] * slope,
        f"(x - m)^2 / sigma_x^2{s}": d**2 * precision * slope,
        f"((x - m)^2 / sigma_x^2 - 1) / 2{s}, that of the log-variance": 0.5 * (d**2 * precision - 1) * slope,
        "0": 0 * d,
    }
    if with_sigmoid:
        formulas |= {
            "(x - m) / sigma_x^2, without m (1 - m)": d * precision,
            "(x - m), without 1 / sigma_x^2 and m (1 - m)": d,
            "(x - m) / sigma_x^2 a (1 - a), with a before the sigmoid": d * precision * a * (1 - a),
            "(x - m) / sigma_x^2 sigmoid(m) (1 - sigmoid(m)), with m that is a sigmoid already": (
                d * precision * 0.25 / np.cosh(m / 2) ** 2
            ),
            "(x - m) / sigma_x^2 (1 - m^2), the slope of a tanh": d * precision * (1 - m**2),
            "(x - m) / sigma_x^2 m": d * precision * m,
            "(x - m) / sigma_x^2 (1 - m)": d * precision * (1 - m),
            "(x - m) / sigma_x^2 (m (1 - m))^2, the slope twice": d * precision * slope**2,
            "(x - m) / sigma_x^2 / (m (1 - m))": d * precision / slope,
            "(x - a) / sigma_x^2 m (1 - m), with a before the sigmoid": (v["x"] - a) * precision * slope,
        }
    return listed(right, formulas, r, "your delta of the decoder's mean")


def decoder_log_var(v: Arrays, r: float) -> list[Choice]:
    """d log p(x|z) / d log sigma_x^2, eq. (12)."""
    d, precision = v["x"] - v["m"], v["prec"]
    q = d**2 * precision
    right = "((x - m)^2 / sigma_x^2 - 1) / 2"
    formulas = {
        right: 0.5 * (q - 1),
        "(1 - (x - m)^2 / sigma_x^2) / 2": 0.5 * (1 - q),
        "(x - m)^2 / sigma_x^2 - 1, without 1/2": q - 1,
        "1 - (x - m)^2 / sigma_x^2": 1 - q,
        "(x - m)^2 / sigma_x^2 / 2, without the -1": 0.5 * q,
        "-1/2, without the square": -0.5 + 0 * q,
        "((x - m)^2 - 1) / 2, without 1 / sigma_x^2": 0.5 * (d**2 - 1),
        "((x - m)^2 / sigma_x - 1) / 2": 0.5 * (d**2 * np.sqrt(precision) - 1),
        "((x - m)^2 sigma_x^2 - 1) / 2": 0.5 * (d**2 / precision - 1),
        "((x - m) / sigma_x^2 - 1) / 2": 0.5 * (d * precision - 1),
        "((x - m)^2 / sigma_x^4 - 1) / 2": 0.5 * (d**2 * precision**2 - 1),
        "((x - m)^2 / sigma_x^2 + 1) / 2": 0.5 * (q + 1),
        "(x - m)^2 / sigma_x^2 - 1/2": q - 0.5,
        "(x - m)^2 / sigma_x^2 / 2 - 1": 0.5 * q - 1,
        "(x - m) / sigma_x^2, that of the mean": d * precision,
        "the derivative in sigma_x": (q - 1) * np.sqrt(precision),
        "the derivative in sigma_x^2": 0.5 * (q - 1) * precision,
        "0": 0 * q,
    }
    return listed(right, formulas, r, "your delta of the decoder's log-variance")


def hidden(h: NDArray, a: NDArray, heads: list[str], W: Arrays, before: Arrays, units: str) -> list[Choice]:
    """Back through the heads and the hidden units."""
    dh = sum((before[head] @ W[f"{head}.W"].T for head in heads), np.zeros(()))
    slopes, right = slopes_of(h, a, units), UNITS[units].words
    found = [
        Choice(used, dh * slope, f"the local derivative you use is {used}, it should be {right}")
        for used, slope in slopes.items()
    ]
    found[0] = found[0]._replace(text=f"{right} times the sum of delta W^T over the heads, each with its own two")
    return found + wiring(slopes[right], heads, W, before)


def slopes_of(h: NDArray, a: NDArray, units: str) -> Arrays:
    """dh/da, the right one first, and what students write in its place."""
    missing = f"1 (the slope of {units} is missing)"
    if units != "tanh":
        others = {f"{one.words}, the slope of {name}": one.slope(a) for name, one in UNITS.items() if name != units}
        right = UNITS[units]
        of_h = {f"{right.words.replace('a', 'h')}, with h after the unit for a": right.slope(h)}
        return {right.words: right.slope(a), missing: np.ones_like(h), **others, **of_h,
                f"({right.words})^2, the slope twice": right.slope(a) ** 2}  # fmt: skip
    return {
        "1 - h^2": 1 - h**2,
        missing: np.ones_like(h),
        "1 - a^2, with a before the tanh": 1 - a**2,
        "1 - h": 1 - h,
        "h (1 - h), the slope of a sigmoid": h * (1 - h),
        "1 - tanh(h)^2": 1 - np.tanh(h) ** 2,
        "(1 - h^2)^2": (1 - h**2) ** 2,
        "h^2 - 1": h**2 - 1,
        "1 + h^2": 1 + h**2,
        "h^2": h**2,
        "h": h,
        "1 - |h|": 1 - np.abs(h),
        "(1 - h)^2": (1 - h) ** 2,
        "1 - 2 h^2": 1 - 2 * h**2,
        "1 / (1 - h^2)": 1 / (1 - h**2),
        "sqrt(1 - h^2)": np.sqrt(1 - h**2),
        "1 - 2 h": 1 - 2 * h,
        "2 h": 2 * h,
        "-2 h": -2 * h,
        "a (1 - a)": a * (1 - a),
        "1 - h^4": 1 - h**4,
        "1 - h^3": 1 - h**3,
        "(a > 0), the slope of a ReLU": (a > 0) * 1.0,
        "(h > 0), the slope of a ReLU": (h > 0) * 1.0,
        "sigmoid(a) (1 - sigmoid(a))": 0.25 / np.cosh(a / 2) ** 2,
        "2 (1 - h^2)": 2 * (1 - h**2),
        "(1 - h^2) / 2": (1 - h**2) / 2,
    }


def other_layer(
    a: NDArray, whose: str, heads: list[str], W: Arrays, before: Arrays, units: str
) -> list[Choice]:
    """The slope of the other hidden layer, where it has as many units."""
    if a.shape[1] != len(W[f"{heads[0]}.W"]):
        return []
    dh = sum((before[head] @ W[f"{head}.W"].T for head in heads), np.zeros(()))
    what = f"{UNITS[units].words} with the hidden units of the {whose}"
    text = f"the local derivative you use is {what}, it should be that of this layer"
    return [Choice(what, dh * UNITS[units].slope(a), text)]


def wiring(slope: NDArray, heads: list[str], W: Arrays, before: Arrays) -> list[Choice]:
    """What comes back from the heads: one of them missing, with the wrong sign, or through another matrix."""
    n = slope.shape[1]
    terms = []
    for head in heads:
        d, own, what = before[head], W[f"{head}.W"], f"the gradient from {MODEL_PARTS[head]}"
        ways = {"": d @ own.T, f"{what} never comes back": 0 * slope}
        ways[f"{what} comes back with the wrong sign"] = -(d @ own.T)
        ways[f"{what} comes back twice"] = 2 * (d @ own.T)
        ways[f"{what} comes back through |{head}.W|"] = d @ np.abs(own).T
        for name, matrix in W.items():
            for M, way in ((matrix.T, f"{name}.T"), (matrix, name)):
                if M.shape == (d.shape[1], n) and way != f"{head}.W.T":
                    ways[f"{what} comes back through {way} instead of {head}.W.T"] = d @ M
        terms.append(ways)
    combinations = list(itertools.product(*(ways.items() for ways in terms)))
    found = []
    for parts in sorted(combinations[1:], key=lambda parts: sum(t != "" for t, _ in parts)):
        text = "; ".join(t for t, _ in parts if t)
        found.append(Choice(text, slope * sum(dh for _, dh in parts), text, WIRING))
    return found


def at_z(v: Arrays, W: Arrays, before: Arrays, units: str) -> dict[str, NDArray]:
    """The gradient in z, right and otherwise."""
    delta, unit, U = before["theta.hidden"], UNITS[units], W["theta.hidden.W"]
    slope = unit.slope(v["a_dec"])
    return {
        "dz": delta @ U.T,
        f"dz with the decoder's {unit.words} left out": (delta / np.where(slope, slope, 1.0)) @ U.T,
        f"dz with the decoder's {unit.words} twice": (delta * slope) @ U.T,
    }


def encoder_mean(v: Arrays, W: Arrays, before: Arrays, k: float, units: str) -> list[Choice]:
    """dz / dmu = 1, and -dKL / dmu = -mu."""
    dz, mu, sigma, eps = at_z(v, W, before, units), v["mu"], v["sigma"], v["eps"]
    right = dz["dz"]
    through_z = dz | {
        "0 (nothing comes back through z)": 0 * mu,
        "-dz": -right,
        "dz eps": right * eps,
        "dz sigma": right * sigma,
        "dz mu": right * mu,
        "dz / 2": right / 2,
        "2 dz": 2 * right,
    }
    of_kl = {
        "-mu": -mu,
        "0 (missing)": 0 * mu,
        "+mu": mu,
        "-2 mu": -2 * mu,
        "-mu / 2": -mu / 2,
        "-mu^2": -(mu**2),
        "-mu^2 / 2": -(mu**2) / 2,
        "-mu / sigma^2": -mu / sigma**2,
        "-mu sigma": -mu * sigma,
        "-1": -np.ones_like(mu),
        "-z": -v["z"],
        "-|mu|": -np.abs(mu),
    }
    return two_terms("mu", through_z, of_kl, k)


def encoder_log_var(v: Arrays, W: Arrays, before: Arrays, k: float, units: str) -> list[Choice]:
    """dz / dlog sigma^2 = eps sigma / 2, and -dKL / dlog sigma^2 = (1 - sigma^2) / 2."""
    dz = at_z(v, W, before, units)
    through_z = {used: dz["dz"] * slope for used, slope in slopes_through_sigma(v).items()}
    for text in list(dz)[1:]:
        through_z[f"eps * sigma / 2, but of {text}"] = dz[text] * v["eps"] * v["sigma"] / 2
    used = "the array dz after -mu of the KL had been added to it"
    shared = (dz["dz"] - k * v["mu"]) * v["eps"] * v["sigma"] / 2 + k * kl_in_log_var(v)["(1 - sigma^2) / 2"]
    text = f"it is made of {used}: the gradient in mu and dz are one array (+= changes both); make a copy"
    return [
        *two_terms("log sigma^2", through_z, kl_in_log_var(v), k),
        Choice(used, shared, text, "one array, two names"),
    ]


def slopes_through_sigma(v: Arrays) -> Arrays:
    """dz / dlog sigma^2, the right one first."""
    mu, sigma, eps, log_var = v["mu"], v["sigma"], v["eps"], v["log_var"]
    return {
        "eps * sigma / 2": eps * sigma / 2,
        "0 (nothing comes back through sigma)": 0 * eps,
        "eps / 2": eps / 2,
        "eps": eps,
        "eps * sigma": eps * sigma,
        "eps * sigma^2 / 2": eps * sigma**2 / 2,
        "eps * sigma^2": eps * sigma**2,
        "sigma / 2": sigma / 2,
        "sigma": sigma,
        "1 / 2": np.full_like(eps, 0.5),
        "1": np.ones_like(eps),
        "-eps * sigma / 2": -eps * sigma / 2,
        "-eps * sigma": -eps * sigma,
        "eps / (2 sigma)": eps / (2 * sigma),
        "eps / sigma": eps / sigma,
        "eps * sigma / 4": eps * sigma / 4,
        "2 eps * sigma": 2 * eps * sigma,
        "eps * log sigma^2 / 2": eps * log_var / 2,
        "eps * log sigma^2": eps * log_var,
        "eps * sqrt(sigma) / 2": eps * np.sqrt(sigma) / 2,
        "eps^2 * sigma / 2": eps**2 * sigma / 2,
        "|eps| * sigma / 2": np.abs(eps) * sigma / 2,
        "eps * mu / 2": eps * mu / 2,
        "z / 2": v["z"] / 2,
        "z": v["z"],
        "mu": mu,
        "sigma^2 / 2": sigma**2 / 2,
        "sigma^2": sigma**2,
    }


def kl_in_log_var(v: Arrays) -> Arrays:
    """-dKL / dlog sigma^2, the right one first."""
    mu, sigma, log_var = v["mu"], v["sigma"], v["log_var"]
    s2 = sigma**2
    return {
        "(1 - sigma^2) / 2": (1 - s2) / 2,
        "0 (missing)": 0 * s2,
        "(sigma^2 - 1) / 2": (s2 - 1) / 2,
        "1 - sigma^2, without 1/2": 1 - s2,
        "sigma^2 - 1": s2 - 1,
        "1 / sigma - sigma, the derivative in sigma": 1 / sigma - sigma,
        "-sigma^2 / 2, without the 1": -s2 / 2,
        "1/2, without sigma^2": np.full_like(s2, 0.5),
        "1/2 - sigma^2": 0.5 - s2,
        "1 - sigma^2 / 2": 1 - s2 / 2,
        "(1 - sigma) / 2": (1 - sigma) / 2,
        "1 - sigma": 1 - sigma,
        "(1 - sigma^4) / 2": (1 - s2**2) / 2,
        "(1 - log sigma^2) / 2": (1 - log_var) / 2,
        "(log sigma^2 - sigma^2) / 2": (log_var - s2) / 2,
        "-log sigma^2 / 2": -log_var / 2,
        "(1 + sigma^2) / 2": (1 + s2) / 2,
        "-(1 + sigma^2) / 2": -(1 + s2) / 2,
        "(1 - 1 / sigma^2) / 2": (1 - 1 / s2) / 2,
        "(1 / sigma^2 - 1) / 2, the derivative in sigma^2": (1 / s2 - 1) / 2,
        "(1 - sigma^2) / 4": (1 - s2) / 4,
        "(1 - sigma^2 - mu^2) / 2": (1 - s2 - mu**2) / 2,
        "(1 + log sigma^2 - sigma^2) / 2": (1 + log_var - s2) / 2,
        "-mu, which is the one in mu": -mu,
    }


def on_the_way(used: str, right: str) -> str:
    """What is said of a wrong step through z."""
    if used.startswith("dz with"):
        fault = used.removeprefix("dz with ")
        return f"what comes back to z, dz, has {fault}: look at the line of dz, where the decoder's hidden layer ends"
    return f"on the way through z the local derivative you use is {used}, it should be {right}"


def two_terms(head: str, through_z: Mapping[str, NDArray], of_kl: Mapping[str, NDArray], k: float) -> list[Choice]:
    """What comes through z, and what the KL adds: every pair, those with one fault before those with two."""
    (right_z, *_), (right_kl, *_) = through_z, of_kl
    found = []
    for (z, dz), (kl, dkl) in itertools.product(through_z.items(), of_kl.items()):
        said = [on_the_way(z, right_z)] * (z != right_z)
        said += [f"your gradient of -KL in {head} is {kl}, it should be {right_kl}"] * (kl != right_kl)
        label = ", ".join([f"z {z}"] * (z != right_z) + [f"kl {kl}"] * (kl != right_kl))
        found.append((len(said), Choice(label, dz + k * dkl, "; ".join(said) or f"{right_z} and {right_kl}")))
    return [choice for _, choice in sorted(found, key=lambda pair: pair[0])]
