"""What a check of an exercise found: a state, the first fault, and as much about it as was asked for."""

import html
import json
import textwrap
from dataclasses import dataclass, field
from typing import Any, NamedTuple

NOT_WRITTEN, CODE, SHAPE, VALUE, GRADIENT, PASSES = "not written yet", "code", "shape", "value", "gradient", "passes"
WORDS = {CODE: "a fault in the code", SHAPE: "a wrong shape", VALUE: "a wrong value", GRADIENT: "a wrong gradient"}
MORE = ("tells the kind of fault", "tells what it is")


class Fault(NamedTuple):
    """The first thing that is wrong."""

    state: str  # NOT_WRITTEN, CODE, SHAPE, VALUE or GRADIENT
    place: str  # where
    family: str  # what kind of fault
    text: str  # which one
    table: tuple[str, ...] = ()  # yours beside what was measured, if it was
    seen: str = ""  # what anybody may see of it, without a word about why: an error's own text, two numbers


def wrapped(line: str) -> list[str]:
    """A line as several of at most 79 letters, those after the first further in."""
    inner = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, WIDTH, subsequent_indent=inner, drop_whitespace=True, break_on_hyphens=False) or [line]


WIDTH = 79


@dataclass
class Report:
    """What `check` gives. A notebook and `print` show it, `json()` is for programs."""

    exercise: str
    name: str
    checks: list[str]  # all of them, in order
    passed: int = 0
    fault: Fault | None = None
    notes: list[str] = field(default_factory=list)
    explain: int = 0
    use: Any = None  # the student's functions if they pass, else the package's

    @property
    def state(self) -> str:
        """In a few words: "not written yet", "code", "shape", "value", "gradient" or "passes N of N public checks"."""
        total = len(self.checks)
        return self.fault.state if self.fault else f"{PASSES} {total} of {total} public checks"

    @property
    def right(self) -> bool:
        """Whether all checks are passed."""
        return self.fault is None

    def text(self, explain: int | None = None) -> str:
        """The report: 0 shows the first fault, 1 its kind as well, 2 its name."""
        explain = self.explain if explain is None else explain
        lines = [f"{self.exercise} {self.name}: {WORDS.get(self.state, self.state)}"]
        if self.fault and self.fault.state == NOT_WRITTEN:
            lines.append(self.fault.text)
            lines.append(f'hint("{self.exercise}", 1) gives the idea, 2 the formula, 3 the shape of the line')
        else:
            lines += [f"  {outcome:11} {check}" for outcome, check in self.outcomes()]
            lines += self.told(self.fault, explain) if self.fault else []
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(short for line in "\n".join(lines).split("\n") for short in wrapped(line))

    def outcomes(self) -> list[tuple[str, str]]:
        """Every check with what became of it."""
        words = ["passed"] * self.passed + ["failed"] * (self.fault is not None)
        words += ["not reached"] * (len(self.checks) - len(words))
        return list(zip(words, self.checks))

    def told(self, fault: Fault, explain: int) -> list[str]:
        """The first fault, as much of it as was asked for."""
        lines = ["", *fault.table] if fault.table else []
        lines += ["", f"first fault: {fault.place}", *(f"  {line}" for line in fault.seen.splitlines())]
        if fault.text == fault.seen:  # there is no more to tell
            explain = 2
        else:
            lines += [f"kind: {fault.family}"] if explain >= 1 else []
            lines += [f"name: {fault.text}"] if explain >= 2 else []
        more = f" (explain={explain + 1} {MORE[explain]})" if explain < 2 else ""
        return [*lines, f"fix this one and check again{more}"]

    def as_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and texts."""
        fault = self.fault._asdict() if self.fault else None
        return {"exercise": self.exercise, "name": self.name, "state": self.state, "passed": self.passed,
                "checks": self.checks, "fault": fault, "notes": self.notes}  # fmt: skip

    def json(self) -> str:
        """Everything, for programs."""
        return json.dumps(self.as_dict(), indent=1)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        color = "#1a7f37" if self.right else "#57606a" if self.state == NOT_WRITTEN else "#b35900"
        style = f"border-left: 4px solid {color}; padding-left: 8px; line-height: 1.35"
        return f'<pre style="{style}">{html.escape(self.text())}</pre>'
