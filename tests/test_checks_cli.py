"""`aevb check FILE.py` as a student types it: right, wrong, and files that do what they should not."""

import json
import re
from pathlib import Path

import pytest

from aevb_np import cli
from aevb_np.checks import files
from aevb_np.checks.student import Student

VAES = Path(__file__).parent / "vaes"
GOOD = (VAES / "torch_like.py").read_text(encoding="utf-8")


@pytest.fixture
def check(capsys, tmp_path):
    """Run the command on a text in a file, in this process: exit code, what it printed, what it complained of."""

    def check(text, *flags):
        path = tmp_path / "student.py"
        path.write_text(text, encoding="utf-8")
        try:
            code = cli.main(["check", str(path), *flags])
        except SystemExit as stop:  # argparse
            code = stop.code
        return code, *capsys.readouterr()

    return check


def test_a_right_file(check):
    code, out, err = check(GOOD)
    assert (code, err) == (0, "") and out.splitlines()[-1] == "verdict: right"
    assert "a loss, to go down, the mean over the rows" in out


def test_a_wrong_file_is_told_step_by_step(check):
    wrong = GOOD.replace("dz * self.eps * 0.5 * self.std", "dz * self.eps * 0.5")
    code, out, _ = check(wrong)
    assert code == 1 and "first fault: in the gradient, the encoder's log-variance head (fc22.bias)" in out
    assert "eps / 2" not in out
    assert "it should be eps * sigma / 2" in check(wrong, "--explain", "2")[1]
    told = json.loads(check(wrong, "--json")[1])
    assert told["verdict"] == "wrong" and told["findings"][0]["label"].startswith("slope:phi.log_var")


@pytest.mark.parametrize(
    "text, says",
    [
        ("import nosuchmodule\n", "ModuleNotFoundError: No module named 'nosuchmodule'"),
        ("def value(:\n", "SyntaxError"),
        ("import sys\nsys.exit(3)\n", "ended with code 3 in loading the file"),
        ("import os\nos.abort()\n", "ended with code .* in loading the file"),
        ("while True:\n    pass\n", "did not finish in 2 seconds, in loading the file: --seconds 20 gives it more"),
        (
            GOOD.replace(
                "    def backward(self):\n        n =", "    def backward(self):\n        input()\n        n ="
            ),
            "EOFError",
        ),
    ],
)
def test_a_file_that_does_not_run_is_reported(check, text, says):
    code, out, _ = check(text, "--explain", "2", "--seconds", "2" if "while" in text else "60")
    assert code == 1 and re.search(says, out) and "Traceback" not in out, out


def test_printing_is_reported_and_forgiven(check):
    code, out, _ = check("print('hello from the file')\n" + GOOD)
    assert code == 0 and "your file printed 1 line, beginning: hello from the file" in out


def test_what_lies_beside_the_file_changes_nothing(check, tmp_path):
    for name in ("random", "types", "numpy", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not the one that is meant')\n", encoding="utf-8")
    package = tmp_path / "aevb_np"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('forged')\n", encoding="utf-8")
    assert check(GOOD)[0] == 0


@pytest.mark.parametrize(
    "forges",
    [
        "from aevb_np.checks import report\nreport.Report.verdict = 'right'\n",
        "import os\nos.write(1, b'0' * 16)\n",
        "import os\nfor n in range(3, 20):\n    try:\n        os.write(n, bytes(7) + b'\\2' + bytes(8) + b'[]')\n"
        "    except OSError:\n        pass\n",
    ],
)
def test_no_file_writes_its_own_verdict(check, forges):
    code, out, err = check(forges + GOOD.replace("dz * self.eps * 0.5 * self.std", "dz * self.eps * 0.5"))
    assert code == 1 and err == "" and out.splitlines()[-1].startswith("verdict: wrong")


def test_no_control_characters_reach_the_terminal(check):
    _, out, _ = check("raise ValueError('\\x1b[2J\\ud800')\n", "--explain", "2")
    assert "\\x1b[2J\\ud800" in out and "\x1b" not in out


def test_sampler_and_kl_of_a_file(check):
    """Functions with the agreed arguments are tested; one that only has the same name is left alone."""
    start = "\n\ndef sample(mu, log_var, eps):\n    return mu + "
    assert check(GOOD + start + "np.exp(log_var / 2) * eps\n")[0] == 0
    code, out, _ = check(GOOD + start + "np.exp(log_var) * eps\n", "--explain", "2")
    assert code == 1 and "the standard deviation seems to be exp(log_var)" in out
    assert check(GOOD + "\n\ndef sample(n):\n    return 1 / 0\n")[0] == 0
    wrong = "\n\ndef kl(mu, log_var):\n    return (mu**2 + np.exp(log_var) - 1 - log_var).sum(1)\n"
    assert "the KL is said to be" in check(GOOD + wrong, "--explain", "2")[1]


def test_a_file_that_changes_its_inputs(check):
    code, out, _ = check(
        GOOD.replace("        self.x = x\n        bce", "        x *= 1.01\n        self.x = x\n        bce")
    )
    assert code == 1 and "changes x in place" not in out and "first fault: in the code, in value" in out


@pytest.mark.parametrize(
    "text, says",
    [
        ("x = 1\n", r"defines no value\(parameters, x, eps\)"),
        ("def value(p, x, eps): return 0.0\n", r"defines no gradients\(parameters, x, eps\)"),
        (GOOD.replace("def parameters", "def shapes"), r"Define parameters\(D, H, J\)"),
        (GOOD + "\nDECODER = 'poisson'\n", "DECODER is 'bernoulli', .* got 'poisson'"),
        (
            GOOD + "\nNAMES = {'fc1.weight': 'phi.first.W'}\n",
            "NAMES says 'fc1.weight' is 'phi.first.W'; the reference has",
        ),
        (GOOD + "\nNAMES = {'fc1.weight': 'phi.hidden.W'}\n", "missing: phi.hidden.b"),
    ],
)
def test_bad_usage(check, text, says):
    code, out, err = check(text)
    assert code == 2 and out == "" and re.search(says, err) and len(err.splitlines()) == 1, err


def test_no_such_file(capsys):
    assert cli.main(["check", "nowhere.py"]) == 2
    assert "there is no such file" in capsys.readouterr().err


def test_the_page_says_what_can_be_declared(capsys):
    with pytest.raises(SystemExit):
        cli.main(["check", "--help"])
    page = capsys.readouterr().out
    assert all(name in page for name in (*files.DECLARATIONS, "value(parameters, x, eps)", "parameters(D, H, J)"))
    assert len(page.splitlines()) < 60
    assert "computed in float64 to be judged" in page
    for wrong in ({"layout": "(J, M)"}, {"scale": "median"}, {"sign": 2}, {"network": "mine"}, {"decoder": None}):
        with pytest.raises(ValueError, match="got"):
            Student(min, min, min, **wrong)
