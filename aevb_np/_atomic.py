"""Writing files so that a crash, a kill or a full disk leaves the old file or the new one, never half of one."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


@contextmanager
def replacing(path: str | os.PathLike, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a file that takes the place of `path` when the block ends without an error.

    Parameters
    ----------
    path : path
        The file to write; its folder must be there.
    mode : {"wb", "w"}
        Bytes, or text in UTF-8.

    Raises
    ------
    OSError
        When it cannot be written; what was at `path` before is still there.
    """
    path = Path(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # others may be writing the same file
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    try:
        with open(part, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        move(part, path)
    except OSError as error:
        remove_quietly(part)
        kept = "; what was there before is kept" if path.exists() else ""
        raise OSError(f"could not write {path}: {error.strerror or error}{kept}") from error
    except BaseException:
        remove_quietly(part)
        raise


def move(source: Path, target: Path) -> None:
    """os.replace, tried again for a second or so: on Windows a virus scanner may hold a file for a moment."""
    for pause in (0.01, 0.03, 0.1, 0.3, 1.0):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            time.sleep(pause)
    os.replace(source, target)


def remove_quietly(path: Path) -> None:
    """Remove a leftover if that can be done; the error that left it is the one to report."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
