"""Somebody's file, run in a process of its own, while the checks and the report stay in ours.

It may crash, exit, loop for ever, print or read: the report says what was. All that it can give is arrays, so it has no
verdict to write. A file that shall deceive can still do what the person who runs it can, as `aevb_np.apart` says.
"""

import io
import os
import tokenize
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aevb_np.apart.ours import Apart, GoneError, LateError
from aevb_np.checks import hygiene
from aevb_np.checks.files import checked
from aevb_np.checks.report import Report
from aevb_np.checks.student import StudentError, called

NOT_RUN = "it does not run"


def check_file(path: str | os.PathLike, seconds: float = 60.0, explain: int = 0) -> Report:
    """The report on a file, which is not imported here.

    Raises
    ------
    ValueError
        If the file does not keep to the page in `aevb_np.checks`: no value, no gradients, a wrong declaration.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path).resolve()
    if not path.exists():
        raise FileNotFoundError(2, "there is no such file", str(path))
    if not path.is_file():
        raise ValueError(f"{path} is no file but a folder, a pipe or a device; a file with the functions is needed")
    report = Report(explain=explain)
    with Apart(path.parent, seconds) as theirs:
        try:
            source = called(text_of, path.read_bytes(), path.name)
            called(theirs.load, [(str(path), source)], path, False)
            report = checked(SimpleNamespace(**theirs.names()))
        except StudentError as failure:
            report.add(hygiene.fault("exception", failure.where, str(failure), NOT_RUN))
        except LateError:  # it may be right, and slow
            text = f"it did not finish in {seconds:g} seconds, in {theirs.doing}: "
            text += f"--seconds {10 * seconds:g} gives it more"
            if theirs.doing == "loading the file":
                text += ", if it is no endless loop and no training at the top level"
            report.not_judged = dict.fromkeys(report.asked, text)
        except GoneError as end:
            report.add(hygiene.fault("stopped", f"in {theirs.doing}", str(end), NOT_RUN))
        except SystemExit:
            report.add(hygiene.fault("stopped", f"in {theirs.doing}", "the file calls exit()", NOT_RUN))
        said = theirs.end()
    report.explain = explain
    report.notes += printed(said)
    return report


def printed(said: dict[str, Any]) -> list[str]:
    """A note about what the file printed."""
    beginning = [line for line in (said.get("said") or [""])[0].splitlines() if line.strip()]
    if not beginning:
        return []
    count = max(said.get("lines", 1), 1)
    return [f"your file printed {count} line{'s' * (count > 1)}, beginning: {plain(beginning[0][:70])}"]


def text_of(content: bytes, name: str = "") -> str:
    """A source file's text as Python reads it; a file that begins as UTF-16 does is read as that.

    Examples
    --------
    >>> [text_of(b) for b in (b"\\xef\\xbb\\xbfx = 1\\r\\n", "x = 1".encode("utf-16"), b"# coding: latin-1\\n#\\xe9")]
    ['x = 1\\n', 'x = 1', '# coding: latin-1\\n#\\xe9']

    Raises
    ------
    SyntaxError
        If the bytes are no text in the encoding that the file declares, UTF-8 if it declares none.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    else:
        encoding = tokenize.detect_encoding(io.BytesIO(content).readline)[0]
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        words = f"what stands here is no text in {encoding}; save the file as UTF-8"
        raise SyntaxError(words, (name, line, None, None)) from None
    return io.StringIO(text, newline=None).read()


def plain(text: str) -> str:
    r"""A text without control characters and halves of characters, which a terminal or a file might not take.

    Examples
    --------
    >>> plain("a\x1b[2J\nb\ud800")
    'a\\x1b[2J\\nb\\ud800'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
