"""The recipes, the summary, and `aevb figure` and `aevb expect` as a person types them."""

import dataclasses
import itertools
import math
import os
import re
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import xlogy

import aevb_np
from aevb_np import cli
from aevb_np.data import pixel_baseline
from aevb_np.data.loading import load
from aevb_np.experiments import (
    drawing,
    expectation,
    figure_2,
    figure_3,
    figure_5,
    figures,
    grid,
    irvin_report,
    ledger,
    lines,
    paper,
    plan,
    recipe,
    starts,
    steps,
    summary,
)
from aevb_np.experiments.curve import Curve
from aevb_np.experiments.landmarks import LANDMARKS
from aevb_np.experiments.lines import Line, Marginal
from aevb_np.experiments.plan import Budget, budget
from aevb_np.model import STARTS

FULL, QUICK = Budget("full"), Budget("quick")
COUNTS = (100_000, 1_000_000, 10_000_000)


@pytest.fixture
def aevb(capsys, tmp_path, monkeypatch):
    """Run a command in a new folder: exit code, what it printed, what it complained of."""
    monkeypatch.chdir(tmp_path)

    def aevb(*words):
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return aevb


def complain(result):
    code, _, err = result
    assert code == 2 and len(err.splitlines()) == 1 and "Traceback" not in err
    return err


def rows(curve, value=-120.0, counts=COUNTS, **changes):
    """Made-up lines of a curve: a bound that rises by 10 from one to the next and ends at `value`."""
    made = []
    for k, samples in enumerate(counts):
        bound = value - 10 * (len(counts) - 1 - k)
        marginal = Marginal(bound, 1.0, 0.1, bound - 5, 1.1, 0.2) if curve.marginals else Marginal()
        line = Line(
            curve.name, curve.data, curve.method, curve.latent, curve.n_train or 50_000, curve.seed, samples,
            bound - 1, bound, bound + 0.5, 0.3, marginal, "H=500; M=100", "numpy 2", "Haswell",
        )  # fmt: skip
        made.append(dataclasses.replace(line, **changes))
    return made


def no_run(name):
    raise AssertionError("no run is needed")


# -- which curves -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", figures.RECIPES)
@pytest.mark.parametrize("size", ["quick", "hour", "full", "3e5"])
def test_every_curve_has_a_name_of_its_own_and_ends_at_a_row(name, size):
    curves = figures.RECIPES[name].curves(budget(size), 2)
    names = [curve.name for curve in curves]
    assert len(set(names)) == len(names)
    assert all(curve.samples == plan.at_a_row(curve.samples) for curve in curves)
    assert all(0 < count <= curve.samples for curve in curves for count in curve.marginals)


def test_figure_2_is_nine_panels_to_the_ends_of_the_papers_axes():
    curves = figure_2.curves(FULL, seeds=3)
    assert len(curves) == 9 * 2 * 3
    assert {(curve.data, curve.samples) for curve in curves} == {("mnist", 250_000_000), ("frey", 100_000_000)}
    assert {curve.name for curve in recipe.selected(curves, ["mnist-20"])} == {
        f"mnist-{method}-20-s{seed}" for method in ("aevb", "wake-sleep") for seed in range(3)
    }
    both = recipe.selected(curves, ["mnist-aevb-3", "frey-wake-sleep-2-s1"])
    assert [curve.name for curve in both[:2]] == ["mnist-aevb-3-s0", "mnist-aevb-3-s1"] and len(both) == 4
    assert len(recipe.selected(curves, ["frey"])) == 4 * 2 * 3
    with pytest.raises(ValueError, match="no curve of this figure is called mnist-4; panels are frey-10, frey-2"):
        recipe.selected(curves, ["mnist-4"])


def test_figures_share_the_runs_of_one_curve():
    same = {}
    for name in ("2", "4", "5", "report"):
        for curve in figures.RECIPES[name].curves(Budget("samples", 10**6), 1):
            assert same.setdefault(curve.name, curve) == curve


def test_the_steps_that_were_chosen_are_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "CURVES", tmp_path)
    assert dict(figure_2.curves(FULL, 1)[0].settings) == {}
    text = "curve,step,chosen\nmnist-aevb-3,0.1,yes\nmnist-aevb-3,0.02,no\nmnist-N1000-mcem-3,0.01,yes\n"
    (tmp_path / recipe.STEPS).write_text(text, encoding="utf-8")
    assert dict(figure_2.curves(FULL, 1)[0].settings) == {"step": 0.1}
    chosen = {curve.name: dict(curve.settings).get("step") for curve in figure_3.curves(FULL, 1)}
    assert chosen["mnist-N1000-mcem-3-s0"] == 0.01 and chosen["mnist-N1000-aevb-3-s0"] is None  # as `aevb train`


@pytest.mark.parametrize("text", ["0", "-1e6", "week", "nan", "inf", ""])
def test_no_budget(text):
    with pytest.raises(ValueError, match="a budget is one of quick, hour, full or a number of samples"):
        budget(text)


def test_embedded_data_stand_in_for_quick_only(monkeypatch, tmp_path):
    monkeypatch.setattr(plan, "status", lambda: [SimpleNamespace(name=name, here=False) for name in ("mnist", "frey")])
    figure = figures.plan("2", QUICK, out=tmp_path)
    assert {curve.data for curve in figure.curves} == {"digits", "faces"}
    assert figure.note == "not MNIST but drawn digits; not Frey Face but drawn faces"
    assert figure.work.name == "work-quick"
    assert figure.table.name == "figure_2-quick.csv"
    with pytest.raises(ValueError, match="frey is not here. `aevb data --fetch frey` brings it; --budget quick"):
        figures.plan("2", FULL)
    small = figures.plan("3", QUICK, out=tmp_path)
    assert {(curve.data, curve.n_train) for curve in small.curves} == {("digits", 1000), ("digits", None)}
    variants = {curve.variant for curve in figures.plan("ledger", QUICK, out=tmp_path).curves}
    assert "dynamic" in variants and not variants & {"static", "threshold", "film", "train60000"}


def test_sources_of_data():
    plain, halved = Curve("digits", "aevb", 2, 0), Curve("digits", "aevb", 2, 0, source=(("divisor", 510),), n_train=7)
    assert plain.dataset().divisor == 255 and len(plain.dataset().x_train) == 10_000
    assert halved.dataset().divisor == 510 and len(halved.dataset().x_train) == 7
    start = Curve("digits", "aevb", 2, 10_000, n_train=200, start=10.0).new_run()
    assert start.p.flat.std() == pytest.approx(0.1, rel=0.02)


def test_an_estimate_counts_what_is_left(monkeypatch):
    monkeypatch.setattr(plan, "TRIAL", 0.01)
    curve = Curve("digits", "aevb", 2, 400_000, n_train=300, settings=(("hidden", 8),))
    curves = [curve, dataclasses.replace(curve, seed=1, marginals=(400_000,), points=10)]
    speeds = plan.Speeds(curves)
    whole = speeds.estimate(curves, 1)
    assert len(speeds.found) == 1 and whole.seconds > speeds.estimate(curves, 2).seconds > 0
    assert whole.megabytes == pytest.approx(2 * 12 * curve.new_run().p.flat.size / 1e6)
    half = speeds.estimate(curves[:1], 1, {curve.name: 200_000})
    assert half.seconds == pytest.approx(speeds.estimate(curves[:1], 1).seconds / 2)
    assert speeds.estimate(curves, 1, {one.name: 10**9 for one in curves}).seconds == 0


# -- what is made of them ---------------------------------------------------------------------------------------------


def test_figure_2_has_a_panel_for_each_size_with_the_papers_points():
    table = [line for curve in figure_2.curves(FULL, 2) for line in rows(curve, 800 if curve.data == "frey" else -120)]
    arrays = figure_2.arrays(table)
    assert len(arrays) == 9
    train, test = arrays["mnist-20"][:2]
    assert list(train.values) == [-141, -131, -121] and list(test.values) == [-139.5, -129.5, -119.5]
    assert test.paper[1_000_000] == -124.2 and list(test.band)[0] == (100_000, -139.5, -139.5)
    picture = figure_2.make(table, no_run, "a note").pictures["figure_2"]
    titles = [axes.get_title(loc="left") for axes in picture.axes]
    assert titles[0] == "MNIST, $N_z = 3$" and sum(map(bool, titles)) == 9
    lines_of_panel = picture.axes[0].lines
    assert {line.get_linestyle() for line in lines_of_panel if line.get_marker() == "None"} == {"-", "--"}
    assert sum(line.get_marker() in "o^" for line in lines_of_panel if line.get_marker() != "None") == 4


def test_figure_3_has_error_bars_and_both_countings_of_mcem():
    table = [line for curve in figure_3.curves(FULL, 1) for line in rows(curve)]
    arrays = figure_3.arrays(table)
    assert set(arrays) == {1000, 50_000} and all(len(traces) == 6 for traces in arrays.values())
    assert arrays[1000][0].paper[1_000_000] == -129.0 and list(arrays[1000][0].errors) == [1.0] * 3
    picture = figure_3.make(table, no_run, "").pictures["figure_3"]
    assert sum(line.get_linestyle() == ":" for line in picture.axes[0].lines) == 2
    assert len(picture.axes[0].containers) == 6


def test_the_paper_rule_takes_the_best_median_on_the_training_data():
    table = []
    for step, value in ((0.01, -180), (0.02, -170), (0.1, -160)):
        for seed in range(3):
            curve = Curve("mnist", "aevb", 5, 100_000, seed, variant=f"step{step:g}")
            counts = (50_000,) if (step, seed) == (0.1, 2) else (50_000, 100_000)  # one seed of 0.1 diverged
            table += rows(curve, value + 5 * seed, counts)
    made = steps.make(table, no_run, "")
    chosen = [row.split(",") for row in made.texts[recipe.STEPS].splitlines()]
    assert [row[-1] for row in chosen] == ["chosen", "no", "yes", "no"]
    assert chosen[2][:4] == ["mnist-aevb-5", "0.02", "100000", "-165.00"]
    assert "**-165.0** (-170.0, -165.0, -160.0)" in made.texts["steps.md"]


def test_the_rule_sees_monte_carlo_em_long_enough_to_move():
    for curve in steps.curves(FULL, 1):
        run = 1_000_000 if curve.n_train == 1000 else 100_000
        assert curve.samples == run and curve.marginals in ((), (run,))


def test_the_ledger_says_what_a_choice_costs():
    table = []
    for curve in ledger.curves(Budget("samples", 1_000_000), 3):
        spread = 1.5 * (curve.seed - 1)
        if curve.variant == "step0.1":
            table += rows(curve, -1e9, COUNTS[:1])  # diverged before the end
        else:
            table += rows(curve, -120 + spread + (curve.variant == "dynamic") * (2 + spread / 5), COUNTS[:2])
    text = ledger.make(table, no_run, "").texts["choices.md"]
    dynamic = next(line for line in text.splitlines() if "drawn afresh" in line)
    assert "+2.00 +- 0.17" in dynamic  # seed by seed: 1.7, 2.0, 2.3
    assert "diverged" in next(line for line in text.splitlines() if "| 0.1 " in line)
    assert "running mean of minibatches" in text and "-1.00 +- 0.00" in text
    assert "## frey, N_z = 10, AEVB, 1,000,000 samples: ours -119.50 +- 0.87" in text
    longer = rows(dataclasses.replace(curve, variant="A"), counts=COUNTS[:3])
    assert "1,000,000 samples: ours" in ledger.section([line for line in table if line.n_z == 20] + longer)
    alone = text[text.index("## mnist, N_z = 3") :]
    assert "| 0.02 " in alone and "drawn afresh" not in alone
    assert {curve.samples for curve in ledger.curves(FULL, 1) if curve.latent == 3} == {10_000_000}


def test_the_grid_of_samples_and_minibatches():
    table = [line for curve in grid.curves(Budget("samples", 1_000_000), 3) for line in rows(curve, counts=COUNTS[:2])]
    made = grid.make(table, no_run, "")
    assert len(grid.arrays(table)) == 6
    assert "| 5 | 500 | -129.50 +- 0.00 | -119.50 +- 0.00 |" in made.texts["grid.md"]
    assert len(made.pictures["grid"].axes[0].lines) == 6


def test_the_report_from_trained_runs(start, small):
    curves = irvin_report.curves(Budget("samples", 10_000), 1)
    table = [
        line
        for curve in curves
        for line in rows(
            curve,
            counts=COUNTS[:2],
            settings="adam 0.001" if "adam" in curve.name else "adagrad",
            n_train=dict(curve.source).get("n_train", 50_000),
        )
    ]
    square = dataclasses.replace(
        small,
        x_train=np.tile(small.x_train, 19)[:, :784],
        x_test=small.x_test.repeat(19, 1)[:, :784],
        image_shape=(28, 28),
    )
    runs = {curve.name: start(square, latent=curve.latent, samples=0) for curve in curves}
    made = irvin_report.make(table, runs.__getitem__, "")
    assert list(made.pictures) == ["report_curves", "report_reconstructions", "report_manifold", "report_codes"]
    text = made.texts["report.md"]
    assert "| 50  | adam 0.001 | 60,000 | 0 " in text and "-133.74 / -136.30" in text and "-119.50 (1,000,000)" in text
    run = runs["mnist-aevb-2-adam-s0"]
    images = irvin_report.manifold(run)
    assert np.allclose(images[[0, 19, 380]], run.decode(np.array([[-3, -3], [-3, 3], [3, -3]])), atol=1e-6)
    codes, labels = irvin_report.training_codes(run)
    assert np.allclose(codes, run.encode(square.x_train)[0], atol=1e-6) and len(labels) == len(codes)


def test_a_curve_that_falls_does_not_flatten_the_others():
    kept, fallen = (drawing.Trace(method, "test", [10**5, 10**7], ends) for method, ends in (
        ("aevb", [-180.0, -105.0]), ("wake-sleep", [-180.0, -221.4])))  # fmt: skip
    whole, one, only = (drawing.bounds({"mnist-20": traces}).axes[0] for traces in ([kept, fallen], [kept], [fallen]))
    assert whole.get_ylim() == one.get_ylim()
    assert [text.get_text() for text in whole.texts] == ["wake-sleep\nends at -221"] and not one.texts
    assert only.get_ylim()[0] < -221.4 and not only.texts


def test_the_samples_of_figure_5_stand_in_order(start):
    image = np.full((100, 784), 0.5)
    picture = drawing.samples({2: image, 20: image}, (28, 28), "note")
    assert [axes.get_xlabel() for axes in picture.axes] == ["2 latent dimensions", "20 latent dimensions"]
    table = [line for seed in (2, 1) for line in rows(Curve("digits", "aevb", 2, 0, seed))]
    opened = []
    figure_5.arrays(table, lambda name: opened.append(name) or start())
    assert opened == ["digits-aevb-2-s1"]


# -- the summary ------------------------------------------------------------------------------------------------------


def test_the_summary_has_paper_ours_and_gap_and_says_what_is_not_reached(tmp_path):
    table = [
        line
        for seed, value in enumerate((-105.0, -103.0, -104.0))
        for line in rows(Curve("mnist", "aevb", 20, 10**7, seed), value)
    ]
    table += rows(Curve("mnist", "wake-sleep", 20, 10**6), -130, COUNTS[:2])
    lines.write(tmp_path / "figure_2.csv", table)
    lines.write(tmp_path / "figure_3.csv", rows(figure_3.curves(FULL, 1)[0]))
    text = summary.readme(tmp_path)
    assert "-124.2 / -113.5 (-114.5 to -112.5) / +10.7" in text  # median of the seeds at 1e6
    assert "-104.8 / -103.5 (-104.5 to -102.5) / +1.3" in text and "-99.4 / - / -" in text
    assert "- 1,000,000: mnist-wake-sleep-20-s0" in text
    assert "-129.0 / -130.0 / -1.0" in text
    assert "H=500; M=100; numpy 2; kernel Haswell" in text
    assert "| `aevb figure 2 --budget 1e6 --seeds 1 --panel mnist-wake-sleep-20` | 1 curves" in text
    assert "| `aevb figure 2 --budget 1e7 --seeds 3 --panel mnist-aevb-20` " in text
    assert "| `aevb figure 3 --budget 1e7 --seeds 1` " in text and "| `aevb figure 5` " in text
    assert summary.readme(tmp_path) == text


# -- expect -----------------------------------------------------------------------------------------------------------


def test_the_papers_values_are_those_of_the_reference():
    assert paper.curve(2, "frey", 2, "wake-sleep", "test")[10_000_000] == 569.4
    assert paper.curve(3, "mnist", 3, "mcem", "train", 1000)[10_000_000] == -118.4
    assert len(paper.values()) == 462 and paper.curve(2, "mnist", 4, "aevb", "test") == {}


def test_expect_interpolates_in_log_samples():
    there = expectation.expected("mnist", 20, "aevb", math.sqrt(2) * 1e6, "test", [])
    at = paper.curve(2, "mnist", 20, "aevb", "test")
    assert there.paper == pytest.approx((at[1_000_000] + at[2_000_000]) / 2) and there.ours == ()
    table = [line for seed in range(3) for line in rows(Curve("mnist", "aevb", 20, 10**7, seed), -104.0 - seed)]
    there = expectation.expected("mnist", 20, "aevb", math.sqrt(10) * 1e6, "test", table)
    assert there.ours == pytest.approx((-108.5, -109.5, -110.5)) and there.value == pytest.approx(-109.5)
    assert expectation.expected("mnist", 20, "aevb", 1e12, "test", table).value is None
    with pytest.raises(
        ValueError, match="no curve of mnist with 4 latent dimensions by aevb is known; there are 3, 5, 10, 20, 200"
    ):
        expectation.expected("mnist", 4, "aevb", 1e6, "test", [])


@pytest.mark.parametrize(
    "number, nats, assumed",
    [
        (-104.3, -104.3, ()),
        (104.3, -104.3, ("a loss: minus the bound",)),
        (0.133, -104.272, ("a mean over 784 pixels", "a loss: minus the bound")),
        (13350.4, -104.3, ("a sum over 128 images", "a loss: minus the bound")),
        (1.0426, -104.26, ("a mean over 100 images, divided by 100 once more", "a loss: minus the bound")),
        (-0.1, -78.4, ("a mean over 784 pixels",)),
        (1_043_000, -104.3, ("a sum over 10,000 images", "a loss: minus the bound")),
        (150.5, -150.5, ("a loss: minus the bound",)),  # and 104.3 as bits: nats come first
        (206, -206, ("a loss: minus the bound",)),
        (0.263, -206.192, ("a mean over 784 pixels", "a loss: minus the bound")),
        (543.4, -543.4, ("a loss: minus the bound",)),
        (0.6931, -543.3904, ("a mean over 784 pixels", "a loss: minus the bound")),
        (0.26, -203.84, ("a mean over 784 pixels", "a loss: minus the bound")),
    ],
)
def test_numbers_from_elsewhere(number, nats, assumed):
    best = expectation.readings(number, "auto", "mnist", 784, near=-104.8)[0]
    assert best.nats == pytest.approx(nats) and best.assumed == assumed


def test_units_that_were_said():
    read = expectation.readings
    assert read(150.0, "bits", "mnist", 784, -104.0)[0].nats == pytest.approx(-150 * math.log(2))
    assert read(0.19, "bits-per-pixel", "mnist", 784, -104.0)[0].nats == pytest.approx(-0.19 * 784 * math.log(2))
    assert read(10_430.0, "batch-sum", "mnist", 784, -104.0, minibatch=64)[0].nats == pytest.approx(-10_430 / 64)
    assert read(1.43, "divided-twice", "mnist", 784, -104.0, minibatch=64)[0].nats == pytest.approx(-1.43 * 64)
    assert read(1000.0, "auto", "frey", 560, 1000.0)[0] == expectation.Reading(1000.0, ())
    assert [reading.nats for reading in read(3.0, "nats", "mnist", 784, -104.0)] == [-3.0, 3.0]
    assert read(1e12, "auto", "mnist", 784, [])[0].nats == -1e12  # always an answer


SWEPT = [("nats", 1.0), ("nats-per-pixel", 0.0), ("bits", 1.0), ("bits-per-pixel", 0.0)] + [
    (unit, size) for unit in ("batch-sum", "divided-twice") for size in (100, 64)
]


@pytest.mark.parametrize("data, wrong", [("mnist", 0.01), ("frey", 0.01)])
def test_a_number_in_any_unit_is_read_back(data, wrong):
    """Every N_z, 30 lengths, the paper's value and ours, as a bound and as a loss; and the landmarks, always."""
    table, marks, read = expectation.our_curves(), LANDMARKS[data], []
    for method, samples in itertools.product(("aevb", "wake-sleep"), np.geomspace(1e4, 1e8, 30)):
        for n in expectation.known(data, method):
            pair = [expectation.expected(data, n, method, samples, split, table) for split in ("test", "train")]
            near = [value for one in pair for value in one.values]
            landmarks = marks.untrained, *marks.ignores_z
            for value in {pair[0].paper, pair[0].value, *landmarks} - {None}:
                for unit, size in SWEPT if value not in landmarks else SWEPT[:4]:
                    number = value * {"batch-sum": size, "divided-twice": 1 / (size or 1)}.get(unit, 1.0)
                    number /= (marks.pixels if "pixel" in unit else 1) * (math.log(2) if "bits" in unit else 1)
                    for sign in (1, -1):
                        asked = unit if "bits" in unit else "auto"
                        best = expectation.readings(sign * number, asked, data, marks.pixels, near)[0]
                        right = abs(best.nats - value) < 1e-6 * abs(value)
                        assert right or value not in landmarks
                        read.append(right)
    assert len(read) > 5000 and np.mean(read) >= 1 - wrong


def test_landmarks_are_those_of_the_data():
    for name in LANDMARKS:
        if name in ("mnist", "frey") and not os.environ.get("AEVB_DATA_DIR"):
            continue
        data, marks = load(name), LANDMARKS[name]
        x_test, mean = data.scale(data.x_test, dtype=np.float64), data.x_train.mean(axis=0) / data.divisor
        if data.decoder == "gaussian":
            ignores_z = pixel_baseline(data)[::-1]
            untrained = -0.5 * (math.log(2 * math.pi) + (x_test - 0.5) ** 2).sum(axis=1).mean()
        else:
            known = mean.clip(1e-6, 1 - 1e-6)  # MNIST's test images have ink where no training image has
            ignores_z = [bernoulli(x, known) for x in (data.x_test.mean(axis=0) / data.divisor, mean)]
            untrained = bernoulli(mean, np.full(784, 0.5))
            assert marks.most == pytest.approx(bernoulli(x_test, x_test), rel=0.02)
        assert marks.ignores_z == pytest.approx(ignores_z, abs=0.06)
        assert marks.untrained == pytest.approx(untrained, abs=0.3)
        squared = ((x_test - mean) ** 2).sum(axis=1).mean()
        assert marks.squared == pytest.approx(squared, rel=0.02) and marks.pixels == data.x_train.shape[1]


def bernoulli(x, y):
    """The cross-entropy of images x under means y, less its sign."""
    return (xlogy(x, y) + xlogy(1 - x, 1 - y)).sum(axis=-1).mean()


@pytest.mark.parametrize(
    "data, latent, got, said",
    [
        ("mnist", 20, 206, "a decoder that ignores z (-205.8 on the test images): look at your KL"),
        ("mnist", 20, 0.6931, "what an untrained model has (784 ln 2 = 543.43)"),
        ("mnist", 20, 549.1, "what an untrained model has"),
        ("frey", 2, -526.4, "what an untrained model has (-526.2)"),
        ("frey", 10, 578, "a decoder that ignores z (579.6"),
        ("digits", 2, 193.6, "a decoder that ignores z (-193.5"),
        ("digits", 2, 543, "what an untrained model has"),
        ("faces", 2, 1.709, "taken for a mean over 560 pixels: a bound of 957.04 nats per image"),
        ("mnist", 20, 52, "far better than anything known here (-97.1). The usual causes: a squared error"),
        ("mnist", 20, 0.07, "as a squared error, 52.9 (a sum over the pixels) is a decoder that ignores z"),
        ("mnist", 20, 27, "no bound on these grey pixels can be above -45.5"),
        ("mnist", 20, 0, "no bound on these grey pixels can be above -45.5"),
        ("mnist", 20, 1e9, "worse than an untrained model (-543.4)"),
        ("mnist", 20, "nan", "nan is no bound"),
        ("mnist", 20, "-inf", "-inf is no bound"),
        ("mnist", 2, 152, "no curve has 2 latent dimensions; the nearest has 3"),
        ("mnist", 7, 130, "with N_z = 10"),
        ("mnist", 20, 206, "-142.8 as bits, a loss: minus the bound (-18.6 from the paper's"),
    ],
)
def test_what_is_said_of_a_number(aevb, data, latent, got, said):
    code, out, _ = aevb("expect", data, "--latent", latent, "--samples", "1e6", f"--got={got}")
    assert code == 0 and said in out, out


def test_expect_as_typed(aevb, tmp_path, monkeypatch):
    monkeypatch.setattr(expectation, "CURVES", tmp_path)
    code, out, _ = aevb("expect", "mnist", "--latent", 20, "--samples", "1e6", "--got", "0.133", "--unit", "auto")
    assert code == 0 and "-124.2 +- 0.2" in out and "ours: no curve comes with this version" in out
    assert "0.133, taken for a mean over 784 pixels, a loss: minus the bound: a bound of -104.27 nats per image" in out
    table = [line for seed in range(3) for line in rows(Curve("mnist", "aevb", 20, 10**7, seed), -104.0 - seed)]
    lines.write(tmp_path / "figure_2.csv", table)
    out = aevb("expect", "mnist", "--latent", 20, "--samples", "1e6")[1]
    assert re.search(r"ours, 3 seeds +-114\.5 \(-115\.5 to -113\.5\)   +-116\.0 \(-117\.0 to -115\.0\)\n", out)
    assert len({len(line) for line in out.splitlines()[1:6]}) == 1  # heading, paper, ours and landmarks end alike
    beyond = aevb("expect", "mnist", "--latent", 20, "--samples", "1e8")[1]
    assert "ours: our curves go from 100,000 to 10,000,000 samples" in beyond
    assert "our settings: H=500; M=100\n" in out and "PyTorch" not in out
    read = {
        got: aevb("expect", "mnist", "--latent", 20, "--samples", "1e6", "--got", got)[1].splitlines()[-6:]
        for got in (-114.7, -90)
    }
    assert read[-114.7][-2] == "as a test bound that is +9.5 from the paper's and -0.2 from ours"
    assert "further off" in " ".join(read[-90]) and "further off" not in " ".join(read[-114.7])
    assert "--latent is 1 or more; got 0" in complain(aevb("expect", "mnist", "--latent", 0, "--samples", 100))
    assert "--samples is 1 or more; got 0" in complain(aevb("expect", "mnist", "--latent", 20, "--samples", 0))


def test_what_stands_beside_a_measured_bound(tmp_path, monkeypatch, start):
    monkeypatch.setattr(expectation, "CURVES", tmp_path)
    like = dataclasses.replace(start().config, data="mnist", N=50_000, hidden=500, latent=20)
    assert expectation.beside(like, 1e6, -114.0) == ["after 1,000,000 samples the paper has -124.2 (+10.2)"]
    table = [line for seed in range(3) for line in rows(Curve("mnist", "aevb", 20, 10**7, seed), -104.0 - seed)]
    lines.write(tmp_path / "figure_2.csv", table)
    assert expectation.beside(like, 1e6, -114.0)[0].endswith("(+10.2) and our 3 seeds have -114.5 (+0.5)")
    for other in ({"hidden": 400}, {"binarize": "dynamic"}, {"latent": 7}, {"method": "mcem"}, {"data": "digits"}):
        assert expectation.beside(dataclasses.replace(like, **other), 1e6, -114.0) == []
    assert expectation.beside(like, 10, -114.0) == []


# -- figure -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny(own_file, monkeypatch):
    """Figure 2 with two curves of a second."""

    def curves(budget, seeds):
        length = budget.of("mnist", {name: {"mnist": 10_000} for name in plan.BUDGETS})
        settings = (("hidden", 8), ("minibatch", 20), ("step", 0.1))
        return [Curve(str(own_file), method, 2, length, settings=settings) for method in ("aevb", "wake-sleep")]

    small = SimpleNamespace(NAME="figure_2", SEEDS=1, curves=curves, make=figure_2.make)
    monkeypatch.setitem(figures.RECIPES, "2", small)
    monkeypatch.setattr(plan, "TRIAL", 0.01)
    return small


def test_a_figure_from_the_command_line(aevb, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("aevb_np.cli.figure.PLAIN_EVERY", 0.0)
    monkeypatch.setattr("aevb_np.experiments.sweep.EVERY", 0.02)
    code, out, _ = aevb("figure", "2", "--budget", "25000", "--jobs", 1)
    assert code == 0, out
    assert re.search(r"measuring this machine ...\n2 curves, about \d+ s on one process, 0 MB in results.work", out)
    assert re.search(r"stripes-aevb-2-s0 done: 25,000 samples, train -[\d.]+, test -[\d.]+, \d+ s", out)
    assert {path.name for path in (tmp_path / "results").iterdir()} == {
        "README.md", "figure_2.csv", "figure_2.png", "timings.csv", "work",
    }  # fmt: skip
    before = (tmp_path / "results" / "figure_2.csv").read_bytes()
    assert aevb("figure", "2", "--budget", "10000", "--jobs", 1)[0] == 0  # is in what is there already
    assert (tmp_path / "results" / "figure_2.csv").read_bytes() == before
    assert aevb("figure", "2", "--jobs", 1)[0] == 0
    assert (tmp_path / "results" / "figure_2-quick.csv").exists()


def test_a_dry_run_trains_nothing(aevb, tiny, tmp_path):
    code, out, _ = aevb("figure", "2", "--budget", "full", "--dry-run", "--jobs", 2)
    said = r"measuring this machine \.\.\.\n2 curves, about \d+ s on 2 processes, 0 MB in results.work\n"
    assert code == 0 and re.fullmatch(said, out)
    assert not (tmp_path / "results").exists()


def test_a_failed_curve_is_in_the_exit_code(aevb, tiny, own_file, monkeypatch):
    good = tiny.curves
    monkeypatch.setattr(
        tiny, "curves", lambda *a: [*good(*a), Curve(str(own_file), "aevb", 3, 10_000, settings=(("minibatch", 999),))]
    )
    code, out, _ = aevb("figure", "2", "--jobs", 1)
    assert (
        code == 1
        and "stripes-aevb-3-s0 failed: ValueError: minibatch (M) is 999" in out
        and "figure_2-quick.png" in out
    )


def test_figure_1_needs_no_training(aevb, tmp_path):
    code, out, _ = aevb("figure", "1")
    assert code == 0 and "figure_1.svg" in out and "nothing to train" in out
    assert (tmp_path / "results" / "figure_1_flow.svg").stat().st_size > 3_000


@pytest.mark.parametrize(
    "flags, message",
    [
        (["7"], "invalid choice: '7'"),
        (
            ["2", "--budget", "week"],
            "a budget is one of quick, hour, full or a number of samples such as 1e7; got 'week'",
        ),
        (["2", "--panel", "mnist-4"], "no curve of this figure is called mnist-4; panels are frey-10"),
        (["2", "--jobs", "0"], "--jobs is 1 or more; got 0"),
        (["2", "--seeds", "0"], "seeds is 1 or more; got 0"),
    ],
)
def test_refused_flags(aevb, monkeypatch, flags, message):
    monkeypatch.setattr(plan, "status", lambda: [])
    assert message in complain(aevb("figure", *flags))


def test_starts_say_the_gap_to_the_paper_by_initial_values():
    """From rows that are made up: the mean over the seeds less the paper's value at the same number of samples."""
    curve = starts.from_start(Curve("mnist", "aevb", 3, 1_000_000), "fan-in")
    assert curve.name == "mnist-aevb-3-fan-in-s0" and dict(curve.settings)["start"] == "fan-in"
    assert starts.from_start(Curve("mnist", "aevb", 3, 1_000_000), "paper").name == "mnist-aevb-3-s0"
    theirs = paper.curve(2, "mnist", 3, "aevb", "test")[1_000_000]
    made = []
    for seed in (0, 1):
        made += rows(dataclasses.replace(curve, seed=seed), theirs + 0.5 + seed, counts=(1_000_000,))
    text = starts.make(made, no_run, "").texts["starts.md"]
    assert "| fan-in            | +1.5 (2)" in text and f"{theirs:.1f}" in text


def test_the_start_shapes_the_parameters():
    model = aevb_np.VAE.bernoulli(D=784, H=100, J=5)
    made = {start: model.init(aevb_np.stream("init", 0), start=start) for start in STARTS}
    paper_like, zero, wide, both = (made[start] for start in STARTS)
    assert paper_like.flat.std() == pytest.approx(0.01, rel=0.02)
    assert not zero.phi.mean.flat.any() and not zero.phi.log_var.flat.any()
    assert np.array_equal(zero.phi.hidden.flat, paper_like.phi.hidden.flat)
    assert wide.phi.hidden.W.std() == pytest.approx(784**-0.5, rel=0.02) and not wide.phi.log_var.flat.any()
    assert wide.theta.logits.W.std() == pytest.approx(0.1, rel=0.02)
    assert both.theta.logits.W.std() == pytest.approx(0.01, rel=0.02) and not both.phi.mean.flat.any()
    with pytest.raises(ValueError, match="a start is one of paper, zero-heads, fan-in, fan-in-zero-heads; got 'he'"):
        model.init(aevb_np.stream("init", 0), start="he")
