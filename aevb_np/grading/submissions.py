"""What was handed in: every file is read once, before any of it is run, so that no submission can touch another.

What is wrong with a file (a link, a pipe, no permission, no notebook) is written down in its place, and the next one
is read.
"""

import ast
import errno
import hashlib
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from aevb_np.checks.sandbox import plain, text_of
from aevb_np.exercises import EXERCISES

LARGEST = {".ipynb": 200_000_000, ".zip": 100_000_000}  # bytes that are read of one file, by its kind
LARGEST_OTHER = 5_000_000
MOST, FILES, HELPERS = 50_000_000, 1000, 10_000_000  # of all unpacked files; how many; and of a student's helpers
CODE = (".py", ".ipynb")
DOCUMENTS = (".pdf", ".docx", ".doc", ".odt", ".rar", ".7z", ".gz", ".tgz", ".tar", ".txt", ".html", ".png", ".jpg")
CANVAS = re.compile(r"(?P<who>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_(?P<number>\d+)_(?P<file>.+)", re.IGNORECASE)
MOODLE = re.compile(r"(?P<who>.+)_(?P<id>\d+)_assignsubmission_[a-z]+_?(?P<file>.*)", re.IGNORECASE)
ONLY_AN_EXERCISE = re.compile(r"ex?0*\d+(?![^_\W])", re.IGNORECASE)


@dataclass
class Work:
    """One file that a student handed in, with what lies beside it."""

    student: str
    file: str  # as it is shown
    keys: list[str]  # the exercises that it answers
    way: str = "file"  # to it among the student's files
    cells: list[str] = field(default_factory=list)
    beside: dict[str, bytes] = field(default_factory=dict, repr=False)
    when: float = 0.0  # seconds since 1970
    late: bool = False  # as Canvas says
    number: str = ""  # the student's, as Canvas and Moodle say
    trouble: str = ""  # why it cannot be graded
    notes: list[str] = field(default_factory=list)

    def digest(self, *settings: object) -> str:
        """Names this very work under these settings: what was graded once need not be graded again."""
        known = (settings, self.student, self.file, self.keys, self.cells, self.when, self.late, self.number)
        found = hashlib.sha256(repr((*known, self.trouble, self.notes)).encode("utf-8", "replace"))
        for name, content in sorted(self.beside.items()):
            found.update(name.encode("utf-8", "surrogateescape") + b"\0" + content)
        return found.hexdigest()


@dataclass
class Found:
    """A file as it lies in a student's folder, or why it could not be read."""

    name: str  # its way in the folder, with /
    content: bytes = b""
    when: float = 0.0
    trouble: str = ""

    @property
    def suffix(self) -> str:
        """.py, .ipynb, .zip, ..."""
        return PurePosixPath(self.name).suffix.lower()


class NotReadError(Exception):
    """A file that cannot be read; the text says why."""


def collect(folder: Path) -> list[Work]:
    """Everything that was handed in, a student after the other.

    A folder inside is a student, and so is a file or a zip that lies in no folder; Canvas's and Moodle's names are
    understood. A folder that holds ex06.py and the like itself is one student's.

    Raises
    ------
    ValueError
        If there is no such folder, or nothing in it.
    """
    try:
        entries = sorted((entry for entry in os.scandir(folder) if not hidden(entry.name)), key=lambda e: e.name)
    except OSError as error:
        raise ValueError(f"{folder}: {error.strerror}; a folder of submissions is needed") from None
    owned = [entry for entry in entries if ONLY_AN_EXERCISE.match(entry.name) and entry.name.lower().endswith(CODE)
             and not entry.is_dir(follow_symlinks=False)]  # fmt: skip
    if owned and not any(is_a_students(entry) for entry in entries):
        owned = entries
    work: list[Work] = []
    if owned:
        work += of_student(folder.resolve().name, [one for entry in owned for one in read_all(entry)], "")
    for entry in entries:
        if entry not in owned:
            work += of_entry(entry)
    if not work:
        raise ValueError(f"{folder} holds no notebook and no Python file; submissions are .ipynb or .py files in it")
    return told_apart(work)


def hidden(name: str) -> bool:
    """Whether a file belongs to a tool and not to the student."""
    return name.startswith((".", "__"))


def is_a_students(entry: os.DirEntry) -> bool:
    """Whether an entry of the class's folder can only be a student's: a folder, a zip, a platform's name."""
    name = entry.name
    named_so = MOODLE.fullmatch(name) or CANVAS.fullmatch(name) or name.lower().endswith(".zip")
    return bool(named_so) or entry.is_dir(follow_symlinks=False)


def of_entry(entry: os.DirEntry) -> list[Work]:
    """What one entry of the class's folder holds."""
    name, suffix = entry.name, PurePosixPath(entry.name).suffix.lower()
    folder = entry.is_dir(follow_symlinks=False)
    match = MOODLE.fullmatch(name) or CANVAS.fullmatch(name)
    link = entry.is_symlink()
    if not (folder or link or match or suffix in (*CODE, ".zip", *DOCUMENTS)):
        return []
    who = match["who"].strip() if match else name if folder or link else PurePosixPath(name).stem
    files = list(read_all(entry))
    if match and not folder and match["file"]:
        files = [replace(one, name=match["file"] + one.name.removeprefix(name)) for one in files]
    work = of_student(who, files, name)
    for one in work:
        one.number = match["id"] if match else ""
        one.late = bool(match and match.groupdict().get("late"))
        if match and not folder:
            one.file = name
    return work


def read_all(entry: os.DirEntry | Path) -> Iterator[Found]:
    """Every file of a folder or a zip, or the file itself; what cannot be read is told in its place."""
    path = Path(entry.path if isinstance(entry, os.DirEntry) else entry)
    try:
        mode = os.lstat(path).st_mode
        if not stat.S_ISDIR(mode):
            yield from unpacked(read(path, path.name))
            return
        troubles: list[OSError] = []
        count, read_so_far = 0, 0
        for place, folders, names in os.walk(path, onerror=troubles.append):
            folders[:] = sorted(name for name in folders if not hidden(name))
            links = [name for name in folders if os.path.islink(os.path.join(place, name))]
            wrong = [name for name in folders if name.lower().endswith(CODE) and name not in links]
            for name in wrong:
                yield Found(inside(path, place, name), trouble="it is a folder, not a file")
            for name in sorted([*names, *links]):
                if hidden(name):
                    continue
                if (count := count + 1) > FILES:
                    yield Found(inside(path, place, name), trouble=f"there are more than {FILES} files in the folder")
                    return
                found = read(Path(place, name), inside(path, place, name), HELPERS - read_so_far)
                read_so_far += len(found.content) if found.suffix not in CODE else 0
                yield from unpacked(found)
        for error in troubles:
            there = os.path.relpath(os.fsdecode(error.filename or path), path)
            yield Found("" if there == "." else there, trouble=f"the folder cannot be read: {error.strerror}")
    except OSError as error:
        yield Found(path.name, trouble=f"it cannot be read: {error.strerror}")


def inside(path: Path, place: str, name: str) -> str:
    """The way of a file in a folder."""
    return Path(place, name).relative_to(path).as_posix()


def read(path: Path, name: str, left: int = HELPERS) -> Found:
    """One file, if it is a file and not too large; links are not followed, pipes and devices not opened.

    Of files that are neither code nor a zip no more is read than is `left` for them.
    """
    try:
        known = os.lstat(path)
        if stat.S_ISLNK(known.st_mode):
            raise NotReadError("it is a link; links are not followed, hand in the file itself")
        if not stat.S_ISREG(known.st_mode):
            raise NotReadError("it is no file but a pipe, a socket or a device")
        suffix = Path(name).suffix.lower()
        most = LARGEST.get(suffix, LARGEST_OTHER if suffix in CODE else min(LARGEST_OTHER, max(left, 0)))
        if known.st_size > most:
            raise NotReadError(f"it has {known.st_size / 1e6:.0f} MB; that is too large")
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(path, flags), "rb") as file:
            return Found(name, file.read(most), known.st_mtime)
    except OSError as error:
        words = "it is a link" if error.errno == errno.ELOOP else error.strerror
        return Found(name, trouble=f"it cannot be read: {words}")
    except NotReadError as error:
        return Found(name, trouble=str(error))


def unpacked(found: Found) -> Iterator[Found]:
    """The files in a zip; any other file is itself."""
    if found.suffix != ".zip" or found.trouble:
        yield found
        return
    try:
        with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
            yield from members(archive, found)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
        yield Found(found.name, when=found.when, trouble=f"this zip cannot be opened: {plain(str(error))}")


def members(archive: zipfile.ZipFile, found: Found) -> Iterator[Found]:
    """The files of an open zip, as long as they stay in it and are not too large."""
    left, count = MOST, 0
    for member in archive.infolist():
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if member.is_dir() or any(hidden(part) and part != ".." for part in parts):
            continue
        name, count = f"{found.name}/{'/'.join(parts)}", count + 1
        if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0]:
            yield Found(name, trouble="its name in the zip leads out of the folder")
        elif member.flag_bits & 1:
            yield Found(name, trouble="the zip is locked with a password")
        elif stat.S_ISLNK(member.external_attr >> 16):
            yield Found(name, trouble="it is a link; links are not followed, hand in the file itself")
        elif count > FILES or member.file_size > left:
            yield Found(name, trouble=f"the zip holds more than {FILES} files or {MOST / 1e6:.0f} MB")
            return
        else:
            try:
                with archive.open(member) as file:
                    content = file.read(left + 1)  # the size that is written down may be another
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
                yield Found(name, trouble=f"it cannot be unpacked: {plain(str(error))}")
                continue
            except Exception as error:  # zlib and lzma have errors of their own
                yield Found(name, trouble=f"it cannot be unpacked: {type(error).__name__}")
                continue
            if (left := left - len(content)) < 0:
                yield Found(name, trouble=f"the zip holds more than {MOST / 1e6:.0f} MB")
                return
            yield Found(name, content, found.when)


# -- a student's files


def of_student(who: str, files: list[Found], place: str) -> list[Work]:
    """The work in a student's files; one that says what is there if there is nothing that can be graded."""
    shown = [one for one in files if one.suffix in CODE]
    beside = {one.name: one.content for one in files if not one.trouble and one.suffix != ".ipynb"}
    work = [of_file(who, one, place) for one in shown]
    answering = [one for one in work if one.keys]
    others = [one for one in work if not one.keys]
    if answering:
        left = [one.file for one in others] + [f"{one.name} ({one.trouble})" for one in files
                                               if one.trouble and one.suffix not in CODE]  # fmt: skip
        if left:
            answering[0].notes.append("not graded: " + ", ".join(left[:5]) + " ..." * (len(left) > 5))
    else:
        answering = others[:1] if others else [Work(who, place, [], trouble=nothing(files))]
        for one in answering:
            one.notes += [f"and {len(others) - 1} more file{'s' * (len(others) > 2)}"] * (len(others) > 1)
    for one in answering:
        one.beside = beside
    return answering


def nothing(files: list[Found]) -> str:
    """Why there is nothing to grade."""
    if not files:
        return "the folder is empty"
    if troubles := [f"{one.name}: {one.trouble}".removeprefix(": ") for one in files if one.trouble]:
        return "; ".join(troubles[:3])
    names = ", ".join(one.name for one in files[:5]) + " ..." * (len(files) > 5)
    return f"there is no notebook and no Python file, only {names}"


def of_file(who: str, found: Found, place: str) -> Work:
    """The work in one file."""
    shown = found.name if not place or f"{found.name}/".startswith(f"{place}/") else f"{place}/{found.name}"
    keys = named(PurePosixPath(found.name).name)
    if found.trouble:
        return Work(who, shown, keys, found.name, trouble=found.trouble, when=found.when)
    try:
        sources = cells(found.content, found.suffix)
    except ValueError as error:
        return Work(who, shown, keys, found.name, when=found.when, trouble=f"it cannot be read: {error}")
    keys = keys or called_for("\n".join(sources))
    trouble = "" if keys else "neither its name nor a call of check says which exercise it answers"
    return Work(who, shown, keys, found.name, sources, when=found.when, trouble=trouble)


def named(name: str) -> list[str]:
    """The exercise that a file's name says."""
    found = re.match(r"ex?0*(\d+)(?!\d)", name, re.IGNORECASE)
    return [key for key in EXERCISES if found and key == f"E{found[1]}"]


def called_for(source: str) -> list[str]:
    """The exercises that a source checks, in their order."""
    found = set(re.findall(r"""check\(\s*["'](E\d+)["']""", source))
    return [key for key in EXERCISES if key in found]


def cells(content: bytes, suffix: str) -> list[str]:
    """The code of a notebook, a text for each cell, without lines that only IPython understands; a file is one cell.

    Raises
    ------
    ValueError
        If it is no text, or no notebook.
    """
    if suffix == ".py":
        try:
            return [text_of(content)]
        except (SyntaxError, UnicodeError, LookupError) as error:
            line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
            raise ValueError(f"{getattr(error, 'msg', error)}{line}") from None
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        notebook = json.loads(content.decode(encoding))
        found = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        sources = ["".join(cell["source"]) for cell in found]
    except (ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f"it is no notebook ({type(error).__name__})") from None
    return [for_python(source) for source in sources]


def for_python(source: str) -> str:
    """A cell without lines that only IPython understands; in a cell that Python understands nothing is changed."""
    source = source.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "backslashreplace").decode("utf-8")
    if source.startswith("%%"):
        return "" if not source.startswith(("%%time", "%%capture")) else source.partition("\n")[2]
    try:
        ast.parse(source)
        return source
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        lines = source.split("\n")
    return "\n".join(
        re.match(r"\s*", line)[0] + "pass" if line.lstrip().startswith(("%", "!", "?")) or line.rstrip().endswith("?")  # type: ignore[index]
        else line for line in lines)  # fmt: skip


# -- who is who, and which version counts


def told_apart(work: list[Work]) -> list[Work]:
    """Two students of one name get their numbers; of several versions of an exercise the newest is left."""
    numbers: dict[str, set[str]] = {}
    for one in work:
        numbers.setdefault(one.student, set()).add(one.number)
    for one in work:
        if len(numbers[one.student] - {""}) > 1 and one.number:
            one.student = f"{one.student}_{one.number}"
    return newest(work)


def newest(work: list[Work]) -> list[Work]:
    """Of several versions of an exercise the newest, with a note; a file that says no exercise gives way to others."""
    chosen: dict[tuple[str, str], tuple] = {}
    for position, one in enumerate(work):
        for key in one.keys:
            chosen[one.student, key] = max(chosen.get((one.student, key), ()), (one.when, position))
    answering = {one.student for one in work if one.keys}
    left: dict[tuple[str, str], list[str]] = {}
    found = []
    for position, one in enumerate(work):
        mine = [key for key in one.keys if chosen[one.student, key] == (one.when, position)]
        for key in one.keys:
            if key not in mine:
                left.setdefault((one.student, key), []).append(one.file)
        if mine or not one.keys and one.student not in answering:
            found.append(replace(one, keys=mine))
    for one in found:
        for key in one.keys:
            if older := left.get((one.student, key)):
                one.notes.append(f"{key}: the newest of {len(older) + 1} versions; older: {', '.join(older)}")
    return one_row_each(found)


def one_row_each(work: list[Work]) -> list[Work]:
    """A student with nothing that can be graded has one row."""
    seen: set[str] = set()
    found = []
    for one in work:
        if one.keys or one.student not in seen:
            found.append(one)
        seen.add(one.student)
    return found
