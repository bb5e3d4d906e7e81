"""The verification kit: it passes what is right, finds what is wrong and says what it is, and does not guess."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from aevb_np.checks import check_gradients, check_sampler, check_vae, facts, files, numeric, tables
from aevb_np.checks.report import Report
from aevb_np.model import VAE
from aevb_np.params import Params
from aevb_np.reparameterization import repeat

VAES = Path(__file__).parent / "vaes"
FILES = sorted(path.name for path in VAES.glob("*.py"))


def student(name, *patches, **declared):
    """The functions and declarations of a student's file, with some texts replaced, as `check_vae` takes them."""
    text = (VAES / name).read_text(encoding="utf-8")
    for find, instead in patches:
        assert text.count(find) == 1, f"{name} must hold this text once:\n{find}"
        text = text.replace(find, instead)
    module = {}
    exec(compile(text, name, "exec"), module)
    known = {ours: module[theirs] for theirs, ours in files.DECLARATIONS.items() if theirs in module}
    return (
        {"value": module["value"], "gradients": module["gradients"], "parameters": module.get("parameters")}
        | known
        | declared
    )


GAUSSIAN = ('DECODER = "bernoulli"', 'DECODER = "gaussian"')


# ---- What is right passes ----


@pytest.mark.parametrize("name", FILES)
def test_right_files_pass(name):
    report = check_vae(**student(name))
    assert report.verdict == ("gradients right" if name == "other_network.py" else "right"), report.text(2)
    assert max(row.error for row in report.rows) < 1e-7


@pytest.mark.parametrize("size", [0.01, 0.1, 1.5])
@pytest.mark.parametrize("patches", [[], [GAUSSIAN]], ids=["bernoulli", "gaussian"])
def test_right_gradients_of_any_size_pass(patches, size):
    for seed in range(2):
        assert check_vae(**student("functions.py", *patches, seed=seed, size=size)).verdict == "right"


SAME = {
    "1 - h^2": [("da3 = dh * (1 - h**2)", "da3 = dh / np.cosh(a3) ** 2")],
    "(1 - h)(1 + h)": [("da1 = dg * (1 - g**2)", "da1 = dg * (1 - g) * (1 + g)")],
    "sigma as a root": [("* s / 2", "* np.sqrt(np.exp(lv)) / 2")],
    "exp(lv) - 1 as expm1": [("(np.exp(lv) - 1) / 2 / M", "np.expm1(lv) / (2 * M)")],
    "the mean later": [("da2 = (y - x) / (M * L)", "da2 = (y - x) / M / L")],
    "a stable reconstruction": [("x * np.log(y) + (1 - x) * np.log(1 - y)", "x * a2 - np.logaddexp(0, a2)")],
    "float32 gradients": [("    return d\n", "    return {k: v.astype(np.float32) for k, v in d.items()}\n")],
}


@pytest.mark.parametrize("name", SAME)
def test_other_right_formulas_pass(name):
    report = check_vae(**student("functions.py", *SAME[name]))
    assert report.verdict == "right", report.text(2)


# ---- What is wrong is found and named: (file, patches, what the first finding says) ----

G = "da1 = dg * (1 - g**2)"
WRONG = {
    "sign": ("functions.py", [("    return d\n", "    return {k: -v for k, v in d.items()}\n")], "wrong sign"),
    "lost 1/2": ("functions.py", [("* s / 2", "* s")], r"eps \* sigma|enters 2 times"),
    "lost 1/M": ("functions.py", [("da2 = (y - x) / (M * L)", "da2 = (y - x) / L")], "reconstruction enters M times"),
    "transpose": (
        "functions.py",
        [("    return d\n", '    d["W4"] = d["W4"].T\n    return d\n')],
        "W4: the right numbers, transp",
    ),
    "tanh'": ("functions.py", [(G, "da1 = dg")], "decoder's hidden layer .b1.: .*slope of tanh is missing"),
    "sigma": ("functions.py", [("* s / 2", "/ 2")], r"you use is eps / 2, it should be eps \* sigma / 2"),
    "KL missing": (
        "functions.py",
        [("dz.sum(0) + mu / M", "dz.sum(0)"), (" + (np.exp(lv) - 1) / 2 / M", "")],
        "the KL is missing|the KL is left out",
    ),
    "heads swapped": (
        "functions.py",
        [
            ('d["W4"] = h.T @ dmu', 'd["W4"] = h.T @ dlv'),
            ('d["b4"] = dmu', 'd["b4"] = dlv'),
            ('d["W5"] = h.T @ dlv', 'd["W5"] = h.T @ dmu'),
            ('d["b5"] = dlv', 'd["b5"] = dmu'),
        ],
        "changed places",
    ),
    "prior missing": (
        "functions.py",
        [("d[name] = d[name] + DECAY * p[name]", "pass")],
        "prior on the parameters is miss",
    ),
    "bias axis": (
        "functions.py",
        [('d["b3"] = da3.sum(0)', 'd["b3"] = da3.sum(0) * 0 + da3.sum()')],
        "b3.*same number",
    ),
    "stale cache": (
        "a_class.py",
        [
            (
                "    vae.forward(x, eps)\n    return vae",
                "    kept.setdefault('vae', vae).forward(x, eps) if not kept else 0\n    return kept['vae']",
            ),
            ("import numpy as np\n", "import numpy as np\n\nkept = {}\n"),
        ],
        "numbers kept from another call",
    ),
    "Gaussian: no precision": (
        "functions.py",
        [GAUSSIAN, ("da2 = (y - x) / np.exp(lx) * y", "da2 = (y - x) * y")],
        r"without 1 / sigma_x\^2",
    ),
    "class: no sigma": (
        "a_class.py",
        [("0.5 * dz * self.std * self.eps", "0.5 * dz * self.eps")],
        "you use is eps / 2",
    ),
    "class: KL's sign": (
        "a_class.py",
        [("dmu = dz - self.mu", "dmu = dz + self.mu")],
        r"KL through mu has the wrong sign",
    ),
    "layers: head forgotten": (
        "torch_like.py",
        [("dh = dh + self.fc22", "self.fc22")],
        "log-variance head never comes back|log sigma.2 is missing in the encoder's hidden",
    ),
    "layers: transposed": (
        "torch_like.py",
        [("self.weight_grad = grad.T @ self.x", "self.weight_grad = self.x.T @ grad")],
        "transposed",
    ),
    "columns: 1 - a^2": ("columns.py", [("* (1 - g**2)", "* (1 - (p['Wd'] @ z + p['bd']) ** 2)")], r"1 - a\^2"),
    "log sigma: half too much": (
        "log_sigma.py",
        [("d_z * eps * sigma", "d_z * eps * sigma / 2")],
        r"through sigma enters 1/2 times|eps \* sigma / 4",
    ),
    "by names: samples summed": (
        "by_names.py",
        [("e / np.exp(log_s) / L", "e / np.exp(log_s)")],
        "mean enters L times",
    ),
    "other network: no sigma": ("other_network.py", [("dz * eps * sigma / 2", "dz * eps / 2")], "W2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_gradients_are_named(name):
    file, patches, says = WRONG[name]
    report = check_vae(**student(file, *patches))
    assert report.verdict == "wrong"
    assert re.search(says, report.top.text), report.text(2)


VALUES = {
    "mean over pixels": ([("-log_px.sum() / (M * L)", "-log_px.mean(axis=-1).sum() / (M * L)")], "value", "1/D times"),
    "summed, averaged": (
        [("-log_px.sum() / (M * L)", "-log_px.sum() / L")],
        "value",
        "is summed over the rows, the KL is averaged",
    ),
    "KL by D": ([(".sum() / 2 / M,", ".sum() / 2 / M / x.shape[1],")], "value", "KL enters the value 1/D times"),
    "KL's sign": ([("-(1 + lv - mu**2", "(1 + lv - mu**2")], "value", "KL has the wrong sign"),
    "KL's half": ([(".sum() / 2 / M,", ".sum() / M,")], "value", "KL enters the value 2 times"),
    "KL(p || q)": (
        [("-(1 + lv - mu**2 - np.exp(lv)).sum()", "(lv - 1 + (1 + mu**2) * np.exp(-lv)).sum()")],
        "value",
        "the other direction",
    ),
    "the variance as deviation": ([("s = np.exp(lv / 2)", "s = np.exp(lv)")], "sampler", "the variance, where"),
    "one noise for all": ([("z = mu + s * eps", "z = mu + s * eps[:, :1]")], "sampler", "share the eps of the first"),
    "squared error": ([("x * np.log(y) + (1 - x) * np.log(1 - y)", "-((x - y) ** 2)")], "value", "squared error"),
    "sigmoid twice": (
        [("x * np.log(y) + (1 - x) * np.log(1 - y)", "-x * np.log1p(np.exp(-y)) - (1 - x) * np.log1p(np.exp(y))")],
        "value",
        "sigmoid is applied twice",
    ),
    "half a likelihood": (
        [("x * np.log(y) + (1 - x) * np.log(1 - y)", "x * np.log(y)")],
        "value",
        r"\(1 - y\) is missing",
    ),
    "L forgotten": ([("-log_px.sum() / (M * L)", "-log_px.sum() / M")], "value", "L times"),
}


@pytest.mark.parametrize("name", VALUES)
def test_wrong_values_are_named(name):
    """No gradient check sees these; what it says of the gradients is about the gradient of the wrong value."""
    patches, part, says = VALUES[name]
    report = check_vae(**student("functions.py", *patches))
    told = [finding.text for finding in report.findings if finding.part == part]
    assert told and re.search(says, told[0]), report.text(2)


def test_a_declared_sign_and_scale_are_held_against_the_value():
    assert check_vae(**student("functions.py", sign=-1, scale="mean")).verdict == "right"
    for declared, says in (({"sign": 1}, "has the wrong sign"), ({"scale": "sum"}, "enters the value 1/M times")):
        report = check_vae(**student("functions.py", **declared))
        assert report.wrong_arrays == [] and says in report.top.text, report.text(2)


def test_a_wrong_value_of_no_known_kind_is_not_passed():
    report = check_vae(**student("functions.py", ("-(1 + lv - mu**2", "-(1 + lv - np.abs(mu) ** 3")))
    assert report.verdict == "wrong" and report.top.part == "value" and "not the bound" in report.top.text
    assert "give encode(parameters, x) and decode(parameters, z)" in report.top.text


def test_another_network_has_to_be_declared():
    report = check_vae(**student("other_network.py", network="paper"))
    assert report.verdict == "gradients right" and "give encode" in report.last_line()
    patches = [
        ("logits - np.log1p(np.exp(logits))).sum() -", "logits - np.log1p(np.exp(logits))).mean(axis=1).sum() -")
    ]
    zero = student("other_network.py", *patches)
    assert "value:zero:1/D" in [finding.label for finding in check_vae(**zero).findings]


def test_a_wrong_sampler_passes_the_gradient_part_and_fails_by_more_than_20_standard_errors():
    """The standard deviation is exp(log_var), and its gradient to match."""
    wrong = student("functions.py", ("s = np.exp(lv / 2)", "s = np.exp(lv)"), (".sum(0) * s / 2", ".sum(0) * s"))
    report = check_vae(**wrong)
    assert report.wrong_arrays == [] and [finding.part for finding in report.findings] == ["sampler"]
    off = re.search(r"variance of 20,000 samples is ([\d.]+) standard errors off", "".join(report.notes))
    assert float(off[1]) > 20
    assert check_sampler(lambda mu, log_var, eps: mu + np.exp(log_var) * eps).verdict == "wrong"


# ---- It does not guess ----


@pytest.mark.parametrize("low", ["np.float32(total)", "round(total, 6)"])
def test_a_value_of_few_digits_is_no_reason_to_accuse(low):
    good = student("functions.py")

    def value(p, x, eps):
        total = sum(good["value"](p, x, eps).values())  # noqa: F841
        return eval(low)

    report = check_vae(**good | {"value": value})
    assert report.verdict == "cannot tell" and not report.findings
    assert "compute the value in float64" in report.doubts[0]


@pytest.mark.parametrize(
    "patch, says",
    [
        (("s * eps\n", "s * np.random.standard_normal(eps.shape)\n"), "two calls"),
        (("    d = {}\n", "    p['b1'] += 1\n    d = {}\n"), "gradients changes b1"),
        (("    d = {}\n", "    x -= 1\n    d = {}\n"), "gradients changes x"),
        (("    d = {}\n", "    d = {}\n    1 / 0\n"), "ZeroDivisionError: division by zero"),
        (("    return d\n", "    return list(d.values())\n"), "return a dictionary"),
        (("    return d\n", "    d['b5'] = d['b5'] * np.nan\n    return d\n"), "b5: 5 numbers are NaN"),
        (("    return d\n", "    del d['b5']\n    return d\n"), "there is no gradient for b5"),
    ],
)
def test_code_that_is_no_function(patch, says):
    report = check_vae(**student("functions.py", patch))
    assert report.verdict == "wrong" and re.search(says, report.top.text), report.text(2)


def test_gradients_that_add_up():
    good, kept = student("functions.py"), {}

    def gradients(p, x, eps):
        for name, g in good["gradients"](p, x, eps).items():
            kept[name] = kept.get(name, 0) + g
        return dict(kept)

    report = check_vae(**good | {"gradients": gradients})
    assert report.top.label == "code:accumulates"


# ---- Any function, any size ----


def test_a_plain_gradient():
    W = {"W": np.array([[1.0, 2.0], [3.0, 5.0]]), "b": np.array([1.0, -1.0, 2.0])}

    def value(p):
        return (p["W"] ** 3).sum() + p["b"].prod()

    def gradients(p):
        return {"W": 3 * p["W"] ** 2, "b": p["b"].prod() / p["b"]}

    assert check_gradients(value, W, gradients).verdict == "right"
    assert check_gradients(value, W, gradients(W)).verdict == "right"
    wrong = check_gradients(value, W, lambda p: gradients(p) | {"W": 3 * p["W"].T ** 2})
    assert wrong.wrong_arrays == ["W"] and wrong.top.text == "W: the right numbers, transposed"
    index, yours, measured = wrong.rows[0].worst[0]
    assert yours == 3 * W["W"].T[index] ** 2 and measured == pytest.approx(3 * W["W"][index] ** 2)
    W["W"][0, 0] = 7  # nothing was kept


def test_a_large_model_goes_by_directions():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((60, 50))
    W = {"W": rng.standard_normal((50, 60))}
    right = check_gradients(lambda p: np.sin(A @ p["W"]).sum(), W, lambda p: {"W": A.T @ np.cos(A @ p["W"])})
    assert W["W"].size > tables.LARGE and right.verdict == "right"
    wrong = check_gradients(lambda p: np.sin(A @ p["W"]).sum(), W, lambda p: {"W": 1.001 * A.T @ np.cos(A @ p["W"])})
    assert wrong.verdict == "wrong" and wrong.rows[0].error == pytest.approx(1e-3, rel=1)


def test_the_symmetric_remainder_sees_what_the_one_sided_one_misses():
    """An error of 1e-4 of the gradient: slope 1; a right gradient: slope 3."""
    a = np.random.default_rng(0).standard_normal(20)
    slopes = [
        numeric.taylor(lambda: np.tanh(a).sum(), a, c * (1 - np.tanh(a) ** 2), np.random.default_rng(1)).slope
        for c in (1, 1 + 1e-4)
    ]
    assert slopes[0] == pytest.approx(3, abs=0.1) and slopes[1] < 2


def test_the_error_estimate_is_one():
    """For exp, sin and powers the measured gradient is within a few of its own estimated errors."""
    a = np.linspace(-3, 3, 13)
    for f, slope in ((np.exp, np.exp), (np.sin, np.cos), (lambda a: a**5, lambda a: 5 * a**4)):
        gradient, error, _ = numeric.differences(lambda f=f: f(a).sum(), a)
        assert (np.abs(gradient - slope(a)) <= 3 * error).all() and (error < 1e-6 * (1 + np.abs(slope(a)))).all()


# ---- Facts ----


@pytest.mark.parametrize("decoder", ["bernoulli", "gaussian"])
def test_the_bounds_stand_in_order(decoder):
    """E[L^B] < E[importance-weighted bound] < log p(x), by quadrature."""
    model = {"bernoulli": VAE.bernoulli, "gaussian": VAE.gaussian}[decoder](11, 6, 1)
    p, rng = Params(model.shapes), np.random.default_rng(0)
    p.flat[:] = 0.5 * rng.standard_normal(p.flat.size)
    bound, weighted, log_px = facts.order_of_bounds(model, p, rng.random((3, 11)))
    assert (bound < weighted).all() and (weighted < log_px).all()
    assert facts.a_minus_b(model, p, rng.random((3, 11)), rng) < 4


def test_the_kl_is_sampled():
    def sample(mu, log_var, eps):
        return mu + np.exp(log_var / 2) * eps

    def kl(mu, log_var):
        return 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)

    assert check_sampler(sample, kl).verdict == "right"
    wrong = check_sampler(sample, lambda mu, log_var: kl(mu, 2 * log_var))
    assert [finding.label for finding in wrong.findings] == ["sampler:kl"]
    assert facts.distance(repeat(np.ones((1, 2)), 5), 1.0) == 0


# ---- The report ----


def test_the_report_tells_step_by_step():
    report = check_vae(**student("functions.py", ("* s / 2", "/ 2")))
    place, family, name = (report.text(explain) for explain in range(3))
    assert "first fault: in the gradient" in place and "b5" in place
    assert "family:" not in place and "family: a local derivative" in family and "name:" not in family
    assert "it should be eps * sigma / 2" in name
    assert "<pre" in report._repr_html_() and "&" not in report._repr_html_().replace("&#x27;", "").replace("&lt;", "")
    again = Report.from_dict(json.loads(json.dumps(report.as_dict())))
    assert again.text(2) == report.text(2) and json.loads(report.json())["verdict"] == "wrong"
