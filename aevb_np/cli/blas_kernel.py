"""Which BLAS kernel the command `aevb` computes with, decided before NumPy is loaded.

OpenBLAS, which most NumPy come with, chooses its kernels once, when it is loaded, by the model of the processor. Models
that it does not know get what suits older ones: on recent AMD processors kernels for AVX2 where AVX-512 is there, and
products then take up to 1.8 times as long. The environment variable OPENBLAS_CORETYPE overrules the choice, but only
before NumPy is imported. So the command sets it for its own process and for those that it starts; used as a library
this package sets nothing. AEVB_KERNEL=default leaves the choice to OpenBLAS.

The last bits of a product depend on the kernel. So it is a part of what a run is: `config.json` keeps its name, and
whatever goes on with the run or looks at it uses the same again, if the processor can.
"""

import json
import os
import sys
from pathlib import Path

CORETYPE = "OPENBLAS_CORETYPE"
SWITCH = "AEVB_KERNEL"

# what the kernels of that name need of a processor
NEEDS = {
    "Haswell": {"avx2", "fma"},
    "Zen": {"avx2", "fma"},
    "SkylakeX": {"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"},
}


def choose(run: str | os.PathLike | None = None) -> None:
    """Set the kernel for this process: that of the run, if one is given, else the best that the processor can use.

    Nothing happens where somebody has chosen already, where NumPy is loaded already, or where there is nothing to gain.
    """
    if CORETYPE in os.environ or os.environ.get(SWITCH) == "default" or "numpy" in sys.modules:
        return
    vendor, abilities = processor()
    name = recorded(run) or ("SkylakeX" if vendor == "AuthenticAMD" else "")
    if name in NEEDS and NEEDS[name] <= abilities:
        os.environ[CORETYPE] = name


def recorded(run: str | os.PathLike | None) -> str:
    """The kernel that a run was trained with, or nothing."""
    if run is None:
        return ""
    from aevb_np.runs.folders import find

    try:
        folder = find(run)
        text = (folder if folder.is_dir() else folder.parent).joinpath("config.json").read_text(encoding="utf-8")
        return str(json.loads(text)["versions"]["kernel"])
    except (OSError, ValueError, KeyError, TypeError):  # the command itself will say what is wrong with the run
        return ""


def processor(path: Path = Path("/proc/cpuinfo")) -> tuple[str, set[str]]:
    """Who made the processor, and the names of what it can do; nothing where the system does not say."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return "", set()
    told = dict(line.replace("\t", "").split(":", 1) for line in reversed(lines) if ":" in line)
    return told.get("vendor_id", "").strip(), set(told.get("flags", "").split())
