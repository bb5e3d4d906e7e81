"""Curves and sweeps: the same numbers wherever and however often interrupted, and a failure that stops nobody else."""

import concurrent.futures
import random
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import pytest
import small_sweep
from small_sweep import SETTINGS, small_curves

import aevb_np
from aevb_np.experiments import curve as curves_module
from aevb_np.experiments import figures, lines
from aevb_np.experiments.curve import Curve, UnlikeError, at_a_row, read_state, train
from aevb_np.experiments.sweep import Ended, Underway, executor, sweep
from aevb_np.runs.history import marks


def in_this_process():
    return executor(1)


def ends(events):
    return {event.curve.name: event for event in events if isinstance(event, Ended)}


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    import numpy as np
    from conftest import stripes

    path = tmp_path_factory.mktemp("data") / "stripes.npy"
    np.save(path, stripes(250))
    return path


@pytest.fixture(scope="session")
def whole(data, tmp_path_factory):
    """The folder of an undisturbed sweep, one curve after the other."""
    out = tmp_path_factory.mktemp("whole")
    small_sweep.run(data, out, jobs=1)
    return out


def table(out):
    return (out / "small.csv").read_bytes()


# -- the numbers ------------------------------------------------------------------------------------------------------


def test_the_table_holds_the_histories(whole, data):
    found = lines.by_curve(lines.read(whole / "small.csv"))
    assert set(found) == {curve.name for curve in small_curves(data)}
    run = aevb_np.load(whole / "work" / "stripes-aevb-2-s0")
    rows = found["stripes-aevb-2-s0"]
    assert [line.samples for line in rows] == [row.samples for row in run.history]
    assert rows[-1].test_bound == pytest.approx(run.history[-1].test_bound, abs=1e-4)
    assert rows[-1].train_running == pytest.approx(run.history[-1].train_running, abs=1e-4)
    marked = [line.samples for line in rows if line.marginal.train == line.marginal.train]
    assert marked == [40_000]
    assert rows[-1].marginal.test == pytest.approx(run.log_marginal(run.data.x_test[:2]).log_px.mean(), abs=1e-3)
    assert rows[-1].settings.startswith("H=8; M=20; L=1; estimator B; adagrad 0.1; warm-up 100; prior on all; x / 255")
    em = found["stripes-N60-mcem-2-s0"]
    assert [line.samples for line in em] == [10_000]
    assert all(line.test_bound != line.test_bound and line.marginal.test < 0 for line in em)


def test_nothing_in_the_table_depends_on_clocks_hosts_or_order(whole):
    import platform

    text = table(whole).decode()
    assert platform.node() not in text
    timings = (whole / "timings.csv").read_text(encoding="utf-8")
    assert platform.node() in timings and timings.count("\n") == 5


def test_two_processes_make_the_same_table(data, whole, tmp_path):
    events = small_sweep.run(data, tmp_path, jobs=2)
    assert table(tmp_path) == table(whole)
    assert len(ends(events)) == 4
    assert not list((tmp_path / "work").glob("stop-*"))


def test_a_dask_cluster_makes_the_same_table(data, whole, tmp_path):
    distributed = pytest.importorskip("distributed")
    workers = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**workers) as cluster:
        small_sweep.run(data, tmp_path, 2, cluster.scheduler_address)
    assert table(tmp_path) == table(whole)


def test_killed_at_any_moment_it_ends_in_the_same_table(data, whole, tmp_path):
    hits = small_sweep.killed(data, tmp_path, jobs=2, kills=1, longest=3.0, rng=random.Random(3))
    assert hits and table(tmp_path) == table(whole)


def test_stopped_it_goes_on_to_the_same_table(data, whole, tmp_path):
    work = tmp_path / "work"
    events = sweep(small_curves(data), work, in_this_process, every=0.05)
    first = next(event for event in events if isinstance(event, Underway) and event.states)
    (name,) = first.states
    assert first.of == 4 and 0 <= first.share < 1
    events.close()
    assert 0 < aevb_np.load(work / name).samples < 40_000 and not list(work.glob("stop-*"))
    small_sweep.run(data, tmp_path, jobs=1)
    assert table(tmp_path) == table(whole)


def test_a_longer_run_is_cut_where_a_shorter_one_was_asked_for(data, whole, tmp_path):
    curve = small_curves(data)[1]
    shorter = train(replace(curve, samples=25_000), whole / "work")
    assert [line.samples for line in shorter.lines] == [10_000, 16_000, 25_000]
    alone = train(replace(curve, samples=25_000), tmp_path)
    assert alone.lines == shorter.lines
    longer = train(curve, tmp_path)
    assert longer.lines == train(curve, whole / "work").lines


@pytest.mark.parametrize("samples", [1, 9_999, 10_000, 250_001, 399_999, 1_234_567])
def test_a_curve_ends_at_a_row(samples):
    end = at_a_row(samples)
    assert end >= samples and marks(end) == marks(end - 1) + 1


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_failed_curve_is_told_and_the_others_go_on(data, tmp_path):
    good = Curve(str(data), "aevb", 2, 10_000, settings=SETTINGS)
    bad = replace(good, variant="bad", settings=(("minibatch", 10**6),))
    events = ends(sweep([bad, good], tmp_path, in_this_process))
    assert "minibatch (M) is 1000000, but there are only 225" in events[bad.name].error
    assert events[good.name].result.lines[-1].samples == 10_000


def test_a_curve_that_diverges_says_so_and_is_not_tried_again(data, tmp_path):
    curve = Curve(str(data), "aevb", 2, 10_000, settings=(*SETTINGS[:2], ("optimizer", "sgd"), ("step", 1e30)))
    first = train(curve, tmp_path)
    assert "is not finite" in first.diverged and first.lines == ()
    assert train(curve, tmp_path).diverged == first.diverged


def test_a_curve_that_went_on_elsewhere_says_so(data, tmp_path, monkeypatch):
    curve = Curve(str(data), "aevb", 2, 10_000, settings=SETTINGS)
    first = train(curve, tmp_path).lines[-1].kernel
    real = curves_module.versions
    monkeypatch.setattr(curves_module, "versions", lambda threads: {**real(threads), "kernel": "Other"})
    for samples in (16_000, 25_000):
        line = train(replace(curve, samples=samples), tmp_path).lines[-1]
        assert line.kernel == f"{first}, then Other"


def test_curves_of_one_name_and_other_settings_are_not_mixed_up(data, tmp_path):
    curve = Curve(str(data), "aevb", 2, 10_000, settings=SETTINGS)
    train(curve, tmp_path)
    with pytest.raises(UnlikeError, match="holds a run whose hidden is 8; this curve has 9"):
        train(replace(curve, settings=(("hidden", 9), *SETTINGS[1:])), tmp_path)
    with pytest.raises(ValueError, match="two different curves are called stripes-aevb-2-s0"):
        list(sweep([curve, replace(curve, settings=())], tmp_path, in_this_process))


class Dying(concurrent.futures.Executor):
    """A pool whose processes are killed before they have done anything."""

    def submit(self, *args):
        future = concurrent.futures.Future()
        future.set_exception(BrokenProcessPool("killed"))
        return future


def test_a_process_that_dies_takes_no_curve_with_it(data, tmp_path):
    curves = [Curve(str(data), "aevb", 2, 10_000, seed, settings=SETTINGS) for seed in range(2)]
    pools = [Dying(), executor(1)]
    events = ends(sweep(curves, tmp_path, lambda: pools.pop(0)))
    assert all(event.result.lines for event in events.values()) and len(events) == 2
    events = ends(sweep(curves[:1], tmp_path, Dying))
    assert "out of memory?" in events[curves[0].name].error


def test_executors_name_what_is_missing(monkeypatch):
    import sys

    with pytest.raises(ValueError, match="is 1 or more; got 0"):
        executor(0)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"aevb_np\[cluster\]"), executor(1, "tcp://127.0.0.1:1"):
        pass


def test_a_damaged_state_is_no_state(tmp_path):
    (tmp_path / "now.json").write_text("{", encoding="utf-8")
    assert read_state(tmp_path) == read_state(tmp_path / "nowhere") == {}


def test_merged_tables_keep_what_reaches_further(whole):
    full = lines.read(whole / "small.csv")
    short = [line for line in full if line.samples <= 25_000]
    other = [replace(line, test_bound=0.0) for line in full]
    assert lines.merged(full, short) == lines.merged(short, full) == sorted(full, key=lambda line: line.curve)
    assert lines.merged(full, other)[0].test_bound == 0.0  # as far: the new one
    changed = [replace(line, settings="adam") for line in short if line.curve == "stripes-aevb-2-s0"]
    kept = lines.by_curve(lines.merged(full, changed))
    assert kept["stripes-aevb-2-s0"] == changed and len(kept) == 4  # shorter, but not the same curve
    with pytest.raises(ValueError, match="is not a table of curves"):
        lines.read(whole / "timings.csv")
    assert figures.RECIPES.keys() >= {"1", "2", "3", "4", "5", "report", "steps", "grid", "ledger"}
