"""Who is in the class, what a check is worth, when the work was due: what a teacher writes down beside the folder."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from aevb_np.exercises import EXERCISES
from aevb_np.grading.running import Row


def lines_of(path: Path, what: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The lines of a CSV file with these columns, by their names in any order, or in this order without a heading.

    Raises
    ------
    ValueError
        If it cannot be read, or has other columns.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        sample = text.partition("\n")[0]
        rows = [row for row in csv.reader(text.splitlines(), delimiter=";" if ";" in sample else ",") if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "it is no CSV file in UTF-8"
        raise ValueError(f"{path}: {reason}; {what} has the columns {', '.join(columns)}") from None
    heading = [cell.strip().lower() for cell in rows[0]] if rows else []
    if set(columns) <= set(heading):
        places, rows = [heading.index(name) for name in columns], rows[1:]
    else:
        places = list(range(len(columns)))
    short = next((row for row in rows if len(row) <= max(places)), None)
    if short is not None or not rows:
        raise ValueError(f"{path}: {what} has the columns {', '.join(columns)}; got {short if short else 'no line'}")
    return [{name: row[place].strip() for name, place in zip(columns, places)} for row in rows]


@dataclass
class Roster:
    """The students that should have handed in something: (id, name)."""

    students: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "Roster":
        """From a CSV file with the columns id and name."""
        return cls([(line["id"], line["name"]) for line in lines_of(path, "a roster", ("id", "name"))])

    def who(self, row: Row) -> tuple[str, str] | None:
        """The student of a row: by the number, or by the name, however its words are ordered."""
        for one in self.students:
            if one[0] and one[0].casefold() in (row.number.casefold(), row.student.casefold()):
                return one
        for one in self.students:
            if letters(row.student) in spellings(one[1]):
                return one
        return None

    def missing(self, rows: Iterable[Row]) -> list[tuple[str, str]]:
        """Who handed in nothing."""
        there = {self.who(row) for row in rows}
        return [one for one in self.students if one not in there]


def letters(name: str) -> str:
    """A name without spaces, commas, numbers and capitals.

    >>> letters("Müller, Anna-Lena_12345")
    'müllerannalena'
    """
    return re.sub(r"[\W\d_]", "", name).casefold()


def spellings(name: str) -> set[str]:
    """A name with its words in the orders in which learning platforms write them.

    >>> sorted(spellings("Ann Smith"))
    ['annsmith', 'smithann']
    """
    words = re.split(r"[\s,]+", name.strip())
    return {letters("".join(words[i:] + words[:i])) for i in range(len(words))}


@dataclass
class Weights:
    """What each check is worth: one point, unless a file says otherwise."""

    of: dict[tuple[str, int], float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Weights":
        """From a CSV file: exercise, check (its number from 1; empty: shared by all of them), points."""
        found: dict[tuple[str, int], float] = {}
        for line in lines_of(path, "a file of weights", ("exercise", "check", "points")):
            what = f"{path}: {','.join(line.values())}"
            key = line["exercise"].upper()
            total = len(EXERCISES[key].checks) if key in EXERCISES else 0
            try:
                points, number = float(line["points"]), int(line["check"] or 0)
            except ValueError:
                raise ValueError(f"{what}: numbers are needed for check and points") from None
            if not 0 <= number <= total or not total or not 0 <= points < 1e6:
                raise ValueError(f"{what}: the checks of {key} are 1 to {total}, and points are 0 or more")
            for n in [number] if number else range(1, total + 1):
                found[key, n] = points if number else points / total
        return cls(found)

    def each(self, row: Row) -> list[float]:
        """The points of every check."""
        return [self.of.get((row.exercise, n), 1.0) for n in range(1, len(row.passed) + 1)]

    def points(self, row: Row) -> tuple[float, float]:
        """What a row has, of how many."""
        each = self.each(row)
        return round(sum(w for w, right in zip(each, row.passed) if right), 6), round(sum(each), 6)


def moment(text: str) -> datetime:
    """A day and a time of this computer's clock, such as 2027-01-15 23:59.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"a day and a time are needed, such as '2027-01-15 23:59'; got {text!r}") from None
    if len(text) == 10:  # the day alone: until it ends
        found = found.replace(hour=23, minute=59, second=59)
    return found


def lateness(row: Row, due: datetime | None) -> str:
    """How late a row is; nothing if it is in time, or no time is set."""
    if due is not None and row.submitted and (seconds := row.submitted - due.timestamp()) > 0:
        return f"{seconds / 3600:.1f} hours"
    return "yes" if row.late else ""
