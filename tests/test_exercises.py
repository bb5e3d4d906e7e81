"""The exercises' checks: solutions pass however they are written, every typical slip fails and is named."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import aevb_np
from aevb_np import exercises, written_out
from aevb_np.exercises import EXERCISES, check, hint
from aevb_np.exercises.report import PASSES
from aevb_np.grading.submissions import cells

SLIPS = [(key, n) for key, exercise in EXERCISES.items() for n in range(len(exercise.slips))]


def plain(text):
    """The text without its line breaks."""
    return " ".join(text.split())


def own(function):
    """The same function or class as if a student had written it."""
    if isinstance(function, type):
        return type(function.__name__, (function,), {"__module__": "student"})

    def written(*arguments):
        return function(*arguments)

    return written


@pytest.mark.parametrize("key", EXERCISES)
def test_the_solution_passes_at_every_size(key):
    for seed in range(5):
        report = check(key, *map(own, EXERCISES[key].solutions), seed=seed)
        assert report.right and report.state.startswith(PASSES), report.text(2)


@pytest.mark.parametrize("key, n", SLIPS)
def test_a_slip_fails_and_is_named(key, n):
    slip = EXERCISES[key].slips[n]
    report = check(key, *map(own, EXERCISES[key].slipped(slip)), explain=2, seed=n)
    assert report.state in ("code", "shape", "value", "gradient")
    assert "new noise" in plain(report.text()) if "new noise" in slip.text else slip.text in plain(report.text())
    assert slip.text not in plain(report.text(0)) and slip.text not in plain(report.text(1))


def test_there_are_enough_slips_and_hints():
    for exercise in EXERCISES.values():
        assert 4 <= len(exercise.slips) <= 12 and len({slip.text for slip in exercise.slips}) == len(exercise.slips)
        assert len(set(exercise.hints)) == 3


def test_the_teachers_table_has_their_stars_and_minutes():
    text = (Path(__file__).parent.parent / "notebooks" / "README.md").read_text(encoding="utf-8")
    rows = {cells[1]: cells for line in text.splitlines() if len(cells := re.split(r"\s*\|\s*", line)) == 7}
    stars = {1: "one star", 2: "two stars", 3: "three stars"}
    for key, exercise in EXERCISES.items():
        assert rows[key][4:6] == [stars[exercise.stars], str(exercise.minutes)]


def tanh_by(slope):
    """tanh with a slope of its own making."""

    def tanh(a):
        h = np.tanh(a)
        return h, lambda dh: dh * slope(a, h)

    return tanh


@pytest.mark.parametrize(
    "slope", [lambda a, h: 1 - h**2, lambda a, h: 1 / np.cosh(a) ** 2, lambda a, h: (1 - h) * (1 + h)]
)
def test_other_algebra_passes(slope):
    assert check("E5", tanh_by(slope), own(aevb_np.bernoulli_log_prob)).right


def test_other_solutions_pass():
    def gaussian_kl(mu, log_var):
        sigma = np.exp(log_var / 2)
        kl = np.zeros(len(mu))
        for j in range(mu.shape[1]):
            kl += (mu[:, j] ** 2 + sigma[:, j] ** 2) / 2 - np.log(sigma[:, j]) - 0.5
        return kl, lambda dkl: (mu * dkl[:, None], (sigma**2 - 1) / 2 * dkl.reshape(-1, 1))

    def bernoulli_log_prob(x, logits):
        return -(np.logaddexp(0, logits) - x * logits).sum(-1)

    assert check("E2", gaussian_kl).right and check("E6", gaussian_kl).right and check("E1", bernoulli_log_prob).right


def kl(backward):
    """The KL with another backward."""

    def gaussian_kl(mu, log_var):
        return aevb_np.gaussian_kl(mu, log_var)[0], lambda dkl: backward(mu, log_var, dkl)

    return gaussian_kl


def adds_to_W(p, x, *z):
    """A decoder or an affine layer that adds to W what belongs into dW."""
    if not z:
        y, backward = aevb_np.affine(p, x)
        return y, lambda dy: (backward(dy), np.add(p.W, 1, out=p.W))[0]
    log_p, backward = exercises.EXERCISES["E7"].solutions[0](p, x, *z)
    return log_p, lambda d: (backward(d), np.add(p.hidden.W, 1, out=p.hidden.W))[0]


@pytest.mark.parametrize("key, W", [("E4", "p.W"), ("E7", "p.hidden.W")])
def test_who_adds_to_the_weights_is_told_of_the_gradient(key, W):
    report = check(key, adds_to_W)
    assert report.state == "code"
    d = "d".join(W.rpartition("W")[:2])
    assert f"changes {W} itself; a backward adds to its gradient, {d}" in plain(report.text()), report.text()


def test_who_changes_what_is_given_is_told_so_of_the_function():
    def gaussian(mu, log_var, eps):
        eps *= np.exp(0.5 * log_var)
        eps += mu
        return eps

    assert "  gaussian changes eps; it was given, so compute with a copy\n" in check("E3", gaussian).text()


def not_written(*_):
    raise NotImplementedError


def changes(mu, log_var, dkl):
    gradients = aevb_np.gaussian_kl(mu, log_var)[1](dkl)
    dkl *= 2
    return gradients


def changes_mu(mu, log_var):
    mu -= 1
    return aevb_np.gaussian_kl(mu + 1, log_var)


def leaves(*_):
    raise SystemExit


@pytest.mark.parametrize(
    "function, state, says",
    [
        (not_written, "not written yet", "hint"),
        (kl(not_written), "not written yet", "still to be written"),
        (kl(lambda *_: None), "shape", "returns nothing yet; it should return"),
        (kl(lambda *_: 1 / 0), "code", "ZeroDivisionError"),
        (kl(leaves), "code", "exit"),
        (kl(lambda mu, log_var, dkl: mu), "shape", "gives 1 thing; it should give the gradients in mu, log_var"),
        (kl(lambda mu, log_var, dkl: (mu.T, mu)), "shape", "dmu has shape (5, 7); it should be (7, 5)"),
        (kl(lambda mu, log_var, dkl: (mu, "mu")), "shape", "no array of real numbers but a str"),
        (kl(lambda mu, log_var, dkl: (mu, [[1], [1, 2]])), "shape", "dlog_var"),
        (kl(lambda mu, log_var, dkl: (mu * np.nan, mu)), "gradient", "NaN"),
        (kl(changes), "code", "the backward of gaussian_kl changes the upstream gradient; it"),
        (changes_mu, "code", "gaussian_kl changes mu; it was given, so compute with a copy"),
        (lambda mu, log_var: aevb_np.gaussian_kl(mu, log_var)[0], "shape", "its value and its backward"),
        (lambda mu: mu, "code", "TypeError"),
        (aevb_np.gaussian_kl, "not written yet", "is the package's"),
        (7, "code", 'check("E6", gaussian_kl)'),
    ],
)
def test_whatever_is_handed_in_is_reported(function, state, says):
    report = check("E6", function, explain=2)
    assert report.state == state and says in plain(report.text()), report.text()
    assert report.use is aevb_np.gaussian_kl


def test_the_report_tells_step_by_step_and_is_plain_data():
    report = check("E6", *map(own, EXERCISES["E6"].slipped(EXERCISES["E6"].slips[0])))
    assert report.passed == 2 and "failed      dmu and dlog_var" in repr(report) and "kind:" not in str(report)
    assert "kind: the wrong sign" in plain(report.text(1))
    assert report.text().splitlines()[0] == "E6 gaussian_kl: a wrong gradient"
    assert report.text().splitlines()[-1] == "fix this one and check again (explain=1 tells the kind of fault)"
    assert report.text(2).splitlines()[-1] == "fix this one and check again"
    assert json.loads(report.json())["fault"]["text"] == EXERCISES["E6"].slips[0].text
    assert report._repr_html_().startswith("<pre") and "&quot;" not in report._repr_html_()[:80]


@pytest.mark.parametrize("returned", [lambda dz: dz, lambda dz: (dz, dz), lambda dz: dz[0, 0], lambda dz: True])
def test_what_the_encoders_backward_returns_does_not_matter(returned):
    def sgvb_b(model, theta, phi, x, eps):
        bound, backward = aevb_np.sgvb_b(model, theta, phi, x, eps)

        def and_returns(dbound):
            backward(dbound)
            return returned(np.zeros_like(eps))

        return bound, and_returns

    report = check("E8", sgvb_b)
    assert report.right, report.text(2)


@pytest.mark.parametrize("key", EXERCISES)
def test_no_file_of_the_package_is_blamed(key):
    assert check(key, *[lambda: None for _ in EXERCISES[key].names]).fault.place == "the call of <lambda>"


@pytest.mark.parametrize("key", EXERCISES)
def test_an_error_of_ones_own_is_shown_without_asking(key):
    def stops(*_):
        raise IndexError("row 9 of 7")

    if key == "E10":  # a class: the method stops
        stops = type("Adagrad", (aevb_np.Adagrad,), {"move": stops})
    text = check(key, *[stops for _ in EXERCISES[key].names]).text(0)
    assert re.search(r"first fault: line \d+ of test_exercises.py, in stops\n  IndexError: row 9 of 7\n", text), text
    assert "explain=" not in text  # there is no more to tell


@pytest.mark.parametrize("key", ["E7", "E8", "E9"])
def test_a_number_of_rows_that_is_written_in_is_found(key):
    def fixed(*arguments):
        value, backward = EXERCISES[key].solutions[0](*arguments)
        return value, lambda d: backward(d.reshape(7) if len(d) > 1 else d)

    report = check(key, fixed)
    assert report.passed == 2 and "in <lambda>" in report.fault.place and "reshape" in report.fault.seen


def test_a_slip_that_stops_is_not_named_by_its_error():
    (slip,) = (slip for slip in EXERCISES["E4"].slips if "which does not fit" in slip.text)
    report = check("E4", *EXERCISES["E4"].slipped(slip))
    assert " ValueError: matmul" in plain(report.text(0)) and "(explain=1" in plain(report.text(0))
    assert slip.text in plain(report.text(2))


@pytest.mark.parametrize(
    "key, written, says",
    [
        ("E1", lambda x, a: aevb_np.bernoulli_log_prob(x, a)[0].clip(-500), "expected -11000"),
        ("E1", lambda x, a: -aevb_np.bernoulli_log_prob(x, a)[0], "yours 9.55788, expected -9.55788"),
        ("E2", lambda mu, s: aevb_np.gaussian_kl(mu, 2 * s)[0], "= [1 1 1 1 1]\n  yours 10.9726, expected 1.7957"),
        ("E3", lambda mu, s, eps: mu + np.exp(s) * eps, "log_var = 1.25, eps = 1: yours 3.49034, expected 1.86825"),
        ("E5", lambda a: tanh_by(lambda a, h: 1 - np.tanh(h) ** 2)(a), "a = 0.5493, dh = 1: yours 0.786448, expec"),
    ],
)  # fmt: skip
def test_two_numbers_are_shown_without_asking(key, written, says):
    functions = [written, own(aevb_np.bernoulli_log_prob)][: len(EXERCISES[key].names)]
    assert plain(says) in plain(check(key, *functions).text(0)), check(key, *functions).text(0)


@pytest.mark.parametrize(
    "key, written, kind",
    [
        ("E1", lambda x, a: -aevb_np.bernoulli_log_prob(x, a)[0], "the wrong sign"),
        ("E1", lambda x, a: aevb_np.bernoulli_log_prob(x, a)[0] / 11, "a factor, 1/D"),
        ("E2", lambda mu, s: aevb_np.gaussian_kl(mu, 2 * s)[0], "the right sign everywhere, too large"),
        ("E4", lambda p, x: with_dx(p, x, lambda dx: -dx), "the wrong sign"),
        ("E6", kl(lambda mu, s, d: (d[:, None] * mu, np.sinh(s) * d[:, None])),
         "log_var: the right sign everywhere, too large; right: mu"),
        ("E6", kl(lambda mu, s, d: (d[:, None] * mu, 0.5 * (1 - np.exp(-s)) * d[:, None])),
         "log_var: the right sign everywhere, another size; right: mu"),
    ],
)  # fmt: skip
def test_the_kind_narrows_it_down(key, written, kind):
    assert f"kind: {kind}\n" in check(key, written).text(1)


@pytest.mark.parametrize(
    "key, written, name",
    [
        ("E2", lambda mu, s: 0.5 * (mu**2 + np.exp(s) ** 2 - 1 - np.log(np.exp(s) ** 2)).sum(axis=1),
         "log_var is read as log sigma"),
        ("E2", lambda mu, s: 0.5 * ((mu**2 + np.exp(s) - s).sum(axis=1) - 1), "the 1 enters once for a row"),
        ("E3", lambda mu, s, eps: mu + 0.5 * np.exp(s) * eps, "the 1/2 belongs into the exponent"),
        ("E6", kl(lambda mu, s, d: (d[:, None] * mu, 0.5 * (np.exp(s) - 1))), "left out of log sigma^2's gradient"),
        ("E6", kl(lambda mu, s, d: (mu, d[:, None] * 0.5 * (np.exp(s) - 1))), "left out of mu's gradient"),
        ("E6", kl(lambda mu, s, d: (d.sum() * mu, d.sum() * 0.5 * (np.exp(s) - 1))), "each row has its own"),
        ("E6", kl(lambda mu, s, d: (d[:, None] * mu, d[:, None] * (0.5 * np.exp(s) - 1))), "the 1/2 belongs to both"),
    ],
)  # fmt: skip
def test_what_students_tried_is_named(key, written, name):
    assert name in plain(check(key, written).text(2))


def changed(key, find, instead):
    """The solution of an exercise with another piece of text in it."""
    return EXERCISES[key].slipped(exercises.exercise.Slip("", find, instead))


@pytest.mark.parametrize(
    "find, instead, place, name",
    [
        ("d = dbound[:, None]", "d = 1.0", "phi.mean.b", "dbound, is left out of the KL"),
        ("back_decode(dbound)", "back_decode(np.ones_like(dbound))", "theta.logits.b", "is left out of the rec"),
        ("d = dbound[:, None]\n        dz = back_decode(dbound)", "d, dbound = 1.0, 0 * dbound + 1\n        "
         "dz = back_decode(dbound)", "theta.logits.b", "dbound, is left out: every row"),
    ],
)  # fmt: skip
def test_the_first_fault_is_the_first_on_the_way_back(find, instead, place, name):
    report = check("E8", *changed("E8", find, instead))
    assert report.fault.place == f"the gradient of {place}, with a dbound that differs from row to row"
    assert name in plain(report.text(2))


@pytest.mark.parametrize("key", ["E7", "E9"])
def test_a_decoders_table_has_the_decoders_rows(key):
    report = check(key, *changed(key, "return da @", "return (da / (1 - h**2)) @"))
    assert report.fault.place == f"the backward of {EXERCISES[key].names[0]}, what it returns, dz"
    assert "p.hidden.W" in plain(report.text()) and "phi." not in plain(report.text()), report.text()
    report = check(key, *changed(key, "p.hidden.dW += z.T @ da", "p.hidden.dW += z.T @ da / len(z)"))
    assert "p.hidden.W" in report.fault.place and "phi." not in plain(report.text())


def test_a_right_slope_is_not_blamed_for_what_comes_back_to_it():
    both = "(dmu + dlog_var) @ (phi.mean.W + phi.log_var.W).T"
    report = check("E8", *changed("E8", "dmu @ phi.mean.W.T + dlog_var @ phi.log_var.W.T", both))
    assert "what comes back to it, or its own slope, is wrong" in plain(report.text(2))
    assert report.fault.family == "one step of the way back"


def test_a_gradient_that_never_arrives_is_said_to_be_in_another_array():
    def affine(p, x):
        y, backward = aevb_np.affine(p, x)

        def rebinds(dy):
            dW, db = p.dW, p.db
            dW, db = dW + x.T @ dy, db + dy.sum(axis=0)
            return dy @ p.W.T

        return y, rebinds

    assert "0 everywhere: never added to (dW = dW + ... makes another array)" in check("E4", affine).text(2)


def test_tanh_of_tanh_is_named():
    report = check("E5", tanh_by(lambda a, h: 1 - np.tanh(h) ** 2), own(aevb_np.bernoulli_log_prob))
    assert "h is tanh(a) already" in plain(report.text(2))


def with_dx(p, x, change):
    """An affine layer with another dx."""
    y, backward = aevb_np.affine(p, x)
    return y, lambda dy: change(backward(dy))


def test_work_goes_on_without_a_solution():
    x = np.full((2, 3), 0.5)
    assert np.allclose(check("E1", not_written).use(x, 0 * x), -3 * np.log(2))
    written = own(aevb_np.gaussian_kl)
    assert check("E6", written).use is written
    assert check("E5", not_written, not_written).use == (aevb_np.tanh, written_out.bernoulli_log_prob)


TWINS = [("E4", "p.dW"), ("E7", "p.logits.dW"), ("E8", "theta.logits.dW"), ("E9", "p.mean.dW")]


@pytest.mark.parametrize("key, twin", TWINS)
def test_an_empty_backward_is_told_where_to_start(key, twin):
    def written(*arguments):
        return EXERCISES[key].solutions[0](*arguments)[0], lambda d: None

    assert f"nothing was added to {twin} yet: start there" in check(key, written).text(0)


def test_a_half_written_backward_is_told_where_it_ends():
    def sgvb_b(model, theta, phi, x, eps):
        bound, backward = aevb_np.sgvb_b(model, theta, phi, x, eps)
        return bound, lambda d: (backward(d), phi.grad.fill(0))[1]

    assert "nothing was added to phi.mean.dW yet: start there" in check("E8", sgvb_b).text(0)


@pytest.mark.parametrize(
    "answer, says",
    [
        (lambda y, back: (back, y), "gives its backward first"),
        (lambda y, back: (y, back, 1), "gives 3 things; it must give two"),
        (lambda y, back: (y, y), "the second thing that gaussian_kl gives is an array"),
        (lambda y, back: (y, lambda d: np.stack(back(d))), "gives one array of shape (2, 7, 5); return dmu, dlog_var"),
        (lambda y, back: (y, lambda d: [0 * g for g in back(d)]), "every gradient is 0"),
        (lambda y, back: (y * np.nan, back), "NaN"),
        (lambda y, back: [y, back], "passes"),
        (lambda y, back: (y.astype(np.float32), lambda d: [g.astype(np.float32) for g in back(d)]), "passes"),
    ],
)
def test_what_is_given_back_is_told_in_ones_own_words(answer, says):
    report = check("E6", lambda mu, log_var: answer(*aevb_np.gaussian_kl(mu, log_var)))
    assert says in plain(report.text(2)) or says in plain(report.text(1)), report.text(2)


def test_nothing_is_raised_and_no_line_is_long():
    class OddError(BaseException):
        pass

    def stops(mu, log_var):
        raise OddError("a long story " * 20)

    report = check("E6", stops)
    assert report.state == "code" and max(map(len, report.text(2).splitlines())) < 80
    wrong = check("E8", *EXERCISES["E8"].slipped(EXERCISES["E8"].slips[0]))
    assert max(map(len, wrong.text(2).splitlines())) < 80


def test_what_is_printed_is_shown_in_the_report(capsys):
    def gaussian_kl(mu, log_var):
        print("seen", mu.shape)
        return aevb_np.gaussian_kl(mu, log_var)

    report = check("E6", gaussian_kl)
    assert report.right and "seen (7, 5)" in report.text() and capsys.readouterr().out == ""


def test_hints():
    assert "the idea" in hint("E8") and "the shape of the line" in repr(hint("E8", 3))
    with pytest.raises(ValueError, match="levels 1"):
        hint("E8", 4)
    with pytest.raises(ValueError, match="no exercise 'E99'; there are E1, E2"):
        check("E99", hint)


@pytest.mark.parametrize("key", ["E4", "E5", "E6", "E7", "E8", "E9"])
def test_a_stub_says_what_its_backward_adds_to_and_returns(key):
    (path,) = (Path(__file__).parent.parent / "notebooks" / "exercises").glob(f"ex{int(key[1:]):02d}_*.ipynb")
    code = "".join(cell for cell in cells(path.read_bytes(), path.suffix) if "def backward" in cell)
    says = re.findall(r"def backward\((\w+)\):\n +# (.*)\n", code)
    assert len(says) == len(EXERCISES[key].names)
    for upstream, text in says:
        assert text.startswith(f"{upstream} is (M") and ("return d" in text or key == "E8" and "nothing" in text)
        assert ("add to" in text) == (key not in ("E5", "E6"))


def test_the_page_names_every_exercise():
    for key, exercise in EXERCISES.items():
        line = next(line for line in exercises.__doc__.splitlines() if line.split()[:1] == [key])
        assert exercise.names[0] in line
