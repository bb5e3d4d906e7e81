"""The command line as a person types it: what works, and one line for everything that does not."""

import functools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import aevb_np
from aevb_np import _atomic, cli, completion
from aevb_np.data import files

SHORT = ["--hidden", "8", "--minibatch", "20", "--shape", "6x7"]


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path, monkeypatch, request):
    """Every test has a folder of its own; only those that ask for `pictures` wait for a run's pictures."""
    monkeypatch.chdir(tmp_path)
    if "pictures" not in request.fixturenames:
        monkeypatch.setattr("aevb_np.runs.pictures.drawn", lambda run: {})


@pytest.fixture
def pictures():
    """For tests that look at what `aevb train` and `aevb draw` draw."""


@pytest.fixture
def aevb(capsys):
    """Run a command in this process: exit code, what it printed, what it complained of."""

    def aevb(*words):
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as stop:  # argparse
            code = stop.code
        return code, *capsys.readouterr()

    return aevb


def spawn(*words, **options):
    """Run a command in a process of its own."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **options.pop("environment", {})}
    command = [sys.executable, "-m", "aevb_np", *map(str, words)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, encoding="utf-8", errors="replace",
        **options,
    )  # fmt: skip


# -- what works -------------------------------------------------------------------------------------------------------


def test_train_evaluate_draw_compare(aevb, pictures, own_file, tmp_path):
    code, out, _ = aevb("train", own_file, *SHORT, "--samples", "1e4", "--seed", 3)
    assert code == 0
    folder = tmp_path / "runs" / "stripes-aevb-J2-s3"
    last = out.splitlines()[-1]
    assert (
        re.search(r"after 10,000 samples: bound -[\d.]+ \+- [\d.]+ nats per test image", last)
        and "manifold.png" in last
    )
    assert "stripes: 225 training and 25 test images of 6 x 7, pixels / 255, real-valued" in out
    for name in (
        "checkpoint.npz", "best.npz", "config.json", "history.csv", "log.txt",
        "curve.png", "samples.png", "reconstructions.png", "manifold.png", "latent.png",
    ):  # fmt: skip
        assert (folder / name).stat().st_size > 0
    assert not any(":" in path.name or path.suffix == ".part" for path in folder.iterdir())

    code, out, _ = aevb("evaluate")  # the latest run
    assert code == 0
    assert "active latent dimensions" in out and "estimator A" in out and "bits per dimension: none" in out
    assert aevb("draw", "runs/latest", "--format", "svg")[0] == 0
    assert (folder / "manifold.svg").read_text(encoding="utf-8").startswith("<?xml")

    assert aevb("train", own_file, *SHORT, "--samples", "1e4", "--seed", 3, "--latent", 1)[0] == 0
    assert aevb("train", own_file, *SHORT, "--samples", "1e4", "--seed", 3)[0] == 0  # takes the next free name
    code, out, _ = aevb("compare", folder, "runs/stripes-aevb-J1-s3", f"{folder}-2")
    assert code == 0 and (tmp_path / "compare.png").stat().st_size > 0
    assert re.search(r"latent +2 +1 +2", out)
    assert re.search(r"s3-2 .*gap \+0\.00 \+- 0\.00 \(the same images\)", out)


def test_the_gap_is_the_bound_less_that_of_the_first(aevb, own_file):
    for name, samples in (("short", 200), ("long", 30_000)):
        aevb("train", own_file, *SHORT, "--samples", samples, "--warmup", 0, "--out", name)
    out = aevb("compare", "short", "long")[1]
    bounds = [float(number) for number in re.findall(r"samples +(-[\d.]+) \+-", out)]
    gap = float(re.search(r"gap ([+-][\d.]+)", out)[1])
    assert gap > 0 and gap == pytest.approx(bounds[1] - bounds[0], abs=0.02)


def test_a_long_run_saves_on_the_way_and_says_so(aevb, own_file, monkeypatch):
    monkeypatch.setattr("aevb_np.cli.train.SAVE_EVERY", 0.0)
    monkeypatch.setattr("aevb_np.cli.progress.EVERY", 0.0)
    saves, save = [], aevb_np.Run.save
    monkeypatch.setattr(aevb_np.Run, "save", lambda run, path: (saves.append(run.samples), save(run, path)))
    out = aevb("train", own_file, *SHORT, "--samples", 200, "--out", "run")[1]
    assert saves == [0, *range(20, 201, 20)]
    assert out.count("of 200 samples, ") == 10 and "minibatches -" in out and "images/s" in out


def test_binary_data_have_bits_per_dimension(aevb, tmp_path):
    np.save(tmp_path / "bits.npy", np.random.default_rng(0).random((60, 4, 5)) < 0.5)
    aevb("train", "bits.npy", "--hidden", 5, "--minibatch", 10, "--samples", 2000)
    out = aevb("evaluate")[1]
    bound = float(re.search(r"estimator B.*?(-[\d.]+) \+-", out)[1])
    bits = float(re.search(r"bits per dimension: ([\d.]+)", out)[1])
    assert bits == pytest.approx(-bound / (20 * np.log(2)), abs=1e-3)


def test_a_bound_of_best_npz_says_on_what_it_was_chosen(aevb, own_file):
    aevb("train", own_file, *SHORT, "--samples", "1e4", "--out", "here")
    assert "chosen by their bound on these test images" in aevb("evaluate", "here/best.npz")[1]


def test_resume_is_as_if_it_had_never_stopped(aevb, own_file):
    flags = [own_file, *SHORT, "--step", "0.05", "--warmup", 100]
    assert aevb("train", *flags, "--samples", "3e4", "--out", "whole")[0] == 0
    assert aevb("train", *flags, "--samples", "16000", "--out", "part")[0] == 0  # a row of the whole run too
    code, out, _ = aevb("train", "--resume", "part", "--samples", "3e4")
    assert code == 0 and "going on at 16,000 of 30,000 samples" in out
    assert same_run("whole", "part")
    code, out, _ = aevb("train", "--resume", "part")
    assert code == 0 and "--samples can ask for more" in out


def same_run(one, other):
    a, b = aevb_np.load(one), aevb_np.load(other)
    histories = [(folder / "history.csv").read_bytes() for folder in (pathof(one), pathof(other))]
    return np.array_equal(a.p.flat, b.p.flat) and histories[0] == histories[1]


def pathof(name):
    return aevb_np.runs.folders.find(name)


def test_a_run_cannot_be_shorter_than_it_is(aevb, own_file):
    aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")
    assert "has seen 1,000 samples already; 500 cannot undo them" in complain(
        aevb("train", "--resume", "run", "--samples", 500)
    )


def test_odd_names(aevb, own_file, tmp_path):
    for name in ("x$_$y.npy", "digits.npy"):
        (tmp_path / name).write_bytes(own_file.read_bytes())
        assert aevb("train", tmp_path / name, *SHORT, "--samples", 200)[0] == 0
    assert aevb("compare", "runs/x$_$y-aevb-J2-s0", "runs/digits-aevb-J2-s0")[0] == 0
    assert aevb_np.load("runs/latest").config.step == 0.02  # what `digits` has does not count for a file of that name


def test_epochs(aevb, own_file):
    out = aevb("train", own_file, *SHORT, "--epochs", 3)[1]
    assert "after 660 samples" in out  # 225 points: 11 minibatches of 20 an epoch


def test_mcem_has_no_bound_and_an_encoder_can_be_fitted(aevb, pictures, own_file):
    code, out, _ = aevb("train", own_file, *SHORT, "--method", "mcem", "--samples", "2e4", "--out", "em")
    assert code == 0 and "nats per training image at the chains (no bound: there is no encoder)" in out
    assert "left out: MCEM has no encoder" in out and not os.path.exists("em/reconstructions.png")
    with open("em/history.csv", encoding="utf-8") as file:
        assert file.readline() == "step,samples,log_joint_running,log_joint,acceptance\n"
    assert aevb("draw", "em")[0] == 0 and not os.path.exists("em/best.npz")
    assert "has no encoder" in complain(aevb("evaluate", "em"))
    assert "has no encoder" in complain(aevb("evaluate", "em", "--marginal", "importance"))
    assert "em has no bound to compare" in complain(aevb("compare", "em", "em"))
    code, out, _ = aevb("evaluate", "em", "--marginal", "hmc", "--images", 10)
    assert code == 0 and "moves accepted" in out and "bound" not in out

    code, out, _ = aevb("train", "--freeze", "theta", "em", "--samples", "1e4", "--step", "0.1", "--out", "encoder")
    assert code == 0 and "theta frozen" in out
    assert np.array_equal(aevb_np.load("encoder").p.theta.flat, aevb_np.load("em").p.theta.flat)
    code, out, _ = aevb("train", "--resume", "encoder", "--samples", "1.2e4")
    assert code == 0 and "bound -" in out
    assert "but this run has none" in complain(aevb("train", "--resume", "em", "--freeze", "theta"))
    for flags, message in (
        ([], "needs the run whose decoder is meant"),
        (["em", "--latent", "3"], "latent is 2 in the decoder that is given; got 3"),
        (["em", "--train", "50"], "--train: with --freeze theta the data are the run's"),
        (["nowhere"], "there is no run at nowhere"),
    ):
        assert message in complain(aevb("train", "--freeze", "theta", *flags))


def test_full_vb_shows_the_kl_of_theta_beside_the_bound(aevb, own_file):
    code, out, _ = aevb("train", own_file, *SHORT, "--method", "full-vb", "--estimator", "A", "--samples", "2e4")
    assert code == 0 and re.search(r"train -[\d.]+, KL\(theta\)/N [\d.]+\. Pictures", out)
    out = aevb("evaluate")[1]
    assert re.search(r"KL\(q\(theta\) \|\| p\(theta\)\) / N, not in the bound: [\d.]+", out)


@pytest.mark.parametrize("method", ["hmc", "importance", "quadrature", "ais"])
def test_log_p_of_x_by_each_method(aevb, own_file, method):
    aevb("train", own_file, *SHORT, "--samples", "2e4", "--out", "run")
    code, out, _ = aevb("evaluate", "run", "--marginal", method, "--images", 8)
    assert code == 0 and "test (8 images)" in out
    log_px, bound = (float(re.search(rf"{name}.*? (-[\d.]+) \+-", out)[1]) for name in (f"by {method}", "bound"))
    assert bound - 0.5 < log_px < bound + 3


def test_how_many_images(aevb, own_file):
    aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")
    assert "--images goes with --marginal" in complain(aevb("evaluate", "run", "--images", 3))
    assert "from 1 up; got 0" in complain(aevb("evaluate", "run", "--marginal", "hmc", "--images", 0))


def test_another_numpy_or_kernel_is_said(aevb, own_file):
    aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")
    arrays, config = aevb_np.runs.checkpoints.load("run/checkpoint.npz")
    config["versions"]["numpy"] = "1.0"
    aevb_np.runs.checkpoints.save("run/checkpoint.npz", arrays, config)
    assert "was 1.0; the last bits can differ" in aevb("train", "--resume", "run", "--samples", 2000)[1]


def test_cite_and_version(aevb):
    assert "Kingma" in aevb("cite")[1]
    assert aevb_np.__version__ in aevb("--version")[1]


# -- interrupted ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_how_to_go_on(aevb, own_file, number):
    flags = [own_file, *SHORT, "--warmup", 50]
    process = spawn("train", *flags, "--samples", "1e7", "--out", "run")
    wait_for("run/checkpoint.npz")
    time.sleep(0.5)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in out
    assert re.search(r"saved at [\d,]+ samples. To go on:  aevb train --resume run", out)
    done = aevb_np.load("run").samples
    assert aevb("train", "--resume", "run", "--samples", done + 4000)[0] == 0
    assert aevb("train", *flags, "--samples", done + 4000, "--out", "whole")[0] == 0
    assert np.array_equal(aevb_np.load("run").p.flat, aevb_np.load("whole").p.flat)


def test_runs_side_by_side(own_file):
    processes = [spawn("train", own_file, *SHORT, "--samples", 200) for _ in range(4)]
    for process in processes:
        out, _ = process.communicate(timeout=100)
        assert process.returncode == 0, out
    assert len([name for name in os.listdir("runs") if name.startswith("stripes")]) == 4


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
def test_killed_at_any_moment_it_goes_on_to_the_same_bits(aevb, own_file):
    flags = [own_file, *SHORT, "--samples", "1e5"]
    assert aevb("train", *flags, "--out", "whole")[0] == 0
    process = spawn("train", *flags, "--out", "killed")
    wait_for("killed")
    for kill in range(3):
        time.sleep(random.Random(kill).uniform(0, 0.4))
        process.kill()
        process.communicate()
        aevb_np.load("killed")
        process = spawn("train", "--resume", "killed")
    assert process.communicate(timeout=100)[0] and process.returncode == 0
    assert same_run("whole", "killed")


def wait_for(path):
    until = time.monotonic() + 60
    while not os.path.exists(path):
        assert time.monotonic() < until, f"{path} never came"
        time.sleep(0.01)


# -- other machines ---------------------------------------------------------------------------------------------------


def test_an_old_console_and_a_folder_with_a_space_and_an_accent(own_file):
    process = spawn(
        "train", own_file, *SHORT, "--samples", 1000, "--out", "my été runs/one",
        environment={"PYTHONIOENCODING": "cp1252"},
    )  # fmt: skip
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 0, out
    assert os.path.exists("my été runs/one/curve.png")


SMALLER_SYSTEM = """
import multiprocessing, os, sys
for name in ("sched_getaffinity", "getloadavg", "fork"):
    if hasattr(os, name):
        delattr(os, name)
sys.modules["resource"] = None
opened = open
def without_proc(path, *more, **options):
    if str(path).startswith("/proc"):
        raise FileNotFoundError(path)
    return opened(path, *more, **options)
import builtins
builtins.open = without_proc
exists = os.path.exists
os.path.exists = lambda path: not str(path).startswith("/proc") and exists(path)
from aevb_np.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_system_without_proc_resource_fork_and_affinity(own_file):
    command = [sys.executable, "-c", SMALLER_SYSTEM, "train", own_file, *SHORT, "--samples", "1000"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=100)
    assert done.returncode == 0, done.stderr


def bound_elsewhere(path):
    return aevb_np.load(path).bound(np.zeros((3, 42), np.uint8)).tolist()


def test_a_run_can_be_used_in_a_spawned_process(aevb, own_file):
    import multiprocessing

    aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(bound_elsewhere, ("run",)) == bound_elsewhere("run")


def test_a_replacement_refused_twice_succeeds(aevb, own_file, monkeypatch):
    refused, replace = [], os.replace

    def busy(source, target):
        if str(target).endswith("checkpoint.npz") and len(refused) < 2:
            refused.append(target)
            raise PermissionError(13, "used by another process")
        replace(source, target)

    monkeypatch.setattr(os, "replace", busy)
    assert aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")[0] == 0
    assert len(refused) == 2


# -- what bad input gets ----------------------------------------------------------------------------------------------


def complain(result):
    """The one line of a refused command."""
    code, _, err = result
    assert code == 2 and "Traceback" not in err
    assert len(err.splitlines()) == 1, err
    return err


@pytest.mark.parametrize(
    "flags, message",
    [
        (["nosuchdata"], "no data set is called 'nosuchdata' and no file or folder either; there are digits, faces"),
        (["FILE", "--latent", "0"], r"latent \(J\) is a whole number from 1 up; got 0"),
        (["FILE", "--hidden", "0"], r"hidden \(H\) is .* got 0"),
        (["FILE", "--minibatch", "0"], r"minibatch \(M\) is .* got 0"),
        (["FILE", "--draws", "0"], r"draws \(L\) is .* got 0"),
        (["FILE", "--minibatch", "226"], r"minibatch \(M\) is 226, but there are only 225 training points"),
        (["FILE", "--train", "226"], "has 225 training points; the first 226"),
        (["FILE", "--step", "0"], "step size is above 0 and finite; got 0"),
        (["FILE", "--step", "nan"], "step size is above 0 and finite; got nan"),
        (["FILE", "--step", "inf"], "step size is above 0 and finite; got inf"),
        (["FILE", "--threads", "1e30"], "threads is at most 1024"),
        (["FILE", "--decoder", "gaussian", "--log-var-floor", "nan"], "is a finite number; got nan"),
        ([""], "no data set is called ''"),
        (["--resume", ""], "there is no checkpoint"),
        (["FILE", "--samples", "many"], "a whole number is needed, such as 100 or 1e6; got 'many'"),
        (["FILE", "--samples", "-5"], "--samples is 1 or more; got -5"),
        (["FILE", "--samples", "0"], "--samples is 1 or more; got 0"),
        (["FILE", "--epochs", "0"], "--epochs is 1 or more; got 0"),
        (["FILE", "--samples", "1e4", "--warmup", "100"], "10,000 samples are 100 steps, and Adagrad moves nothing"),
        (["FILE", "--seed", "-1"], "seed is a whole number from 0"),
        (["FILE", "--shape", "28"], "rows and columns are needed, such as 28x20; got '28'"),
        (["FILE", "--binarize", "static"], "binarize='static' is for mnist"),
        (["FILE", "--estimator", "C"], "invalid choice: 'C'"),
        (["FILE", "--labels", "none.npy"], "none.npy"),
        (["FILE", "--threads", "0"], "threads is a whole number from 1 up; got 0"),
        (["digits", "--shape", "28x28"], "shape: for one's own files; digits has them fixed"),
        (["--samples", "10", "--epochs", "1"], "not allowed with"),
        (["--resume", "nowhere"], "there is no run at nowhere"),
        (["--nosuchflag"], "unrecognized arguments: --nosuchflag"),
    ],
)
def test_refused_flags(aevb, own_file, flags, message):
    words = [str(own_file) if word == "FILE" else word for word in flags]
    assert re.search(message, complain(aevb("train", *words)))
    assert not os.path.exists("runs")


def test_refused_data(aevb, tmp_path):
    grey = np.full((30, 4, 5), 0.5)
    rising = grey * np.arange(20).reshape(4, 5) / 10
    for name, array, flags, message in (
        ("range", 3 * rising, ["--decoder", "bernoulli"], "needs x between 0 and 1; got values from 0 to 2.85"),
        ("holes", np.where(np.arange(20).reshape(4, 5) == 7, np.nan, grey), [], "NaN"),
        ("flat", np.zeros(30), [], r"\(30,\)"),
        ("objects", np.array([{}, []], dtype=object), [], "pickle"),
    ):
        np.save(tmp_path / f"{name}.npy", array, allow_pickle=True)
        assert re.search(message, complain(aevb("train", f"{name}.npy", *flags))), name
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and no more")
    assert "cut.npz" in complain(aevb("train", "cut.npz"))
    (tmp_path / "folder").mkdir()
    assert "folder" in complain(aevb("train", "folder"))


def test_a_resumed_run_keeps_its_settings(aevb, own_file):
    aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")
    for flags, message in (
        (["--hidden", "9"], "--hidden is 9, but this run has 8"),
        (["--seed", "1"], "--seed is 1, but this run has 0"),
        (["--log-var-floor", "-16"], "--log-var-floor is -16.0, but this run has None"),
        (["--train", "7"], "--train is 7, but this run has 225"),
        (["--shape", "7x6"], r"--shape is \(7, 6\), but this run has \(6, 7\)"),
        (["--out", "elsewhere"], "stays where it is"),
        (["faces"], "this run is on .*stripes.npy, not on faces"),
    ):
        assert re.search(message, complain(aevb("train", "--resume", "run", "--samples", 2000, *flags)))
    assert aevb("train", own_file, "--resume", "run", "--samples", 2000, *SHORT)[0] == 0
    assert "is there already and is not overwritten" in complain(aevb("train", own_file, "--out", "run"))
    assert "resume the run's folder" in complain(aevb("train", "--resume", "run/best.npz"))


def test_own_data_that_moved_are_found_by_a_flag(aevb, own_file, tmp_path):
    aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")
    own_file.rename(tmp_path / "moved.npy")
    for command in (["evaluate", "run"], ["compare", "run", "run"], ["train", "--resume", "run", "--samples", 2000]):
        assert "--data PATH" in complain(aevb(*command))
        assert aevb(*command, "--data", "moved.npy")[0] == 0, command


def test_what_was_not_trained_is_said(aevb, own_file):
    aevb_np.start(own_file, hidden=8, minibatch=20).save("run")
    assert "nothing has been learned yet: after 0 steps" in aevb("evaluate", "run")[1]
    out = aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "short")[1]
    assert "after 5 gradients of warm-up; 1,000 samples" in out
    assert "nothing has been learned" not in aevb("evaluate", "short")[1]


def test_data_that_changed_since_are_refused(aevb, own_file):
    aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")
    np.save(own_file, np.load(own_file)[::-1])
    assert "trained on other data" in complain(aevb("train", "--resume", "run", "--samples", 2000))


def test_a_damaged_checkpoint_is_named_and_kept(aevb, own_file, tmp_path):
    aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")
    path = tmp_path / "run" / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:500])
    for command in (["train", "--resume", "run"], ["evaluate", "run"], ["draw", "run"], ["compare", "run", "run"]):
        assert "checkpoint.npz is damaged" in complain(aevb(*command))
    assert path.stat().st_size == 500


def test_an_explosion_stops_and_leaves_the_last_good_checkpoint(aevb, own_file):
    err = complain(aevb("train", own_file, *SHORT, "--optimizer", "sgd", "--step", "1e30", "--out", "run"))
    assert re.search(r"stopped at step \d+: .* not finite.* in theta.*Try a smaller step size", err)
    assert "The last good checkpoint is in run" in err
    assert np.isfinite(aevb_np.load("run").p.flat).all()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_when_it_cannot_save_the_previous_checkpoint_survives(aevb, own_file, tmp_path, monkeypatch, error):
    aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")
    before = (tmp_path / "run" / "checkpoint.npz").read_bytes()

    def full(number):
        raise error

    monkeypatch.setattr(_atomic.os, "fsync", full)
    err = complain(aevb("train", "--resume", "run", "--samples", 2000))
    assert error.strerror in err and "what was there before is kept" in err
    assert (tmp_path / "run" / "checkpoint.npz").read_bytes() == before
    assert not [name for name in os.listdir("run") if name.endswith(".part")]


def test_a_folder_that_cannot_be_made(aevb, own_file, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "file" in complain(aevb("train", own_file, *SHORT, "--out", "file/run"))


def test_no_network_and_no_files(aevb, monkeypatch, tmp_path):
    monkeypatch.delenv("AEVB_DATA_DIR", raising=False)
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path / "cache")
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert "aevb data --fetch" in complain(aevb("train", "mnist"))


def test_nothing_to_evaluate_or_compare(aevb):
    assert "there is no run at runs" in complain(aevb("evaluate"))
    assert "two runs or more" in complain(aevb("compare", "one"))
    assert "add --fetch" in complain(aevb("data", "--to", "somewhere"))


def test_our_own_mistakes_are_told_as_such(aevb, monkeypatch):
    monkeypatch.setattr("aevb_np.data.loading.load", lambda *a, **k: 1 / 0)
    code, _, err = aevb("train")
    assert code == 1 and "this is a mistake of ours: ZeroDivisionError" in err and len(err.splitlines()) == 1


def test_config_json_is_whole(aevb, own_file, tmp_path):
    aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))
    assert aevb_np.runs.config.Config.from_dict(config) == aevb_np.load("run").config


# -- completing images ------------------------------------------------------------------------------------------------


def errors_of(out):
    """The mean squared errors that `aevb complete` printed, by what was guessed."""
    return {name: float(number) for name, number in re.findall(r"^  (\w+).*? (\d\.\d{5}) \+- \d\.\d{5}$", out, re.M)}


@pytest.fixture
def few_draws(monkeypatch):
    """The same with fewer moves of HMC."""
    monkeypatch.setattr(completion, "complete", functools.partial(completion.complete, burn_in=60, L=40))


@pytest.mark.parametrize("decoder", ["bernoulli", "gaussian"])
def test_complete(aevb, own_file, few_draws, decoder):
    aevb("train", own_file, *SHORT, "--samples", "4e4", "--step", 0.1, "--decoder", decoder, "--out", "run")
    inpaint = ["--task", "inpaint", "--missing", "right"]
    noise = ["--rate", 0.2] if decoder == "bernoulli" else ["--noise", 0.3]
    for flags, words in (
        ([], ["inpaint: 21 of 42 pixels are missing", "error of the 21 pixels to be found, 25 test images"]),
        ([*inpaint, "--images", 3, "--format", "svg"], ["inpaint: 24 of 42 pixels are missing"]),
        (["--task", "denoise", *noise], ["r = 0.2" if decoder == "bernoulli" else "s = 0.3", "42 pixels to be found"]),
        (["--task", "super-resolve", "--block", 1], ["1 x 1 pixels are seen, n = 1"]),
    ):
        code, out, err = aevb("complete", "run", *flags)
        assert code == 0 and all(word in out for word in words), out + err
        assert os.path.getsize(out.splitlines()[-1]) > 1000
        assert re.search(r"40 draws of z for each image, (8|9)\d\.\d % of the moves accepted", out)
        assert ("made bits first" in out) == (decoder == "bernoulli" and "denoise" in flags)
        errors = errors_of(out)
        assert list(errors) == ["completion", "mean", "nearest"] + ["what"] * (len(flags) > 0 and flags[1] != "inpaint")
        if "inpaint" in words[0]:  # a bar of which a half is seen is known whole
            assert errors["completion"] < errors["mean"]
    assert os.path.exists("run/complete-inpaint.svg") and os.path.exists("run/complete-super-resolve.png")


def test_complete_without_an_encoder(aevb, own_file, few_draws):
    aevb("train", own_file, *SHORT, "--method", "mcem", "--samples", "1e5", "--step", 0.1, "--out", "em")
    code, out, _ = aevb("complete", "em", "--images", 2)
    assert code == 0 and errors_of(out)["completion"] < errors_of(out)["mean"]


def test_completing_again_gives_the_same_numbers(aevb, own_file, few_draws):
    aevb("train", own_file, *SHORT, "--samples", 1000, "--out", "run")
    first, again, other = (aevb("complete", "run", "--task", "denoise", "--seed", seed)[1] for seed in (0, 0, 1))
    assert first == again != other


def test_refused_completions(aevb, own_file):
    aevb("train", own_file, *SHORT, "--samples", 200, "--out", "run")
    for flags, message in (
        (["--task", "denoise", "--rate", "0"], "above 0 and below 0.5, where they say nothing; got 0"),
        (["--task", "denoise", "--rate", "0.5"], "got 0.5"),
        (["--task", "denoise", "--rate", "2"], "got 2"),
        (["--task", "denoise", "--rate", "nan"], "got nan"),
        (["--task", "denoise", "--noise", "0.1"], "--noise does not go with this run's bernoulli decoder; --rate does"),
        (["--task", "super-resolve"], "blocks of 4 x 4 do not fit into images of 6 x 7; none do, but single pixels"),
        (["--task", "super-resolve", "--block", "0"], "blocks of 0 x 0 do not fit"),
        (["--rate", "0.1"], "--rate is for --task denoise; leave it out of --task inpaint"),
        (["--task", "denoise", "--missing", "top"], "--missing is for --task inpaint"),
        (["--missing", "middle"], "invalid choice: 'middle'"),
        (["--task", "colour"], "invalid choice: 'colour'"),
        (["--images", "0"], "--images is a whole number from 1 up; got 0"),
        (["--seed", "-1"], "seed is a whole number from 0"),
    ):
        assert message in complain(aevb("complete", "run", *flags))
    assert not [name for name in os.listdir("run") if name.startswith("complete")]
    assert "there is no run at nowhere" in complain(aevb("complete", "nowhere"))
