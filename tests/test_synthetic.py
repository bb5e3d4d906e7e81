"""The drawn data are what they say they are: their counts, their factors, and how like handwriting the digits look."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from aevb_np.data.digits import ALLOGRAPHS, EDGE, HABITS, digits, ink, place, skeletons, smooth
from aevb_np.data.faces import NOISE, face, faces


@pytest.fixture(scope="module")
def drawn():
    return digits()


@pytest.fixture(scope="module")
def portraits():
    return faces(4_000, 1_000)


def correlation(a, b, labels=None):
    """Pearson's correlation; with labels, of the deviations from each label's means."""
    if labels is not None:
        a, b = (v - (np.bincount(labels, v) / np.bincount(labels).clip(1))[labels] for v in (a, b))
    return np.corrcoef(a, b)[0, 1]


def moments(images):
    """Centre of mass (x, y) and second moments (xx, yy, xy) of every image (n, rows, columns)."""
    mass = images / images.sum(axis=(1, 2), keepdims=True)
    row, column = np.indices(images.shape[1:])
    x, y = (mass * column).sum((1, 2)), (mass * row).sum((1, 2))
    dx, dy = column - x[:, None, None], row - y[:, None, None]
    return x, y, (mass * dx**2).sum((1, 2)), (mass * dy**2).sum((1, 2)), (mass * dx * dy).sum((1, 2))


def nearest(x_train, labels, x):
    """The label of the training image nearest to each image."""
    x_train, x = x_train.astype(np.float32) / 255, x.astype(np.float32) / 255
    return labels[((x_train**2).sum(axis=1) - 2 * x @ x_train.T).argmin(axis=1)]


@pytest.mark.parametrize("draw, shape", [(digits, (28, 28)), (faces, (28, 20))])
def test_shapes_and_types(draw, shape):
    data = draw(1_001, 3)
    D, F = shape[0] * shape[1], len(data.factor_names)
    assert data.name == draw.__name__ and data.image_shape == shape
    assert data.x_train.shape == (1_001, D) and data.x_test.shape == (3, D)
    assert data.x_train.dtype == data.x_test.dtype == np.uint8
    assert data.factors_train.shape == (1_001, F) and data.factors_test.shape == (3, F)
    assert data.factors_train.dtype == data.factors_test.dtype == np.float32


def test_what_the_model_is_told(drawn, portraits):
    assert (drawn.divisor, drawn.decoder, drawn.binarize) == (255, "bernoulli", "none")
    assert (portraits.divisor, portraits.decoder, portraits.binarize) == (256, "gaussian", "none")
    assert drawn.labels_train.shape == (10_000,) and drawn.labels_test.shape == (2_000,)
    assert portraits.labels_train is None and portraits.labels_test is None


@pytest.mark.parametrize("draw", [digits, faces])
def test_same_seed_same_bits_and_other_seed_other_images(draw):
    once, again, other = draw(1_100, 20, seed=3), draw(1_100, 20, seed=3), draw(1_100, 20, seed=4)
    for part in ("x_train", "x_test", "factors_train", "factors_test"):
        assert np.array_equal(getattr(once, part), getattr(again, part))
        assert not np.isclose(getattr(once, part), getattr(other, part)).all(axis=1).any()


@pytest.mark.parametrize("draw", [digits, faces])
@pytest.mark.parametrize("n", [1, 37, 1_000, 1_003])
def test_first_images_do_not_depend_on_how_many_follow(draw, n):
    few, many = draw(n, n), draw(2_011, 1_009)
    for part in ("x_train", "x_test", "factors_train", "factors_test", "labels_train", "labels_test"):
        if getattr(few, part) is not None:
            assert np.array_equal(getattr(few, part), getattr(many, part)[:n])


@pytest.mark.parametrize("draw", [digits, faces])
def test_no_image_occurs_twice(draw):
    data = draw(3_000, 3_000)
    assert len(np.unique(np.vstack([data.x_train, data.x_test]), axis=0)) == 6_000
    assert len(np.unique(np.vstack([data.factors_train, data.factors_test]), axis=0)) == 6_000


@pytest.mark.parametrize("draw", [digits, faces])
@pytest.mark.parametrize("counts", [(0, 5), (5, 0), (-7, 5)])
def test_too_few_images_are_refused_by_number(draw, counts):
    with pytest.raises(ValueError, match=f"at least 1.*got {min(counts)}"):
        draw(*counts)


def test_seed_out_of_range_is_refused():
    with pytest.raises(ValueError, match="seed"):
        digits(1, 1, seed=-1)


# ---- digits


def test_digits_are_balanced_and_in_random_order(drawn):
    for labels in (drawn.labels_train, drawn.labels_test):
        tens = labels.reshape(-1, 10)
        assert np.array_equal(np.sort(tens, axis=1), np.tile(np.arange(10), (len(tens), 1)))
        assert np.all(np.abs(tens.mean(axis=0) - 4.5) < 5 * 2.9 / np.sqrt(len(tens)))  # 2.9: sd of a digit


def test_mean_ink_is_that_of_mnist(drawn):
    assert abs(drawn.x_train.mean() / 255 - 0.13) < 0.02
    assert abs(drawn.x_test.mean() / 255 - 0.13) < 0.02
    assert np.percentile(drawn.x_train.max(axis=1), 1) == 255  # even a thin pen reaches white
    edges = np.concatenate([np.arange(28), np.arange(756, 784), np.arange(0, 784, 28), np.arange(27, 784, 28)])
    assert (drawn.x_train[:, edges].max(axis=1) > 127).mean() < 0.01  # few reach the border; MNIST's: 0.009


def test_factors_of_digits_are_seen_in_the_pixels(drawn):
    images, labels = drawn.x_train.reshape(-1, 28, 28) / 255, drawn.labels_train
    factor = dict(zip(drawn.factor_names, drawn.factors_train.T.astype(float)))
    x, y, xx, yy, xy = moments(images)
    side = np.maximum(*[(images > 0.2).any(axis=axis).sum(axis=1) for axis in (1, 2)])
    perimeter = np.hypot(np.diff(images, axis=1)[:, :, :-1], np.diff(images, axis=2)[:, :-1]).sum(axis=(1, 2))
    thickness = 2 * images.sum(axis=(1, 2)) / perimeter

    for centre, name in ((x, "x"), (y, "y")):
        assert abs(centre.mean() - 14) < 0.1 and 0.2 < centre.std() < 0.4  # MNIST's: 14.0 and 0.29
        assert correlation(centre, factor[name], labels) > 0.8
    assert abs((-xy / yy).mean() - 0.10) < 0.05  # MNIST's: 0.10
    assert correlation(-xy / yy, factor["slant"], labels) > 0.8
    assert correlation(images.mean(axis=(1, 2)), factor["thickness"], labels) > 0.8
    assert correlation(thickness, factor["thickness"], labels) > 0.9
    assert abs((side - factor["size"]).mean()) < 0.5
    assert correlation(side, factor["size"], labels) > 0.7  # a count of whole pixels knows no better
    wide = labels != 1  # the width of a 1 is its pen's
    unslanted = np.sqrt((xx - xy**2 / yy) / yy)
    assert correlation(unslanted[wide], factor["width"][wide], labels[wide]) > 0.6  # some allographs are wider


def test_factors_of_digits_follow_the_habits(drawn):
    for values, (mean, sd, least, most) in zip(drawn.factors_train.T, HABITS.values()):
        assert values.min() >= np.float32(least) and values.max() <= np.float32(most)
        assert abs(values.mean() - mean) < 0.05 * sd
        assert 0.9 < values.std() / sd < 1.03  # the bounds take a little of the spread


def test_place_turns_slants_and_scales():
    upright = np.stack([np.zeros(3), np.linspace(-0.5, 0.5, 3)], axis=1)[None]

    def lean_and_height(**changes):
        pen = {"slant": 0, "width": 1, "size": 20, "thickness": 2, "rotation": 0, "x": 0, "y": 0} | changes
        top, _, bottom = place(upright, np.array([list(pen.values())]))[0]
        return (top[0] - bottom[0]) / (bottom[1] - top[1]), bottom[1] - top[1]

    assert lean_and_height() == pytest.approx((0, 18))  # with the ink, 20
    assert lean_and_height(slant=0.3) == pytest.approx((0.3, 18))  # the top lies to the right
    assert lean_and_height(rotation=0.3) == pytest.approx((np.tan(0.3), 18))  # clockwise


def test_ink_of_a_straight_stroke_is_its_distance():
    ends = np.linspace(-10, 38, 81)
    middles = np.stack([(ends[1:] + ends[:-1]) / 2, np.full(80, 13.3)], axis=1)
    thickness = 3.0
    pixels = ink(middles[None], np.diff(ends)[None], np.array([thickness])).reshape(28, 28)
    expected = np.clip((thickness / 2 - np.abs(np.arange(28) - 13.3)) / EDGE + 0.5, 0, 1) * 255
    assert np.abs(pixels - expected[:, None]).max() <= 1


def test_strokes_pass_through_their_points():
    points = np.array([[0.0, 0.0], [0.3, 0.2], [0.1, 0.9], [0.5, 1.0]])
    curve = smooth(points)
    assert np.abs(curve[:, None] - points).sum(axis=2).min(axis=0).max() < 1e-12
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    assert np.abs(np.diff(steps)).max() < 0.01  # without a jump


def test_skeletons_hold_every_allograph_by_its_share():
    curves, _, pen_down, shares = skeletons()
    expected = np.concatenate([list(styles.values()) for styles in ALLOGRAPHS.values()])
    digit = np.repeat(np.arange(10), [len(styles) for styles in ALLOGRAPHS.values()])
    assert np.bincount(digit, expected) == pytest.approx(1)
    cumulative = shares - digit
    first = np.append(True, np.diff(digit) > 0)
    assert cumulative - np.where(first, 0, np.roll(cumulative, 1)) == pytest.approx(expected)
    steps = np.linalg.norm(np.diff(curves, axis=1), axis=2)
    assert (steps * pen_down).max() <= 1 / 24 + 1e-9  # where the pen writes it never skips a pixel
    lifted = ((pen_down == 0) & (steps > 0)).sum(axis=1)  # 4 (all), 7 (with a bar) and 1 (with a base)
    assert np.array_equal(digit[lifted > 0], [1, 4, 4, 4, 4, 7]) and lifted.max() == 1


def test_labels_name_what_is_drawn(drawn):
    mean = np.stack([drawn.x_train[drawn.labels_train == digit].mean(axis=0) for digit in range(10)])
    mean = mean.reshape(10, 28, 28)
    assert mean.sum(axis=(1, 2)).argmin() == 1
    assert mean[:, 13:16, 13:16].sum(axis=(1, 2)).argmin() == 0  # hollow
    assert (mean[:, :14] - mean[:, 14:]).mean(axis=(1, 2)).argmax() == 7  # the heaviest above


def test_digits_can_be_told_apart(drawn):
    names = nearest(drawn.x_train[:5_000], drawn.labels_train[:5_000], drawn.x_test)
    assert (names == drawn.labels_test).mean() > 0.95


def test_digits_name_those_of_mnist(drawn):
    folder = Path(os.environ.get("AEVB_DATA_DIR", "."))
    found = {path.name: path for path in folder.rglob("t10k-*-ubyte.gz")} if "AEVB_DATA_DIR" in os.environ else {}
    if len(found) < 2:
        pytest.skip("AEVB_DATA_DIR names no folder with MNIST's test files")
    with gzip.open(found["t10k-images-idx3-ubyte.gz"]) as file:
        x = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)[:2_000]
    with gzip.open(found["t10k-labels-idx1-ubyte.gz"]) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)[:2_000]
    assert (nearest(drawn.x_train, drawn.labels_train, x) == labels).mean() > 0.75


# ---- faces


def test_factors_of_faces_are_uniform(portraits):
    for values in portraits.factors_train.T:
        counts, _ = np.histogram(values, bins=10, range=(-1, 1))
        assert counts.sum() == 4_000  # all within [-1, 1]
        assert ((counts - 400) ** 2 / 400).sum() < 27.9  # chi-squared with 9 degrees of freedom, 1 in 1,000
    assert abs(correlation(*portraits.factors_train.T)) < 0.06


def test_turn_and_smile_are_seen_in_the_pixels(portraits):
    images = portraits.x_train.reshape(-1, 28, 20).astype(float)
    turn, smile = portraits.factors_train.T
    asymmetry = images[:, :, :10].mean(axis=(1, 2)) - images[:, :, 10:].mean(axis=(1, 2))
    assert correlation(asymmetry, -turn) > 0.9  # the hair behind the ear is dark, on the side turned away
    frontal = np.abs(turn) < 0.1  # the corners of the mouth are then near columns 7 and 12
    corners = images[frontal][:, :, [7, 12]].mean(axis=2)
    lift = corners[:, 21:23].mean(axis=1) - corners[:, 19:21].mean(axis=1)  # the dark line above, bright skin below
    assert correlation(lift, smile[frontal]) > 0.9


def test_nose_points_where_the_head_turns():
    noses = face(np.float32([-0.5, 0, 0.5]), np.float32([0, 0, 0])).reshape(3, 28, 20)[:, 13, 3:17].argmax(axis=1)
    assert noses[0] < noses[1] < noses[2]


def test_faces_are_a_surface_and_a_little_noise(portraits):
    rest = portraits.x_train - face(*portraits.factors_train.T)
    assert abs(rest.mean()) < 0.05
    assert rest.std(axis=0) == pytest.approx(np.hypot(NOISE, 12**-0.5), rel=0.06)  # and the rounding's 1 / sqrt(12)
    assert portraits.x_train.min() >= 8 and portraits.x_train.max() <= 248


def test_faces_change_smoothly_with_their_causes():
    turn, smile = np.meshgrid(np.linspace(-1, 1, 41, dtype=np.float32), np.linspace(-1, 1, 41, dtype=np.float32))
    grid = face(turn.ravel(), smile.ravel()).reshape(41, 41, -1)
    for axis in (0, 1):
        steps = np.linalg.norm(np.diff(grid, axis=axis), axis=2)  # grey levels, over 560 pixels
        assert steps.min() > 0.2 * steps.mean() and steps.max() < 5 * steps.mean()
