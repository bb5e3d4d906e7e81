"""The explorer's page holds what it says, in little room, and works in a browser."""

import base64
import dataclasses
import hashlib
import html
import io
import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import matplotlib.image
import numpy as np
import pytest
from browser import CHROMIUM, Browser
from scipy.stats import norm

from aevb_np import cli, explorer
from aevb_np.data import Dataset
from aevb_np.explorer import explore, packing
from aevb_np.layers import HIDDEN_UNITS
from aevb_np.numerics import sigmoid, softplus

NASTY = '</script><script>alert("1")</script>&amp;<!--'
NASTY_NAME = NASTY.replace("/", "")  # what a file may be called


class Parts(HTMLParser):
    """The text and the attributes of every element of a page, and the JSON that it holds."""

    def __init__(self, page):
        super().__init__()
        self.elements = [["", "", {}]]
        self.feed(page)
        self.content = json.loads(self.only("script", id="content")[1])

    def handle_starttag(self, tag, attributes):
        self.elements.append([tag, "", dict(attributes)])

    def handle_data(self, data):
        self.elements[-1][1] += data

    def only(self, tag, **attributes):
        (found,) = [e for e in self.elements if e[0] == tag and attributes.items() <= e[2].items()]
        return found


def matrix(packed):
    """What the page's script makes of a matrix."""
    unit = np.frombuffer(base64.b64decode(packed["unit"]), "<f4")
    whole = np.frombuffer(base64.b64decode(packed["whole"]), f"<i{packed['bits'] // 8}")
    return whole.reshape(-1, len(unit)) * unit


def decode(content, z):
    """The page's decoder, in NumPy."""
    layers = content["decoder"]
    hidden, output = (matrix(layers[name]) for name in ("hidden", "output"))
    b_hidden, b_output = (np.frombuffer(base64.b64decode(layers[name]["b"]), "<f4") for name in ("hidden", "output"))
    unit = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0), "softplus": softplus}[layers["unit"]]
    y = unit(z @ hidden + b_hidden) @ output + b_output
    return sigmoid(y) if layers["sigmoid"] else y


def sigmoid_mean(run):
    return run.config.decoder == "bernoulli" or run.config.sigmoid_mean


def learned(run, seed=0):
    """The run with a decoder whose images change from place to place, as those of a trained one do."""
    theta, rng = run.p.theta, np.random.default_rng(seed)
    output = theta.logits if run.config.decoder == "bernoulli" else theta.mean
    H = len(output.W)
    theta.hidden.W[...] = rng.standard_normal(theta.hidden.W.shape) / run.model.J**0.5
    theta.hidden.b[...] = rng.standard_normal(H)
    output.W[...] = (2 if sigmoid_mean(run) else 0.4) * rng.standard_normal(output.W.shape) / H**0.5
    run.p.phi.mean.W[...] = rng.standard_normal(run.p.phi.mean.W.shape)
    return run


SETTINGS = {
    "J = 1": {"latent": 1},
    "J = 2": {},
    "J = 3": {"latent": 3},
    "Gaussian": {"decoder": "gaussian", "sigmoid_mean": True},
    "Gaussian, any mean": {"decoder": "gaussian", "sigmoid_mean": False, "latent": 3},
    "float64": {"dtype": "float64"},
    "relu": {"hidden_unit": "relu"},
    "softplus": {"hidden_unit": "softplus"},
    "softplus, Gaussian": {"hidden_unit": "softplus", "decoder": "gaussian", "sigmoid_mean": False},
    "MCEM": {"method": "mcem"},
}


# ---------------------------------------------------------------------------------------------------- what it holds


@pytest.mark.parametrize("name", SETTINGS)
def test_the_page_decodes_as_the_run_does(start, name):
    run = learned(start(**SETTINGS[name]))
    content = Parts(explore(run).page).content
    assert content["J"] == run.model.J and content["imageShape"] == [6, 7]
    assert content["decoder"]["sigmoid"] == sigmoid_mean(run) == (SETTINGS[name].get("sigmoid_mean", True))
    z = np.random.default_rng(1).standard_normal((300, run.model.J))
    x, seen = run.decode(z), decode(content, z)
    assert np.ptp(x, axis=0).max() > 0.5  # there is something to see
    assert np.abs(np.clip(seen, 0, 1) - np.clip(x, 0, 1)).max() < 0.02


def test_the_page_draws_every_hidden_unit_or_says_no(start, monkeypatch):
    script = files("aevb_np.explorer").joinpath("page.js").read_text("utf-8")
    table = script.partition("const units = {")[2].partition("};")[0]
    assert tuple(re.findall(r"^  (\w+):", table, re.MULTILINE)) == explorer.UNITS == tuple(HIDDEN_UNITS)
    monkeypatch.setitem(HIDDEN_UNITS, "sine", lambda a: (np.sin(a), lambda dh: dh * np.cos(a)))
    with pytest.raises(ValueError, match="the page can draw tanh, relu, softplus units; this run's are sine"):
        explore(start(hidden_unit="sine"))


@pytest.mark.parametrize("latent", [2, 20])
def test_784_500_is_below_700_kb_and_right_even_for_images_that_no_one_can_compress(start, latent):
    noise = np.random.default_rng(2).integers(0, 256, (600, 784), dtype=np.uint8)
    run = learned(start(Dataset("noise", noise, noise, (28, 28), 255), hidden=500, latent=latent))
    found = explore(run)
    assert found.points >= explorer.FEWEST and len(found.page.encode()) < 700_000
    content = Parts(found.page).content
    assert content["decoder"]["output"]["bits"] == 8
    z = np.random.default_rng(3).standard_normal((300, latent))
    assert np.abs(decode(content, z) - run.decode(z)).max() < 0.02


def test_a_page_takes_fewer_images_where_room_is_short(start, monkeypatch):
    run = start()
    assert explore(run, points=7).points == 7
    with pytest.raises(ValueError, match="got points = 0"):
        explore(run, points=0)
    whole = explore(run)
    assert whole.points == 50
    monkeypatch.setattr(explorer, "FEWEST", 5)
    monkeypatch.setattr(explorer, "SIZE", len(whole.page.encode()) - 500)
    fewer = explore(run)
    assert 5 <= fewer.points < 50 and len(fewer.page.encode()) <= explorer.SIZE


def test_data_points_are_those_of_the_encoder(start, small):
    run = learned(start(latent=3))
    points = Parts(explore(run).page).content["points"]
    mu, log_var = run.encode(small.x_test)
    np.testing.assert_allclose(matrix(points["mu"]), mu, atol=1e-4 * np.abs(mu).max())
    np.testing.assert_allclose(matrix(points["logVar"]), log_var, atol=1e-4 * np.abs(log_var).max())
    (colours,) = points["colours"]
    assert colours["classes"] == ["0", "1", "2"] and colours["of"] == small.labels_test.tolist()

    sheet = matplotlib.image.imread(io.BytesIO(base64.b64decode(points["images"])))
    for k in range(50):  # image k is in row k // columns and column k % columns
        top, left = k // points["columns"] * 6, k % points["columns"] * 7
        found = 255 * sheet[top : top + 6, left : left + 7]
        np.testing.assert_allclose(found.ravel(), small.x_test[k], atol=1e-3)


def test_factors_become_colour_bars_and_no_cause_one_colour(start, small):
    factors = np.random.default_rng(0).uniform(-2, 5, (250, 2))
    causes = dataclasses.replace(
        small, labels_train=None, labels_test=None, factors_train=factors[:200], factors_test=factors[200:],
        factor_names=("turn", "smile"),
    )  # fmt: skip
    turn, smile = Parts(explore(start(causes)).page).content["points"]["colours"]
    assert (turn["name"], smile["name"]) == ("turn", "smile")
    low, high = smile["ends"]
    values = low + (high - low) * np.array(smile["of"]) / (len(smile["light"]) - 1)
    np.testing.assert_allclose(values, factors[200:, 1], atol=(high - low) / 60)

    none = dataclasses.replace(small, labels_train=None, labels_test=None)
    (plain,) = Parts(explore(start(none)).page).content["points"]["colours"]
    assert plain["classes"] == [] and set(plain["of"]) == {0}


def test_the_two_dimensions_shown_first_are_those_with_the_largest_kl(start):
    run = start(latent=4)
    run.p.phi.mean.b[...] = [0.1, 2.0, 0.2, 1.0]
    content = Parts(explore(run).page).content
    assert content["axes"] == [1, 3]
    assert np.argsort(content["kl"]).tolist() == [0, 2, 3, 1]


def test_a_model_without_encoder_has_no_data_points(start):
    found = explore(start(method="mcem"))
    assert found.points == 0 and Parts(found.page).content["points"] is None
    assert "No data points" in found.page


# --------------------------------------------------------------------------------------------------- fit for the world


def test_nothing_is_fetched_and_only_our_own_script_runs(start):
    page = explore(start()).page
    assert "://" not in page
    parts = Parts(page)
    for tag, _, attributes in parts.elements:
        assert tag != "link"
        for name in ("src", "href", "srcset"):
            assert attributes.get(name, "data:").startswith("data:")
    policy = parts.only("meta", **{"http-equiv": "Content-Security-Policy"})[2]["content"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    style, script = re.search("<style>(.*)</style>", page, re.S)[1], re.search("<script>(.*)</script>", page, re.S)[1]
    for source in (style, script):
        assert base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() in policy


def test_names_cannot_break_out_of_the_page(start, small):
    labels = np.array([NASTY, "b"])[np.arange(250) % 2]
    data = dataclasses.replace(small, name=NASTY_NAME, labels_train=labels[:200], labels_test=labels[200:])
    found = explore(start(data))
    assert found.page.count("<script") == 2 and "<script>alert" not in found.page
    assert NASTY in Parts(found.page).content["points"]["colours"][0]["classes"]
    assert f"<title>The latent space of {html.escape(NASTY_NAME)}</title>" in found.page


def test_a_notebook_shows_the_page_above_a_still_picture(start):
    found = explore(start())
    (frame,) = re.findall('<iframe [^>]*sandbox="allow-scripts"[^>]* srcdoc="([^"]*)"></iframe>', found._repr_html_())
    assert html.unescape(frame) == found.page
    still = base64.b64decode(re.search('<img [^>]*src="data:image/png;base64,([^"]*)"', found._repr_html_())[1])
    assert still == found.still == found._repr_png_()
    assert found.page.count(base64.b64encode(still).decode()) == 1  # for those who switch scripts off
    assert matplotlib.image.imread(io.BytesIO(still)).shape == (60, 70)
    assert "save" in repr(found)


@pytest.mark.parametrize(("latent", "shape"), [(1, (6, 70)), (2, (60, 70)), (5, (60, 70))])
def test_the_still_picture_is_what_the_decoder_draws(start, latent, shape):
    run = learned(start(latent=latent))
    still = matplotlib.image.imread(io.BytesIO(explore(run).still))
    assert still.shape == shape
    z = np.zeros((1, latent))
    z[0, Parts(explore(run).page).content["axes"]] = norm.ppf(0.05)
    corner = run.decode(z if latent > 1 else z[:, :1])[0].reshape(6, 7)
    corner = 1 - corner if explorer.ink(run) else corner
    np.testing.assert_allclose(still[:6, :7], corner, atol=1 / 15)


def test_a_page_is_written_whole_or_not_at_all(start, tmp_path):
    found = explore(start())
    found.save(tmp_path / "a.html")
    assert (tmp_path / "a.html").read_bytes() == found.page.encode()
    with pytest.raises(OSError, match="could not write"):
        found.save(tmp_path / "nowhere" / "a.html")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


# ------------------------------------------------------------------------------------------------------------- packing


def test_weights_rounded_together_make_better_images_than_weights_rounded_alone():
    rng = np.random.default_rng(0)
    h = np.tanh(rng.standard_normal((2000, 2)) @ rng.standard_normal((2, 100)) + rng.standard_normal(100))
    W = rng.standard_normal((100, 30)).astype(np.float32)
    alone, together = packing.rounded(W, 8), packing.rounded_together(W, h[::2], 8)
    loss, smaller = (np.abs(h[1::2] @ (W - found.numbers())).max() for found in (alone, together))
    assert smaller < 0.3 * loss


def test_zeros_and_a_network_that_says_nothing_are_rounded_too():
    for h in (np.zeros((10, 4)), np.ones((10, 4))):
        assert (packing.rounded_together(np.zeros((4, 3)), h, 8).numbers() == 0).all()


def test_sixteen_bits_where_eight_would_show():
    rng = np.random.default_rng(0)
    W, h = 300 * rng.standard_normal((40, 5)), np.tanh(3 * rng.standard_normal((400, 40)))
    assert packing.smallest(W, np.zeros(5), h, sigmoid=True)["bits"] == 16
    assert packing.smallest(W / 3000, np.zeros(5), h, sigmoid=True)["bits"] == 8


# --------------------------------------------------------------------------------------------------- the command line


@pytest.fixture
def aevb(capsys):
    """Run a command in this process: exit code, what it printed, what it complained of."""

    def aevb(*words):
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return aevb


def test_the_command_writes_beside_the_checkpoint_or_elsewhere(aevb, own_file, tmp_path):
    run = tmp_path / "run"
    flags = ("--shape", "6x7", "--hidden", 8, "--minibatch", 20, "--samples", 400)
    assert aevb("train", own_file, *flags, "--out", run)[0] == 0
    code, out, _ = aevb("explore", run)
    assert code == 0 and re.search(r"explore\.html: \d+ KB, 25 test images", out)
    page = (run / "explore.html").read_text("utf-8")
    (run / "explore.html").unlink()
    assert aevb("explore", run / "checkpoint.npz")[0] == 0 and (run / "explore.html").read_text("utf-8") == page
    assert aevb("explore", run, "--out", tmp_path / "b.html")[0] == 0 and (tmp_path / "b.html").exists()

    assert aevb("train", own_file, *flags, "--method", "mcem", "--out", tmp_path / "em")[0] == 0
    assert "no data points: MCEM has no encoder" in aevb("explore", tmp_path / "em")[1]


def test_what_is_wrong_takes_one_line(aevb, tmp_path):
    for words, complaint in (
        (["explore", tmp_path / "none"], "there is no run at"),
        (["explore", "--out", "page.png"], "such as explore.html; got --out page.png"),
    ):
        code, _, err = aevb(*words)
        assert code == 2 and complaint in err and err.count("\n") == 1


# ----------------------------------------------------------------------------------------------------------- a browser


def pixels(browser, canvas):
    """What is on a canvas, of data that are shown as ink on paper."""
    code = f"(c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data))({canvas})"
    return 1 - np.array(browser.js(code)).reshape(-1, 4)[:, 0] / 255


def canvas(id):
    return f"document.getElementById('{id}')"


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium on the path")
def test_drag_keys_toggle_path_and_point_work_in_a_browser(start, small, tmp_path):
    run = learned(start())
    explore(run).save(tmp_path / "page.html")

    def error(canvas, z):
        return np.abs(pixels(browser, canvas) - np.clip(run.decode([z])[0], 0, 1)).max()

    def state():
        return browser.js("aevb.state()")

    browser = Browser()
    try:
        browser.open(tmp_path / "page.html")
        left, top = browser.js("(r => [r.left, r.top])(document.getElementById('plane').getBoundingClientRect())")

        def at(place):
            x, y = browser.js(f"aevb.{place}")
            return left + x, top + y

        # a drag changes the image, and it is NumPy's
        before = pixels(browser, canvas("image"))
        browser.drag(at("place([0, 0])"), at("place([0.5, -0.5])"), at("place([1.2, -0.7])"))
        np.testing.assert_allclose(state()["z"], [1.2, -0.7], atol=1e-2)
        assert np.abs(pixels(browser, canvas("image")) - before).max() > 0.1
        assert error(canvas("image"), state()["z"]) < 0.02

        # keys
        browser.js("document.getElementById('plane').focus()")
        browser.key("Home")
        browser.key("ArrowRight")
        browser.key("ArrowDown")
        browser.key("ArrowDown", shift=True)
        np.testing.assert_allclose(state()["z"], [0.12, 0.1], atol=1e-9)
        browser.key("a")
        np.testing.assert_allclose(state()["ends"]["A"], [0.12, 0.1], atol=1e-9)

        # the unit square
        u = np.r_[1e-6, np.linspace(0.001, 0.999, 99), 1 - 1e-6]
        np.testing.assert_allclose(browser.js(f"{u.tolist()}.map(aevb.inverseCdf)"), norm.ppf(u), atol=1e-8)
        browser.js("document.querySelector('[value=square]').click()")
        middle, corner = (np.array(at(f"place([{v}, {v}])")) for v in (0, 1))
        one = browser.js("aevb.place([9, 9])[0] - aevb.place([-9, -9])[0]")  # the side of the square
        np.testing.assert_allclose((corner - middle) / one, norm.cdf(1) - 0.5, atol=1e-9)
        browser.drag(at(f"place({state()['z']})"), at("place([-1.5, 2])"))
        np.testing.assert_allclose(state()["z"], [-1.5, 2], atol=0.05)
        assert error(canvas("image"), state()["z"]) < 0.02
        browser.js("document.querySelector('[value=plane]').click()")

        # the path
        browser.drag(at(f"place({state()['ends']['B']})"), at("place([0, 0])"), at("place([-2, -2])"))
        A, B = (np.array(state()["ends"][end]) for end in "AB")
        np.testing.assert_allclose(B, [-2, -2], atol=1e-2)
        for k in (0, 3, 10):
            assert error(f"document.querySelectorAll('#strip canvas')[{k}]", A + k / 10 * (B - A)) < 0.02
        browser.js("(s => { s.value = 0.5; s.dispatchEvent(new Event('input')); })(document.getElementById('along'))")
        np.testing.assert_allclose(state()["z"], (A + B) / 2, atol=1e-9)

        # a data point: the image, its reconstruction, and draws from q(z|x)
        mu, log_var = run.encode(small.x_test)
        x, y = at("placeDatum(30)")
        browser.drag((x + 3, y + 3))
        i = state()["datum"]
        np.testing.assert_allclose(state()["z"], mu[i], atol=1e-3)
        np.testing.assert_allclose(mu[i], mu[30], atol=0.1)  # or one that lies on top of it
        np.testing.assert_allclose(pixels(browser, canvas("x")), small.x_test[i] / 255, atol=0.01)
        assert error(canvas("reconstruction"), mu[i]) < 0.02
        np.testing.assert_allclose(browser.js(f"aevb.sigma({i})"), np.exp(log_var[i] / 2), rtol=1e-3)
        for k, z in enumerate(state()["drawn"]):
            assert error(f"document.querySelectorAll('#draws canvas')[{k}]", z) < 0.02

        browser.wait("document.getElementById('spoken').textContent.includes('the nearest test image is number')")
        assert browser.trouble() == []
    finally:
        browser.close()
