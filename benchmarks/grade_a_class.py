"""A class of 200 files with 20 hostile ones, graded; and graded again while the command is killed ten times.

    python benchmarks/grade_a_class.py FOLDER          an empty folder to work in

Prints the seconds, what is not as it should be, and whether the two tables are the same.
"""

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
STUDENTS, KILLS = 180, 10
RIGHT = """
import numpy as np
def gaussian_kl(mu, log_var):
    kl = 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
    return kl, lambda d: (d[:, None] * mu, 0.5 * d[:, None] * (np.exp(log_var) - 1))
"""
PASSES, NOT = "passes", "it does not run"
HOSTILE = {  # what the file does, and how its state begins
    "while True: pass": NOT,
    "import time; time.sleep(10**6)": NOT,
    "import signal, time\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\ntime.sleep(10**6)": NOT,
    "x = []\nwhile True: x.append(bytearray(2**24))": NOT,
    "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)": PASSES,
    "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)": PASSES,
    "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)": NOT,
    "import os\nfor i in range(50):\n    if os.fork() == 0:\n        import time; time.sleep(600); os._exit(0)": PASSES,
    "import os, time\nif os.fork() == 0:\n    os.setsid(); time.sleep(600); os._exit(0)": PASSES,
    "import sys\nfor i in range(500): sys.stdout.write('x' * 10**6)": PASSES,
    "import ctypes\nctypes.string_at(0)": NOT,
    "import os\nos._exit(0)": NOT,
    "raise ValueError('\\ud800' + 'x' * 10**6)": NOT,
    "import shutil, os\nshutil.rmtree(os.getcwd())": PASSES,
    "import os, shutil\np = '/proc/%d/cwd' % os.getppid()\nshutil.rmtree(os.path.join(p, 'class'), True)": PASSES,
    "f = open('big', 'wb')\nfor i in range(300): f.write(bytes(10**6))": NOT,
    "raise SystemExit": NOT,
    "x = " + "(" * 5000 + ")" * 5000: NOT,
    "import os\nos.write(1, b'x' * 1000); os.closerange(0, 50)": NOT,
    "import sys, json\njson.dump({'E6': {'state': 'passes'}}, open(sys.argv[1] + '/answer.json', 'w'))": PASSES,
}


def laid_out(folder: Path) -> dict[str, str]:
    """The class; how every student's state begins."""
    expected = {}
    exercises = sorted((ROOT / "notebooks" / "exercises").glob("*.ipynb"))
    for i in range(STUDENTS):
        source = exercises[i % len(exercises)]
        solved = i % 3 != 2
        content = (ROOT / "notebooks" / "solutions" / source.name if solved else source).read_text(encoding="utf-8")
        place = folder / f"student{i:03}"
        place.mkdir(parents=True)
        (place / source.name).write_text(content, encoding="utf-8")
        expected[place.name] = PASSES if solved else "not written yet"
    for i, (code, state) in enumerate(HOSTILE.items()):
        place = folder / f"student{9 * i:03}hostile"
        place.mkdir()
        rest = RIGHT if state == PASSES else ""
        (place / "ex06.py").write_text(f"{code}\n{rest}", encoding="utf-8")
        expected[place.name] = state
    return expected


def graded(folder: Path, out: str, kills: int = 0) -> float:
    """Grade, with so many kills on the way; the seconds in all."""
    command = [sys.executable, "-m", "aevb_np", "grade", "class", "--out", out]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    rng, start = random.Random(1), time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for _ in range(kills):
        with subprocess.Popen(command, cwd=folder, env=environment, **quiet) as process:
            try:
                process.wait(rng.uniform(1, 12))
            except subprocess.TimeoutExpired:
                process.send_signal(rng.choice([signal.SIGKILL, signal.SIGINT, signal.SIGTERM]))
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def table(folder: Path, out: str) -> list[dict[str, str]]:
    """The lines of grades.csv."""
    with open(folder / out / "grades.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main() -> int:
    """Both, and what is not as it should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    expected = laid_out(folder / "class")
    print(f"{len(expected)} files, {len(HOSTILE)} hostile; graded in {graded(folder, 'once'):.0f} s", flush=True)
    once = {row["student"]: row for row in table(folder, "once")}
    wrong = [row for name, row in once.items() if not row["state"].startswith(expected[name])]
    print(f"{len(once)} rows, {len(wrong)} not as they should be", *map(json.dumps, wrong), sep="\n", flush=True)
    print(f"killed {KILLS} times: {graded(folder, 'killed', KILLS):.0f} s in all", flush=True)
    again = {row["student"]: row for row in table(folder, "killed")}
    differ = [name for name in once if once[name] != again.get(name)] + [name for name in again if name not in once]
    print(f"the same table: {not differ}", *[(once.get(n), again.get(n)) for n in differ], sep="\n")
    left = subprocess.run(["ps", "ax", "-o", "args"], capture_output=True, text=True).stdout
    print(f"processes left: {left.count('apart/theirs.py')}")
    return 1 if wrong or differ else 0


if __name__ == "__main__":
    sys.exit(main())
