"""What is known so far: every row is on the disk as soon as it is there, and a run that was stopped goes on from it."""

import csv
import io
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from aevb_np import _atomic
from aevb_np.checks.sandbox import plain
from aevb_np.grading import pages, similarity
from aevb_np.grading.roster import Roster, Weights, lateness
from aevb_np.grading.running import Row
from aevb_np.grading.submissions import Work

COLUMNS = ("student", "file", "exercise", "state", "passed", "checks", "fault", "points", "of", "submitted", "late",
           "notes", "id", "name")  # fmt: skip
GRADES, KEPT, SIMILAR = "grades.csv", "grades.json", "similarity.csv"
MISSING = "nothing handed in"
LONGEST_NAME = 150  # bytes of a folder's name


@dataclass
class Wishes:
    """What a teacher wants the tables to say; it can change without grading again."""

    roster: Roster = field(default_factory=Roster)
    weights: Weights = field(default_factory=Weights)
    due: datetime | None = None
    explain: int = 0  # 0: where the first fault is, 1: its kind, 2: its name


class Table:
    """The rows of a class in a folder: grades.csv, grades.json, and a folder with pages for every student.

    Parameters
    ----------
    out : path
        Where they are kept. It is made, and tried, at once.
    folder : path
        Of the submissions.
    work : list of Work
        All of the class's.
    settings
        Under which it is graded: rows that were graded under others are not taken over.

    Raises
    ------
    ValueError
        If `out` holds the grades of another folder.
    OSError
        If it cannot be written.
    """

    def __init__(self, out: Path, folder: Path, work: Sequence[Work], settings: tuple, wishes: Wishes):
        self.out, self.folder, self.work, self.wishes = out, folder.resolve(), list(work), wishes
        self.digests = [one.digest(*settings) for one in work]
        out.mkdir(parents=True, exist_ok=True)
        kept = remembered(out)
        if kept and kept.get("folder") != str(self.folder):
            raise ValueError(f"{out} holds the grades of {kept.get('folder')}; name another folder with --out")
        known = {digest: rows_of(rows) for digest, rows in kept.get("rows", {}).items()}
        self.rows = {digest: known[digest] for digest in self.digests if known.get(digest)}
        students = [plain(one.student) for one in self.work]
        self.places = places(list(dict.fromkeys(students)))
        self.write()

    def open(self) -> list[int]:
        """Which pieces of work have no rows yet."""
        return [i for i, digest in enumerate(self.digests) if digest not in self.rows]

    def add(self, i: int, rows: list[Row]) -> None:
        """Take in the rows of one piece of work, and write everything that has changed."""
        self.rows[self.digests[i]] = rows
        self.write()
        self.write_student(plain(self.work[i].student))

    def all_rows(self) -> list[Row]:
        """What is known, in the order of the folder."""
        return [row for digest in self.digests for row in self.rows.get(digest, ())]

    def write(self) -> None:
        """grades.json, from which all else can be made, then grades.csv."""
        content = {"folder": str(self.folder), "rows": {d: [row.as_dict() for row in r] for d, r in self.rows.items()}}
        replaced(self.out / KEPT, json.dumps(content, indent=0))
        replaced(self.out / GRADES, as_csv([COLUMNS, *self.lines()]))

    def lines(self) -> list[tuple]:
        """The lines of the table; when all is graded, also of those who handed in nothing."""
        rows, roster = self.all_rows(), self.wishes.roster
        lines = []
        for row in rows:
            got, most = self.wishes.weights.points(row)
            who = roster.who(row)
            notes = row.notes + ["not on the roster"] * (bool(roster.students) and who is None)
            when = datetime.fromtimestamp(row.submitted).isoformat(" ", "minutes") if row.submitted else ""
            lines.append((row.student, row.file, row.exercise, row.state, sum(row.passed), len(row.passed), row.fault,
                          pages.number(got), pages.number(most), when, lateness(row, self.wishes.due),
                          "; ".join(notes), who[0] if who else row.number, who[1] if who else ""))  # fmt: skip
        if not self.open():
            lines += [(name or number, "", "", MISSING, 0, 0, "", "0", "0", "", "", "", number, name)
                      for number, name in roster.missing(rows)]  # fmt: skip
        return lines

    def write_student(self, student: str) -> None:
        """One student's pages."""
        rows = [row for row in self.all_rows() if row.student == student]
        place, wishes = self.out / self.places[student], self.wishes
        place.mkdir(parents=True, exist_ok=True)
        late = [lateness(row, wishes.due) for row in rows]
        name = next((who[1] for row in rows if (who := wishes.roster.who(row)) and who[1]), student)
        results = pages.gradescope(rows, wishes.weights, wishes.explain)
        replaced(place / "results.json", json.dumps(results, indent=1))
        replaced(place / "feedback.md", pages.markdown(name, rows, wishes.weights, wishes.explain, late))
        replaced(place / "feedback.html", pages.page(name, rows, wishes.weights, wishes.explain, late))

    def finish(self) -> None:
        """Everything once more, whatever became of it meanwhile, and who wrote the same."""
        self.out.mkdir(parents=True, exist_ok=True)
        self.write()
        for student in dict.fromkeys(row.student for row in self.all_rows()):
            self.write_student(student)
        similar = [(a.exercise, a.student, a.other, a.same, f"{a.share:g}", a.students)
                   for a in similarity.pairs(self.work)]  # fmt: skip
        replaced(self.out / SIMILAR, as_csv([similarity.Pair._fields, *similar]))


def replaced(path: Path, text: str) -> None:
    """Write a file whole; its folder is made if somebody took it away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _atomic.replacing(path, "w") as file:
        file.write(text)


def remembered(out: Path) -> dict[str, Any]:
    """What an earlier run left; nothing if that cannot be read."""
    try:
        kept = json.loads((out / KEPT).read_text(encoding="utf-8"))
        return kept if isinstance(kept, dict) and isinstance(kept.get("rows"), dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}


def rows_of(plain_rows: Any) -> list[Row]:
    """The rows that `as_dict` made plain; none if they are others."""
    names = {one.name for one in fields(Row)}
    if not isinstance(plain_rows, list) or not all(isinstance(row, dict) and set(row) == names for row in plain_rows):
        return []
    return [Row(**row) for row in plain_rows]


def as_csv(lines: Sequence[Sequence]) -> str:
    """A table whose cells no spreadsheet takes for formulas."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[cell(one) for one in line] for line in lines])
    return text.getvalue()


def cell(value: Any) -> Any:
    """One cell.

    >>> [cell(value) for value in ("=1+1", "-x", "plain", 3)]
    ["'=1+1", "'-x", 'plain', 3]
    """
    text = plain(value) if isinstance(value, str) else value
    return f"'{text}" if isinstance(text, str) and text.lstrip()[:1] in tuple("=+-@") else text


def places(students: Sequence[str]) -> dict[str, str]:
    """A folder's name for every student: one that every system can have, and no two the same.

    >>> places(["ann", "Ann", "grades.csv", "a/b"])
    {'ann': 'ann', 'Ann': 'Ann_2', 'grades.csv': 'grades.csv_2', 'a/b': 'a_b'}
    """
    taken = {GRADES, KEPT, SIMILAR}
    found = {}
    for student in students:
        name = re.sub(r'[\\/:*?"<>|\s]', "_", student).strip(". ") or "_"
        name = os.fsencode(name)[:LONGEST_NAME].decode("utf-8", "ignore")
        if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name):
            name += "_"
        unique, n = name, 1
        while unique.casefold() in taken:
            unique, n = f"{name}_{n + 1}", n + 1
        taken.add(unique.casefold())
        found[student] = unique
    return found
