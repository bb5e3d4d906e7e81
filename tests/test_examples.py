"""The two files under examples/ are wrong as the README and QUESTIONS say: they train, and only a check sees it."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from aevb_np import Adam, data, stream

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
WRONG, RIGHT = "dz * eps / 2 +", "dz * eps * np.exp(log_var / 2) / 2 +"
D, H, J, M = 784, 100, 2, 100


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def images():
    digits = data.digits(n_train=2000, n_test=500)
    return digits.scale(digits.x_train, dtype=np.float64), digits.scale(digits.x_test, dtype=np.float64)


def bounds(vae, images, steps):
    """On the test images before and after so many steps of Adam."""
    x_train, x_test = images
    rng = stream("init", 0)
    p = {name: 0.01 * rng.standard_normal(zero.shape) for name, zero in vae.parameters(D, H, J).items()}
    optimizers = {name: Adam(0.002) for name in p}
    eps = rng.standard_normal((len(x_test), J))
    before = -vae.value(p, x_test, eps)
    for _ in range(steps):
        x = x_train[rng.integers(0, len(x_train), M)]
        for name, d in vae.gradients(p, x, rng.standard_normal((M, J))).items():
            optimizers[name].ascend(p[name].reshape(-1), -d.reshape(-1))
    return before, -vae.value(p, x_test, eps)


@pytest.mark.parametrize("name", ["sigma_left_out", "variance_for_sigma"])
def test_it_trains_all_the_same(name, images):
    before, after = bounds(load(EXAMPLES / f"{name}.py"), images, 300)
    assert before < -540 and after > -205


def test_the_line_in_the_readme_is_the_wrong_one(tmp_path):
    """With sigma put back the file is right, so that nothing else is wrong in it."""
    from aevb_np.checks.sandbox import check_file

    text = (EXAMPLES / "sigma_left_out.py").read_text(encoding="utf-8")
    (line,) = [line.strip() for line in text.splitlines() if WRONG in line]
    assert line in (ROOT / "README.md").read_text(encoding="utf-8")
    mended = tmp_path / "mended.py"
    mended.write_text(text.replace(WRONG, RIGHT), encoding="utf-8")
    assert check_file(mended, 60, 0).verdict == "right"
