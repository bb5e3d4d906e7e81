"""The figures have the axes, the lines and above all the pixels that they promise, also in hard cases."""

import inspect
import io
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from scipy.stats import norm

from aevb_np import plotting

rng = np.random.default_rng(7)
SAMPLES = np.geomspace(3e3, 1e7, 25)
TRAIN = -98 - 108 * (SAMPLES / 3e3) ** -0.4
DIGITS = rng.random((7, 6))  # seven images of 2 x 3
SEEN = np.where(np.arange(6) % 3 == 1, np.nan, DIGITS)  # without the column in the middle
Z = rng.standard_normal((60, 2))


def decode(z):
    return np.repeat(norm.cdf(z[:, :1]), 6, axis=1)


FIGURES = {
    "curve, low start": lambda: plotting.curve(SAMPLES, {"train": np.r_[-8e6, TRAIN[1:]]}),
    "curve, one row": lambda: plotting.curve([5000], {"train": [-206.0], "test": [-205.0]}),
    "curve, constant": lambda: plotting.curve([0, 1e3, 2e3, 3e3], {"train": [-206, np.nan, 0, 0]}),
    "curve, long": lambda: plotting.curve(np.arange(1, 1001), {"train": np.arange(1000.0)}, 30 * "long title "),
    "curves": lambda: plotting.curves({f"run {k}": (SAMPLES, TRAIN - k, TRAIN - 2 * k) for k in range(4)}, "runs"),
    "curves, long names": lambda: plotting.curves({k * "long name ": ([1], [2], None) for k in (5, 9)}, "runs"),
    "curves, diverged": lambda: plotting.curves({"good": (SAMPLES, TRAIN, None), "bad": ([1], [-1e22], None)}),
    "images": lambda: plotting.images(DIGITS, (2, 3), columns=4, title="digits"),
    "images, one": lambda: plotting.images(DIGITS[:1], (2, 3), title="a title wider than the picture " * 3),
    "images, none": lambda: plotting.images(DIGITS[:0], (2, 3)),
    "reconstructions": lambda: plotting.reconstructions(DIGITS, DIGITS, (2, 3), columns=3),
    "completions": lambda: plotting.completions(DIGITS, SEEN, DIGITS, 0.3 * DIGITS, (2, 3), columns=4, title="task"),
    "completions, none": lambda: plotting.completions(*4 * [DIGITS[:0]], (2, 3)),
    "manifold": lambda: plotting.manifold(decode, (2, 3), n=10, title="latent space"),
    "manifold, one": lambda: plotting.manifold(decode, (2, 3), n=1),
    "scatter, labels": lambda: plotting.scatter(Z, labels=np.arange(60) % 12, title="points"),
    "scatter, one class": lambda: plotting.scatter(Z[:1], labels=["shirt"]),
    "scatter, values": lambda: plotting.scatter(Z, values=Z[:, 0], value_name="KL (nats)"),
    "scatter, constant": lambda: plotting.scatter(Z, np.arange(60) % 2, values=np.ones(60)),
    "scatter, none": lambda: plotting.scatter(Z[:0]),
    "latent_kl, zeros": lambda: plotting.latent_kl(np.zeros(40)),
    "latent_kl": lambda: plotting.latent_kl([3.0]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_without_a_warning_and_without_a_clipped_word(name):
    figure = FIGURES[name]()
    figure.savefig(io.BytesIO(), format="png", dpi=30)
    words, (wide, high) = figure.get_tightbbox(), figure.get_size_inches()
    assert words.x0 >= -0.02 and words.y0 >= -0.02 and words.x1 <= wide + 0.02 and words.y1 <= high + 0.02


@pytest.mark.parametrize("kind", ["svg", "pdf"])
@pytest.mark.parametrize("name", ["curve, one row", "images", "scatter, one class"])
def test_figures_are_saved_as_vectors_too(name, kind):
    file = io.BytesIO()
    FIGURES[name]().savefig(file, format=kind, dpi=50)
    assert file.tell() > 1000


def test_ten_thousand_points_make_a_small_file():
    z = np.random.default_rng(1).standard_normal((10_000, 2))
    file = io.BytesIO()
    plotting.scatter(z, labels=np.arange(10_000) % 10).savefig(file, format="svg")
    assert file.tell() < 300_000


def test_importing_the_module_imports_neither_matplotlib_nor_scipy():
    code = "import sys, aevb_np.plotting; assert not {'matplotlib', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_global_is_touched():
    before = dict(matplotlib.rcParams)
    for name in ("curves", "images", "scatter, labels"):
        FIGURES[name]()
    assert dict(matplotlib.rcParams) == before
    assert "pyplot" not in inspect.getsource(plotting)


# ---------------------------------------------------------------------------------------------- bounds over training


def shown(figure):
    """Which points of each line are within the limits."""
    axes = figure.axes[0]
    low, high = axes.get_ylim()
    return [(low < line.get_ydata()) & (line.get_ydata() < high) for line in axes.lines]


def notes(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_curve_is_figure_2():
    figure = plotting.curve(SAMPLES, {"train": TRAIN, "test": TRAIN - 1}, "a run")
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and axes.get_yscale() == "linear"
    assert "nats" in axes.get_ylabel() and "samples" in axes.get_xlabel()
    assert axes.get_title(loc="left") == "a run"
    train, test = axes.lines
    assert (train.get_linestyle(), test.get_linestyle()) == ("-", "--")
    assert train.get_color() == test.get_color()
    np.testing.assert_array_equal(train.get_xdata(), SAMPLES)
    np.testing.assert_array_equal(test.get_ydata(), TRAIN - 1)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["train", "test"]
    figure.draw_without_rendering()
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.xaxis.get_majorticklocs() if low < tick < high]
    assert axes.xaxis.get_major_formatter().format_ticks(ticks) == ["1e4", "1e5", "1e6", "1e7"]


def test_a_whole_curve_is_shown_when_it_can_be_read():
    figure = plotting.curve(SAMPLES, {"train": TRAIN, "test": TRAIN - 1})
    assert all(inside.all() for inside in shown(figure)) and notes(figure) == []


@pytest.mark.parametrize("start", [-700.0, -8e6, -1e22])
def test_a_start_far_below_is_left_outside_and_counted(start):
    figure = plotting.curve(SAMPLES, {"train": np.r_[start, TRAIN[1:]]})
    (inside,) = shown(figure)
    assert inside.tolist() == [False] + 24 * [True]
    assert notes(figure) == [f"outside the picture: 1 point, the lowest at {start:.4g}".replace("-", "\N{MINUS SIGN}")]


def test_a_run_of_which_nothing_is_left_and_no_run_at_all_still_give_axes():
    assert notes(plotting.curve([0, 1e3], {"train": [-206.0, np.nan]})) == ["outside the picture: 2 points"]
    assert shown(plotting.curves({})) == []


def test_points_that_a_log_axis_cannot_show_are_counted():
    figure = plotting.curve([0, 1e3, 1e4, 1e5], {"train": [-543, np.nan, -np.inf, -100]})
    assert notes(figure) == ["outside the picture: 3 points"]
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1e5]


def test_a_diverged_run_does_not_flatten_the_others_and_a_flat_one_is_seen():
    good, flat, bad = (SAMPLES, TRAIN, None), (SAMPLES, np.full(25, -206.0), None), (SAMPLES, np.full(25, -1e9), None)
    inside = shown(plotting.curves({"good": good, "flat": flat, "bad": bad}))
    assert inside[0].all() and inside[1].all() and not inside[2].any()


def test_one_point_has_a_marker_and_a_tick():
    figure = plotting.curve([5000], {"train": [-206.0]})
    (axes,) = figure.axes
    assert axes.lines[0].get_marker() == "o" and axes.lines[0].get_markevery() == [0]
    low, high = axes.get_xlim()
    assert any(low < tick < high for tick in axes.xaxis.get_majorticklocs())


def test_a_thousand_points_have_few_markers():
    figure = plotting.curve(np.arange(1, 1001), {"train": np.arange(1000.0)})
    assert 5 < len(figure.axes[0].lines[0].get_markevery()) < 15


def test_curves_tell_runs_apart_with_and_without_colour():
    figure = plotting.curves({f"run {k}": (SAMPLES, TRAIN - k, TRAIN - 2 * k) for k in range(10)})
    lines = figure.axes[0].lines
    assert [line.get_linestyle() for line in lines] == 10 * ["-", "--"]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 10
    assert len({line.get_marker() for line in lines[:16]}) == 8
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [f"run {k}" for k in range(10)]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["train", "test"]


def test_a_bound_of_another_length_is_named():
    with pytest.raises(ValueError, match=r"'test' needs one bound .* shapes \(2,\) and \(3,\)"):
        plotting.curve([1, 2, 3], {"train": [1, 2, 3], "test": [1, 2]})


# ------------------------------------------------------------------------------------------------------------ images


def drawn(figure):
    (image,) = figure.axes[0].images
    assert image.get_cmap().name == "gray" and image.get_clim() == (0, 1)
    return np.asarray(image.get_array())


def test_mosaic_puts_image_k_into_tile_k():
    picture = plotting.mosaic(DIGITS, (2, 3), columns=3)
    assert picture.shape == (3 * 3 - 1, 3 * 4 - 1)
    expected = np.ones((8, 11))
    for k in range(7):
        for i in range(2):
            for j in range(3):
                expected[k // 3 * 3 + i, k % 3 * 4 + j] = DIGITS[k, 3 * i + j]
    np.testing.assert_array_equal(picture, expected)


def test_mosaic_names_the_wrong_number():
    with pytest.raises(ValueError, match=r"images of 28 x 20 come as rows of 560 numbers; .* \(7, 6\)"):
        plotting.mosaic(DIGITS, (28, 20), 3)
    with pytest.raises(ValueError, match="one column or more; got 0"):
        plotting.mosaic(DIGITS, (2, 3), 0)


def test_images_are_ink_on_paper_or_as_they_are():
    x = np.array([[-0.5, 0.25, 1.5]])
    np.testing.assert_array_equal(drawn(plotting.images(x, (1, 3))), [[1, 0.75, 0]])
    np.testing.assert_array_equal(drawn(plotting.images(x, (1, 3), invert=False)), [[0, 0.25, 1]])
    picture = drawn(plotting.images(np.ones((3, 6)), (2, 3), columns=2))
    assert picture[:2, 3].tolist() == [1, 1] and (picture[3:, 4:] == 1).all()  # gaps and free tiles are white


def test_few_images_need_few_columns():
    assert drawn(plotting.images(DIGITS[:2], (2, 3), columns=10)).shape == (2, 7)


def test_reconstructions_stand_below_their_originals():
    figure = plotting.reconstructions(DIGITS, 0.5 * DIGITS, (2, 3), invert=False, columns=4)
    picture, axes = drawn(figure), figure.axes[0]
    ticks = axes.get_yticks()
    assert [text.get_text() for text in axes.get_yticklabels()] == 2 * ["original", "reconstruction"]
    for k in range(7):
        left = k % 4 * 4
        for tick, factor in zip(ticks[k // 4 * 2 :], (1, 0.5)):
            tile = picture[int(tick - 0.5) : int(tick + 1.5), left : left + 3]  # the tick is in the middle of two rows
            np.testing.assert_array_equal(tile, factor * DIGITS[k].reshape(2, 3))
    assert (picture[int(ticks[2] - 0.5) :, 12:] == 1).all()
    with pytest.raises(ValueError, match=r"its reconstruction; got shapes \(7, 6\) and \(2, 6\)"):
        plotting.reconstructions(DIGITS, DIGITS[:2], (2, 3))


def test_completions_stand_below_one_another():
    figure = plotting.completions(DIGITS, SEEN, 0.5 * DIGITS, 0.2 * DIGITS, (2, 3), columns=4)
    (axes,), (image,) = figure.axes, figure.axes[0].images
    picture, ticks = np.ma.filled(image.get_array(), np.nan), axes.get_yticks()
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == 2 * ["image", "seen", "posterior mean", f"spread\n(black: {0.2 * DIGITS.max():.2g})"]
    for k in range(7):
        left = k % 4 * 4
        for tick, expected in zip(ticks[k // 4 * 4 :], (DIGITS, SEEN, 0.5 * DIGITS, DIGITS / DIGITS.max())):
            tile = picture[int(tick - 0.5) : int(tick + 1.5), left : left + 3]
            np.testing.assert_allclose(tile, 1 - expected[k].reshape(2, 3), atol=1e-15)
    assert not np.isnan(picture[:, 3::4]).any()  # the gaps are white, not unseen
    red, green, blue, _ = image.get_cmap()(np.ma.masked)
    assert red < green < blue  # no shade of grey
    with pytest.raises(ValueError, match=r"what was seen of it.* \(7, 6\), \(2, 6\)"):
        plotting.completions(DIGITS, SEEN[:2], DIGITS, DIGITS, (2, 3))


def test_the_spread_of_faces_is_black_where_it_is_largest_too():
    picture = drawn(plotting.completions(*4 * [np.array([[0.0, 0.5]])], (1, 2), invert=False))
    np.testing.assert_array_equal(picture[[0, 6]], [[0, 0.5], [1, 0]])


# ------------------------------------------------------------------------------------------------------ latent space


def test_manifold_grid_is_the_inverse_cdf_of_a_linear_grid():
    n = 5
    z = plotting.manifold_grid(n)
    assert z.shape == (n * n, 2)
    for i in range(n):
        for j in range(n):
            np.testing.assert_allclose(z[i * n + j], norm.ppf([(i + 0.5) / n, (j + 0.5) / n]), atol=1e-15)


@pytest.mark.parametrize("dimension", [0, 1])
def test_manifold_has_z_0_down_the_rows_and_z_1_along_the_columns(dimension):
    def shade(z):
        return np.repeat(norm.cdf(z[:, [dimension]]), 6, axis=1)

    figure = plotting.manifold(shade, (2, 3), n=4, invert=False)
    tiles = drawn(figure)[::3, ::4]  # the first pixel of every tile
    expected = np.repeat([[0.125], [0.375], [0.625], [0.875]], 4, axis=1)
    np.testing.assert_allclose(tiles, expected if dimension == 0 else expected.T, atol=1e-15)
    (axes,) = figure.axes
    assert "z_0" in axes.get_ylabel() and "z_1" in axes.get_xlabel()


def test_manifold_marks_whole_standard_deviations():
    figure = plotting.manifold(lambda z: np.zeros((len(z), 6)), (2, 3), n=20)
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert names == ["\N{MINUS SIGN}2", "\N{MINUS SIGN}1", "0", "1", "2"]
    centres = 4 * np.arange(20) + 1.0  # of the columns, in pixels
    z = norm.ppf((np.arange(20) + 0.5) / 20)
    np.testing.assert_allclose(np.interp(axes.get_xticks()[1:4], centres, z), [-1, 0, 1], atol=0.02)
    np.testing.assert_allclose(np.interp(axes.get_yticks()[1:4], 3 * np.arange(20) + 0.5, z), [-1, 0, 1], atol=0.02)


def test_scatter_lies_as_the_manifold_does():
    figure = plotting.scatter(Z)
    (axes,) = figure.axes
    np.testing.assert_array_equal(axes.collections[0].get_offsets(), Z[:, ::-1])
    assert axes.yaxis_inverted() and not axes.xaxis_inverted()
    assert axes.get_aspect() == 1
    assert "z_0" in axes.get_ylabel() and "z_1" in axes.get_xlabel()
    assert [np.hypot(*line.get_xydata().T).round(9).max() for line in axes.lines] == [1, 2]
    assert axes.collections[0].get_rasterized()


def test_scatter_writes_every_class_at_its_median():
    z = np.array([[0.0, 0.0], [0.1, 0.2], [3.0, 9.0], [-1.0, 1.0], [-1.0, 1.2], [-1.0, 1.4]])
    figure = plotting.scatter(z, labels=["b", "b", "b", "a", "a", "a"])
    places = {text.get_text(): text.get_position() for text in figure.axes[0].texts if "sd" not in text.get_text()}
    assert places == {"a": (1.2, -1.0), "b": (0.2, 0.1)}  # horizontally z_1, vertically z_0
    colors = figure.axes[0].collections[0].get_facecolors()
    assert len(np.unique(colors, axis=0)) == 2


def test_names_of_classes_in_one_place_are_moved_apart():
    figure = plotting.scatter(np.zeros((3, 2)), labels=[4, 7, 9])
    places = np.array([text.get_position() for text in figure.axes[0].texts if "sd" not in text.get_text()])
    assert min(np.hypot(*(places[a] - places[b])) for a, b in ((0, 1), (0, 2), (1, 2))) > 0.15


def test_ten_classes_have_ten_colours():
    assert len(set(plotting.CLASS_COLORS)) == 10


def test_scatter_by_value_has_a_named_colour_bar():
    figure = plotting.scatter(Z, values=Z[:, 0], value_name="KL (nats)")
    axes, bar = figure.axes
    assert axes.collections[0].get_cmap().name == "cividis"
    assert bar.get_ylabel() == "KL (nats)"


def test_many_points_are_small():
    few, many = (plotting.scatter(np.zeros((M, 2))).axes[0].collections[0].get_sizes()[0] for M in (50, 10_000))
    assert many < few


def test_scatter_needs_two_dimensions():
    with pytest.raises(ValueError, match=r"two latent dimensions.* \(4, 3\)"):
        plotting.scatter(np.zeros((4, 3)))


def test_latent_kl_sorts_and_counts():
    figure = plotting.latent_kl([0.002, 2.0, 0.01, 0.5], threshold=0.01)
    (axes,) = figure.axes
    assert axes.get_title(loc="left").startswith("2 of 4 ")
    assert [bar.get_height() for bar in axes.patches] == [2.0, 0.5, 0.01, 0.002]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "3", "2", "0"]
    assert axes.get_yscale() == "log"
    assert list(axes.lines[0].get_ydata()) == [0.01, 0.01]
