"""The verification kit on what strangers wrote: any order of the arrays, constants, rows, histories, odd files."""

import re
from pathlib import Path

import numpy as np
import pytest

from aevb_np import cli
from aevb_np.checks import check_vae, files, fingerprints, sandbox
from aevb_np.checks.student import Student

SOURCE = (Path(__file__).parent / "vaes" / "functions.py").read_text(encoding="utf-8")
GAUSSIAN = ('DECODER = "bernoulli"', 'DECODER = "gaussian"')
NO_PRIOR = ("DECAY = 0.1", "DECAY = 0.0")
BCE = "x * np.log(y) + (1 - x) * np.log(1 - y)"
RETURN = "    return d\n"
FORWARD = "    a3, h, mu, lv, s, z, a1, g, a2, y, lx = forward(p, x, eps)\n"
BACKWARD = "def gradients(p, x, eps):\n" + FORWARD


def written(*patches, layout="(M, J)"):
    """The functions of the student's file, with patches, for one sample unless asked otherwise."""
    text = SOURCE
    for find, instead in patches:
        assert text.count(find) == 1, find
        text = text.replace(find, instead)
    module = {}
    exec(compile(text, "student.py", "exec"), module)
    one = layout == "(M, J)"
    eps_of = (lambda eps: eps[None]) if one else (lambda eps: eps)
    return {
        "value": lambda p, x, eps: module["value"](p, x, eps_of(eps)),
        "gradients": lambda p, x, eps: module["gradients"](p, x, eps_of(eps)),
        "parameters": module["parameters"],
        "decoder": module["DECODER"],
        "layout": layout,
    }


def in_order(student, order):
    """The same file with its arrays in another order."""

    def parameters(D, H, J):
        made = student["parameters"](D, H, J)
        names = list(made)
        return {names[i]: made[names[i]] for i in order(len(names))}

    return student | {"parameters": parameters}


@pytest.mark.parametrize("patches", [[], [GAUSSIAN]], ids=["bernoulli", "gaussian"])
def test_any_order_of_the_arrays_is_understood(patches):
    good = written(*patches)
    for seed in range(15):
        report = check_vae(**in_order(good, np.random.default_rng(seed).permutation))
        assert report.verdict == "right", report.text(2)


@pytest.mark.parametrize(
    "patches, says",
    [
        ([("s = np.exp(lv / 2)", "s = np.exp(lv)")], "the variance, where"),
        ([GAUSSIAN, ("lx + (x - y) ** 2 / np.exp(lx))", "lx + (x - y) ** 2 * np.exp(lx))")], "multiplies by sigma"),
        ([GAUSSIAN, ("np.log(2 * np.pi) + lx + (x - y) ** 2 / np.exp(lx)", "(x - y) ** 2")], "squared error without"),
        ([GAUSSIAN, ("da2 = (y - x) / np.exp(lx) * y", "da2 = (y - x) * y")], "without 1 / sigma_x"),
    ],
)
def test_wrong_files_in_any_order_are_named(patches, says):
    report = check_vae(**in_order(written(*patches), np.random.default_rng(len(says)).permutation))
    told = "; ".join(finding.text for finding in report.findings)
    assert report.verdict == "wrong" and re.search(says, told), report.text(2)


CONSTANTS = {
    "the 1 in the KL": ([("-(1 + lv - mu**2", "-(lv - mu**2")], "2.5 nats a row below.*the 1 in the KL.*missing"),
    "a Bernoulli's": ([(BCE, BCE + " - 0.25")], "off by a constant"),
    "log 2 pi once": (
        [GAUSSIAN, ("-(np.log(2 * np.pi) + lx", "-(np.log(2 * np.pi) / 11 + lx")],
        r"log\(2 pi\) enters once for a row",
    ),
    "log 2 times pi": ([GAUSSIAN, ("np.log(2 * np.pi) + lx", "np.log(2) * np.pi + lx")], "D/2 times 2.1776; it should"),
    "a bias unused": ([('lv = h @ p["W5"] + p["b5"]', 'lv = h @ p["W5"]')], "does not depend on b5.*there is nothing"),
    "another bias": ([('p["W5"] + p["b5"]', 'p["W5"] + p["b4"]')], "does not depend on b5.*there is b4"),
    "log_var cut": ([('lv = h @ p["W5"] + p["b5"]', 'lv = np.clip(h @ p["W5"] + p["b5"], -1, 1)')], "between -1 and 1"),
    "log of y + c": ([(BCE, "x * np.log(y + 0.01) + (1 - x) * np.log(1 - y + 0.01)")], r"log\(y \+ 0.01\)"),
    "the KL twice by M": ([(".sum() / 2 / M,", ".sum() / 2 / M**2,")], "divided by the number of rows twice"),
    "|eps|": ([("s * eps\n", "s * np.abs(eps)\n")], "never negative"),
    "sigma^2 three times": ([("- np.exp(lv)).sum()", "- 3 * np.exp(lv)).sum()")], "sigma.2 enters the value 3 times"),
    "half x log y": ([(BCE, "x * np.log(y) / 2 + (1 - x) * np.log(1 - y)")], "x log y enters the value 1/2 times"),
    "log to the base 2": ([(BCE, "x * np.log2(y) + (1 - x) * np.log2(1 - y)")], r"enters the value 1/log\(2\) times"),
    "either reading": ([("s = np.exp(lv / 2)", "s = np.exp(lv)")], "z uses exp.* or, if your head gives log sigma"),
    "sigma for both": ([("s = np.exp(lv / 2)", "s = np.exp(lv)"), ("- np.exp(lv)).sum()", "- s**2).sum()")],
                       "the variance, where .* and the KL has the same sigma"),
    "exp(-lv)": ([("- np.exp(lv)).sum()", "- np.exp(-lv)).sum()")], r"exp\(-log_var\) where"),
    "less noise": ([("s * eps\n", "s * 0.1 * eps\n")], r"z = mu \+ 0.1 sigma eps"),
    "no variance": ([GAUSSIAN, ("lx + (x - y) ** 2 / np.exp(lx)", "lx + (x - y) ** 2")], "not divided by sigma"),
    "x rounded": ([(BCE, "np.round(x) * np.log(y) + (1 - np.round(x)) * np.log(1 - y)")], "rounds x"),
}


def assert_told_of_value(patches, says):
    """The first thing said of the value, or of its sampler, says so."""
    report = check_vae(**written(NO_PRIOR, *patches))
    told = [finding for finding in report.findings if finding.part in ("value", "sampler")]
    assert told and re.search(says, told[0].text), report.text(2)


@pytest.mark.parametrize("name", CONSTANTS)
def test_wrong_numbers_are_named(name):
    assert_told_of_value(*CONSTANTS[name])


def test_the_usual_omission_is_told_unless_it_is_declared():
    assert check_vae(**written(GAUSSIAN)).verdict == "right"
    left_out = written(GAUSSIAN, ("np.log(2 * np.pi) + lx", "lx"))
    report = check_vae(**left_out)
    assert report.verdict == "wrong" and not report.wrong_arrays
    assert "10.1083 nats a row above" in report.top.text and "NO_LOG_2PI = True" in report.top.text
    place = report.text(0)
    assert "in the value, the constant of log p(x|z)" in place and "the bound is 10.1083 nats a row too high" in place
    declared = check_vae(**left_out | {"no_log_2pi": True})
    assert declared.verdict == "right" and any("as declared: it is 10.1083 nats" in note for note in declared.notes)


@pytest.mark.parametrize("mine, says", [("z**2", ""), ("z**2 + 1.8378770664093453", "log p.z. has its constant")])
def test_the_constants_of_estimator_a(mine, says):
    kl = f'        "kl": (({mine}) - eps**2 - lv).sum() / 2 / M / L,'
    report = check_vae(**written(NO_PRIOR, (PARTS, kl)))
    told = [finding for finding in report.findings if finding.part == "value"]
    assert bool(told) == bool(says) and (not says or re.search(says, told[0].text)), report.text(2)


def one_head(student, log_var_first=False):
    """The same with one array for both heads of the encoder, as columns."""
    order = ("W5", "W4"), ("b5", "b4")
    order = order if log_var_first else [names[::-1] for names in order]

    def joined(p):
        rest = {name: w for name, w in p.items() if name not in ("W4", "b4", "W5", "b5")}
        return rest | {f"{names[0][0]}_heads": np.concatenate([p[name] for name in names], -1) for names in order}

    def halves(p):
        rest = {name: w for name, w in p.items() if "heads" not in name}
        for names in order:
            rest |= dict(zip(names, np.split(p[names[0][0] + "_heads"], 2, -1)))
        return rest

    return student | {
        "value": lambda p, x, eps: student["value"](halves(p), x, eps),
        "gradients": lambda p, x, eps: joined(student["gradients"](halves(p), x, eps)),
        "parameters": lambda D, H, J: joined(student["parameters"](D, H, J)),
    }


@pytest.mark.parametrize("first", [False, True])
def test_two_heads_in_one_array(first):
    assert check_vae(**one_head(written(NO_PRIOR), first)).verdict == "right"
    wrong = one_head(written(NO_PRIOR, ("da3 = dh * (1 - h**2)", "da3 = dh * h * (1 - h)")), first)
    assert "slope of a sigmoid" in check_vae(**wrong).top.text


def test_matrices_of_which_some_are_transposed():
    good = written()

    def turned(arrays):
        return {name: w.T.copy() if name in ("W1", "W2") else w for name, w in arrays.items()}

    mixed = good | {
        "value": lambda p, x, eps: good["value"](turned(p), x, eps),
        "gradients": lambda p, x, eps: turned(good["gradients"](turned(p), x, eps)),
        "parameters": lambda D, H, J: turned(good["parameters"](D, H, J)),
    }
    assert check_vae(**mixed).verdict == "right"
    wrong = check_vae(**mixed | {"gradients": lambda p, x, eps: turned(good["gradients"](turned(p), np.round(x), eps))})
    assert "x is rounded" in wrong.top.text


def test_halves_of_one_head_that_changed_places():
    good = one_head(written(NO_PRIOR))

    def gradients(p, x, eps):
        return {name: np.roll(g, 5, -1) if "heads" in name else g for name, g in good["gradients"](p, x, eps).items()}

    top = check_vae(**good | {"gradients": gradients}).top
    assert top.text == "the gradients of b_heads[:5] and b_heads[5:] have changed places"


def test_names_beside_parameters_say_which_bias_is_a_column(tmp_path):
    text = (Path(__file__).parent / "vaes" / "columns.py").read_text(encoding="utf-8")
    assert '"be": np.zeros((H, 1))' in text
    heads = {"e": "phi.hidden", "m": "phi.mean", "s": "phi.log_var", "d": "theta.hidden", "y": "theta.logits"}
    names = {kind + mine: f"{name}.{kind}" + ".T" * (kind == "W") for mine, name in heads.items() for kind in "Wb"}
    file = tmp_path / "named.py"
    file.write_text(f"{text}\n\nNAMES = {names!r}\n", encoding="utf-8")
    assert sandbox.check_file(file, 60, 0).verdict == "right"


def test_a_batch_that_is_normalised_is_told():
    good = written(NO_PRIOR)

    def centred(f):
        return lambda p, x, eps: f(p, x - x.mean(0), eps)

    report = check_vae(**good | {name: centred(good[name]) for name in ("value", "gradients")})
    assert report.verdict == "gradients right", report.text(2)  # it may be meant
    assert any("depends on the other rows" in note for note in report.notes)


def test_what_a_later_call_changes_is_noted():
    good, kept = written(), {}

    def gradients(p, x, eps):
        kept.update(good["gradients"](p, x, eps))
        return kept

    report = check_vae(**good | {"gradients": gradients})
    assert report.verdict == "right" and any("in every call" in note for note in report.notes)


@pytest.mark.parametrize("off, verdict", [("-n * np.log(2 * np.pi) / 2", "right"), ("-n", "wrong")])
def test_the_constant_of_the_prior_is_that_of_a_normal_density(off, verdict):
    good = written(("DECAY = 0.1", "DECAY = 1"), *weighted("1 / M"))

    def value(p, x, eps):
        n = sum(w.size for name, w in p.items() if name[0] == "W")
        return sum(good["value"](p, x, eps).values()) - eval(off, {"n": n, "np": np}) / len(x)

    assert check_vae(**good | {"value": value}).verdict == verdict


def test_nothing_is_said_of_a_right_sampler():
    assert not any("standard errors" in note for note in check_vae(**written()).notes)


TWICE = ("da2 = (y - x) / (M * L)", "da2 = (y - x) / (M * L) * (1 + (np.arange(M) == M - 1))[:, None]")
KEPT = BACKWARD.replace("= forward(p, x, eps)", "= kept.setdefault(x.shape, forward(p, x, eps))")
OF_ONCE = '    M, L = kept.setdefault("M", len(x)), len(eps)\n    rows'
GRADIENTS = {
    "keepdims": ([('d["b3"] = da3.sum(0)', 'd["b3"] = da3.sum(0, keepdims=True)')], r"shape \(1, 8\)"),
    "one array": ([("dmu = dz.sum(0) + mu / M", "dz[0] += mu / M\n    dmu = dz[0]")], "dz are one array"),
    "cut off": ([("da2 = (y - x) / (M * L)", "da2 = np.clip(y - x, -0.5, 0.5) / (M * L)")], "beyond -0.5 and 0.5"),
    "a row twice": ([TWICE], "6 counts 2 times"),
    "noise mixed": ([("(dz * eps).sum(0)", "(dz * eps.mean(1)).sum(0)")], "where eps of every row belongs, its mean"),
    "sigma mixed": ([("* s / 2", "* s.mean(0) / 2")], "where sigma of every row belongs, its mean"),
    "x of another": ([('d["W3"] = x.T @ da3', 'd["W3"] = x[::-1].T @ da3')], "W3, where x of every row belongs"),
    "one image": ([('d["W3"] = x.T @ da3', 'd["W3"] = np.outer(x[0], da3.sum(0))')], "that of the first row is used"),
    "z of another": ([("rows(z).T @ rows(da1)", "rows(np.roll(z, 1, 1)).T @ rows(da1)")], "W1, where z of every row"),
    "the other h": ([("da3 = dh * (1 - h**2)", "da3 = dh * (1 - g[0]**2)")], "hidden units of the decoder"),
    "mean for sum": ([('d["b1"] = rows(da1).sum(0)', 'd["b1"] = rows(da1).mean(0)')], "b1: a mean over the rows where"),
    "x rounded": ([(BACKWARD, BACKWARD.replace("    a3", "    x = np.round(x)\n    a3"))], "x is rounded to 0 and 1"),
    "a floor": ([GAUSSIAN, ("(y - x) / np.exp(lx)", "(y - x) / np.exp(np.maximum(lx, 0))")], "at least 1"),
    "more variance": ([GAUSSIAN, ("(y - x) / np.exp(lx)", "(y - x) / (np.exp(lx) + 0.01)")], r"sigma_x\^2 \+ 0.01"),
    "the sign for a loss": (
        [("da2 = (y - x) / (M * L)", "da2 = (y - x) * y * (1 - y) / (M * L)")],
        r"\(y - x\) y \(1 - y\), it should be y - x \(for a loss\)",
    ),
    "float16": ([(RETURN, "    return {k: v.astype(np.float16) for k, v in d.items()}\n")], "three digits"),
    "rows kept": ([(BACKWARD, "kept = {}\n\n\n" + BACKWARD), ("    M, L = len(x), len(eps)\n    rows", OF_ONCE)],
                  "right for 7 rows, 2 times too large for 14"),
    "after the value only": (
        [("    M, L = len(x), len(eps)\n    if", "    seen.append(1)\n    M, L = len(x), len(eps)\n    if"),
         (BACKWARD, "seen = []\n\n\n" + BACKWARD + "    assert seen\n")], "unless value was called just before"),
    "kept by shape": ([(BACKWARD, "kept = {}\n\n\n" + KEPT)], "kept from another call"),
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_what_strangers_wrote_is_named(name):
    patches, says = GRADIENTS[name]
    report = check_vae(**written(NO_PRIOR, *patches))
    assert report.verdict == "wrong" and re.search(says, report.top.text), report.text(2)


def test_samples_that_are_read_in_another_order():
    wrong = ("dmu = dz.sum(0) + mu / M", "dmu = dz.reshape(M, L, -1).sum(1) + mu / M")
    report = check_vae(**written(NO_PRIOR, wrong, layout="(L, M, J)"))
    assert "what comes back for 3 samples of 7 rows, (L, M, n), is read as (M, L, n)" in report.top.text, report.text(2)


def test_one_row_is_not_said_of_all():
    """Every row by itself is doubled, the batch in part: the delta is not called twice too large."""
    told = check_vae(**written(NO_PRIOR, TWICE)).findings
    assert all("for one row by itself" in f.text for f in told if "delta is 2 times" in f.text)


def test_seven_digits_and_no_number():
    good = written()
    report = check_vae(**good | {"value": lambda p, x, eps: np.float32(sum(good["value"](p, x, eps).values()))})
    assert report.verdict == "cannot tell" and "float32" in report.doubts[0] and not report.notes
    report = check_vae(**good | {"value": lambda p, x, eps: np.nan})
    assert report.verdict == "cannot tell" and "the value is nan" in report.doubts[0]


def test_a_decoder_that_was_not_declared():
    report = check_vae(**written(GAUSSIAN) | {"decoder": "bernoulli"})
    assert report.verdict == "gradients right" and 'add DECODER = "gaussian"' in report.last_line(), report.text()


def test_what_cannot_be_read_is_not_called_wrong():
    """Neither head does anything: which array is which does not show, and the gradients are right."""
    good = written(NO_PRIOR)

    def value(p, x, eps):
        return (x * np.tanh(p["b2"])).sum() + sum((w**3).sum() for w in p.values())

    def gradients(p, x, eps):
        found = {name: 3 * w**2 for name, w in p.items()}
        found["b2"] = found["b2"] + x.sum(0) * (1 - np.tanh(p["b2"]) ** 2)
        return found

    report = check_vae(**good | {"value": value, "gradients": gradients})
    assert report.wrong_arrays == [] and all("not the bound" not in finding.text for finding in report.findings)


def test_formulas_with_the_other_sign():
    for formula, other in (("x - y", "y - x"), ("(x - m) / s", "(m - x) / s"), ("-y", "y"), ("0", "0"), ("x", "-(x)")):
        assert fingerprints.minus(formula) == other
    assert fingerprints.minus("((x - m)^2 / s - 1) / 2") == "(1 - (x - m)^2 / s) / 2"


def test_odd_files(capsys, tmp_path):
    path = tmp_path / "odd.py"
    path.write_text("def value(:\n", encoding="utf-8")
    assert cli.main(["check", str(path), "--explain", "2"]) == 1
    out = capsys.readouterr().out
    assert "line 1 of odd.py" in out and "frozen" not in out
    assert cli.main(["check", str(tmp_path / "none.py")]) == 2
    assert "may you write" not in capsys.readouterr().err
    assert files.DECLARATIONS and Student(min, min, min).half == []


PARTS = '        "kl": -(1 + lv - mu**2 - np.exp(lv)).sum() / 2 / M,'
VALUES = {
    "the KL's sign": ([(PARTS, PARTS.replace('": -(', '": ('))], "KL has the wrong sign"),
    "unknown": ([(BCE, "x * np.log(y) + (1 - x) * np.log(1 - y**2)")], "the KL in it is right: look at the recon"),
    "softplus": ([(BCE, "x * a2 - np.log1p(np.exp(-a2))")], "softplus.-a. stands where"),
}


@pytest.mark.parametrize("name", VALUES)
def test_gradients_of_the_right_bound_are_not_accused(name):
    patches, says = VALUES[name]
    report = check_vae(**written(NO_PRIOR, *patches))
    assert report.verdict == "wrong" and re.search(says, report.top.text), report.text(2)
    assert all(finding.part != "gradient" for finding in report.findings)
    assert any("those of the right bound" in note for note in report.notes)


TWINS = ("dlv = (dz * eps).sum(0) * s / 2 + (np.exp(lv) - 1) / 2 / M", "dlv = dmu\n    dlv *= s")
NAMED = {
    "twins": ([TWINS], "b4 and b5 are the same numbers"),
    "whole numbers": ([(RETURN, '    d["b2"] = np.round(M * d["b2"] * 9) / M\n' + RETURN)], "whole numbers"),
    "from below": ([('lv = h @ p["W5"] + p["b5"]', 'lv = np.minimum(h @ p["W5"] + p["b5"], 0)')], "log_var below 0"),
}


@pytest.mark.parametrize("name", NAMED)
def test_slips_of_arrays_and_clips_are_named(name):
    patches, says = NAMED[name]
    report = check_vae(**written(NO_PRIOR, *patches))
    assert report.verdict == "wrong" and any(re.search(says, f.text) for f in report.findings[:2]), report.text(2)


def test_exchanged_gradients_are_all_that_is_said():
    exchange = '    d["W4"], d["W5"], d["b4"], d["b5"] = d["W5"], d["W4"], d["b5"], d["b4"]\n'
    report = check_vae(**written(NO_PRIOR, (RETURN, exchange + RETURN)))
    assert all("changed places" in finding.text for finding in report.findings), report.text(2)


DECAY_LINES = (
    '        "decay": DECAY / 2 * sum((w**2).sum() for name, w in p.items() if name[0] == "W"),',
    "            d[name] = d[name] + DECAY * p[name]",
)


def weighted(weight):
    """The same prior, weighted otherwise in value and gradient alike; `weight` may speak of M, or of a name."""
    value, gradient = DECAY_LINES
    weight = weight.replace("M", "len(x)")
    return [(value, value.replace("DECAY / 2 * sum((w**2).sum()", f"DECAY / 2 * sum(({weight} * w**2).sum()")),
            (gradient, gradient.replace("DECAY * p", f"{weight.replace('w.size', 'd[name].size')} * DECAY * p"))]


PRIORS = {
    "once": ("0.1", "10 / M", ""),
    "M of 70 rows": ("1 / 70", "1", ""),
    "a chosen weight": ("0.1", "1", ""),
    "large and chosen": ("0.1", "1000", ""),
    "of the decoder only": ("0.1", "(name in ('W1', 'W2'))", ""),
    "for every row": ("0.1", "10", "M times what it should: it is there once for every row"),
    "no half": ("0.1", "20 / M", "2 times what it should: is the 1/2"),
    "times D": ("0.1", "110 / M", "D times what it should"),
    "divided twice": ("0.1", "10 / M**2", "1/M times what it should beside 7 rows"),
    "a mean": ("0.1", "10 / M / w.size", "is a mean over the entries of each array"),
    "one left out": ("0.1", "(10 / M * (name != 'W4'))", "leaves out W4"),
    "the sign": ("0.1", "-1", "wrong sign"),
}


@pytest.mark.parametrize("name", PRIORS)
def test_the_weight_of_the_prior(name):
    decay, weight, says = PRIORS[name]
    report = check_vae(**written(("DECAY = 0.1", f"DECAY = {decay}"), *weighted(weight)))
    assert not report.wrong_arrays and report.verdict == ("wrong" if says else "right"), report.text(2)
    assert not says or re.search(f"prior on the parameters.*{says}", report.top.text), report.text(2)
    assert not says or "prior" in report.text(0)


def test_a_declared_weight_of_the_prior():
    for prior, verdict in ((0.1, "right"), (0.2, "wrong")):
        report = check_vae(**written(*weighted("1")) | {"prior": prior})
        assert report.verdict == verdict, report.text(2)
        assert verdict == "right" or "weighs 0.1; PRIOR_WEIGHT says 0.2" in report.top.text
    assert check_vae(**written(*weighted("10")) | {"prior": 1}).verdict == "right"


def test_a_right_gradient_beside_a_prior_that_weighs_too_much():
    value, gradient = weighted("10")
    report = check_vae(**written(value, (gradient[0], gradient[0].replace("DECAY", "1 / M"))))
    assert [finding.part for finding in report.findings] == ["value"], report.text(2)
    assert any("those of the right bound" in note for note in report.notes)


MEAN, MEAN_KL = "-log_px.sum() / (M * L)", "-(1 + lv - mu**2 - np.exp(lv)).sum() / 2 / M,"
SHARES = {
    "a row": ([(MEAN, "-log_px[:, :-1].sum() / (M - 1) / L"), (MEAN_KL, "-(1 + lv - mu**2 - np.exp(lv))[:-1].sum()"
               " / 2 / (M - 1),")], r"the value leaves out row 6 \(the last\)"),
    "half of it": ([(MEAN_KL, "-(1 + lv - mu**2 - np.exp(lv))[0].sum() / 2,")], r"the KL has row 0 \(the first\) only"),
    "a row twice": ([(MEAN, "-(log_px.sum() + log_px[:, 2].sum()) / (M * L)")],
                    r"the reconstruction counts row 2 \(of 0 to 6\) 2 times"),
    "pixels": ([(MEAN, "-log_px[..., 1:].sum() / (M * L)")], r"the reconstruction leaves out pixel 0 \(the first\)"),
    "dimensions": ([(MEAN_KL, "-(1 + lv - mu**2 - np.exp(lv))[:, :2].sum() / 2 / M,")],
                   r"the KL has the latent dimensions 0, 1 \(of 0 to 4\) only"),
    "samples": ([(MEAN, "-log_px[-1].sum() / M")], r"the reconstruction has sample 2 \(the last\) only"),
    "the row before": ([(BCE, "np.roll(x, 1, 0) * np.log(y) + (1 - np.roll(x, 1, 0)) * np.log(1 - y)")],
                       "z of one row against x of another: that of the row before"),
    "eps of another": ([("s * eps\n", "s * eps[:, ::-1]\n")], "the rows use eps in reverse"),
    "(M, L)": ([("s * eps\n", "s * eps.reshape(M_OF(x), -1, 5).swapaxes(0, 1)\n"),
                ("EPS =", "M_OF = len\nEPS =")], r"eps is read as \(M, L, J\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARES)
def test_what_does_not_count_is_named(name):
    patches, says = SHARES[name]
    report = check_vae(**written(NO_PRIOR, *patches, layout="(L, M, J)"))
    assert report.verdict == "wrong" and report.top.part in ("value", "sampler"), report.text(2)
    assert re.search(says, report.top.text) and "influence" not in report.text(2), report.text(2)


def test_rows_that_are_left_out_do_not_influence_each_other():
    """Of another network, of which nothing is known but its value."""
    good = written(NO_PRIOR)

    def value(p, x, eps):
        return sum(good["value"](p, x[:-1], eps[:-1]).values())

    told = check_vae(**good | {"value": value, "network": "other"}).findings
    assert any("does not depend on the rows 6 of x" in finding.text for finding in told)
    assert all("influence" not in finding.text for finding in told)


PLACES = {
    "the KL:": [(MEAN_KL, "-(1 + lv - mu**2 - np.exp(lv)).sum() / M,")],
    "the KL ": [("-(1 + lv - mu**2 -", "-(1 + lv - mu -")],
    "the reconstruction:": [(MEAN, "-log_px.sum() / M")],
    "the reconstruction, log": [(BCE, "x * np.log(y)")],
    "the reconstruction ": [(BCE, "x * np.log(y) + (1 - x) * np.log(1 - y**2)")],
    "the reconstruction beside the KL": [(MEAN, "-log_px.sum() / L")],
    "the encoder's log_var": [('lv = h @ p["W5"] + p["b5"]', 'lv = np.tanh(h @ p["W5"] + p["b5"])')],
    "the constant of the KL": [("-(1 + lv - mu**2", "-(lv - mu**2")],
    "b5 and its layer": [('lv = h @ p["W5"] + p["b5"]', 'lv = h @ p["W5"]')],
    "z ": [("s * eps\n", "s + eps\n")],
    "the prior on the parameters ": [("DECAY / 2 * sum((w**2)", "0.1 * sum(np.abs(w)")],
    "what counts in it": [(MEAN, "-log_px[:, 1:].sum() / M / L"),
                          (MEAN_KL, "-(1 + lv - mu**2 - np.exp(lv))[1:].sum() / 2 / M,")],
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_the_default_report_says_in_which_term_of_the_value(place):
    """The gradients do not follow, so they are wrong as well; the value comes first."""
    text = check_vae(**written(NO_PRIOR, *PLACES[place], layout="(L, M, J)")).text(0)
    assert f"first fault: in the value, {place}" in text and "name:" not in text, text


SAMPLED_KL = (PARTS, '        "kl": (z**2 - eps**2 - lv).sum() / 2 / M / L,')
OF_A = {
    "right": ("(dz + z / M / L).sum(0)", "(dz + z / M / L)", "1", ""),
    "no log p(z)": ("dz.sum(0)", "dz", "1", r"log p\(z\) is missing"),
    "its sign": ("(dz - z / M / L).sum(0)", "(dz - z / M / L)", "1", r"log p\(z\) has the wrong sign"),
    "through mu": ("dz.sum(0)", "(dz + z / M / L)", "1", r"log p\(z\) through mu is missing"),
    "through sigma": ("(dz + z / M / L).sum(0)", "dz", "1", r"log p\(z\) through sigma is missing"),
    "no determinant": ("(dz + z / M / L).sum(0)", "(dz + z / M / L)", "0", r"log q\(z\|x\) is missing"),
    "mu of q": ("(dz + z / M / L - eps / s / M / L).sum(0)", "(dz + z / M / L)", "1", "its mu, with z held is miss"),
    "s of q": ("(dz + z / M / L).sum(0)", "(dz + z / M / L)", "(eps**2).mean(0)", "log sigma.2, with z held is miss"),
}


@pytest.mark.parametrize("name", OF_A)
def test_the_gradients_of_estimator_a(name):
    mu, dz, q, says = OF_A[name]
    patches = [("dmu = dz.sum(0) + mu / M", f"dmu = {mu}"),
               ("dlv = (dz * eps).sum(0) * s / 2 + (np.exp(lv) - 1) / 2 / M",
                f"dlv = ({dz} * eps).sum(0) * s / 2 - {q} / 2 / M")]  # fmt: skip
    report = check_vae(**written(NO_PRIOR, SAMPLED_KL, *patches, layout="(L, M, J)"))
    assert report.verdict == ("wrong" if says else "right"), report.text(2)
    assert not says or re.search(says, report.top.text), report.text(2)


SCALES = {
    "by D": ("/ M / x.shape[1]", "1/D times the bound, averaged over the rows; it should"),
    "by M - 1": ("/ (M - 1)", r"M/\(M-1\) times the bound, averaged"),
    "by M twice": ("/ M**2", "1/M times the bound, averaged"),
    "for N rows": ("/ M * 1000", ""),
}


@pytest.mark.parametrize("name", SCALES)
def test_the_scale_of_the_whole_value(name):
    scale, says = SCALES[name]
    good = written(NO_PRIOR)

    def scaled(x):
        return eval("1.0" + scale, {"M": len(x), "x": x}) * len(x)

    def value(p, x, eps):
        return scaled(x) * sum(good["value"](p, x, eps).values())

    def gradients(p, x, eps):
        return {name: scaled(x) * g for name, g in good["gradients"](p, x, eps).items()}

    report = check_vae(**good | {"value": value, "gradients": gradients})
    assert report.verdict == ("wrong" if says else "right"), report.text(2)
    assert not says or re.search(says, report.top.text) and "influence" not in report.text(2)


def test_estimator_b_s_gradients_of_estimator_a_s_value():
    report = check_vae(**written(NO_PRIOR, SAMPLED_KL))
    assert report.verdict == "wrong" and "closed form, estimator B" in report.top.text, report.text(2)


VALUES_OF_A = {
    "(z**2 - eps**2)": r"the log sigma\^2 of log q\(z\|x\) is missing",
    "(z**2 + eps**2 + lv)": r"all of log q\(z\|x\) has the wrong sign",
    "(z**2 * 2 - eps**2 - lv)": r"z\^2 of log p\(z\) enters the value 2 times",
}


@pytest.mark.parametrize("kl", VALUES_OF_A)
def test_the_terms_of_estimator_a(kl):
    report = check_vae(**written(NO_PRIOR, (PARTS, f'        "kl": {kl}.sum() / 2 / M / L,')))
    assert any(re.search(VALUES_OF_A[kl], finding.text) for finding in report.findings), report.text(2)


HEADS = {
    "sigma^2 in z": ([("s = np.exp(lv / 2)", "s = np.exp(lv)"), ("mu + s * eps", "mu + s**2 * eps"),
                      ("- np.exp(lv)).sum()", "- s**2 + lv).sum()")], "z uses exp"),
    "2 log sigma": ([("s = np.exp(lv / 2)", "s = np.exp(lv)"),
                     ("1 + lv - mu**2 - np.exp(lv)", "1 + 4 * lv - mu**2 - s**2")],
                    "the KL's log sigma.2 enters the value 2 times"),
    "either": ([("s = np.exp(lv / 2)", "s = np.exp(lv)")],
               "the variance, .*; or, if your head gives log sigma, the KL takes log sigma for"),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_a_head_of_log_sigma_that_nobody_declared(name):
    assert_told_of_value(*HEADS[name])


def test_a_floor_that_is_not_reached_at_ordinary_parameters():
    """Free bits: every row's KL counts as one nat at least; at ordinary parameters all have more."""
    kl = "-(1 + lv - mu**2 - np.exp(lv)).sum(-1) / 2"
    report = check_vae(**written(NO_PRIOR, (MEAN_KL, f"np.maximum({kl}, 0.5).sum() / M,")))
    assert report.verdict == "wrong" and "the KL, where the parameters are small" in report.text(0), report.text(2)


def test_right_gradients_decide_what_a_head_gives():
    value = ("-(np.log(2 * np.pi) + lx", "-(np.log(2 * np.pi) + 2 * lx")
    report = check_vae(**written(NO_PRIOR, GAUSSIAN, value))
    assert "log_var enters without its 1/2" in report.top.text and "if your head" not in report.text(2), report.text(2)
