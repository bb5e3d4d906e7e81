"""A class graded: several submissions at a time, each in a process of its own, each row kept as soon as it is there."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

from aevb_np._version import __version__
from aevb_np.apart.ours import Apart
from aevb_np.grading.running import Limits, Row, graded
from aevb_np.grading.submissions import Work, collect
from aevb_np.grading.table import Table, Wishes, remembered


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def opened(folder: Path, out: Path, limits: Limits, wishes: Wishes) -> tuple[Table, list[int]]:
    """The table of a class, and which pieces of work are still to be graded.

    A folder inside one that was graded to `out` before is that student's: it alone is graded again.

    Raises
    ------
    ValueError
        If there is nothing to grade, or `out` holds the grades of another class.
    OSError
        If `out` cannot be written.
    """
    known = remembered(out).get("folder")
    chosen = ""
    if known and folder.resolve().parent == Path(known):
        folder, chosen = Path(known), folder.resolve().name
    elif folder.is_file():
        raise ValueError(f"{folder} is a file; a folder of submissions is needed")
    tables = os.path.realpath(out)  # which may lie in the class's folder
    work = [one for one in collect(folder) if os.path.realpath(folder / one.file.split("/")[0]) != tables]
    settings = (__version__, limits.seconds, limits.megabytes, limits.seed)
    table = Table(out, folder, work, settings, wishes)
    if not chosen:
        return table, table.open()
    students = {one.student for one in work if one.file.split("/")[0] == chosen or one.student == chosen}
    return table, [i for i, one in enumerate(work) if one.student in students]


def grade(table: Table, which: list[int], limits: Limits, jobs: int) -> Iterator[tuple[Work, list[Row]]]:
    """Grade these pieces of work; every row is on the disk before it is given.

    Parameters
    ----------
    table : Table
        Of the class; it takes in the rows.
    which : list of int
        The places of the work in the table.
    limits : Limits
        For each file.
    jobs : int
        How many files at a time.
    """
    limits = replace(limits, hidden=(table.folder, table.out.resolve()))
    running: dict[int, Apart] = {}
    over = threading.Event()

    def one(i: int) -> tuple[int, list[Row]]:
        def began(process: Apart) -> None:
            running[i] = process
            if over.is_set():
                process.stop()

        try:
            return i, graded(table.work[i], limits, began)
        finally:
            running.pop(i, None)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)  # an answer that has come is not kept waiting by another file's arithmetic
    pool = ThreadPoolExecutor(jobs)
    try:
        yield from as_they_come(table, list(which), jobs, lambda i: pool.submit(one, i))
        table.finish()
    finally:
        over.set()
        for process in list(running.values()):
            process.stop()
        pool.shutdown(wait=True, cancel_futures=True)
        sys.setswitchinterval(interval)


def as_they_come(table: Table, left: list[int], jobs: int,
                 begin: Callable[[int], Future]) -> Iterator[tuple[Work, list[Row]]]:  # fmt: skip
    """The rows of each piece of work when they are there; as many are under way as there are jobs."""
    waiting: set[Future] = set()
    while left or waiting:
        while left and len(waiting) < jobs:
            waiting.add(begin(left.pop(0)))
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            i, rows = future.result()
            table.add(i, rows)
            yield table.work[i], rows
