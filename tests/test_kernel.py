"""The BLAS kernel: the command chooses it before NumPy is there, a run keeps it, and a library user is left alone."""

import json
import os
import subprocess
import sys

import pytest

from aevb_np import cli
from aevb_np.cli import blas_kernel

CPUINFO = """processor\t: 0
vendor_id\t: {vendor}
model name\t: one of many
flags\t\t: fpu {flags}
processor\t: 1
vendor_id\t: another
flags\t\t: none
"""
AVX2 = "avx2 fma"
AVX512 = AVX2 + " avx512f avx512bw avx512dq avx512vl"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Pretend to be on another processor, with NumPy not loaded yet and nobody having chosen."""
    monkeypatch.setattr(sys, "modules", {name: m for name, m in sys.modules.items() if name != "numpy"})
    monkeypatch.setenv(blas_kernel.CORETYPE, "")
    monkeypatch.delenv(blas_kernel.CORETYPE)
    monkeypatch.delenv(blas_kernel.SWITCH, raising=False)
    processor = blas_kernel.processor

    def machine(vendor, flags):
        path = tmp_path / "cpuinfo"
        path.write_text(CPUINFO.format(vendor=vendor, flags=flags), encoding="utf-8")
        monkeypatch.setattr(blas_kernel, "processor", lambda: processor(path))

    return machine


def run_with(tmp_path, name):
    (tmp_path / "config.json").write_text(json.dumps({"versions": {"kernel": name}}), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "vendor, flags, chosen",
    [
        ("AuthenticAMD", AVX512, "SkylakeX"),
        ("AuthenticAMD", AVX2, None),
        ("GenuineIntel", AVX512, None),  # OpenBLAS knows these
        ("", "", None),
    ],
)
def test_the_best_kernel_that_the_processor_can_use(machine, vendor, flags, chosen):
    machine(vendor, flags)
    blas_kernel.choose()
    assert os.environ.get(blas_kernel.CORETYPE) == chosen


def test_a_run_keeps_its_kernel_if_the_processor_can(machine, tmp_path, monkeypatch):
    machine("AuthenticAMD", AVX512)
    blas_kernel.choose(run_with(tmp_path, "Haswell"))
    assert os.environ.pop(blas_kernel.CORETYPE) == "Haswell"
    machine("AuthenticAMD", AVX2)
    blas_kernel.choose(run_with(tmp_path, "SkylakeX"))  # would be an illegal instruction
    assert blas_kernel.CORETYPE not in os.environ
    blas_kernel.choose(tmp_path / "nowhere")
    assert blas_kernel.CORETYPE not in os.environ


def test_whoever_has_chosen_is_left_alone(machine, monkeypatch):
    machine("AuthenticAMD", AVX512)
    monkeypatch.setenv(blas_kernel.SWITCH, "default")
    blas_kernel.choose()
    assert blas_kernel.CORETYPE not in os.environ
    monkeypatch.delenv(blas_kernel.SWITCH)
    monkeypatch.setenv(blas_kernel.CORETYPE, "Haswell")
    blas_kernel.choose()
    assert os.environ[blas_kernel.CORETYPE] == "Haswell"


def test_the_command_chooses_for_the_run_it_is_about(monkeypatch):
    seen = []
    monkeypatch.setattr(blas_kernel, "choose", seen.append)
    for words in (["draw", "some/run"], ["train", "--resume", "other"], ["compare", "a", "b"], ["cite"]):
        cli.main(words)
    assert seen == ["some/run", "other", "a", None]


def test_the_command_line_loads_numpy_only_when_it_has_chosen():
    code = "import sys, aevb_np, aevb_np.cli; aevb_np.cli.parser(); assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(
    not blas_kernel.NEEDS["Haswell"] <= blas_kernel.processor()[1],
    reason="this processor has no AVX2, or the system does not say",
)
def test_a_resumed_run_computes_with_the_kernel_it_began_with(own_file, tmp_path):
    """Begun with Haswell, gone on with without a word, to the same bits as in one go."""
    flags = ["train", str(own_file), "--hidden", "8", "--minibatch", "20", "--shape", "6x7"]
    environment = {name: value for name, value in os.environ.items() if name != blas_kernel.CORETYPE}

    def aevb(*words, **more):
        command = [sys.executable, "-m", "aevb_np", *map(str, words)]
        done = subprocess.run(command, env={**environment, **more}, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    aevb(*flags, "--samples", 1000, "--out", "run", OPENBLAS_CORETYPE="Haswell")
    kernel_then = json.loads((tmp_path / "run" / "config.json").read_text())["versions"]["kernel"]
    if kernel_then == "unknown":
        pytest.skip("this NumPy has another BLAS")
    assert kernel_then == "Haswell"
    assert "kernel is" not in aevb("train", "--resume", "run", "--samples", 2000)


def test_doctor(capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "GFLOP/s" in out and "BLAS" in out and "kernel" in out
