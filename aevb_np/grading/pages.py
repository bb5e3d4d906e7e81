"""What each student and each learning platform is told: a page in Markdown and in HTML, and Gradescope's results."""

import html
import re
from collections.abc import Sequence
from typing import Any

from aevb_np.exercises import EXERCISES, hint
from aevb_np.exercises.report import NOT_WRITTEN, PASSES
from aevb_np.grading.roster import Weights
from aevb_np.grading.running import NOT_RUN, Row

STYLE = "body{font-family:sans-serif;max-width:50em;margin:2em auto}pre{background:#f6f8fa;padding:1em;overflow:auto}"


def next_step(row: Row) -> str:
    """What to do next."""
    if row.state.startswith(PASSES):
        return "All checks are passed; there is nothing to do."
    if not row.exercise:
        return ("Hand in a notebook (.ipynb) or a Python file (.py) whose name begins with the exercise, such as "
                "ex06_kl.ipynb.")  # fmt: skip
    names = " and ".join(EXERCISES[row.exercise].names)
    call = f'check("{row.exercise}", {", ".join(EXERCISES[row.exercise].names)})'
    if row.state == NOT_WRITTEN:
        return f"Write {names}, then run {call}. {hint(row.exercise, 1)}"
    if row.state == NOT_RUN:
        return ("Restart Python, run your file from the top, mend the first error and hand it in again. It must define "
                f"{names}, and end by itself.")  # fmt: skip
    return f"Mend the first fault and run {call} again, until it passes. {hint(row.exercise, 1)}"


def number(points: float) -> str:
    """Points without needless digits."""
    return f"{points:.6g}"


def markdown(student: str, rows: Sequence[Row], weights: Weights, explain: int, late: Sequence[str]) -> str:
    """A student's page."""
    lines = [f"# {escaped(student)}", ""]
    for row, delay in zip(rows, late):
        got, most = weights.points(row)
        lines += [f"## {title(row)}", "", f"{number(got)} of {number(most)} points. File: {escaped(row.file)}.", ""]
        lines += [f"Handed in late: {delay}.", ""] if delay else []
        lines += [fenced(row.texts[explain]), "", f"**Next:** {escaped(next_step(row))}", ""]
        lines += [f"- {escaped(note)}" for note in told(row)] + [""] * bool(told(row))
    return "\n".join(lines)


def page(student: str, rows: Sequence[Row], weights: Weights, explain: int, late: Sequence[str]) -> str:
    """The same in HTML."""
    e = html.escape
    parts = [f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{e(student)}</title><style>{STYLE}</style>',
             f"<h1>{e(student)}</h1>"]  # fmt: skip
    for row, delay in zip(rows, late):
        got, most = weights.points(row)
        parts.append(f"<h2>{e(title(row))}</h2><p>{number(got)} of {number(most)} points. File: {e(row.file)}.</p>")
        parts += [f"<p>Handed in late: {e(delay)}.</p>"] if delay else []
        parts.append(f"<pre>{e(row.texts[explain])}</pre><p><b>Next:</b> {e(next_step(row))}</p>")
        parts += [f"<p>{e(note)}</p>" for note in told(row)]
    return "\n".join([*parts, "</html>"])


def told(row: Row) -> list[str]:
    """The notes that are for the student as well; what is noticed of the code is for the teacher."""
    return [note for note in row.notes if not note.startswith("refers to")]


def title(row: Row) -> str:
    """The exercise, and what it is about."""
    return f"{row.exercise}: {EXERCISES[row.exercise].title}" if row.exercise else "No exercise was found"


def fenced(text: str) -> str:
    """A block of code that no text can leave."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def escaped(text: str) -> str:
    """A text that Markdown and HTML show as it is."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", text)


def gradescope(rows: Sequence[Row], weights: Weights, explain: int) -> dict[str, Any]:
    """results.json: a test for each exercise."""
    tests = []
    for row in rows:
        got, most = weights.points(row)
        right = bool(row.passed) and all(row.passed)
        tests.append({"name": row.exercise or row.file, "score": got, "max_score": most,
                      "status": "passed" if right else "failed", "output_format": "text",
                      "output": f"{row.texts[explain]}\n\n{next_step(row)}"})  # fmt: skip
    return {"tests": tests}
