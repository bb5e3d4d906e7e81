"""One submission, run apart: its functions are asked what its exercises ask, and the answers are judged here.

Every check of an exercise is asked by itself, at two sizes, so that what is right counts beside what is wrong, and a
size that is written into the code is found.
"""

import ast
import errno
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from aevb_np.apart.ours import Apart, GoneError
from aevb_np.checks.sandbox import plain
from aevb_np.exercises import EXERCISES, check
from aevb_np.exercises.report import NOT_WRITTEN, PASSES, Report
from aevb_np.grading.submissions import Work

NOT_RUN, UNKNOWN = "it does not run", "no exercise"
LONGEST = 600  # letters of a fault in a table
# What a solution may use.
ALLOWED = ("aevb_np.numerics", "aevb_np.params", "aevb_np.exercises", "aevb_np.distributions.LOG_2PI")


@dataclass
class Row:
    """One exercise of one submission, as it was judged."""

    student: str
    file: str
    exercise: str
    state: str
    fault: str
    passed: list[bool] = field(default_factory=list)  # check by check
    texts: list[str] = field(default_factory=list)  # the report, by how much is explained
    notes: list[str] = field(default_factory=list)
    submitted: float = 0.0
    late: bool = False
    number: str = ""

    as_dict = asdict


@dataclass(frozen=True)
class Limits:
    """Under which a submission is run."""

    seconds: float = 20.0  # that one file may take; a right one takes one or two
    megabytes: int = 2048  # that its process may use, where the system can limit it
    seed: int = 0  # other numbers and other sizes
    hidden: tuple[Path, ...] = ()  # folders that it shall not see


def graded(work: Work, limits: Limits, began: Callable[[Apart], None] = lambda process: None) -> list[Row]:
    """The rows of one file: one for each exercise, or one that says what is wrong with it."""
    keys = work.keys or [""]
    if work.trouble:
        return [row(work, key, NOT_RUN if key else UNKNOWN, work.trouble) for key in keys]
    with tempfile.TemporaryDirectory(prefix="aevb-", ignore_cleanup_errors=True) as place:
        file = laid_out(work, Path(place))
        with Apart(file.parent, limits.seconds, limits.megabytes, own=True, hidden=limits.hidden) as theirs:
            began(theirs)
            return run(work, theirs, file, limits.seed)


def laid_out(work: Work, place: Path) -> Path:
    """Copies of the student's files in a folder of their own, and where the graded one is among them."""
    top = place / "copy"
    top.mkdir()
    for name, content in work.beside.items():
        path = top / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (OSError, ValueError) as error:  # a name that this system cannot have
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                raise
            work.notes.append(f"could not be laid beside it: {name}")
    try:
        (top / work.way).parent.mkdir(parents=True, exist_ok=True)
        return top / work.way
    except (OSError, ValueError):
        return top / "file"


def run(work: Work, theirs: Apart, file: Path, seed: int) -> list[Row]:
    """Load the file, judge what it defines."""
    name = PurePosixPath(work.file).name
    many = len(work.cells) > 1 or name.endswith(".ipynb")
    cells = [(f"cell {n} of {name}" if many else name, source) for n, source in enumerate(work.cells, 1)]
    rows: list[Row] = []
    try:
        first = theirs.load(cells, file, on=True)
        error = f"cell {first['cell']}: {first['type']}: {first['text']}" if first else ""
        for key in work.keys:
            rows.append(judged(work, key, theirs, error, seed))
    except GoneError as end:
        rows += [row(work, key, NOT_RUN, str(end)) for key in work.keys[len(rows) :]]
    except Exception as error:  # nothing that is not known may cost another student the grade
        text = f"it cannot be judged: {type(error).__name__}: {error}"
        rows += [row(work, key, NOT_RUN, text) for key in work.keys[len(rows) :]]
    return rows


def judged(work: Work, key: str, theirs: Apart, error: str, seed: int) -> Row:
    """One exercise of a file that is loaded."""
    names = EXERCISES[key].names
    found = theirs.names(names)
    functions = [as_it_is(found.get(name), key, n) for n, name in enumerate(names)]
    notes = [f"refers to the package's {', '.join(of)}" for of in [borrowed(work.cells, names)] if of]
    if missing := [name for name in names if name not in found]:
        text = f"it defines no {missing[0]}" + (f"; {error}" if error else "")
        if len(missing) == len(names):
            return row(work, key, NOT_RUN if error else NOT_WRITTEN, text)
        functions = [function if name in found else unwritten(name) for name, function in zip(names, functions)]
        notes.append(text)
    passed: list[bool] = []
    try:
        report = tried(key, functions, seed, passed)
    except GoneError as end:
        return row(work, key, NOT_RUN, str(end), passed, notes)
    texts = [plain_lines(with_outcomes(report, passed, explain)) for explain in range(3)]
    return row(work, key, report.state, fault_of(report), passed, notes, texts)


def tried(key: str, functions: Sequence[Any], seed: int, passed: list[bool]) -> Report:
    """Every check by itself, at the sizes of two seeds; `passed` grows with it. The report on the first fault."""
    exercise, seeds = EXERCISES[key], (seed, seed + 1)
    problems = [(*exercise.problem(one), one) for one in seeds]
    own = [unwritten(f.__name__) if f is solution else f for f, solution in zip(functions, exercise.solutions)]
    for _, test in exercise.checks:
        passed.append(all(fine(test, own, *problem) for problem in problems))
    reports = [check(key, *functions, seed=one) for one in seeds if not all(passed)]
    report = next((one for one in reports if not one.right), None)
    if report is None:
        checks = [name for name, _ in exercise.checks]
        return Report(key, exercise.name, checks, sum(passed))
    if report is not reports[0]:
        report.notes.append("right at one size, wrong at another: is a size written into the code?")
    return report


def with_outcomes(report: Report, passed: Sequence[bool], explain: int) -> str:
    """The report with what became of every check, those after the first fault as well."""
    text = report.text(explain)
    for (word, name), right in zip(report.outcomes(), passed):
        text = text.replace(f"  {word:11} {name}", f"  {'passed' if right else 'failed':11} {name}")
    return text


def fine(test: Callable, functions: Sequence[Any], given: Any, sizes: Any, seed: int) -> bool:
    """Whether one check is passed."""
    try:
        with np.errstate(all="ignore"):
            test(tuple(functions), {name: array.copy() for name, array in given.items()}, sizes, seed)
        return True
    except (Exception, SystemExit):
        return False


def as_it_is(function: Any, key: str, n: int) -> Any:
    """Their function; the package's own, if theirs is no other than that."""
    module = getattr(function, "__module__", None)
    solution = EXERCISES[key].solutions[n]
    of_ours = isinstance(module, str) and module.startswith("aevb_np.") and callable(function)
    return solution if of_ours and function.__name__ in (solution.__name__, "value") else function


def unwritten(name: str) -> Callable:
    """In the place of a function that is not there."""

    def function(*arguments):
        raise NotImplementedError

    function.__name__ = name
    return function


def points(report: Report) -> int:
    """A point for every check that a report passed: what nbgrader reads as the mark of a cell.

    Examples
    --------
    >>> from aevb_np.exercises import check
    >>> points(check("E6", lambda mu, log_var: None))
    0
    """
    return len(report.checks) if report.right else report.passed


def fault_of(report: Report) -> str:
    """The first fault in one line."""
    if report.fault is None:
        return ""
    fault = report.fault.text
    return fault if fault.startswith(report.fault.place) else f"{report.fault.place}: {fault}"


def row(work: Work, key: str, state: str, fault: str, passed: Sequence[bool] = (), notes: Sequence[str] = (),
        texts: Sequence[str] = ()) -> Row:  # fmt: skip
    """A row that fits into every table: whatever a submission called itself, one line without control characters."""
    total = len(EXERCISES[key].checks) if key else 0
    outcome = [*passed, *[False] * total][:total]
    if all(outcome) and total:
        state = f"{PASSES} {total} of {total} public checks"
    fault = short(plain(fault))
    told = list(texts) or [(f"{key} {EXERCISES[key].name}: {state}\n\n" if key else "") + fault] * 3
    return Row(plain(work.student), plain(work.file), key, plain(state), fault, outcome, told,
               [short(plain(note)) for note in (*work.notes, *notes)], work.when, work.late, work.number)  # fmt: skip


def short(text: str) -> str:
    """At most so many letters."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ... ({len(text)} letters)"


def plain_lines(text: str) -> str:
    """Lines without control characters."""
    return "\n".join(short(plain(line)) for line in text.split("\n"))


# -- whose code it is


def borrowed(sources: Sequence[str], names: Sequence[str]) -> list[str]:
    """What of the package the functions of these names refer to, they or what they call.

    The exercises' own helpers do not count, nor the class that an optimiser is derived from.

    Examples
    --------
    >>> borrowed(["from aevb_np import gaussian_kl as g", "def gaussian_kl(mu, log_var): return g(mu, log_var)"],
    ...          ["gaussian_kl"])
    ['g']
    """
    ours, defined = set[str](), dict[str, Mapping[str, None]]()
    for source in sources:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            ours |= imported(node)
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                defined[node.name] = dict.fromkeys(used(node.body))
    seen, waiting = dict[str, None](), list(names)
    for name in waiting:  # it grows
        for other in defined.get(name, ()):
            if other not in seen:
                seen[other] = None
                waiting.append(other)
    return [name for name in seen if name in ours and name not in defined]


def imported(node: ast.AST) -> set[str]:
    """The names under which a statement brings in something of the package that a solution may not use."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "aevb_np":
        if str(node.module).startswith(ALLOWED):
            return set()
        return {alias.asname or alias.name for alias in node.names if f"{node.module}.{alias.name}" not in ALLOWED}
    if isinstance(node, ast.Import):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names
                if alias.name.split(".")[0] == "aevb_np" and alias.name not in ALLOWED}  # fmt: skip
    return set()


def used(body: Sequence[ast.stmt]) -> list[str]:
    """The names that statements read."""
    return [node.id for statement in body for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]  # fmt: skip
