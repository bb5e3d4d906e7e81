"""J. Irvin's report "Auto-Encoding Variational Bayes" (2016), made again: MNIST with N_z = 2, 3 and 50.

Training curves, a table of the best values, reconstructions, the latent plane and where the training data lie in it.
The report does not say how it was trained; its losses are our bounds with the sign changed.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aevb_np import plotting
from aevb_np.experiments import drawing
from aevb_np.experiments.curve import Curve
from aevb_np.experiments.lines import Line, by_curve
from aevb_np.experiments.plan import Budget
from aevb_np.experiments.recipe import Made, OpenRun, markdown, with_chosen_step
from aevb_np.runs.run import Run

NAME, SEEDS = "report", 1
DRAWS_RUNS = True
LATENT = (2, 3, 50)
SHOWN = 6  # images reconstructed
SIDE, REACH = 20, 3.0  # tiles along a side of the latent plane, and how far it goes
EPOCHS = 550  # of 50,000 images: as long as the report trained
LENGTHS = {"quick": {"mnist": 1.6e5}, "hour": {"mnist": 5e6}, "full": {"mnist": EPOCHS * 5e4}}
THEIRS = {3: (-133.74, -136.30), 50: (-100.47, -100.78)}  # best training and test bound in the report
ADAM = (("optimizer", "adam"), ("step", 0.001))
ALL = (("n_train", 60_000),)  # training images: the report does not say whether it kept some of them back


def curves(budget: Budget, seeds: int) -> list[Curve]:
    """Adam, on 50,000 images and for the report's own N_z on all, and the paper's Adagrad beside it."""
    length = budget.of("mnist", LENGTHS)
    made = []
    for seed in range(seeds):
        for J in LATENT:
            adam = Curve("mnist", "aevb", J, length, seed, variant="adam", settings=ADAM)
            made += [adam, with_chosen_step(Curve("mnist", "aevb", J, length, seed))]
            if J in THEIRS:
                made.append(dataclasses.replace(adam, variant="adam60000", source=ALL))
    return made


def make(lines: list[Line], open_run: OpenRun, note: str) -> Made:
    """Four pictures and a table."""
    made = Made(texts={"report.md": table(lines, note)})
    theirs = {J: test for J, (_, test) in THEIRS.items()}
    made.pictures["report_curves"] = drawing.report_curves(by_curve(lines), theirs, note)
    names = {rows[0].n_z: name for name, rows in by_curve(lines).items() if "-adam-" in name and rows[0].seed == 0}
    runs = {J: open_run(names[J]) for J in sorted(names)}
    ink = lines[0].data in drawing.INK
    if runs:
        originals, means = reconstructions(runs)
        made.pictures["report_reconstructions"] = drawing.report_reconstructions(originals, means, (28, 28), ink, note)
    if 2 in runs:
        made.pictures["report_manifold"] = drawing.plane(manifold(runs[2]), SIDE, REACH, (28, 28), ink, note)
        codes, labels = training_codes(runs[2])
        title = f"means of q(z|x) of {len(codes):,} training images" + (f"\n{note}" if note else "")
        made.pictures["report_codes"] = plotting.scatter(codes, labels=labels, title=title)
    return made


def table(lines: list[Line], note: str) -> str:
    """The best values of each curve, beside the report's."""
    rows = []
    for curve in by_curve(lines).values():
        best_train = max(curve, key=lambda line: line.train_bound)
        best_test = max(curve, key=lambda line: line.test_bound)
        theirs = THEIRS.get(curve[0].n_z)
        rows.append(
            [
                str(curve[0].n_z),
                next(part for part in curve[0].settings.split("; ") if part.startswith("ada")),
                f"{curve[0].n_train:,}",
                str(curve[0].seed),
                f"{best_train.train_bound:.2f} ({best_train.samples:,})",
                f"{best_test.test_bound:.2f} ({best_test.samples:,})",
                f"{curve[-1].test_bound:.2f} ({curve[-1].samples:,})",
                f"{theirs[0]:.2f} / {theirs[1]:.2f}" if theirs else "not given",
            ]
        )
    rows.sort(key=lambda row: (int(row[0]), *row[1:4]))
    header = ["N_z", "optimiser", "images", "seed", "best train", "best test", "last test", "report: train / test"]
    head = (
        '# Irvin\'s report: best values\n\nJ. Irvin, "Auto-Encoding Variational Bayes" (2016), beside ours. Bound in '
        "nats per image, train at the parameters of the row, and after how many samples it was reached. The best test "
        "value of a curve was chosen on the test images; the last one was not. The report says neither on how many "
        "images it trained nor with which optimiser.\n"
    )
    return f"{head}{note}\n{markdown(header, rows)}"


def reconstructions(runs: Mapping[int, Run]) -> tuple[NDArray, dict[int, NDArray]]:
    """The first test images, and what each model makes of them.   (6, D), and (6, D) for each N_z"""
    run = next(iter(runs.values()))
    x = run.data.scale(run.data.x_test[:SHOWN])
    return x, {J: model.reconstruct(x) for J, model in runs.items()}


def manifold(run: Run) -> NDArray:
    """The decoder's means on a square grid over [-3, 3]^2; z_0 downwards, z_1 to the right.   (400, D)"""
    z = np.linspace(-REACH, REACH, SIDE)
    return run.decode(np.stack(np.meshgrid(z, z, indexing="ij"), axis=-1).reshape(-1, 2))


def training_codes(run: Run) -> tuple[NDArray, NDArray | None]:
    """Where the encoder puts every training image, and the labels.   (N, 2), (N,)"""
    pixels = run.data.x_train
    means = [run.encode(run.data.scale(pixels[start : start + 1000]))[0] for start in range(0, len(pixels), 1000)]
    return np.concatenate(means), run.data.labels_train
