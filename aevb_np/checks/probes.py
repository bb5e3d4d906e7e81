"""What can be asked of a value when nothing is known of the network behind it.

With all parameters zero every logit is zero, whatever the network. A batch stacked on itself says what is summed.
"""

import math
from typing import Any

import numpy as np

from aevb_np.checks.names import told
from aevb_np.checks.problem import Point
from aevb_np.checks.report import Finding
from aevb_np.checks.student import Student, StudentError
from aevb_np.checks.values import fault


def check(student: Student, parameters: dict[str, Any], at: Point) -> list[Finding]:
    """Findings about the value alone."""
    findings = zero_parameters(student, parameters, at)
    findings += uncounted(student, parameters, at)
    quiet = at._replace(eps=np.zeros_like(at.eps))
    if student.value_at(parameters, quiet) == student.value_at(parameters, at):
        findings.append(fault("no noise", "the sampler", "the value does not depend on eps: z is not sampled", "z"))
    return findings


def notes(student: Student, parameters: dict[str, Any], at: Point) -> list[str]:
    """What is worth a word, but may be meant: labels that go with the rows' numbers, or means over the rows."""
    if student.one_row:
        return []
    try:
        alone = [student.value_at(parameters, stacked(at, copies)) for copies in (1, 2, 3)]
    except StudentError:
        return ["the value can be had for one number of rows only"]
    if influence(student, parameters, at):
        return ["what one row of x and eps does to the value depends on the other rows: is something normalised over "
                "them?"]  # fmt: skip
    if not abs(alone[2] - 2 * alone[1] + alone[0]) > 1e-8 * max(map(abs, alone)):
        return []
    return ["a batch with every row twice has neither the same value nor twice the value: the rows count by number. If "
            "they have labels, LABELS = 4 gives the functions one more argument"]  # fmt: skip


def with_rows(student: Student, parameters: dict[str, Any], at: Point, *rows: int) -> float:
    """The value when some rows have the data and the noise of another batch."""
    rng = np.random.default_rng(9)
    x, eps = rng.random(at.x.shape), rng.standard_normal(at.eps.shape)
    here = np.isin(np.arange(len(at.x)), rows)[:, None]
    changed = at._replace(x=np.where(here, x, at.x), eps=np.where(np.tile(here, (at.samples, 1)), eps, at.eps))
    return student.value_at(parameters, changed)


def uncounted(student: Student, parameters: dict[str, Any], at: Point) -> list[Finding]:
    """Rows that can be anything without the value taking note."""
    value = with_rows(student, parameters, at)
    idle = [m for m in range(len(at.x)) if with_rows(student, parameters, at, m) == value]
    if not idle or len(idle) == len(at.x):
        return []
    text = f"the value does not depend on the rows {', '.join(map(str, idle))} of x and eps (of 0 to {len(at.x) - 1})"
    return [fault("rows left out", "a part of the batch", text, "which rows of the batch count")]


def influence(student: Student, parameters: dict[str, Any], at: Point) -> bool:
    """Whether what one row does to the value depends on another row."""
    parameters = {name: np.array(array) for name, array in parameters.items()}
    f = {rows: with_rows(student, parameters, at, *rows) for rows in [(), (0,), (1,), (0, 1)]}
    return abs(f[0, 1] - f[0,] - f[1,] + f[()]) > 1e-9 * max(map(abs, f.values()))


def stacked(at: Point, copies: int) -> Point:
    """The same rows several times, with the same noise."""
    eps = at.eps.reshape(at.samples, len(at.x), -1)
    return at._replace(x=np.tile(at.x, (copies, 1)), eps=np.tile(eps, (1, copies, 1)).reshape(-1, eps.shape[-1]))


def zero_parameters(student: Student, parameters: dict[str, Any], at: Point) -> list[Finding]:
    """All probabilities are 1/2: the bound of a Bernoulli decoder is -D ln 2 for every row, whatever the rows are."""
    if student.decoder != "bernoulli":
        return []
    value = student.value_at({name: np.zeros_like(w) for name, w in parameters.items()}, at)
    M, D = at.x.shape
    said = [told(abs(value) / (D * math.log(2) * rows), at.constants) for rows in (1, M)]
    if "1" in said or not any(set(text) & set("MLDJ") for text in said):
        return []
    plain = min(said, key=lambda text: sum(letter.isalpha() for letter in text))  # a sum or a mean, whichever it is
    text = f"with all parameters zero the bound is -D ln 2 a row; yours is {plain} times that"
    return [fault(f"zero:{plain}", "a factor", text, "the reconstruction: how often it enters")]


def in_logarithm(student: Student, parameters: dict[str, Any], at: Point) -> float:
    """c where the value has log(y + c) for log y; 0 if it has not.

    With all parameters zero y is 1/2 everywhere, and the value tells c to many digits.
    """
    value = student.value_at({name: np.zeros_like(w) for name, w in parameters.items()}, at)
    for rows in (1, len(at.x)):
        c = math.exp(-abs(value) / (at.x.shape[1] * rows)) - 0.5
        for k in range(4, 13):
            if abs(c - 10.0**-k) < 0.02 * 10.0**-k:
                return 10.0**-k
    return 0.0
