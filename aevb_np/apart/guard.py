"""Between our process and theirs: starts theirs, reads what it prints, and ends whatever it started.

This file is run as a script and imports nothing of ours, so that it starts in an instant. Two processes run it. The
outer one waits for us: when we close the socket, or are gone, everything below ends. The inner one is what the code's
process has as its parent; it says at the end how that process ended, and what it printed.
"""

import contextlib
import ctypes
import json
import math
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

with contextlib.suppress(ImportError):  # Windows, where this file is read but not run
    import resource

HEARD = 10_000  # bytes of what is printed that are kept, from the beginning and from the end
FILE = 100_000_000  # bytes that may be written into one file
FOLDER = 500_000_000  # and into all files of a folder that is theirs alone
WATCH = 0.5  # seconds between two looks at the folder
SUBREAPER, PARENT_DIES, NO_NEW_RIGHTS = 36, 1, 38  # of prctl(2)
NAMESPACES = 0x10000000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x00020000  # user, pid, net, ipc, mount: unshare(2)
PRIVATE = 0x4000 | 0x40000  # mount(2)


def main(control: str, folder: str, megabytes: str, seconds: str, own: str, hidden: str, *command: str) -> None:
    """The outer process."""
    line = socket.socket(fileno=int(control))
    line.set_inheritable(False)
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc:
        libc.prctl(SUBREAPER, 1, 0, 0, 0)
    alone = libc is not None and unshared(libc)
    inner = os.fork()
    if inner == 0:
        try:
            watch(
                line,
                folder,
                own == "own",
                limits(int(megabytes), float(seconds)),
                json.loads(hidden),
                list(command),
                libc,
                alone,
            )
        finally:
            os._exit(0)
    forget_wire()
    while not select.select([line], [], [], 0.03)[0] and os.waitpid(inner, os.WNOHANG)[0] == 0:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.kill(inner, signal.SIGKILL)
    end_children()


def unshared(libc: ctypes.CDLL) -> bool:
    """Whether what is started from now on has namespaces of its own, with the person's own number in them."""
    user, group = os.getuid(), os.getgid()
    if libc.unshare(NAMESPACES) != 0:
        return False
    with contextlib.suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    return True


def watch(line: socket.socket, folder: str, own: bool, limits: dict[int, int], hidden: list[str], command: list[str],
          libc: ctypes.CDLL | None, alone: bool) -> None:  # fmt: skip
    """The inner process: start theirs, hear what it prints, end everything when it ends, and report."""
    os.setsid()
    if libc:
        libc.prctl(SUBREAPER, 1, 0, 0, 0)
        libc.prctl(PARENT_DIES, signal.SIGKILL, 0, 0, 0)
    if libc and alone:
        hide(libc, hidden)
    heard, spoken = os.pipe()
    child = os.fork()
    if child == 0:
        start(folder, limits, command, libc, spoken)
    os.close(spoken)
    forget_wire()
    printed, code, full = Printed(), None, False
    looked = time.monotonic()
    while code is None and not full:
        if select.select([heard], [], [], 0.02 if printed.over else WATCH)[0]:
            printed.take(heard)
        done, status = os.waitpid(child, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if done else None
        if own and time.monotonic() - looked > WATCH:
            full, looked = weight(folder) > FOLDER, time.monotonic()
    end_all(child, alone)
    while select.select([heard], [], [], 0)[0] and not printed.over:
        printed.take(heard)
    report = {"code": code, "full": full, "said": printed.text(), "lines": printed.lines}
    with contextlib.suppress(OSError):
        line.sendall(json.dumps(report).encode("ascii"))


def start(folder: str, limits: dict[int, int], command: list[str], libc: ctypes.CDLL | None, spoken: int) -> None:
    """Become theirs."""
    try:
        os.setsid()
        if libc:
            libc.prctl(PARENT_DIES, signal.SIGKILL, 0, 0, 0)
            libc.prctl(NO_NEW_RIGHTS, 1, 0, 0, 0)
        limit(limits)
        os.chdir(folder)
        os.dup2(spoken, 2)
        os.execv(command[0], command)
    finally:
        os._exit(127)


def limits(megabytes: int, seconds: float) -> dict[int, int]:
    """Less memory, less time to compute, shorter files, no core dumps."""
    computing = math.ceil(seconds) + 1
    memory = {resource.RLIMIT_AS: megabytes * 2**20} if megabytes else {}
    return memory | {resource.RLIMIT_CPU: computing, resource.RLIMIT_FSIZE: FILE, resource.RLIMIT_CORE: 0}


def limit(limits: dict[int, int]) -> None:
    """Set them for this process and what it starts."""
    for what, most in limits.items():
        with contextlib.suppress(ValueError, OSError):  # the system may allow less already
            resource.setrlimit(what, (most, most))


def hide(libc: ctypes.CDLL, folders: list[str]) -> None:
    """Put empty folders before these, and a list of processes without ours; only what is started here sees them."""
    libc.mount(b"none", b"/", None, PRIVATE, None)
    for folder in folders:
        libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=1m")
    libc.mount(b"proc", b"/proc", b"proc", 0, None)


def forget_wire() -> None:
    """Standard input and output belong to theirs; what nobody else holds ends with it."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)


class Printed:
    """What is printed: the beginning, the end, and how many lines."""

    def __init__(self) -> None:
        self.first, self.last, self.lines, self.over = b"", b"", 0, False

    def take(self, heard: int) -> None:
        """Read what is there."""
        piece = os.read(heard, 2**16)
        self.over = not piece
        self.lines += piece.count(b"\n")
        self.first += piece[: HEARD - len(self.first)]
        self.last = (self.last + piece)[-HEARD:]

    def text(self) -> list[str]:
        """The beginning and the end."""
        return [part.decode("utf-8", "replace") for part in (self.first, self.last)]


def weight(folder: str) -> int:
    """Bytes of all files in a folder."""
    return sum(size(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names)


def size(path: str) -> int:
    """Bytes of one file; 0 if it is gone."""
    try:
        return os.lstat(path).st_blocks * 512
    except OSError:
        return 0


def end_all(child: int, alone: bool) -> None:
    """End every process that theirs started, whatever session it made for itself."""
    if alone:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)  # all others in these namespaces
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    end_children()


def end_children() -> None:
    """End whatever came from this process: on Linux what lost its parent became its child."""
    for _ in range(500):
        for process in descendants():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def descendants() -> list[int]:
    """The numbers of all processes below this one, where /proc lists them."""
    children: dict[int, list[int]] = {}
    for process, parent in parents():
        children.setdefault(parent, []).append(process)
    found = list(children.get(os.getpid(), []))
    for process in found:  # it grows
        found += children.get(process, [])
    return found


def parents() -> Iterator[tuple[int, int]]:
    """(process, parent) of every process in /proc."""
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            text = place.read_text(encoding="utf-8", errors="replace")
            yield int(place.parent.name), int(text.rpartition(")")[2].split()[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
