"""A student's function, called with care: what stops it, what it returns, what it did to what it was given."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from aevb_np.checks.gradients import check_gradients
from aevb_np.checks.report import RIGHT, Row
from aevb_np.checks.report import Report as KitReport
from aevb_np.checks.student import StudentError, called
from aevb_np.exercises.likeness import close, likeness, pair
from aevb_np.exercises.report import CODE, GRADIENT, NOT_WRITTEN, SHAPE, VALUE, Fault
from aevb_np.params import Params

Arrays = Mapping[str, NDArray]


class FaultError(Exception):
    """The first fault is found."""

    def __init__(self, fault: Fault):
        super().__init__(fault.text)
        self.fault = fault


def stop(state: str, place: str, family: str, text: str, lines: Sequence[str] = (), seen: str = "") -> NoReturn:
    """The fault, raised; what does not run, and what is of another shape, hides nothing."""
    plain = text if state in (CODE, SHAPE) else ""
    raise FaultError(Fault(state, place, family, text, tuple(lines), seen or plain))


def run(function: Callable, *arguments: Any, place: str) -> Any:
    """What a function gives, be it nothing; a FaultError if it raises."""
    try:
        return called(function, *arguments)
    except StudentError as failure:
        if isinstance(failure.__cause__, FaultError):  # found already, on the way
            raise failure.__cause__ from None
        if isinstance(failure.__cause__, NotImplementedError):
            stop(NOT_WRITTEN, place, NOT_WRITTEN, f"{place} is still to be written")
        stop(CODE, failure.where, "it stops with an error", str(failure))
    except SystemExit:
        stop(CODE, place, "it leaves Python", f"{place} calls exit()")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a report is promised
        stop(CODE, place, "it stops with an error", f"{type(error).__name__}: {error}")


def call(function: Callable, *arguments: Any, place: str) -> Any:
    """What a function gives; a FaultError if it raises or gives nothing."""
    answer = run(function, *arguments, place=place)
    if answer is None:
        stop(SHAPE, place, "nothing comes back", f"{place} gives None: is the return missing?")
    return answer


def numbers(answer: Any, shape: tuple[int, ...], place: str) -> NDArray:
    """The answer as an array of real numbers of this shape."""
    try:
        array = np.asarray(answer)
    except ValueError as error:
        stop(SHAPE, place, "no array", f"{place}: {error}")
    if isinstance(answer, (list, tuple)) and array.shape != shape:
        text = f"{place} is a {type(answer).__name__} of {len(answer)} things; it should be one array of shape {shape}"
        stop(SHAPE, place, "no array", text)
    if array.dtype.kind not in "fiub":
        stop(SHAPE, place, "no array", f"{place} is no array of real numbers but a {type(answer).__name__}")
    if array.shape != shape:
        stop(SHAPE, place, "a wrong shape", f"{place} has shape {array.shape}; it should be {shape}")
    return array


def value(function: Callable, arguments: Arrays, shape: tuple[int, ...], place: str) -> NDArray:
    """The value of a function that gives it alone, or with its backward."""
    given = {name: array.copy() for name, array in arguments.items()}
    answer = call(function, *given.values(), place=place)
    kept(given, arguments, getattr(function, "__name__", place))
    return numbers(answer[0] if isinstance(answer, tuple) and answer else answer, shape, place)


def both(function: Callable, arguments: Sequence[Any], place: str) -> tuple[Any, Callable]:
    """The value and the backward."""
    answer = call(function, *arguments, place=place)
    if not isinstance(answer, (tuple, list)):
        text = f"{place} gives one thing; it must give two, its value and its backward"
    elif len(answer) != 2:
        text = f"{place} gives {len(answer)} things; it must give two, its value and its backward"
    elif callable(answer[1]):
        return answer[0], answer[1]
    elif callable(answer[0]):
        text = f"{place} gives its backward first; it must give its value and its backward in this order"
    else:
        kind = "an array" if isinstance(answer[1], np.ndarray) else f"a {type(answer[1]).__name__}"
        text = f"the second thing that {place} gives is {kind}; it must give its value and its backward, the function"
    stop(SHAPE, place, "no backward", text)


def back(backward: Callable, upstream: NDArray, like: Arrays, place: str) -> dict[str, NDArray]:
    """What a backward gives, by the names of what it is the gradient in."""
    answer = run(backward, upstream, place=place)
    if answer is None:
        text = f"{place} returns nothing yet; it should return the gradient in {' and in '.join(like)}"
        stop(SHAPE, place, "nothing comes back", text)
    stacked = isinstance(answer, np.ndarray) and answer.ndim and len(answer) == len(like) > 1
    if stacked and answer[0].shape == next(iter(like.values())).shape:
        names = ", ".join(f"d{name}" for name in like)
        text = f"{place} gives one array of shape {answer.shape}; return {names}, each an array of its own"
        stop(SHAPE, place, "one array for several", text)
    answers = answer if isinstance(answer, (tuple, list)) and len(like) > 1 else (answer,)
    if len(answers) != len(like):
        text = f"{place} gives {len(answers)} thing{'s' * (len(answers) != 1)}; it should give the gradients in "
        stop(SHAPE, place, "too few or too many", text + ", ".join(like))
    return {name: numbers(a, like[name].shape, f"d{name}") for a, name in zip(answers, like)}


def passed(function: Callable, arguments: Arrays, upstream: NDArray, name: str,
           wanted: Sequence[str] = ()) -> tuple[NDArray, dict[str, NDArray]]:  # fmt: skip
    """Once there and back: the value and the gradients in `wanted` (all arguments).

    Neither way may change what it is given.
    """
    given, d = {key: array.copy() for key, array in arguments.items()}, upstream.copy()
    answer, backward = both(function, list(given.values()), name)
    y = numbers(answer, upstream.shape, name)
    kept(given, arguments, name)
    like = {key: arguments[key] for key in wanted or arguments}
    gradients = back(backward, d, like, f"the backward of {name}")
    before = {**arguments, "the upstream gradient": upstream}
    kept(given | {"the upstream gradient": d}, before, f"the backward of {name}")
    return y, gradients


def kept(given: Arrays, before: Arrays, place: str) -> None:
    """A FaultError if what was given is not what it was before."""
    for name, array in given.items():
        if not np.array_equal(array, before[name], equal_nan=True):
            text = f"{place} changes {name}; it was given, so compute with a copy"
            stop(CODE, place, "it changes what it was given", text)


def parameters_kept(p: Params, before: Params, prefix: str, place: str) -> None:
    """A FaultError if a parameter is not what it was before."""
    for (name, now, _), (_, then, _) in zip(p.arrays(prefix), before.arrays()):
        if not np.array_equal(now, then, equal_nan=True):
            group, _, last = name.rpartition(".")
            text = f"{place} changes {name} itself; a backward adds to its gradient, {group}.d{last}"
            stop(CODE, place, "it changes the parameters", text)


def started(p: Params, start: float, prefix: str, place: str, order: Callable = str) -> None:
    """A FaultError if nothing was added to some gradient yet: a backward that is empty, or half written."""
    untouched = [name for name, _, gradient in p.arrays(prefix) if (gradient == start).all()]
    if not untouched:
        return
    group, _, last = min(untouched, key=order).rpartition(".")
    twin = f"{group}.dW" if f"{group}.W" in untouched else f"{group}.d{last}"
    seen = f"nothing was added to {twin} yet: start there"
    text = f"{twin} is 0 everywhere: never added to (dW = dW + ... makes another array), or written over with 0"
    raise FaultError(Fault(GRADIENT, place, "a gradient is missing", text, seen=seen))


def agree(yours: NDArray, right: Any, place: str, text: str, constants: Mapping, state: str = VALUE,
          inputs: Arrays | None = None) -> None:  # fmt: skip
    """A FaultError if these numbers are not those, to rounding; `inputs` are what each is made of, or its row."""
    right = np.broadcast_to(np.asarray(right, float), yours.shape)
    if close(yours, right):
        return
    kind = likeness(yours, right, constants)
    stop(state, place, kind, f"{text}; yours: {kind}", seen=pair(yours, right, inputs or {}))


def measured(function: Callable, right: Callable, arguments: Arrays, upstream: NDArray, name: str,
             constants: Mapping) -> None:  # fmt: skip
    """A FaultError unless the backward gives the gradients that are measured, for this upstream gradient.

    What is measured is `right`, the package's own: that the values are the same has been seen, but a float32 value is
    too coarse to be measured.
    """

    def total(p):
        return float((upstream * right(*p.values())[0]).sum())

    def gradients(p):
        _, backward = both(function, list(p.values()), name)
        return back(backward, upstream.copy(), p, f"the backward of {name}")

    judged(check_gradients(total, arguments, gradients, constants), f"the backward of {name}")


def judged(report: KitReport, place: str) -> None:
    """A FaultError with what the verification kit found."""
    if report.verdict == RIGHT:
        return
    lines = table(report.rows)
    if report.top is None:
        stop(VALUE, place, "it cannot be told", "; ".join(report.doubts), lines)
    state = {"gradient": GRADIENT, "code": CODE}.get(report.top.part, VALUE)
    text = report.top.text.removeprefix(f"{report.top.place}: ")
    stop(state, f"{place}, {report.top.place}", report.top.family, text, lines)


def table(rows: Sequence[Row]) -> list[str]:
    """One line of at most 79 letters for each array: how far off it is, and the entry that is furthest off."""
    if not rows:
        return []
    width = max(len("array"), *(len(row.name) for row in rows))
    lines = [f"{'array':{width}}  {'error':>7}  {'verdict':7}  {'worst entry':>11}  {'yours':>11}  {'measured':>11}"]
    for row in rows:
        line = f"{row.name:{width}}  {row.error:7.0e}  {row.verdict:7}"
        if row.worst and row.verdict != RIGHT:
            index, yours, expected = row.worst[0]
            line += f"  {str(list(index)):>11}  {yours:11.5g}  {expected:11.5g}"
        lines.append(line)
    return [*lines, "error: |yours - measured| / the larger of the two"]


def outcome(thunk: Callable[[], Any]) -> Any:
    """What comes of it, or what is said instead: something that can be compared with what comes of other code."""
    try:
        return thunk()
    except FaultError as fault:
        return str(fault)


def same(a: Any, b: Any) -> bool:
    """Whether two outcomes are the same, to rounding."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, str) or isinstance(b, str):
        return bool(np.array_equal(a, b))
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-8, atol=1e-11, equal_nan=True)
