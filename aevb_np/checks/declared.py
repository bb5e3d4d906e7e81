"""What a file may declare, so that its value can be judged; and which declaration fits, found by trying them."""

from dataclasses import replace

from aevb_np.checks import constants, mapping, own, values
from aevb_np.checks.problem import M
from aevb_np.checks.report import Report
from aevb_np.checks.student import Student
from aevb_np.checks.units import FIXED, SQUARED_ERROR, UNITS

MAY_BE_MEANT = "squared error"  # a fault in the paper's network that is none in many another
ASK = "give encode(parameters, x) and decode(parameters, z): see aevb check --help"


def judge(report: Report, student: Student) -> None:
    """The value of any network, held against the bound that its encode and decode make."""
    shapes = student.shapes(mapping.models(student)[0])
    found, at = own.fit(student, shapes)
    if found is None:
        text = "it is not the bound that encode and decode make, in no factor and with no fault that is known"
        report.add(values.fault("unknown", "a formula", text, "the whole of it"))
        return
    units = values.units(found, M, student.sign, student.scale, student.kl_weight)
    findings, notes = values.judge(found, at, units, student, "" if report.wrong_arrays else "of the value")
    if not findings and student.decoder != "bernoulli":
        of_constant, more = constants.check(found, at, units, student)
        findings, notes = findings + of_constant, notes + more
    report.add(*findings)
    report.notes += notes


def fitting(student: Student) -> str:
    """The line that makes the value the bound of a network that people often have; nothing if none does."""
    if student.names is not None or student.parameters is None:
        return ""
    decoders = dict.fromkeys([student.decoder, "bernoulli", "gaussian", FIXED + "1", SQUARED_ERROR])
    for units in UNITS:
        for decoder in decoders:
            tried = replace(student, network="paper", decoder=decoder, units=units)
            if (decoder, units, "paper") == (student.decoder, student.units, student.network):
                continue
            if (found := mapping.exactly(tried)) and (lines := differing(student, tried, found)):
                return lines
    return ""


def differing(student: Student, tried: Student, found: values.Fit) -> str:
    """The lines to add."""
    many = values.units(found, M, student.sign, student.scale, student.kl_weight)
    if abs(many.reconstruction - 1) > values.SAME:
        return ""
    lines = [f'{name} = "{now}"' for name, now, was in (
        ("NETWORK", "paper", student.network), ("UNITS", tried.units, student.units),
        ("DECODER", tried.decoder, student.decoder)) if now != was]  # fmt: skip
    if abs(many.kl - 1) > values.SAME:
        lines.append(f"KL_WEIGHT = {many.all_of_kl:.6g}")
    return " and ".join(lines)


def missing(student: Student) -> str:
    """What to add so that the value can be judged."""
    if line := fitting(student):
        return f"add {line}, with which it is the bound"
    if student.network == "paper":
        return f"it is not the bound of the paper's network. If it is another network, {ASK}"
    return ASK
