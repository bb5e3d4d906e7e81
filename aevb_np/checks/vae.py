"""A whole VAE, checked: its code, its value, its gradients, its sampler, its batches; the layers in turn."""

import itertools
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks import (
    any_network,
    batches,
    constants,
    declared,
    fingerprints,
    histories,
    hygiene,
    joined,
    mapping,
    paths,
    probes,
    regions,
    sizes,
    structure,
    tables,
    values,
    weighing,
)
from aevb_np.checks.gradients import compare, unclear
from aevb_np.checks.mapping import Mapping
from aevb_np.checks.problem import M, Point
from aevb_np.checks.reference import MODEL_PARTS, backward_order, layer, on_the_way_back
from aevb_np.checks.report import RIGHT, VALUE, WRONG, Finding, Report
from aevb_np.checks.student import Student, StudentError, Windows, arrays_for, candidates
from aevb_np.model import VAE

OTHERS = 8  # sets of random parameters at which an array that moved nothing is moved again

# Within one array the most telling finding comes first.
KINDS = """data, mean, path, rows, twins, integers
mixed, clipped, slope, transpose, shape of, not summed, zero, constant, reshape
swap, bias, input, delta of weights, part, single, factor, decay, permuted, place, weights, confined, shape"""
TELLING = KINDS.replace("\n", ", ").split(", ")


def check_vae(
    value: Callable, gradients: Callable | None = None, parameters: Any = None, explain: int = 0, **declared: Any
) -> Report:
    """Is this a right VAE? The page that says what is expected is `aevb_np.checks`.

    Parameters
    ----------
    value, gradients : callable
        value(parameters, x, eps) -> a number or named parts; gradients(parameters, x, eps) -> a dictionary.
    parameters : callable
        parameters(D, H, J) -> a dictionary of arrays of the right shapes; not needed when `names` are declared.
    explain : int
        How much the report tells: 0 the place of a fault, 1 its kind, 2 its name.
    **declared
        decoder, layout, columns, names, sign, scale, network and so on, and seed and size of the point where the
        gradients are checked, as in `Student`.

    Returns
    -------
    Report
    """
    report = Report(explain=explain)
    student = Student(value, gradients, parameters, **declared)
    try:
        diagnose(report, student)
    except StudentError as failure:
        if other := sizes.fitting(student):
            report = check_vae(**vars_of(other[0]), explain=explain)
            report.notes.append(other[1])
            return report
        report.add(hygiene.fault("exception", failure.where, str(failure), "it does not run"))
    return report


def vars_of(student: Student) -> dict[str, Any]:
    """What was handed in, as arguments of `check_vae`."""
    return {one.name: getattr(student, one.name) for one in fields(student) if one.init}


def diagnose(report: Report, student: Student) -> None:
    """All layers, until one says that the next would make no sense."""
    at = mapping.problem_for(None, student)
    parameters = anything(student)

    def value(p: Any) -> Any:
        return student.value_at(p, at)

    if student.update is not None and student.gradients is None and student.rate is None:
        student.rate = sizes.rate_of(student, parameters, at)
        report.notes.append(f"an update moves every array by {student.rate:.4g} times the gradient (before less after)")
    report.add(*hygiene.check(value, lambda p: student.gradients_at(p, at), parameters))
    if not np.isfinite(value(hygiene.copied(parameters))):  # deep networks grow: it may run where they are small
        small = replace(student, size=student.size / 5)
        if np.isfinite(small.value_at(anything(small), at)):
            student, parameters = small, anything(small)
    report.add(*hygiene.inputs_kept(student, parameters, at))
    if student.half:
        text = f"{', '.join(student.half)}: numbers of three digits (float16); compute the gradients in float64"
        report.add(hygiene.fault("float16", "in gradients", text, "few digits"))
    elif student.single and not report.findings:
        report.doubts.append("the value is a float32, with seven digits: no gradient can be told from it; "
                             "compute the value in float64")  # fmt: skip
        report.not_judged[VALUE] = "compute it in float64"
        return
    if report.findings or unclear(report, value, parameters):
        report.not_judged[VALUE] = "mend this first"
        return
    report.add(*histories.check(student, parameters, at))
    if report.findings:
        report.not_judged[VALUE] = "mend the code first"
        return
    report.notes += histories.shared(student, parameters, at)
    known = read(student)
    if known is not None:
        student, parameters = known.student, anything(known.student)
    check_gradients_of(report, student, known)
    if known is None or known.found is None:
        never = [row.name for row in report.rows if row.worst and not any(measured for _, _, measured in row.worst)]
        report.add(*probes.check(student, parameters, at), *unread(student, parameters, at, never))
        report.notes += probes.notes(student, parameters, at)
        unread_value(report, student, known, at)


def unread_value(report: Report, student: Student, known: Mapping | None, at: Point) -> None:
    """A value that is not read as the bound of the paper's network: what is known of it all the same."""
    if student.encode is not None:
        declared.judge(report, student)
        return
    wrong = any(finding.part in ("value", "sampler") for finding in report.findings)
    if known is not None and not wrong:
        say_unknown(report, known, at)
    if not any(finding.part in ("value", "sampler") for finding in report.findings):
        report.not_judged[VALUE] = declared.missing(student)


def read(student: Student) -> Mapping | None:
    """Which array is which; joined ones are split if they cannot be read as they are."""
    if student.network != "paper" or student.encode is not None:
        return None
    if known := mapping.find(student):
        return known
    split = joined.apart(student, mapping.models(student)[0])
    return mapping.find(split) if split is not None else None


def say_unknown(report: Report, known: Mapping, at: Point) -> None:
    """A value that is none of those that are known; which part of it is not, if all else in it is right."""
    student, here = known.student, mapping.problem_for(known, known.student)
    right = known.unit_of_gradients(here) is not None
    place, part = region(known, at, right)
    if not right and place not in regions.EXACTLY:
        return  # it may be another network
    text = f"it is not the bound of the paper's network{', of which the gradients are right' * right}"
    text += f"; {part}" if part else ", nor any that is known"
    text += "" if right else ". What can be declared: " + declared.missing(student)
    report.add(values.fault("unknown", "a formula", text, place or "the whole of it"))


def region(known: Mapping, at: Point, right: bool) -> tuple[str, str]:
    """In which part of the value the fault is, and how that is known, in the reading that says most."""
    student, found = known.student, []
    for model in mapping.models(student):
        points = values.points_for(model, at.samples, len(at.x))
        likely = [known.windows] if right or known.sure else likeliest(student, model)
        for windows in (one for first in likely for one in mapping.read_otherwise(student, model, first)):
            where, how = regions.wrong(student, windows, model, points)
            if where in regions.EXACTLY:
                return where, how
            if where and (where != regions.ENCODER or (right or known.sure) and windows == known.windows):
                found.append((where, how))  # of the encoder a wrong reading says so as well
    return min(found, key=lambda pair: pair[0] == regions.ENCODER, default=("", ""))


def likeliest(student: Student, model: VAE, most: int = 8) -> list[Windows]:
    """How the arrays may be read, when the value does not show it: of wrong readings no part comes out right."""
    at = values.points_for(model, mapping.samples_of(student), M)[0]
    read = candidates(student, model, lambda shapes, fits: structure.reading(student, shapes, fits, at))
    return list(itertools.islice(read, 0, 2 * most, 2))  # every other has a head of log sigma


def unread(student: Student, parameters: Any, at: Point, names: list[str]) -> list[Finding]:
    """Arrays that can be anything without the value taking note, wherever the others are: at one point a whole layer of
    rectified units may be off."""
    rng, found = np.random.default_rng(8), list(names)

    def drawn(name):
        return student.size * rng.standard_normal(np.shape(parameters[name]))

    for base in (parameters, *({name: drawn(name) for name in parameters} for _ in range(OTHERS))):
        value = student.value_at(hygiene.copied(base), at) if found else 0.0
        moved = {name: base | {name: drawn(name)} for name in found}
        found = [name for name, p in moved.items() if student.value_at(hygiene.copied(p), at) == value]
    text = f"the value does not depend on {', '.join(found)}: never used, or another was used instead"
    place = f"{', '.join(found)} and the layer of it"
    return [values.fault("unused", "a parameter that is not used", text, place)] if found else []


def anything(student: Student) -> dict[str, NDArray]:
    """Random parameters in the student's arrays, whatever these are."""
    rng = np.random.default_rng(student.seed)
    shapes = student.shapes(mapping.models(student)[0])
    return {name: student.size * rng.standard_normal(shape) for name, shape in shapes.items()}


def check_gradients_of(report: Report, student: Student, known: Mapping | None) -> None:
    """The value and the gradients, at a point of the reference's when the student's arrays can be told apart."""
    at, parameters, yours, table = away_from_kinks(student, known)
    layers = any_network.layers(student, parameters, at) if known is None and tables.wrong(table.rows) else []
    if layers:
        order = any_network.in_order(layers, list(parameters))
        parameters = {name: parameters[name] for name in order}
        table = table._replace(rows=sorted(table.rows, key=lambda row: order.index(row.name)))
    table = up_to_the_logarithm(report, student, parameters, at, table)
    compare(report, lambda p: student.value_at(p, at), parameters, yours, at.constants, table)
    if report.wrong_arrays and known is None and table.gradients:
        told = any_network.check(student, layers, parameters, at, yours, table, at.constants)
        if told:
            report.findings = [f for f in report.findings if not f.label.startswith("place")]
        report.add(*told)
        if layers:
            right = [row.name for row in report.rows if row.verdict == RIGHT]
            report.notes.append(f"on the way back the first wrong gradient is {report.wrong_arrays[0]}; "
                                f"right: {', '.join(right) or 'none'}")  # fmt: skip
    if known is not None and not report.wrong_arrays and meant_otherwise(report, known):
        return
    if known is not None and gradients_of_another(report, known, at, parameters):
        return
    if report.wrong_arrays:
        report.add(*histories.other_data(student, parameters, at))
    if tables.suspect(report.rows) and known is not None and (known.exact or known.sampled):
        with np.errstate(all="ignore"):  # formulas that are tried may not suit the numbers
            locate(report, known, at)


def away_from_kinks(student: Student, known: Mapping | None, points: int = 3) -> tuple[Point, Any, Any, tables.Table]:
    """The point where the gradients are checked, and its table: another one is drawn if the value has a kink there."""
    asked = []
    for k in range(points):
        there = replace(student, seed=student.seed + 1000 * k)
        at = mapping.problem_for(known, there)
        parameters = anything(there) if known is None else in_backward_order(known, arrays_for(known.windows, at.p))
        yours = student.gradients_at(hygiene.copied(parameters), at)
        asked.append((at, parameters, yours, tables.table(lambda p, at=at: student.value_at(p, at), parameters, yours)))
        if not asked[-1][3].unsure:
            return asked[-1]
    table = tables.agreed([one[3] for one in asked])
    best = next(one for one in asked if one[3].gradients is table.gradients)
    return (*best[:3], table)


def up_to_the_logarithm(
    report: Report, student: Student, parameters: dict[str, NDArray], at: Point, table: tables.Table
) -> tables.Table:
    """The table, with a note in place of doubts where log(y + 1e-7) for log y accounts for what is off."""
    off = [row for row in table.rows if row.verdict != RIGHT]
    c = probes.in_logarithm(student, parameters, at) if off and student.decoder == "bernoulli" else 0.0
    if not c or max(row.error for row in off) > 1000 * c:
        return table
    small = {name: 0.1 * w for name, w in parameters.items()}  # there y is nowhere near 0 or 1
    yours = student.gradients_at(hygiene.copied(small), at)
    there = tables.table(lambda p: student.value_at(p, at), small, yours)
    if max(row.error for row in there.rows) > 10 * c + tables.TOLERANCE:
        return table
    most, plain = max(row.error for row in off), f"{c:.0e}".replace("e-0", "e-")
    report.up_to = f"the {plain} in the logarithm"
    report.notes.append(f"right up to the {plain} in the logarithm: the value has log(y + {plain}), the gradients are "
                        f"those of log y, which are off by {most:.0e} here")  # fmt: skip
    return table._replace(rows=[row._replace(verdict=RIGHT) for row in table.rows])


def meant_otherwise(report: Report, known: Mapping) -> bool:
    """Whether a value with right gradients, which is no bound as declared, is one with another declaration."""
    if known.found is None or known.bound or not any(declared.MAY_BE_MEANT in text for text in known.found.faults):
        return False
    if line := declared.fitting(known.student):
        report.not_judged[VALUE] = f"add {line}, with which it is the bound"
    return bool(line)


def gradients_of_another(report: Report, known: Mapping, at: Point, parameters: dict[str, NDArray]) -> bool:
    """What there is to say of the value; true if the gradients are right, but not those of this value."""
    of_prior = weighing.check(known, at)
    off = bool(report.wrong_arrays)
    of_bound = off and bool(of_prior[0] or not (known.bound or known.sampled))
    of_bound = of_bound and known.unit_of_gradients(at) is not None
    if of_bound:
        report.withdraw("gradient")
        report.notes.append("your gradients are those of the right bound: it is the value, which the table measures, "
                            "that is wrong, not they")  # fmt: skip
    judge_value(report, known, at, "of the bound" if of_bound else "" if off else "of the value", of_prior)
    rows_by_themselves(report, known, at, parameters)
    of_estimator_b = off and not of_bound and known.sampled and known.unit_of_gradients(at) is not None
    if of_estimator_b:
        text = "the gradients are those of the KL in closed form, estimator B; the value samples it, estimator A"
        report.withdraw("gradient")
        report.add(Finding("path:estimator", "from the encoder's heads on: the KL", paths.FAMILY, text, whole=True))
    return of_bound or of_estimator_b


def judge_value(report: Report, known: Mapping, at: Point, whose: str, of_prior: tuple) -> None:
    """Of the parts that the value is made of: which should not be there, or are not as they should be."""
    student, found, many = known.student, known.found, known.many
    if found is None or many is None:
        return
    findings, notes = values.judge(found, at, many, student, whose)
    of_constant, more = constants.check(found, at, many, student) if not findings else ([], [])
    if known.exact or known.sampled:
        findings += values.elsewhere(student, known.windows, known.model, found, at.samples, len(at.x))
    report.add(*findings, *of_prior[0], *of_constant)
    report.notes += notes + of_prior[1] + more


def rows_by_themselves(report: Report, known: Mapping, at: Point, parameters: dict[str, NDArray]) -> None:
    """The bound of a batch, but not of each row alone."""
    if known.exact and known.many is not None and known.one is None:
        text = "the value of one row by itself is not the bound, that of a batch is"
        text += ": rows influence each other" * probes.influence(known.student, parameters, at)
        report.add(Finding("batch", "rows by themselves", "a fact of the batch", text, part="batch"))


def in_backward_order(known: Mapping, parameters: dict[str, NDArray]) -> dict[str, NDArray]:
    """Those first that a backward pass meets first."""
    names = sorted(known.windows, key=lambda mine: on_the_way_back(known.windows[mine].name))
    return {mine: parameters[mine] for mine in names}


def locate(report: Report, known: Mapping, at: Point) -> None:
    """Which path, which step: what needs the reference."""
    wrong = [known.windows[mine].name for mine in tables.suspect(report.rows)]
    black_box = [in_order(finding, known) for finding in report.findings if finding.part == "gradient"]
    black_box = [finding for finding in black_box if not finding.label.startswith("place")]
    others = [finding for finding in report.findings if finding.part != "gradient"]
    exchanged = [finding for finding in black_box if finding.label.startswith("swap")]
    if len(wrong) == 2 * len(exchanged):  # nothing else is wrong
        report.withdraw("gradient")
        report.add(*exchanged)
        return
    yours = known.gradient(at)
    found = black_box + paths.check(known, at, yours, wrong)
    if known.one is not None:
        rows = fingerprints.check(known, at)
        if any(finding.label.startswith("clipped") for finding in found):  # all of it, not a delta on the way
            rows = [finding for finding in rows if not finding.label.endswith(":cut")]
        found += rows
        if not any(finding.label.startswith(("slope", "path", "rows")) for finding in found):
            found += batches.check(known, at, yours, wrong)
    if not report.wrong_arrays:  # so little off that only what accounts for all of it is worth saying
        found = [finding for finding in found if finding.whole]
    found += [finding for finding in black_box if finding.label.startswith("data") and finding not in found]
    if not found and report.wrong_arrays:
        found = [only_the_place(known, wrong[0])]
    report.findings = others
    report.add(*sorted(found, key=lambda f: telling(f.label)))
    if report.verdict != WRONG:
        return
    first = wrong[0]
    right = [row.name for row in report.rows if row.verdict == "right"]
    report.notes.append(
        f"on the way back the first wrong gradient is {known.mine(first)}, in {MODEL_PARTS[layer(first)]}; "
        f"right: {', '.join(right) or 'none'}"
    )


def only_the_place(known: Mapping, first: str) -> Finding:
    """When nothing else is known: where it begins."""
    place = f"{MODEL_PARTS[layer(first)]} ({known.mine(first)})"
    text = f"{place}: what a backward pass meets before it is right, this is not"
    if known.one is not None:
        text += "; with one row and one sample it is, so look at how rows or samples are put together"
    return Finding(f"place:{first}", place, "unknown", text)


def telling(label: str) -> int:
    """The place of a finding among those about the same array."""
    kind = label.partition(":")[0]
    return TELLING.index(kind) if kind in TELLING else -1


def in_order(finding: Finding, known: Mapping) -> Finding:
    """A black-box finding with its place on the way back."""
    mine = finding.label.split(":")[1]
    if finding.label.startswith("data"):
        return finding
    name = known.windows[mine].name if mine in known.windows else None
    return finding._replace(order=backward_order(name)) if name else finding
