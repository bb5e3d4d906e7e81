"""Networks that are not the paper's: right ones are never called wrong, and what is wrong is found where it begins."""

import numpy as np
import pytest
import right_vaes

from aevb_np.checks import check_vae, numeric


@pytest.mark.parametrize("seed", range(50))
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
