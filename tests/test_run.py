"""A run: trained, stopped, saved, loaded, gone on with."""

import csv
import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import aevb_np
from aevb_np import evaluation, training
from aevb_np.data import Dataset
from aevb_np.runs import checkpoints, folders
from aevb_np.runs import opening as runs
from aevb_np.runs.history import marks


def finish(run, samples=None):
    for _ in run.steps(samples):
        pass
    return run


def test_training_raises_the_bound(start):
    run = start()
    rows = list(run.train())
    assert [row.samples for row in rows] == [10_000, 12_000]
    assert rows[-1].test_bound > start().evaluate("test").bound_b.mean() + 1


@pytest.mark.parametrize("optimizer", ["adagrad", "sgd", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_stopped_run_goes_on_to_the_same_bits(start, tmp_path, optimizer, dtype):
    settings = {"optimizer": optimizer, "dtype": dtype, "step": 0.01}
    whole = finish(start(**settings))
    part = start(**settings)
    for progress in part.steps():
        if progress.samples == 4_580:  # in the middle of an epoch, before the first row
            break
    part.save(tmp_path / "run")
    rest = finish(runs.load(tmp_path / "run", part.data))
    assert rest.p.flat.dtype == dtype
    assert np.array_equal(rest.p.flat, whole.p.flat)
    assert np.array_equal(astuples(rest.history), astuples(whole.history), equal_nan=True)
    for name, array in whole.trainer.optimizer.arrays.items():
        assert np.array_equal(rest.trainer.optimizer.arrays[name], array)


def astuples(history):
    return np.array([list(vars(row).values()) for row in history], float)


@pytest.mark.parametrize("sampling", ["permutation", "replacement"])
@pytest.mark.parametrize("binarize", ["none", "dynamic"])
def test_evaluating_and_lengthening_never_change_training(start, small, sampling, binarize):
    data = Dataset("stripes", small.x_train, small.x_test, (6, 7), 255, binarize=binarize)
    plain = finish(start(data, sampling=sampling, warmup=100), 14_000)
    other = start(data, sampling=sampling, warmup=100)
    for progress in other.steps(11_000):
        if progress.samples % 1000 == 0:
            other.evaluate("test")
            other.bound(small.x_test)
            other.sample(3)
    assert np.array_equal(finish(other, 14_000).p.flat, plain.p.flat)


def test_the_running_mean_is_that_of_the_minibatch_bounds_since_the_last_row(start, small):
    run, seen = start(), []
    algorithm_bounds = training.loop

    def spy(*args):
        for bound in algorithm_bounds(*args):
            seen.append(bound.mean(dtype=np.float64))
            yield bound

    training.loop = spy
    try:
        first, second = run.train()
    finally:
        training.loop = algorithm_bounds
    assert first.train_running == pytest.approx(np.mean(seen[:500]), rel=1e-12)
    assert second.train_running == pytest.approx(np.mean(seen[500:]), rel=1e-12)


def test_the_row_holds_the_bound_and_its_two_parts(start):
    row = list(start().train())[-1]
    assert row.test_bound == pytest.approx(row.test_reconstruction - row.test_kl, abs=1e-5)
    assert row.train_bound == pytest.approx(row.train_reconstruction - row.train_kl, abs=1e-5)
    assert f"test {row.test_bound:.1f} = {row.test_reconstruction:.1f} - KL {row.test_kl:.1f}" in row.brief
    drawn = dataclasses.replace(row, test_bound=row.test_bound - 0.3)  # as of wake-sleep, whose bound is estimator A
    assert f"{drawn.test_bound:.2f} ~ {drawn.test_reconstruction:.2f} - KL" in str(drawn)
    assert row.test_kl > 0 and row.test_standard_error > 0
    assert np.isnan(row.min_log_var)


def test_a_gaussian_decoder_reports_its_smallest_log_variance(start):
    free = list(start(decoder="gaussian").train())[-1]
    floored = list(start(decoder="gaussian", log_var_floor=free.min_log_var + 1).train())[-1]
    assert floored.min_log_var == pytest.approx(free.min_log_var + 1)


def test_the_folder(start, tmp_path):
    run = finish(start(seed=7))
    folder = tmp_path / "a run é"
    run.save(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "best.npz", "checkpoint.npz", "config.json", "history.csv",
    ]  # fmt: skip
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert (config["seed"], config["latent"], config["method"]) == (7, 2, "aevb")
    assert {"python", "numpy", "aevb_np", "blas", "kernel", "threads"} <= set(config["versions"])
    with open(folder / "history.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:8] == [
        "step", "samples", "train_running", "train_bound",
        "test_bound", "test_reconstruction", "test_kl", "test_standard_error",
    ]  # fmt: skip
    assert [float(row["test_bound"]) for row in rows] == [row.test_bound for row in run.history]


def test_best_holds_the_parameters_with_the_best_test_bound(start, tmp_path):
    run = start(samples=20_000)
    for row in run.train():
        run.save(tmp_path / "run")
        if row.samples == 16_000:
            run.history[-1] = type(row)(**{**vars(row), "test_bound": 0.0})  # no later one can beat it
            then = run.p.flat.copy()
            best = runs.load(tmp_path / "run" / "best.npz")
    assert np.array_equal(best.p.flat, then) and best.chosen_on_test and best.samples == 16_000
    run.save(tmp_path / "run")
    assert runs.load(tmp_path / "run" / "best.npz").samples == 16_000
    assert not runs.load(tmp_path / "run").chosen_on_test


def test_the_words_of_a_run(start, small, tmp_path):
    run = finish(start())
    run.save(tmp_path / "run")
    run = aevb_np.load(tmp_path / "run")  # no data needed for any of these
    mu, log_var = run.encode(small.x_test)
    assert mu.shape == log_var.shape == (50, 2)
    assert np.array_equal(run.encode(small.x_test.reshape(50, 6, 7))[0], mu)
    assert np.allclose(run.encode(small.x_test / np.float32(255))[0], mu, atol=1e-6)
    assert run.decode(mu).shape == (50, 42)
    assert np.array_equal(run.reconstruct(small.x_test), run.decode(mu))
    assert run.sample(5).shape == (5, 42) and 0 <= run.sample(5).min() <= run.sample(5).max() <= 1
    bound = run.bound(small.x_test)
    assert bound.shape == (50,)
    many = run.bound(small.x_test, draws=200)
    assert np.abs(many.mean() - bound.mean()) < 4 * bound.std() / 50**0.5
    with pytest.raises(ValueError, match=r"rows of 42 numbers; got an array of shape \(50, 41\)"):
        run.encode(small.x_test[:, :41])
    with pytest.raises(ValueError, match=r"rows of 42 numbers; got an array of shape \(0, 42\)"):
        run.encode(small.x_test[:0])
    with pytest.raises(ValueError, match="there are train and test images; got 'validation'"):
        start().evaluate("validation")
    with pytest.raises(ValueError, match="samples is how many to train on, a finite number; got inf"):
        next(start().train(np.inf))
    with pytest.raises(ValueError, match="rows of 2 latent numbers"):
        run.decode(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="between 0 and 1; got values from 0 to 25"):
        run.encode(small.x_test.astype(float))


def test_loaded_data_must_be_the_same(start, small, tmp_path):
    run = start()
    run.save(tmp_path / "run")
    with pytest.raises(ValueError, match="the data of this run are not at stripes .*dataset=.*--data PATH"):
        _ = aevb_np.load(tmp_path / "run").data
    assert aevb_np.load(tmp_path / "run", dataset=small).data is small


def test_data_by_an_array_a_name_or_a_path(own_file, tmp_path):
    images = np.load(own_file)
    for given in (images, str(own_file), own_file, images.tolist(), "digits"):
        run = aevb_np.start(given, hidden=8, minibatch=20)
        run.save(tmp_path / "run")
        found = aevb_np.load(tmp_path / "run", dataset=None if isinstance(given, str | Path) else given)
        assert found.data.digest == run.data.digest
        shutil.rmtree(tmp_path / "run")
    for wrong in (None, 7, {"x": images}, lambda: images):
        with pytest.raises(ValueError, match="a Dataset such as .*, a name .*, the path .*, or an array of images"):
            aevb_np.start(wrong)
    with pytest.raises(ValueError, match="no data set is called 'digit'"):
        aevb_np.start("digit")


def test_own_data_that_moved(own_file, tmp_path):
    aevb_np.start(own_file, hidden=8, minibatch=20).save(tmp_path / "run")
    moved = own_file.rename(tmp_path / "moved.npy")
    with pytest.raises(ValueError, match=r"are not at .*stripes.npy .* dataset=\.\.\.\), or .* --data PATH"):
        _ = aevb_np.load(tmp_path / "run").data
    for given in (moved, str(moved), np.load(moved)):
        assert len(aevb_np.load(tmp_path / "run", dataset=given).data.x_train) == 225
    with pytest.raises(ValueError, match="trained on other data than these"):
        aevb_np.load(tmp_path / "run", dataset=np.load(moved)[::-1])
    np.save(moved, np.load(moved)[::-1])
    with pytest.raises(ValueError, match="trained on other data"):
        _ = aevb_np.load(tmp_path / "run", dataset=moved).data


def test_a_short_run_warms_up_for_a_tenth_of_it(start):
    assert start(samples=2000).config.warmup == 10 and start(samples=200_000).config.warmup == 100
    run = start()
    before = run.p.flat.copy()
    finish(run, 2000)
    assert run.config.warmup == run.trainer.optimizer.warmup == 10 and not np.array_equal(run.p.flat, before)
    asked = start(warmup=100)
    finish(asked, 2000)
    assert asked.config.warmup == 100 and np.array_equal(asked.p.flat, start().p.flat)


def test_two_runs_of_one_seed_are_the_same_bits_and_seeds_differ(start):
    assert np.array_equal(finish(start()).p.flat, finish(start()).p.flat)
    assert not np.array_equal(finish(start()).p.flat, finish(start(seed=1)).p.flat)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"latent": 0}, r"latent \(J\) is a whole number from 1 up; got 0"),
        ({"hidden": 0}, r"hidden \(H\) is a whole number from 1 up; got 0"),
        ({"minibatch": 0}, r"minibatch \(M\) is a whole number from 1 up; got 0"),
        ({"draws": 0}, r"draws \(L\) is a whole number from 1 up; got 0"),
        ({"minibatch": 201}, r"minibatch \(M\) is 201, but there are only 200 training points"),
        ({"estimator": "C"}, "estimator is one of A, B; got 'C'"),
        ({"step": -1.0}, "step size is above 0 and finite; got -1"),
        ({"warmup": 5, "optimizer": "adam"}, "warm-up belongs to Adagrad"),
        ({"log_var_floor": -9.0}, "belongs to the Gaussian decoder"),
        ({"seed": -1}, "seed is a whole number from 0 to 4294967295; got -1"),
        ({"latent": 2.5}, r"latent \(J\) is a whole number from 1 up; got 2.5"),
        ({"seed": 0.5}, "seed is a whole number from 0 to 4294967295; got 0.5"),
        ({"latents": 3}, "no setting is called latents"),
    ],
)
def test_settings_out_of_range_name_themselves(start, settings, message):
    with pytest.raises(ValueError, match=message):
        start(**settings)


def test_settings_may_be_numpys_numbers(start, tmp_path):
    run = start(latent=np.int64(3), step=np.float32(0.5))
    run.save(tmp_path / "run")
    assert aevb_np.load(tmp_path / "run").config.latent == 3


def test_an_explosion_names_the_array_the_step_and_the_minibatch(start):
    run = start(optimizer="sgd", step=1e30)
    with pytest.raises(
        FloatingPointError, match=r"stopped at step \d+: .* not finite.* in theta.* \(minibatch of 20 images: \d+,"
    ):
        finish(run)
    assert np.isfinite(run.p.flat).all()


def test_an_explosion_in_the_last_step_is_noticed_too(start, tmp_path):
    """The gradient is finite, and step * gradient is not: the parameters have to be looked at after they moved."""
    run = start(optimizer="sgd", step=1e39, samples=20)
    run.save(tmp_path)
    with pytest.raises(FloatingPointError, match=r"stopped at step 1: theta\.[\w.]+ is not finite after"):
        finish(run)
    with pytest.raises(FloatingPointError, match="is not finite"):
        run.save(tmp_path)
    assert np.isfinite(runs.load(tmp_path).p.flat).all()


def test_a_row_whose_bound_is_not_finite_ends_the_run(start, monkeypatch):
    run = start(samples=20)
    terms = run.evaluate("test")
    monkeypatch.setattr(run.method, "terms", lambda *a: dataclasses.replace(terms, log_px=terms.log_px * np.inf))
    with pytest.raises(FloatingPointError, match="the bound of 50 test images is not finite"):
        finish(run)
    assert not run.history


def test_parameters_alone_are_not_trained_and_keep_their_label(start, tmp_path):
    run = finish(start())
    run.save(tmp_path / "run")
    best = runs.load(tmp_path / "run" / "best.npz", run.data)
    with pytest.raises(ValueError, match="without the optimiser's memory"):
        finish(best, 20_000)
    best.save(tmp_path / "copy")
    assert runs.load(tmp_path / "copy").chosen_on_test


def test_a_checkpoint_without_the_optimisers_memory_is_damaged(start, tmp_path):
    finish(start()).save(tmp_path)
    arrays, config = checkpoints.load(tmp_path / "checkpoint.npz")
    del arrays["optimizer_G"]
    checkpoints.save(tmp_path / "checkpoint.npz", arrays, config)
    with pytest.raises(ValueError, match="the optimiser's memory should be"):
        runs.load(tmp_path)


def test_nan_in_the_data_is_found_before_training(start, small):
    x = small.x_train.astype(np.float32) / 255
    x[3, 5] = np.nan
    data = Dataset("holes", x, x, (6, 7), 1)
    with pytest.raises(ValueError, match="numbers that are NaN or infinite, the first in row 3, column 5"):
        finish(start(data, decoder="bernoulli"))


class TestCheckpoints:
    def test_a_newer_format_names_both_numbers(self, start, tmp_path, monkeypatch):
        monkeypatch.setattr(checkpoints, "FORMAT", 2)
        start().save(tmp_path / "run")
        monkeypatch.setattr(checkpoints, "FORMAT", 1)
        with pytest.raises(ValueError, match="has format 2; this version of aevb_np reads up to format 1"):
            aevb_np.load(tmp_path / "run")

    @pytest.mark.parametrize("keep", [0, 1, 100, 0.5, -1])
    def test_a_truncated_file_is_named(self, start, tmp_path, keep):
        start().save(tmp_path / "run")
        path = tmp_path / "run" / "checkpoint.npz"
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep) if isinstance(keep, float) else keep])
        with pytest.raises(ValueError, match="checkpoint.npz is damaged"):
            aevb_np.load(tmp_path / "run")

    def test_flipped_bits_are_named_or_harmless(self, start, tmp_path):
        """300 single bits anywhere in the file: the run loads as it was, or one error says that the file is damaged."""
        run = start()
        run.save(tmp_path / "run")
        path = tmp_path / "run" / "checkpoint.npz"
        content, rng, damaged = path.read_bytes(), np.random.default_rng(0), 0
        for _ in range(300):
            flipped = bytearray(content)
            flipped[rng.integers(len(content))] ^= 1 << rng.integers(8)
            path.write_bytes(flipped)
            try:
                assert np.array_equal(aevb_np.load(tmp_path / "run").p.flat, run.p.flat)
            except ValueError as error:
                assert re.search("damaged|no complete run|format", str(error))
                damaged += 1
        assert damaged > 100

    def test_nothing_is_unpickled(self, tmp_path):
        path = tmp_path / "evil.npz"
        np.savez(path, format=np.array([print], dtype=object), allow_pickle=True)
        with pytest.raises(ValueError, match="damaged, or no checkpoint"):
            checkpoints.load(path)

    def test_parameters_of_another_shape_are_refused(self, start, tmp_path):
        run = start()
        run.save(tmp_path / "run")
        arrays, config = checkpoints.load(tmp_path / "run" / "checkpoint.npz")
        checkpoints.save(tmp_path / "run" / "checkpoint.npz", arrays, {**config, "hidden": 9})
        with pytest.raises(ValueError, match="holds 782 parameters, but a model of its settings has 874"):
            aevb_np.load(tmp_path / "run")

    def test_no_run(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="there is no run at .*nowhere"):
            aevb_np.load(tmp_path / "nowhere")
        with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
            aevb_np.load(tmp_path)


def test_a_new_folder_is_numbered_and_latest_names_the_newest(start, tmp_path):
    folder = tmp_path / "runs" / "a"
    first, second = folders.create(start(), folder, number=True), folders.create(start(seed=5), folder, number=True)
    assert [first.name, second.name] == ["a", "a-2"]
    assert folders.find(tmp_path / "runs" / "latest") == second
    assert aevb_np.load(tmp_path / "runs" / "latest").config.seed == 5
    with pytest.raises(FileExistsError, match="not overwritten"):
        folders.create(start(), folder)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["a", "a-2", "latest"]


def test_rows_come_at_given_numbers_of_samples():
    seen = [samples for samples in range(1000, 1_300_000, 1000) if marks(samples) > marks(samples - 1000)]
    first = [10_000, 16_000, 25_000, 40_000, 63_000, 100_000, 160_000, 250_000]
    assert seen == [*first, 400_000, 600_000, 800_000, 1_000_000, 1_200_000]


def test_every_step_has_noise_and_pixels_of_its_own(small):
    """The loop hands a stream of this step to the algorithm, and another to dynamic binarisation."""
    data = Dataset("stripes", small.x_train, small.x_test, (6, 7), 255, binarize="dynamic")
    seen = []

    class Watch:
        def step(self, x, index, rng):
            seen.append((x.copy(), index.copy(), rng.standard_normal(3)))
            return np.zeros(len(x))

    for _, _ in zip(range(12), training.loop(Watch(), data, training.Minibatches(200, 200, seed=0))):
        pass
    for (x, index, noise), (y, other, later) in zip(seen, seen[1:]):
        assert not np.array_equal(noise, later)
        assert not np.array_equal(x[np.argsort(index)], y[np.argsort(other)])  # the same images, drawn afresh


def test_evaluation_noise_differs_from_step_to_step_and_by_repeat(start):
    run = start()
    run.trainer.step = 1
    first = run.evaluate("test").bound_b
    run.trainer.step = 2
    assert not np.array_equal(first, run.evaluate("test").bound_b)
    assert not np.array_equal(run.evaluate("test", repeat=0).bound_b, run.evaluate("test", repeat=1).bound_b)
    assert len(run.evaluate("train", most=10).bound_b) == 10
    assert evaluation.EVALUATED == 10_000


def test_runs_made_at_the_same_moment_get_names_of_their_own(start, tmp_path, monkeypatch):
    """Where another process takes the name between the look and the move, the next name is tried."""
    taken, move = tmp_path / "runs" / "a", folders.move

    def slow(source, target):
        if target == taken:
            start().save(taken)  # the other process
        move(source, target)

    monkeypatch.setattr(folders, "move", slow)
    assert folders.create(start(), taken, number=True).name == "a-2"
    assert sorted(path.name for path in taken.parent.iterdir()) == ["a", "a-2", "latest"]
