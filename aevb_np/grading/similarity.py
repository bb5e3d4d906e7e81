"""Who wrote the same: pairs of submissions whose functions have the same structure, whatever their names are.

A short exercise has few right answers, so that the same structure proves nothing; how many students have it is told
beside every pair.
"""

import ast
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from aevb_np.checks.sandbox import plain
from aevb_np.exercises import EXERCISES
from aevb_np.grading.submissions import Work

ALIKE = 0.8  # of the statements of both
MANY = 5  # students with one structure are told in one line


class Pair(NamedTuple):
    """Two students, or a structure that many have."""

    exercise: str
    student: str
    other: str
    same: str  # "letter by letter", "structure" or "most statements"
    share: float  # of the statements of both
    students: int  # that have the first one's structure


def pairs(work: Sequence[Work]) -> list[Pair]:
    """All pairs, exercise by exercise."""
    found = []
    for key in EXERCISES:
        of = [(plain(one.student), *written(one, EXERCISES[key].names)) for one in work if key in one.keys]
        found += among(key, [one for one in of if one[1]])
    return found


def among(key: str, of: list[tuple[str, tuple[str, ...], str]]) -> list[Pair]:
    """The pairs of one exercise."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for student, statements, _ in of:
        groups.setdefault(statements, []).append(student)
    found = [Pair(key, students[0], f"and {len(students) - 1} more", "structure", 1.0, len(students))
             for students in groups.values() if len(students) > MANY]  # fmt: skip
    for (a, mine, text), (b, theirs, other) in combinations(of, 2):
        count = len(groups[mine])
        if text == other:
            found.append(Pair(key, a, b, "letter by letter", 1.0, count))
        elif mine == theirs:
            found += [Pair(key, a, b, "structure", 1.0, count)] if count <= MANY else []
        elif (share := overlap(mine, theirs)) >= ALIKE:
            found.append(Pair(key, a, b, "most statements", round(share, 2), count))
    letters = [one for one in found if one.same == "letter by letter"]
    if len(letters) > MANY**2:  # what the class was given, or a text that went round
        found = [one for one in found if one.same != "letter by letter"]
        found.append(letters[0]._replace(other=f"and others, {len(letters)} pairs"))
    return found


def overlap(a: tuple[str, ...], b: tuple[str, ...]) -> float:
    """Statements in both, of those in either."""
    return len(set(a) & set(b)) / max(1, len(set(a) | set(b)))


def written(work: Work, names: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The statements of the functions with these names, without names of their own, and their text."""
    statements, texts = list[str](), list[str]()
    for source in work.cells:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in names:
                texts.append(ast.get_source_segment(source, node) or "")
                statements += nameless(node)
    return tuple(statements), "\n".join(texts)


def nameless(function: ast.FunctionDef | ast.ClassDef) -> list[str]:
    """The statements of a function, inner ones included, with every name replaced by its place.

    >>> a, b = (ast.parse(f"def f({x}):\\n    y = {x} + 1\\n    return y").body[0] for x in ("x", "data"))
    >>> nameless(a) == nameless(b)
    True
    """
    places: dict[str, str] = {}
    lines = []
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            node.arg = places.setdefault(node.arg, f"v{len(places)}")
        elif isinstance(node, ast.Name):
            node.id = places.setdefault(node.id, f"v{len(places)}")
        elif isinstance(node, ast.FunctionDef) and node is not function:
            node.name = places.setdefault(node.name, f"v{len(places)}")
    for node in ast.walk(function):
        simple = isinstance(node, ast.stmt) and not hasattr(node, "body")
        if simple and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):  # a docstring
            lines.append(ast.dump(node))
    return lines
