"""What a check found, told step by step: the table, the place, and on demand the family and the name of the fault."""

import html
import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

RIGHT, WRONG, UNKNOWN, NOT_JUDGED = "right", "wrong", "cannot tell", "not judged"
PARTLY = "gradients right"  # and something else not judged
CODE, GRADIENTS, VALUE = "code", "gradients", "value"  # what a verdict is about
OF = {"code": CODE, "value": VALUE, "sampler": VALUE, "bound": VALUE}  # a part of the program; the others: gradients
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
    doubts: list[str] = field(default_factory=list)  # why the gradients cannot be told
    not_judged: dict[str, str] = field(default_factory=dict)  # what was not judged besides, why, and what to add
    up_to: str = ""  # what right gradients are off by, on purpose
    explain: int = 0
    asked: tuple[str, ...] = (CODE, GRADIENTS, VALUE)

    @property
    def verdicts(self) -> dict[str, tuple[str, str]]:
        """Of the code, the gradients and the value: "right", "wrong" or "not judged", and why it was not judged.

        `check_gradients` and `check_sampler` do not ask for all of them.
        """
        parts = [finding.part for finding in self.findings]
        wrong = {OF.get(part, GRADIENTS) for part in parts} | ({GRADIENTS} if self.wrong_arrays else set())
        found = {}
        for what in self.asked:
            why = self.not_judged.get(what, "")
            if what == GRADIENTS and not why and (self.doubts or any(row.verdict == UNKNOWN for row in self.rows)):
                why = (self.doubts or ["see the table"])[0]
            if what != CODE and not why and CODE in wrong and not self.rows:
                why = "mend the code first"
            found[what] = (WRONG, "") if what in wrong else (NOT_JUDGED, why) if why else (RIGHT, "")
        return found

    @property
    def verdict(self) -> str:
        """ "right", "wrong", "gradients right" (of the value nothing is known) or "cannot tell"."""
        said = {what: verdict for what, (verdict, _) in self.verdicts.items()}
        if WRONG in said.values():
            return WRONG
        if set(said.values()) == {RIGHT}:
            return RIGHT
        return PARTLY if said.get(GRADIENTS) == RIGHT and len(said) > 2 else UNKNOWN

    @property
    def passes(self) -> bool:
        """Whether nothing is wrong and the gradients were judged."""
        return self.verdict in (RIGHT, PARTLY)

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
        if self.verdict != RIGHT and VALUE in self.asked:
            lines += ["", *(f"{what + ':':10} {' '.join(filter(None, [verdict + ';' * bool(why), why]))}"
                            for what, (verdict, why) in self.verdicts.items())]  # fmt: skip
        return "\n".join([*squeezed(lines), self.last_line()])

    def last_line(self) -> str:
        """The verdict, with what was not judged and what to add."""
        verdict = self.verdict + f" up to {self.up_to}" * bool(self.up_to and self.passes)
        if VALUE not in self.asked or self.verdict == RIGHT:
            return f"verdict: {verdict}"
        left = [f"{what} not judged: {why}" for what, (verdict, why) in self.verdicts.items() if verdict == NOT_JUDGED]
        if self.verdict == UNKNOWN and len(left) > 1:
            left = left[:1]
        return "; ".join([f"verdict: {verdict}", *left])

    def faults(self, explain: int) -> list[str]:
        """The first fault, as much of it as was asked for."""
        first = self.findings[0]
        lines = [f"first fault: in the {first.part}, {first.place}"]
        if first.label in ("code:exception", "code:stopped"):  # what stops it hides nothing
            explain = 2
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
        told = {what: {"verdict": verdict, "why": why} for what, (verdict, why) in self.verdicts.items()}
        plain = {"verdict": self.verdict, "verdicts": told, **self.as_dict()}
        return json.dumps(finite(plain), indent=1, allow_nan=False)

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
        lists = {"rows": rows, "findings": [Finding(**f) for f in plain["findings"]], "asked": tuple(plain["asked"])}
        return cls(**plain | lists)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        colour = {RIGHT: "#1a7f37", WRONG: "#b3261e"}.get(self.verdict, "#8a6d00")
        return f'<pre style="border-left: 4px solid {colour}; padding-left: 1em">{html.escape(self.text())}</pre>'


def tells_more(other: Finding, first: Finding) -> bool:
    """Whether a second finding is no other way to say the first: of what is accounted for, only its local name."""
    if other.text == first.text or other.label.startswith("single"):
        return False
    return not (first.whole and first.part == other.part) or other.label.startswith("slope")


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
