"""Is it a function at all? Before a gradient is compared with anything: the same question must get the same answer.

Noise drawn anew, parameters changed in passing, sums that go on from call to call, numbers kept from a former call, and
values with seven digits make any comparison meaningless. All of it shows in a few calls.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from aevb_np.checks.report import Finding
from aevb_np.checks.student import StudentError, called

Arrays = dict[str, Any]
KIND = "the same question does not get the same answer"


def fault(label: str, place: str, text: str, family: str = KIND) -> Finding:
    """A finding about the code as such."""
    return Finding(f"code:{label}", place, family, text, part="code")


def copied(parameters: Arrays) -> Arrays:
    """Arrays of one's own."""
    return {name: np.array(array, np.float64) for name, array in parameters.items()}


def same(a: Arrays, b: Arrays) -> bool:
    """Whether two sets of gradients agree to rounding."""
    return all(np.shape(a[k]) == np.shape(b[k]) and np.allclose(a[k], b[k], 1e-9, 1e-14, equal_nan=True) for k in a)


def check(value: Callable, gradients: Callable, parameters: Arrays) -> list[Finding]:
    """What is wrong with value(parameters) -> number and gradients(parameters) -> arrays, as pieces of code."""
    if needs_value(value, gradients, parameters):
        text = "gradients stops unless value was called just before: it takes what that call left behind, not what it "
        return [fault("stale cache", "in gradients", text + "is given")]
    first, second, third = (answer(gradients, parameters) for _ in range(3))
    findings = kept_as_given(value, gradients, parameters)
    one, two = float(value(copied(parameters))), float(value(copied(parameters)))
    if one != two and not (np.isnan(one) and np.isnan(two)):
        findings.append(fault("value random", "in value", "two calls of value differ: use the eps that is given"))
    if not same(first, second):
        if grows(first, second, third):
            text = "every call returns more of the same: it adds to arrays that nobody sets to zero"
            return [*findings, fault("accumulates", "in gradients", text)]
        text = "two calls of gradients differ: it draws new noise where the eps of the forward pass belongs"
        return [*findings, fault("gradient random", "in gradients", text)]
    return findings + kept_from_before(value, gradients, parameters, first)


def needs_value(value: Callable, gradients: Callable, parameters: Arrays) -> bool:
    """Whether the gradients can only be had after the value."""
    try:
        answer(gradients, parameters)
        return False
    except StudentError as failure:
        value(copied(parameters))
        try:
            answer(gradients, parameters)
            return True
        except StudentError:
            raise failure from None


def grows(first: Arrays, second: Arrays, third: Arrays) -> bool:
    """Whether every call adds the same again."""
    if any(np.shape(first[k]) != np.shape(third.get(k, ())) for k in first):
        return False
    return same({k: second[k] - first[k] for k in first}, {k: third[k] - second[k] for k in first})


def answer(gradients: Callable, parameters: Arrays) -> Arrays:
    """The gradients, in arrays that a later call cannot change."""
    return {name: np.array(g) for name, g in gradients(copied(parameters)).items()}


def kept_as_given(value: Callable, gradients: Callable, parameters: Arrays) -> list[Finding]:
    """Whether a call leaves the parameters alone."""
    findings: list[Finding] = []
    for name, function in (("value", value), ("gradients", gradients)):
        given = copied(parameters)
        function(given)
        changed = [k for k in parameters if not np.array_equal(given.get(k, ()), parameters[k])]
        if changed:
            text = f"{name} changes {', '.join(changed)} in place; compute with copies"
            findings.append(fault(f"changes parameters: {name}", f"in {name}", text, "it changes what it was given"))
    return findings


def kept_from_before(value: Callable, gradients: Callable, parameters: Arrays, here: Arrays) -> list[Finding]:
    """Whether the gradient at one place depends on where the code was called before."""
    rng = np.random.default_rng(1)
    elsewhere = {name: array + 0.3 * rng.standard_normal(np.shape(array)) for name, array in parameters.items()}
    value(copied(elsewhere))
    after_value = answer(gradients, parameters)
    there = answer(gradients, elsewhere)
    after_gradients = answer(gradients, parameters)
    if not (same(here, after_value) and same(here, after_gradients)):
        text = "the gradient depends on where the code was called before: it uses numbers kept from another call"
        return [fault("stale cache", "in gradients", text)]
    if same(here, there) and not linear(value, here, parameters, elsewhere):
        text = "the gradient is the same wherever the parameters are: it uses numbers kept from another call"
        return [fault("stale cache", "in gradients", text)]
    return []


def linear(value: Callable, gradient: Arrays, here: Arrays, there: Arrays) -> bool:
    """Whether the value moves from here to there as this gradient says, or the gradient is of no such shape."""
    if any(np.shape(gradient.get(k, ())) != np.shape(here[k]) for k in here) or not all(map(np.any, gradient.values())):
        return True
    moved = float(value(copied(there))) - float(value(copied(here)))
    expected = sum(float((gradient[k] * (there[k] - here[k])).sum()) for k in here)
    return abs(moved - expected) <= 1e-6 * max(abs(moved), abs(expected))


def resolution(value: Callable, parameters: Arrays, moves: int = 12) -> float:
    """The smallest relative change that the value can take: about 1e-16 in float64, 1e-7 in float32 or when rounded.

    As many tiny moves of all parameters must make as many different values.
    """
    rng = np.random.default_rng(5)
    values = [float(value(copied(parameters)))]
    for j in range(moves):
        h = 1e-9 * (1 + j)
        values.append(float(value({k: w + h * rng.standard_normal(np.shape(w)) for k, w in parameters.items()})))
    different = np.unique(values)
    if len(different) == len(values) or not np.isfinite(values[0]):
        return 0.0
    if len(different) == 1:
        return 1e-8  # nothing moved at all
    return float(np.diff(different).min() / max(abs(values[0]), 1e-300))


def inputs_kept(student: Any, parameters: Arrays, at: Any) -> list[Finding]:
    """Whether value and gradients leave x, eps and the labels alone."""
    findings = []
    for name in ("value", "gradients" if student.gradients is not None else "update"):
        data = student.inputs(at.row(0) if student.one_row else at)
        given = [a[0].copy() if student.one_row else a for a in data]
        before = [a.copy() for a in given]
        called(getattr(student, name), student.tree(copied(parameters)), *given)
        for what, now, then in zip(("x", "eps", "the labels"), given, before):
            if not np.array_equal(now, then):
                text = f"{name} changes {what} in place; compute with a copy"
                findings.append(fault(f"changes {what}", f"in {name}", text, "it changes what it was given"))
    return findings
