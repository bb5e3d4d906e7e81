"""The package under its own kit: every backward is right, and every known bug planted in it is caught."""

import numpy as np
import planted_bugs as bugs
import planting as mutants
import pytest
from test_gradients import CASES, Draw, by_backward, weighted_sum, weights_for

from aevb_np.checks import check_gradients, check_vae, problem, reference, tables
from aevb_np.estimators import sgvb_a, sgvb_b
from aevb_np.params import Params

DECODERS = ["bernoulli", "gaussian"]
# A bug of the Gaussian decoder is none of the Bernoulli decoder, and the other way round.
NONE_IN = {
    "bernoulli": {
        "no precision", "deviation for variance", "m - x", "variance without half", "variance's sign",
        "variance without 1", "no slope of the mean's sigmoid", "sigmoid slope of a", "only the mean head: decoder",
        "only the variance head: decoder", "head subtracted: decoder", "decoder's heads swapped",
    },
    "gaussian": {"extra sigmoid slope", "logits for probabilities", "y - x", "derivative in y"},
}  # fmt: skip


def as_dictionary(arguments):
    """The arguments of a case as plain arrays, and how arrays become arguments again."""
    arrays = {}
    for name, a in arguments.items():
        arrays |= {full: w for full, w, _ in a.arrays(f"{name}.")} if isinstance(a, Params) else {name: a}

    def arguments_of(values):
        again = {}
        for name, a in arguments.items():
            again[name] = Params(a.shapes) if isinstance(a, Params) else values[name]
            if isinstance(a, Params):
                for full, w, _ in again[name].arrays(f"{name}."):
                    w[...] = values[full]
        return again

    return arrays, arguments_of


# Of the slow ones not every size and decoder: test_gradients has them all.
ONCE = [name for name in CASES if not (name.startswith("sgvb") and "L = 1" in name)]
ONCE = [name for name in ONCE if not name.startswith("full") or name.endswith("bernoulli, L = 1")]


@pytest.mark.parametrize("name", ONCE)
def test_every_backward_of_the_package(name):
    draw = Draw()
    function, arguments = CASES[name](draw)
    weights = weights_for(function, arguments, draw)
    arrays, arguments_of = as_dictionary(arguments)
    report = check_gradients(
        lambda p: weighted_sum(function, arguments_of(p), weights),
        arrays,
        lambda p: by_backward(function, arguments_of(p), weights),
    )
    assert report.verdict == "right", report.text(2)


def two_functions(estimator, model):
    """The package's VAE as a student would hand it in."""

    def filled(parameters):
        p = Params(model.shapes)
        for name, w, _ in p.arrays():
            w[...] = parameters[name]
        return p

    def value(parameters, x, eps):
        p = filled(parameters)
        return estimator(model, p.theta, p.phi, x, eps)[0].sum()

    def gradients(parameters, x, eps):
        p = filled(parameters)
        _, backward = estimator(model, p.theta, p.phi, x, eps)
        backward(np.ones(len(x)))
        return {name: g for name, _, g in p.arrays()}

    return value, gradients


def declared(model, decoder):
    names = {name: name for name, _, _ in Params(model.shapes).arrays()}
    return {"names": names, "decoder": decoder, "layout": "(L*M, J)"}


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_package_is_right(decoder):
    model = problem.model_of(decoder)
    report = check_vae(*two_functions(sgvb_b, model), **declared(model, decoder))
    assert report.verdict == "right", report.text(2)


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_paths_add_up_to_the_gradient(decoder):
    model = problem.model_of(decoder)
    at = problem.point(model)
    paths = reference.paths(model, at)
    at.p.grad[:] = 0
    _, backward = sgvb_b(model, at.p.theta, at.p.phi, at.x, at.eps)
    backward(np.ones(len(at.x)))
    for name, _, gradient in at.p.arrays():
        np.testing.assert_allclose(sum(arrays[name] for arrays in paths.values()), gradient, atol=1e-12)


def test_estimator_a_is_right_too():
    model = problem.model_of("bernoulli")
    report = check_vae(*two_functions(sgvb_a, model), **declared(model, "bernoulli"))
    assert report.verdict == "right" and "estimator A" in report.text()


def wrong_in(decoder):
    return [mutant for mutant in bugs.MUTANTS if mutant.name not in NONE_IN[decoder]]


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_planted_bug_is_caught(decoder):
    """All patches fit the package's source, and a table of gradients shows every one of them."""
    model = problem.model_of(decoder)
    at = problem.point(model)
    value, _ = two_functions(sgvb_b, model)
    arrays = {name: w for name, w, _ in at.p.arrays()}
    measured = tables.measure(lambda p: value(p, at.x, at.eps), arrays)
    for mutant in bugs.MUTANTS:
        gradient = mutants.gradient_of(mutant, mutants.Sizes.of(model))(at)
        wrong = tables.wrong([tables.row(name, gradient[name], measured[name]) for name in arrays])
        assert bool(wrong) == (mutant.name not in NONE_IN[decoder]), mutant.name


def report_on(mutant):
    """What the checker says of a planted bug."""
    decoder = "bernoulli" if mutant in wrong_in("bernoulli") else "gaussian"
    model = problem.model_of(decoder)
    value, _ = two_functions(sgvb_b, model)
    gradient = mutants.gradient_of(mutant, mutants.Sizes.of(model))

    def gradients(parameters, x, eps):
        p = Params(model.shapes)
        for name, w, _ in p.arrays():
            w[...] = parameters[name]
        return gradient(problem.Point(p, x, eps))

    return check_vae(value, gradients, **declared(model, decoder))


NOT_NAMED = "place", "weights", "delta of weights", "confined", "bias:", "single"  # it says where, but not what


@pytest.mark.parametrize("mutant", bugs.MUTANTS[::6], ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_named(mutant):
    report = report_on(mutant)
    assert report.verdict == "wrong" and not report.top.label.startswith(NOT_NAMED), report.text(2)


def test_a_patch_that_no_longer_fits_is_refused():
    mutant = bugs.MUTANTS[0]._replace(find="no such text")
    with pytest.raises(ValueError, match="layers.py must hold this text once, for 'no slope of tanh: decoder'"):
        mutants.planted(mutant)
    assert len({mutant.name for mutant in bugs.MUTANTS}) == len(bugs.MUTANTS)
