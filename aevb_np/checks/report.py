"""What a check found, told step by step: the table, the place, and on demand the family and the name of the fault."""

import html
import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

RIGHT, WRONG, UNKNOWN = "right", "wrong", "cannot tell"
PARTS = ("code", "value", "sampler", "gradient", "bound", "batch")  # in the order in which they are told


class Row(NamedTuple):
    """One array of parameters: how far its gradient is from the measured one, and the entry that is furthest off."""

    name: str
    shape: tuple[int, ...]
    error: float  # ||yours - measured|| / the larger of the two
    noise: float  # what is likely to be wrong with the measured one, on the same scale
    verdict: str
    worst: tuple[tuple, ...] = ()  # up to three of (index, yours, measured)
    kinks: int = 0  # how many of its numbers lie at a kink of the value, and are not judged


class Finding(NamedTuple):
    """One true statement about what is wrong."""

    label: str  # for programs: "path:kl:0"
    place: str  # where
    family: str  # what kind of fault
    text: str  # which one
    part: str = "gradient"
    whole: bool = False  # it accounts for everything that is wrong with the gradients
    order: int = 0  # how many steps of the way back are right before it


@dataclass
class Report:
    """What `check_gradients`, `check_vae` and `aevb check` give.

    `text(explain)` is for reading, `print(report)` shows it with `explain` as asked for in the check, a notebook shows
    it by itself, and `json()` is for programs.
    """

    rows: list[Row] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)  # why it cannot tell
    explain: int = 0

    @property
    def verdict(self) -> str:
        """ "right", "wrong" or "cannot tell"."""
        if self.findings or any(row.verdict == WRONG for row in self.rows):
            return WRONG
        return UNKNOWN if self.doubts or any(row.verdict == UNKNOWN for row in self.rows) else RIGHT

    @property
    def top(self) -> Finding | None:
        """The finding to begin with."""
        return self.findings[0] if self.findings else None

    @property
    def wrong_arrays(self) -> list[str]:
        """The names of the arrays whose gradient is wrong."""
        return [row.name for row in self.rows if row.verdict == WRONG]

    def add(self, *findings: Finding) -> None:
        """Take in what was found; the list stays in the order in which a student should read it."""
        self.findings += findings
        self.findings.sort(key=lambda f: (PARTS.index(f.part), not f.whole, f.order))

    def withdraw(self, part: str) -> None:
        """Take back what was said about a part."""
        self.findings = [finding for finding in self.findings if finding.part != part]

    def text(self, explain: int | None = None) -> str:
        """The report: 0 shows the table and the place, 1 the family of the fault as well, 2 its name."""
        explain = self.explain if explain is None else explain
        lines = table(self.rows) + [""] * bool(self.rows)
        lines += ["", *self.faults(explain)] if self.findings else []
        lines += [f"cannot tell: {doubt}" for doubt in self.doubts]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join([*squeezed(lines), f"verdict: {self.verdict}"])

    def faults(self, explain: int) -> list[str]:
        """The first fault, as much of it as was asked for."""
        first = self.findings[0]
        lines = [f"first fault: in the {first.part}, {first.place}"]
        lines += [f"family: {first.family}"] if explain >= 1 else []
        lines += [f"name: {first.text}"] if explain >= 2 else []
        if explain < 2:
            lines.append(f"(explain={explain + 1} tells {('the kind of fault', 'what it is')[explain]})")
        elif others := [f for f in self.findings[1:] if tells_more(f, first)][:3]:
            lines += ["also true:", *(f"  {f.text}" for f in others)]
        if len(self.wrong_arrays) > 1 or first.part in ("code", "value", "sampler"):
            lines.append("mend this first and run the check again: other faults may be its consequences")
        return lines

    def json(self) -> str:
        """Everything, for programs."""
        return json.dumps(finite({"verdict": self.verdict, **self.as_dict()}), indent=1, allow_nan=False)

    def as_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and texts, from which `from_dict` makes the report again."""
        plain = asdict(self)
        plain["rows"] = [row._asdict() for row in self.rows]
        plain["findings"] = [finding._asdict() for finding in self.findings]
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Report":
        """The report of which `as_dict` made these lists."""
        rows = [Row(**row) for row in plain["rows"]]
        return cls(**plain | {"rows": rows, "findings": [Finding(**f) for f in plain["findings"]]})

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        colour = {RIGHT: "#1a7f37", WRONG: "#b3261e", UNKNOWN: "#8a6d00"}[self.verdict]
        return f'<pre style="border-left: 4px solid {colour}; padding-left: 1em">{html.escape(self.text())}</pre>'


def tells_more(other: Finding, first: Finding) -> bool:
    """Whether a second finding is no other way to say the first: of what is accounted for, only its local name."""
    if other.text == first.text or other.label.startswith("single"):
        return False
    return not (first.whole and first.part == other.part) or other.label.startswith(("slope", "bug"))


def table(rows: list[Row]) -> list[str]:
    """One line for each array."""
    if not rows:
        return []
    width = max(len("array"), *(len(row.name) for row in rows))
    head = f"{'array':{width}}  {'shape':>10}  {'error':>8}  {'noise':>8}  {'verdict':11}"
    worst = (
        f"  {'worst entry':>12}  {'yours':>12}  {'measured':>12}"
        if any(row.worst and row.verdict != RIGHT for row in rows)
        else ""
    )
    lines = [head + worst]
    for row in rows:
        shape = "x".join(map(str, row.shape)) or "number"
        line = f"{row.name:{width}}  {shape:>10}  {row.error:8.1e}  {row.noise:8.1e}  {row.verdict:11}"
        if row.worst and row.verdict != RIGHT:
            index, yours, measured = row.worst[0]
            line += f"  {str(list(index)):>12}  {yours:12.5g}  {measured:12.5g}"
        lines.append(line)
    if worst:
        lines.append(
            "error: |yours - measured| / the larger; noise: what the measuring itself may be off by, on that scale;"
        )
        lines.append("worst entry: its place in the array, and both numbers there")
    return [line.rstrip() for line in lines]


def finite(plain: Any) -> Any:
    """The same with None for NaN and infinity, which JSON does not have."""
    if isinstance(plain, dict):
        return {name: finite(value) for name, value in plain.items()}
    if isinstance(plain, (list, tuple)):
        return [finite(value) for value in plain]
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def squeezed(lines: list[str]) -> list[str]:
    """The lines without two empty ones in a row."""
    return [line for before, line in zip(["", *lines], lines) if line or before]
