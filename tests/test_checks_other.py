"""Networks that are not the paper's: right ones are never called wrong, and what is wrong is found where it begins."""

import re
from pathlib import Path

import numpy as np
import pytest
import right_vaes

from aevb_np.checks import check_vae, numeric

SOURCE = (Path(__file__).parent / "vaes" / "functions.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", [*range(50), 1223])  # of 1223 a whole layer of the encoder is off
def test_a_right_network_of_any_kind_passes(seed):
    functions, made_of = right_vaes.made(seed)
    report = check_vae(**functions)
    expected = "right" if made_of["declared"] else "gradients right"
    assert report.verdict == expected, f"{made_of}\n{report.text(2)}"


@pytest.mark.parametrize("distance", [0.0, 1e-9, 1e-8, 1e-6, 1e-5, 1e-4, 1.7e-4, 2e-4, 2.5e-4, 3e-4, 5e-4, 1e-3])
def test_near_a_kink_the_measured_number_is_right_or_not_judged(distance):
    """Whatever the distance of the kink, the error that is told covers the truth."""
    for side in (1, -1):
        a = np.array([side * distance, 1.0])
        gradient, error, _ = numeric.differences(lambda a=a: 3 * np.maximum(a, 0).sum() + np.sin(a).sum(), a)
        truth = 3 * (a > 0) + np.cos(a)
        assert (np.abs(gradient - truth) <= 3 * error).all()
        assert error[1] < 1e-8 and (error[0] < 1e-5 or distance < 1e-6)


def wrong(seed, change):
    """A random network with something done to its gradients."""
    functions, made_of = right_vaes.made(seed)
    right = functions["gradients"]
    return functions | {"gradients": lambda p, *data: change(right(p, *data))}, made_of


def test_a_layer_with_a_factor_is_named_first():
    """The fault is told where it is, and what is nearer the output is said to be right."""
    drawn = {seed: right_vaes.draw(seed) for seed in range(200)}
    seed = next(s for s, made_of in drawn.items() if made_of["style"] == "rows" and made_of["encoder_depth"] == 2)
    functions, _ = wrong(seed, lambda d: d | {name: 6.5 * d[name] for name in d if name.startswith("enc0")})
    report = check_vae(**functions)
    assert report.verdict == "wrong" and all(name.startswith("enc0") for name in report.wrong_arrays)
    assert "6.5 times" in report.top.text and "enc1_W, nearer the output, are right" in report.top.text, report.text(2)


def one_hidden_layer(*patches, one=True):
    """The functions of the student's file, with patches, for one sample."""
    text = SOURCE
    for find, instead in patches:
        assert text.count(find) == 1, find
        text = text.replace(find, instead)
    module = {}
    exec(compile(text, "student.py", "exec"), module)
    return {"value": lambda p, x, eps: module["value"](p, x, eps[None]), "parameters": module["parameters"],
            "gradients": lambda p, x, eps: module["gradients"](p, x, eps[None])}  # fmt: skip


RELU = [("h = np.tanh(a3)", "h = np.maximum(a3, 0)"), ("g = np.tanh(a1)", "g = np.maximum(a1, 0)"),
        ("da3 = dh * (1 - h**2)", "da3 = dh * (a3 > 0)"), ("da1 = dg * (1 - g**2)", "da1 = dg * (a1 > 0)")]  # fmt: skip
BCE = "x * np.log(y) + (1 - x) * np.log(1 - y)"
SQUARE = [(BCE, "-((x - y) ** 2) / 2"), ("da2 = (y - x) / (M * L)", "da2 = (y - x) * y * (1 - y) / (M * L)")]
WEIGHTED = [(".sum() / 2 / M,", ".sum() / 2 / M * 4,"), ("dmu = dz.sum(0) + mu / M", "dmu = dz.sum(0) + 4 * mu / M"),
            (" + (np.exp(lv) - 1) / 2 / M", " + 4 * (np.exp(lv) - 1) / 2 / M")]  # fmt: skip
DECLARED = {
    "relu": (RELU, {"units": "relu"}, 'UNITS = "relu"'),
    "a fixed variance": (SQUARE, {"decoder": "gaussian, variance 1"}, 'DECODER = "gaussian, variance 1"'),
}


@pytest.mark.parametrize("name", DECLARED)
def test_the_declaration_that_fits_is_told_and_then_the_value_is_judged(name):
    patches, declared, line = DECLARED[name]
    without = check_vae(**one_hidden_layer(*patches))
    assert without.verdict == "gradients right" and f"add {line}" in without.last_line(), without.text()
    assert check_vae(**one_hidden_layer(*patches), **declared).verdict == "right"


def test_a_weight_of_the_kl_is_declared_or_told():
    weighted = one_hidden_layer(*WEIGHTED)
    assert check_vae(**weighted, kl_weight=4.0).verdict == "right"
    assert "KL enters the value 4 times" in check_vae(**weighted).top.text
    assert check_vae(**one_hidden_layer(), kl_weight=4.0).verdict == "wrong"


def test_a_wrong_slope_of_other_units_is_named():
    wrong = one_hidden_layer(*RELU[:2], RELU[3], ("da3 = dh * (1 - h**2)", "da3 = dh"))
    report = check_vae(**wrong, units="relu")
    assert report.verdict == "wrong" and "the slope of relu is missing" in report.top.text, report.text(2)


@pytest.mark.parametrize("c", ["1e-6", "1e-7", "1e-8"])
def test_right_up_to_the_number_in_the_logarithm(c):
    log = f"x * np.log(y + {c}) + (1 - x) * np.log(1 - y + {c})"
    report = check_vae(**one_hidden_layer((BCE, log)))
    assert report.passes and (c == "1e-8" or f"up to the {c} in the logarithm" in report.last_line()), report.text(2)


def test_a_value_of_any_network_is_judged_by_encode_and_decode():
    """A variance for sigma, a KL with another factor, with gradients to match: the value is wrong and nothing else."""
    drawn = {seed: right_vaes.draw(seed) for seed in range(400)}
    seed = next(s for s, c in drawn.items() if c["declared"] and c["style"] == "rows" and c["decoder"] == "bernoulli")
    functions, made_of = right_vaes.made(seed)
    report = check_vae(**functions | {"kl_weight": 3 * made_of["kl_weight"]})
    verdicts = {what: verdict for what, (verdict, _) in report.verdicts.items()}
    assert verdicts == {"code": "right", "gradients": "right", "value": "wrong"}, report.text(2)
    assert re.search("KL enters the value .* times", report.top.text)


def test_a_loss_that_is_reported_and_another_that_is_followed():
    good = one_hidden_layer((BCE, "-((x - y) ** 2)"), ("DECAY = 0.1", "DECAY = 0.0"))
    report = check_vae(**good, network="other")
    assert "the share of 'kl' in the gradients is right" in report.top.text, report.text(2)
    assert "one loss is reported, another one is followed" in report.top.text


def test_a_factor_of_a_named_part_is_told():
    wrong = one_hidden_layer(("dmu = dz.sum(0) + mu / M", "dmu = dz.sum(0) + 2 * mu / M"),
                             (" + (np.exp(lv) - 1) / 2 / M", " + (np.exp(lv) - 1) / M"))  # fmt: skip
    report = check_vae(**wrong, network="other")
    assert "'kl' is in the gradients 2 times" in report.top.text, report.text(2)
