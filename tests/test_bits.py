"""The bits of training are settled: fifty steps of every method end in the parameters that `bits.csv` knows.

They depend on the processor, on the BLAS kernel and on the versions of NumPy and SciPy, and the table has a row for
each combination that was tried. A change of bits is a decision: write it into CHANGELOG.md, then
make the rows anew with

    python tests/test_bits.py                                  and
    OPENBLAS_CORETYPE=Haswell python tests/test_bits.py
"""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

import aevb_np
from aevb_np import data
from aevb_np.experiments.curve import processor
from aevb_np.runs.config import versions
from aevb_np.runs.methods import METHODS

TABLE = Path(__file__).with_name("bits.csv")
COLUMNS = ("processor", "kernel", "numpy", "scipy", "blas", "method", "decoder", "digest")
STEPS = 50


def digest(method, decoder):
    """Of the parameters after fifty steps; the hidden layer is wide enough for every fast way to be taken."""
    images = data.digits(300, 50) if decoder == "bernoulli" else data.faces(300, 50)
    run = aevb_np.start(images, method=method, hidden=200, latent=3, minibatch=20, warmup=5, optimizer="adagrad")
    for _ in run.steps(STEPS * run.config.samples_per_step):
        pass
    assert np.isfinite(run.p.flat).all()
    return hashlib.sha256(run.p.flat.tobytes()).hexdigest()[:16]


def machine():
    """What the bits depend on beside the code."""
    known = versions(1)
    return {"processor": processor(), **{name: known[name] for name in ("kernel", "numpy", "scipy", "blas")}}


def rows():
    if not TABLE.exists():
        return []
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("decoder", ["bernoulli", "gaussian"])
def test_fifty_steps_end_in_the_same_bits(method, decoder):
    here = {**machine(), "method": method, "decoder": decoder}
    known = [row["digest"] for row in rows() if here.items() <= row.items()]
    if not known:
        pytest.skip(f"no digest for {', '.join(machine().values())}; `python tests/test_bits.py` adds it")
    assert [digest(method, decoder)] == known, "the bits of training have changed: see the first lines of this file"


def main():
    """Replace the rows of this machine."""
    here = machine()
    kept = [row for row in rows() if not here.items() <= row.items()]
    new = [
        {**here, "method": method, "decoder": decoder, "digest": digest(method, decoder)}
        for method in METHODS
        for decoder in ("bernoulli", "gaussian")
    ]
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *new])


if __name__ == "__main__":
    main()
