"""Data sets: the right bytes, the right scale, and errors that say what to do."""

import contextlib
import dataclasses
import gzip
import hashlib
import http.server
import io
import math
import os
import re
import shutil
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from aevb_np.data import (
    DamagedFileError,
    DataFolderError,
    Dataset,
    FetchError,
    fetching,
    files,
    frey_face,
    mnist,
    own,
    pixel_baseline,
    published,
)
from aevb_np.data.mnist import draw_in_place, parse_idx
from aevb_np.data.published import OtherDataError
from aevb_np.streams import stream

HERE = os.environ.get("AEVB_DATA_DIR")
LABELS = "mnist/t10k-labels-idx1-ubyte.gz"  # the smallest of the real files
IMAGES = "mnist/t10k-images-idx3-ubyte.gz"
FREY = "frey_face/frey_rawface.mat"
REFUSED = "http://127.0.0.1:9/"  # nothing listens there


def needs(name):
    here = bool(HERE) and (Path(HERE) / name).is_file()
    return pytest.mark.skipif(not here, reason=f"needs {name} in AEVB_DATA_DIR")


needs_mnist, needs_frey = needs(LABELS), needs(FREY)


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No test sees this computer's cache, its data folder or a network, unless it asks."""
    monkeypatch.delenv("AEVB_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path / "cache")
    for name, file in published.FILES.items():
        monkeypatch.setitem(published.FILES, name, file._replace(addresses=(REFUSED + name, REFUSED + "2/" + name)))


@pytest.fixture
def real(monkeypatch):
    monkeypatch.setenv("AEVB_DATA_DIR", HERE)
    return Path(HERE)


@pytest.fixture
def data_dir(monkeypatch, tmp_path):
    """An empty folder, named by AEVB_DATA_DIR."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("AEVB_DATA_DIR", str(folder))
    return folder


CONTENT = bytes([0, 0, 8, 1, 0, 0, 0, 100]) + bytes(i % 10 for i in range(100))
PACKED = gzip.compress(CONTENT, mtime=0)
OTHER = gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 90]) + bytes(90))  # sound, and not what the registry has


@pytest.fixture
def small(monkeypatch):
    """The registry believes that the test labels are 100 in number: `PACKED` is the published file."""
    addresses = published.FILES[LABELS].addresses
    sums = hashlib.sha256(PACKED).hexdigest(), len(PACKED), hashlib.sha256(CONTENT).hexdigest(), len(CONTENT)
    monkeypatch.setitem(published.FILES, LABELS, published.File(*sums, addresses))
    monkeypatch.setitem(published.DATA_SETS, "mnist", (LABELS,))


def put(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@contextlib.contextmanager
def server(answers):
    """A web server on this machine: {path: bytes, or the number of an HTTP error}."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Accept-Encoding"]))
            answer = answers.get(self.path, 404)
            if isinstance(answer, int):
                self.send_error(answer)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    asked: list[tuple[str, str]] = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}", asked
        finally:
            httpd.shutdown()
            thread.join()


def serve_from(monkeypatch, *addresses):
    monkeypatch.setitem(published.FILES, LABELS, published.FILES[LABELS]._replace(addresses=addresses))


def one_line(error):
    """The message, after a look that it is fit to print as it is."""
    message = str(error.value)
    assert "\n" not in message and message[0] != "[" and "{" not in message
    return message


# ---------------------------------------------------------------------------------------------------- the package


def test_import_needs_no_heavy_library():
    code = "import sys, aevb_np.data; print([m for m in ('scipy', 'matplotlib', 'pooch', 'PIL') if m in sys.modules])"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_registry_agrees_with_itself():
    assert [name for names in published.DATA_SETS.values() for name in names] == list(published.FILES)
    for name, file in published.FILES.items():
        assert re.fullmatch("[0-9a-f]{64}", file.sha256) and re.fullmatch("[0-9a-f]{64}", file.content_sha256)
        assert all(address.endswith(Path(name).name) for address in file.addresses)


# ------------------------------------------------------------------------------------------------- finding a file


@pytest.mark.parametrize(
    "name, content",
    [
        (LABELS, PACKED),
        (LABELS, gzip.compress(CONTENT, compresslevel=1)),  # packed again by somebody: the content counts
        ("mnist/t10k-labels-idx1-ubyte", CONTENT),
        ("MNIST/raw/t10k-labels-idx1-ubyte", CONTENT),
        ("MNIST/raw/t10k-labels-idx1-ubyte.gz", PACKED),
        ("mnist/t10k-labels-idx1-ubyte", PACKED),  # packed and unpacked under the other's name
        ("mnist/t10k-labels-idx1-ubyte.gz", CONTENT),
        ("t10k-labels-idx1-ubyte.gz", PACKED),
        ("t10k-labels.idx1-ubyte", CONTENT),  # as 7-Zip leaves it
        ("raw/t10k-labels-idx1-ubyte", CONTENT),
        ("t10k-labels-idx1-ubyte/t10k-labels-idx1-ubyte", CONTENT),  # as Kaggle has it
        ("mnist/test_labels.gz", PACKED),
        ("mnist/T10K-LABELS.IDX1", CONTENT),
    ],
)
def test_a_file_is_found_in_every_form(small, data_dir, name, content):
    path = put(data_dir, name, content)
    assert files.find(LABELS) == path
    assert fetching.read(LABELS).tobytes() == CONTENT


def test_the_right_bytes_are_chosen_among_several_names(small, data_dir):
    put(data_dir, LABELS, PACKED[:-1])
    put(data_dir, "t10k-labels-idx1-ubyte", OTHER)
    good = put(data_dir, "MNIST/raw/t10k-labels-idx1-ubyte", CONTENT)
    assert files.find(LABELS) == good and fetching.read(LABELS).tobytes() == CONTENT


def test_other_data_under_a_published_name_are_named_and_never_touched(small, data_dir, tmp_path):
    path = put(data_dir, LABELS, OTHER)
    put(tmp_path / "cache", LABELS, PACKED)
    for call in (lambda: fetching.read(LABELS), lambda: fetching.fetch("mnist")):
        with pytest.raises(OtherDataError, match="a sound file of 90 labels, and not MNIST's. .*`aevb train") as error:
            call()
        assert "elete" not in one_line(error)
    assert path.read_bytes() == OTHER
    assert fetching.fetch("mnist", tmp_path / "elsewhere") == [tmp_path / "elsewhere" / LABELS]  # as it advises


@pytest.mark.parametrize("mean, said", [(0.2860, "Fashion-MNIST by its mean"), (0.1918, "KMNIST by its mean")])
def test_another_data_set_is_known_by_its_mean(data_dir, mean, said):
    images = np.zeros((60_000, 28, 28), np.uint8)
    images.reshape(-1)[: round(mean * images.size)] = 255
    content = bytes([0, 0, 8, 3, 0, 0, 234, 96, 0, 0, 0, 28, 0, 0, 0, 28]) + images.tobytes()
    put(data_dir, "train-images-idx3-ubyte", content)
    with pytest.raises(OtherDataError, match=said):
        fetching.read("mnist/train-images-idx3-ubyte.gz")


def test_a_known_file_is_named_by_its_checksum(small, data_dir, monkeypatch):
    monkeypatch.setitem(published.OTHERS, hashlib.md5(OTHER).hexdigest(), "KMNIST")
    put(data_dir, LABELS, OTHER)
    with pytest.raises(OtherDataError, match="is KMNIST, not MNIST. It can be trained on"):
        fetching.read(LABELS)


def test_the_named_folder_comes_before_the_cache(small, data_dir, tmp_path):
    cached = put(tmp_path / "cache", LABELS, PACKED)
    assert files.find(LABELS) == cached
    path = put(data_dir, LABELS, PACKED)
    assert files.find(LABELS) == path


def test_an_empty_variable_is_no_folder(small, monkeypatch, tmp_path):
    put(tmp_path, LABELS, PACKED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AEVB_DATA_DIR", "")
    cached = put(tmp_path / "cache", LABELS, PACKED)
    assert files.find(LABELS) == cached


def test_a_folder_that_does_not_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("AEVB_DATA_DIR", str(tmp_path / "tpyo"))
    for call in (lambda: fetching.read(LABELS), fetching.status, mnist, frey_face):
        with pytest.raises(DataFolderError, match="AEVB_DATA_DIR names .*tpyo, and there is no such folder") as error:
            call()
        assert "aevb data --fetch all --to" in one_line(error) and isinstance(error.value, OSError)


@pytest.mark.parametrize(
    "name, content, expected",
    [
        (LABELS, PACKED[:-20], PACKED),  # truncated
        (LABELS, PACKED[:5], PACKED),
        (LABELS, b"", PACKED),
        (LABELS, PACKED[:30] + b"\xff\xff\xff" + PACKED[33:], PACKED),  # corrupt
        (LABELS, b"<html>403 Forbidden</html>", PACKED),
        (LABELS, gzip.compress(CONTENT[:-1] + b"\x05"), PACKED),  # a sound file with another content
        (LABELS, gzip.compress(CONTENT + bytes(10**6)), PACKED),  # far too long
        ("mnist/t10k-labels-idx1-ubyte", CONTENT[:-1], CONTENT),
        ("mnist/t10k-labels-idx1-ubyte", CONTENT[:-1] + b"\x05", CONTENT),
    ],
)
def test_damaged_files_are_named_with_both_sums(small, data_dir, name, content, expected):
    path = put(data_dir, name, content)
    with pytest.raises(DamagedFileError) as error:
        fetching.read(LABELS)
    message = one_line(error)
    assert isinstance(error.value, ValueError) and str(path) in message
    assert f"expected {len(expected):,} bytes with SHA-256 {hashlib.sha256(expected).hexdigest()[:8]}" in message
    assert f"found {len(content):,} with {hashlib.sha256(content).hexdigest()[:8]}" in message
    assert "Fetch it again with `aevb data --fetch mnist`" in message and "elete" not in message


# ------------------------------------------------------------------------------------------------ the network


def test_no_network(small, data_dir, tmp_path, capfd):
    with pytest.raises(FetchError) as error:
        fetching.read(LABELS)
    message = one_line(error)
    assert isinstance(error.value, OSError)
    assert f"{LABELS} is not in {data_dir} or {tmp_path / 'cache'}" in message
    assert "2 addresses tried (127.0.0.1:9: no connection; 127.0.0.1:9: no connection)" in message
    assert "aevb data --fetch all --to FOLDER" in message and "AEVB_DATA_DIR=FOLDER" in message
    assert "`digits` and `faces`" in message
    assert capfd.readouterr() == ("", "")


def test_the_second_address_is_tried(small, monkeypatch, tmp_path, capfd):
    import pooch

    monkeypatch.setattr(pooch.get_logger(), "level", 17)
    with server({"/good.gz": PACKED, "/wrong.gz": PACKED[:-1]}) as (url, asked):
        serve_from(monkeypatch, REFUSED, url + "/missing.gz", url + "/wrong.gz", url + "/good.gz")
        assert fetching.read(LABELS).tobytes() == CONTENT
        assert asked == [("/missing.gz", "identity"), ("/wrong.gz", "identity"), ("/good.gz", "identity")]
        assert fetching.read(LABELS).tobytes() == CONTENT  # from the cache
        assert len(asked) == 3
    assert (tmp_path / "cache" / LABELS).read_bytes() == PACKED
    assert [path.name for path in (tmp_path / "cache/mnist").iterdir()] == [Path(LABELS).name]  # no remains
    assert capfd.readouterr() == ("", "") and pooch.get_logger().level == 17


def test_what_each_address_answered(small, monkeypatch):
    with server({"/wrong.gz": b"something else", "/busy.gz": 503}) as (url, _):
        serve_from(monkeypatch, url + "/wrong.gz", url + "/busy.gz", REFUSED)
        with pytest.raises(FetchError) as error:
            fetching.read(LABELS)
    host = url.removeprefix("http://")
    assert f"{host}: not the published bytes; {host}: HTTP 503; 127.0.0.1:9: no connection" in one_line(error)


def test_a_cache_that_cannot_be_made(small, monkeypatch, tmp_path):
    put(tmp_path, "file", b"")
    monkeypatch.setattr(files, "cache_folder", lambda: tmp_path / "file")
    with pytest.raises(FetchError, match="cannot be kept in .*file.*: .* AEVB_DATA_DIR=FOLDER here") as error:
        fetching.read(LABELS)
    one_line(error)


# ------------------------------------------------------------------------------------------- status and fetch


def test_status(small, monkeypatch, tmp_path):
    def row(name):
        return next(row for row in fetching.status() if row.name == name)

    assert [row.name for row in fetching.status()] == ["digits", "faces", "mnist", "frey"]
    assert row("digits") == ("digits", True, "embedded", None, 0)
    assert row("mnist") == ("mnist", False, "not here", None, len(PACKED))
    assert row("frey") == ("frey", False, "not here", None, 1_100_584)
    cached = put(tmp_path / "cache", LABELS, PACKED)
    assert row("mnist") == ("mnist", True, "cached", cached.parent, len(PACKED))
    monkeypatch.setenv("AEVB_DATA_DIR", str(tmp_path))
    path = put(tmp_path, "MNIST/raw/t10k-labels-idx1-ubyte", CONTENT)
    assert row("mnist") == ("mnist", True, "local folder", path.parent, len(CONTENT))
    bad = put(tmp_path, LABELS, PACKED[:-1])
    assert row("mnist") == ("mnist", True, "local folder", path.parent, len(CONTENT))  # the good one counts
    path.unlink()
    assert row("mnist") == ("mnist", False, "damaged", bad, len(PACKED) - 1)
    put(tmp_path, LABELS, OTHER)
    assert row("mnist") == ("mnist", False, "other data", bad, len(OTHER))


@pytest.mark.parametrize("found", [LABELS, "MNIST/raw/t10k-labels-idx1-ubyte", None])
def test_fetch_fills_a_folder(small, monkeypatch, tmp_path, found):
    """Copied from the cache as it is there, or downloaded; the folder's name has a space and an accent."""
    folder = tmp_path / "salle d'été"
    with server({"/x.gz": PACKED}) as (url, asked):
        serve_from(monkeypatch, REFUSED, url + "/x.gz")
        if found:
            put(tmp_path / "cache", found, PACKED if found.endswith(".gz") else CONTENT)
        [path] = fetching.fetch(["mnist", "digits"], folder)
        assert len(asked) == (0 if found else 1)
        target = LABELS.removesuffix("" if found is None or found.endswith(".gz") else ".gz")
        assert path == folder / target and os.listdir(path.parent) == [path.name]
        before = path.stat()
        assert fetching.fetch("mnist", str(folder)) == [path]
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)  # left alone
        assert len(asked) == (0 if found else 1)
    monkeypatch.setenv("AEVB_DATA_DIR", str(folder))
    assert files.find(LABELS) == path and fetching.read(LABELS).tobytes() == CONTENT
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask  # the whole class may read it


def test_fetch_replaces_a_damaged_file_where_it_lies(small, data_dir, tmp_path):
    put(data_dir, LABELS, PACKED[:-1])
    put(tmp_path / "cache", LABELS, PACKED)
    assert fetching.fetch("mnist") == [data_dir / LABELS]
    assert (data_dir / LABELS).read_bytes() == PACKED


def test_fetch_replaces_a_damaged_file_in_the_cache(small, monkeypatch, tmp_path):
    path = put(tmp_path / "cache", LABELS, PACKED[:-1])
    with server({"/x.gz": PACKED}) as (url, _):
        serve_from(monkeypatch, url + "/x.gz")
        assert fetching.fetch("mnist") == [path]
    assert path.read_bytes() == PACKED


def test_fetch_makes_the_folder_that_the_variable_names(small, monkeypatch, tmp_path):
    put(tmp_path / "cache", LABELS, PACKED)
    monkeypatch.setenv("AEVB_DATA_DIR", str(tmp_path / "new"))
    assert fetching.fetch("mnist") == [tmp_path / "new" / LABELS]


def test_fetch_that_fails_leaves_what_was_there(small, tmp_path):
    path = put(tmp_path / "class", LABELS, PACKED[:-1])
    with pytest.raises(FetchError, match="2 addresses tried"):
        fetching.fetch("mnist", tmp_path / "class")
    assert path.read_bytes() == PACKED[:-1] and os.listdir(path.parent) == [path.name]


def test_fetch_complains(tmp_path):
    with pytest.raises(ValueError, match="no data set 'minst' to fetch; use all, digits, faces, mnist, frey"):
        fetching.fetch(["mnist", "minst"], tmp_path)
    with pytest.raises(DataFolderError, match="is a file; name a folder"):
        fetching.fetch("all", put(tmp_path, "file", b""))


# ------------------------------------------------------------------------------------------------------- MNIST


def idx(magic, *sizes, body):
    header = b"".join(number.to_bytes(4, "big") for number in (magic, *sizes))
    return np.frombuffer(header + bytes(body), np.uint8)


def test_idx():
    images = parse_idx(idx(2051, 2, 3, 1, body=range(6)), 2051)
    assert images.shape == (2, 3, 1) and images[1, 0, 0] == 3
    assert parse_idx(idx(2049, 3, body=[7, 0, 9]), 2049).tolist() == [7, 0, 9]


@pytest.mark.parametrize(
    "content, magic, message",
    [
        (idx(2049, 3, body=[7, 0, 9]), 2051, "ends inside its header: 11 of 16 bytes"),
        (idx(2049, 12, body=range(12)), 2051, "images starts with the number 2051; f has 2049, which means labels"),
        (idx(2051, 1, 2, 2, body=range(4)), 2049, "labels starts with the number 2049; f has 2051, which means images"),
        (idx(7, 1, body=[0]), 2049, "starts with the number 2049; f has 7$"),
        (idx(2051, 2, 3, 1, body=range(5)), 2051, "f announces 2 x 3 x 1 = 6 bytes; it holds 5. Fetch it again"),
        (idx(2049, 2, body=range(5)), 2049, "f announces 2 = 2 bytes; it holds 5"),
        (idx(2051, 2**31, 2**31, 2**31, body=[]), 2051, "bytes; it holds 0"),  # no overflow
    ],
)
def test_idx_that_is_wrong(content, magic, message):
    with pytest.raises(ValueError, match=message) as error:
        parse_idx(content, magic, "f")
    one_line(error)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n_train": 0}, "60,000 training images; n_train = 0 is not from 1"),
        ({"n_train": 60_001}, "n_train = 60,001 is not from 1 to 60,000"),
        ({"binarize": "yes"}, "one of none, threshold, static, dynamic; got 'yes'"),
        ({"divisor": 1}, "divide by 255 or more, not by 1"),
        ({"divisor": math.nan}, "divide by 255 or more, not by nan"),
    ],
)
def test_mnist_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        mnist(**arguments)


def test_drawing_is_bernoulli_and_does_not_depend_on_blocks_or_length():
    grey = np.tile(np.array([0, 51, 128, 255], np.uint8), (5000, 3))
    drawn = [grey.copy(), grey.copy(), grey[:7].copy()]
    for pixels, rows in zip(drawn, (1000, 3, 4)):
        draw_in_place(pixels, 255, stream("binarise", 0), rows)
    assert set(np.unique(drawn[0])) == {0, 1}
    assert np.array_equal(drawn[0], drawn[1]) and np.array_equal(drawn[0][:7], drawn[2])
    p = grey[0] / 255
    error = np.sqrt(p * (1 - p) / len(grey))
    assert (np.abs(drawn[0].mean(axis=0) - p) <= 4 * error).all()


@needs_mnist
def test_mnist(real):
    data = mnist(n_train=60_000)
    assert data.x_train.shape == (60_000, 784) and data.x_test.shape == (10_000, 784)
    assert data.x_train.dtype == np.uint8 and data.image_shape == (28, 28) and data.decoder == "bernoulli"
    assert np.bincount(data.labels_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.labels_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.labels_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    first = data.x_train[0].reshape(28, 28)  # the well-known 5: its first row with ink
    assert first[:5].max() == 0
    assert first[5, 12:24].tolist() == [3, 18, 18, 18, 126, 136, 175, 26, 166, 255, 247, 127]
    assert data.x_test[0].reshape(28, 28)[7, 6:16].tolist() == [84, 185, 159, 151, 60, 36, 0, 0, 0, 0]
    x = data.scale(data.x_train[:100])
    assert x.dtype == np.float32 and x.min() == 0 and x.max() == 1


@needs_mnist
@pytest.mark.parametrize("binarize", ["none", "threshold", "static"])
def test_mnist_takes_little_memory(real, binarize):
    tracemalloc.start()
    try:
        mnist(binarize=binarize)
        assert tracemalloc.get_traced_memory()[1] < 75e6  # bytes, of which the images are 55 million
    finally:
        tracemalloc.stop()


@needs_mnist
def test_mnist_takes_the_first_images(real):
    small, large = mnist(n_train=1000), mnist()
    assert len(small.x_train) == 1000 and len(large.x_train) == len(large.labels_train) == 50_000
    assert np.array_equal(small.x_train, large.x_train[:1000])
    assert np.array_equal(small.labels_train, large.labels_train[:1000])
    assert np.array_equal(small.x_test, large.x_test)


@needs_mnist
def test_mnist_binarised(real):
    grey = mnist(n_train=2000, divisor=256)
    assert grey.divisor == 256
    threshold = mnist(n_train=2000, binarize="threshold", divisor=256)
    assert threshold.divisor == 1 and np.array_equal(threshold.x_train, grey.x_train >= 128)

    static, again, longer = (mnist(n_train=n, binarize="static") for n in (2000, 2000, 3000))
    assert static.divisor == 1 and static.x_train.dtype == np.uint8 and static.x_train.max() == 1
    assert static.digest == again.digest
    assert np.array_equal(static.x_train, longer.x_train[:2000]) and np.array_equal(static.x_test, longer.x_test)
    assert abs(static.x_test.mean() - grey.x_test.mean() / 255) < 5e-4
    assert not np.array_equal(static.x_train, threshold.x_train)

    dynamic = mnist(n_train=2000, binarize="dynamic")
    assert np.array_equal(dynamic.x_train, grey.x_train)
    one, other = (dynamic.scale(dynamic.x_train, stream("binarise", 0, step)) for step in (5, 6))
    assert set(np.unique(one)) == {0, 1} and one.dtype == np.float32 and not np.array_equal(one, other)
    with pytest.raises(ValueError, match="pass a generator"):
        dynamic.scale(dynamic.x_train)


@needs_mnist
def test_mnist_as_torchvision_leaves_it(real, data_dir):
    for name in published.DATA_SETS["mnist"]:
        put(data_dir, "MNIST/raw/" + Path(name).stem, gzip.decompress((Path(HERE) / name).read_bytes()))
    [row] = [row for row in fetching.status() if row.name == "mnist"]
    assert row == ("mnist", True, "local folder", data_dir / "MNIST/raw", 47_040_016 + 60_008 + 7_840_016 + 10_008)
    assert mnist(n_train=5).labels_train.tolist() == [5, 0, 4, 1, 9]


@needs_mnist
def test_a_real_file_that_was_cut_or_changed(data_dir):
    for name in published.DATA_SETS["mnist"]:
        put(data_dir, name, (Path(HERE) / name).read_bytes())
    images = (Path(HERE) / IMAGES).read_bytes()
    put(data_dir, IMAGES, images[:1_000_000])
    with pytest.raises(DamagedFileError, match="1,648,877 bytes with SHA-256 8d422c7b..., found 1,000,000 with"):
        mnist(n_train=1)
    put(data_dir, IMAGES, images[:-5] + bytes([images[-5] ^ 1]) + images[-4:])
    with pytest.raises(DamagedFileError, match="8d422c7b..., found 1,648,877 with"):
        mnist(n_train=1)


# --------------------------------------------------------------------------------------------------- Frey Face


@needs_frey
def test_frey_face(real):
    data = frey_face()
    assert data.x_train.shape == (1600, 560) and data.x_test.shape == (365, 560) and data.image_shape == (28, 20)
    assert data.decoder == "gaussian" and data.divisor == 256 and data.factor_names == ("frame",)
    assert (min(data.x_train.min(), data.x_test.min()), max(data.x_train.max(), data.x_test.max())) == (8, 238)
    assert data.factors_train.shape == (1600, 1) and data.factors_train.dtype == np.float32

    raw = (real / FREY).read_bytes()
    frames = np.frombuffer(raw, np.uint8, offset=184).reshape(1965, 560)  # the same array without a MATLAB reader
    for x, factors in ((data.x_train, data.factors_train), (data.x_test, data.factors_test)):
        assert np.array_equal(x, frames[factors[:, 0].astype(int)])
    numbers = np.concatenate([data.factors_train, data.factors_test])[:, 0]
    assert sorted(numbers) == list(range(1965))  # disjoint, and none is missing


@needs_frey
@pytest.mark.parametrize(
    "name, made",
    [
        ("frey_rawface.npy", lambda ff: ff),
        ("frey/frey.npy", lambda ff: ff.T),
        ("freyfaces.npz", lambda ff: ff.T.astype(np.float64)),
        ("ff.npy", lambda ff: ff.T.reshape(1965, 28, 20)),
        ("frey_face/frey.mat", lambda ff: ff / 255),
        ("frey.csv", lambda ff: ff.T),
    ],
)
def test_frey_face_in_other_files(real, monkeypatch, tmp_path, name, made):
    from scipy.io import loadmat, savemat

    whole, frames = frey_face(), made(loadmat(real / FREY)["ff"])
    path = put(tmp_path / "data", name, b"")
    writers = {".npy": np.save, ".npz": np.savez, ".mat": lambda path, x: savemat(path, {"ff": x})}
    writers.get(path.suffix, lambda path, x: np.savetxt(path, x, "%d", delimiter=","))(path, frames)
    monkeypatch.setenv("AEVB_DATA_DIR", str(tmp_path / "data"))
    assert frey_face().digest == whole.digest
    assert [row.where for row in fetching.status() if row.name == "frey"] == ["local folder"]


@needs_frey
def test_frey_face_splits_are_fixed(real):
    data, again, smaller = frey_face(), frey_face(), frey_face(n_train=1500)
    assert data.digest == again.digest
    assert data.factors_train[:5, 0].tolist() == smaller.factors_train[:5, 0].tolist()
    assert data.factors_train[:5, 0].tolist() == [886, 10, 827, 1867, 230]  # numbers quoted for this split stay true
    assert len(smaller.x_test) == 465
    video = frey_face(split="sequential")
    assert video.factors_train[:, 0].tolist() == list(range(1600)) and video.factors_test[0, 0] == 1600


@needs_frey
def test_frey_face_baseline(real):
    """Against a loop over pixels, and against the line on which the paper's pair (578.5, 569.2) lies."""
    data = frey_face()
    train, test = pixel_baseline(data)
    slow = np.zeros(2)
    for i in range(560):
        fit = data.x_train[:, i] / 256
        for k, x in enumerate((fit, data.x_test[:, i] / 256)):
            density = np.exp(-((x - fit.mean()) ** 2) / (2 * fit.var())) / math.sqrt(2 * math.pi * fit.var())
            slow[k] += np.log(density).mean()
    assert abs(train - slow[0]) < 1e-8 and abs(test - slow[1]) < 1e-8
    assert 569 < train < 585 and 540 < test < 615
    other = pixel_baseline(frey_face(divisor=255))
    assert abs(train - other[0] - 560 * math.log(256 / 255)) < 1e-9


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n_train": 0}, "1,965 frames; n_train = 0 is not from 1 to 1,964"),
        ({"n_train": 1965}, "n_train = 1,965 is not from 1 to 1,964"),
        ({"split": "odd"}, "got 'odd'. Use 'random' or 'sequential'"),
        ({"divisor": 0}, "a positive number, 256 as a rule; got 0"),
    ],
)
def test_frey_face_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        frey_face(**arguments)


def test_baseline_needs_pixels_that_vary():
    x = np.full((30, 3), 25, np.uint8)
    x[:, 1] = range(30)
    with pytest.raises(ValueError, match="2 of the 3 pixels of flat are the same in all 30 training images"):
        pixel_baseline(Dataset("flat", x, x, image_shape=(1, 3), divisor=255))
    with pytest.raises(ValueError, match="draws them afresh"):
        pixel_baseline(Dataset("flat", x, x, image_shape=(1, 3), divisor=255, binarize="dynamic"))


# ---------------------------------------------------------------------------------------------------- Dataset


def test_digest_sees_every_change():
    x = np.arange(12, dtype=np.uint8).reshape(2, 6)
    data = Dataset("a", x, x[:1], image_shape=(2, 3), divisor=255)
    same = Dataset("b", x.copy(), np.asfortranarray(x)[:1], image_shape=(2, 3), divisor=255.0)
    assert re.fullmatch("[0-9a-f]{64}", data.digest) and data.digest == same.digest == data.digest
    changed = x.copy()
    changed[1, 5] += 1
    others = [
        {"x_train": changed},
        {"x_test": x},
        {"x_train": x[:1], "x_test": x},
        {"divisor": 256},
        {"x_train": x.reshape(4, 3)},
        {"x_train": x.view(np.int8)},
        {"binarize": "dynamic"},
        {"image_shape": (3, 2)},
    ]
    digests = {dataclasses.replace(data, **other).digest for other in others}
    assert len(digests | {data.digest}) == len(others) + 1
    assert data.first(1).digest != data.digest


# --------------------------------------------------------------------------------------------------- your own


def images(N=20, dtype=np.uint8, D=(6, 5)):
    return np.random.default_rng(0).integers(0, 256, (N, *D)).astype(dtype)


def save(path, x):
    np.save(path, x)
    return path


def test_own_images(tmp_path):
    x = images()
    path = save(tmp_path / "meine bilder é.npy", x)
    data, again = own(path), own(str(path))
    assert data.name == "meine bilder é" and data.image_shape == (6, 5)
    assert data.x_train.shape == (18, 30) and data.x_test.shape == (2, 30) and data.x_train.dtype == np.uint8
    assert data.divisor == 255 and data.decoder == "bernoulli" and data.binarize == "none"
    assert data.digest == again.digest and data.labels_train is None
    rows = np.concatenate([data.x_train, data.x_test])
    assert sorted(rows.tolist()) == sorted(x.reshape(20, 30).tolist())  # every image once
    assert own(path, decoder="gaussian").decoder == "gaussian"
    assert len(own(path, test_fraction=0.5).x_test) == 10


@pytest.mark.parametrize(
    "D, shape, expected", [(49, None, (7, 7)), (30, (1, 30), (1, 30)), (30, (5, 6), (5, 6)), (49, (1, 49), (1, 49))]
)
def test_own_rows(tmp_path, D, shape, expected):
    data = own(save(tmp_path / "rows.npy", images(D=(D,))), shape)
    assert data.image_shape == expected and data.x_train.shape == (18, D)


@pytest.mark.parametrize(
    "x, dtype, divisor, decoder, binarize",
    [
        (images(), np.uint8, 255, "bernoulli", "none"),
        (images() % 2, np.uint8, 1, "bernoulli", "given"),  # 0 and 1 saved as uint8 are not 0 and 1/255
        (images() > 99, np.uint8, 1, "bernoulli", "given"),
        ((images() > 99).astype(np.int64), np.uint8, 1, "bernoulli", "given"),
        (images() / 255, np.float32, 1, "bernoulli", "none"),
        ((images() / 255).astype(np.float16), np.float32, 1, "bernoulli", "none"),
        (images(dtype=np.int64), np.uint8, 255, "bernoulli", "none"),  # grey levels in other integers
        (images() / 255 - 0.1, np.float32, 1, "gaussian", "none"),
        (images(dtype=">f8"), np.uint8, 255, "bernoulli", "none"),
        ((images() > 99) * np.uint8(255), np.uint8, 1, "bernoulli", "given"),
    ],
)
def test_own_scales(tmp_path, x, dtype, divisor, decoder, binarize):
    data = own(save(tmp_path / "x.npy", x))
    assert (data.x_train.dtype, data.divisor) == (dtype, divisor)
    assert (data.decoder, data.binarize) == (decoder, binarize)
    assert data.describe().endswith("binary") == (binarize == "given")
    seen = data.scale(np.concatenate([data.x_train, data.x_test]))
    meant = x / 255 if divisor == 255 or x.dtype == np.uint8 and x.max() == 255 else x.astype(np.float32)
    assert np.allclose(np.sort(seen, axis=None), np.sort(meant, axis=None), rtol=1e-6)


def test_own_labels(tmp_path):
    x = np.tile(np.arange(20, dtype=np.uint8)[:, None, None], (1, 3, 3))  # image n is full of n
    path = save(tmp_path / "x.npy", x)
    data = own(path, labels=list(range(20)))
    assert data.labels_train.dtype == np.int64
    assert np.array_equal(data.labels_train, data.x_train[:, 0]) and np.array_equal(data.labels_test, data.x_test[:, 0])
    for name in ("labels", "y"):
        np.savez(tmp_path / "x.npz", x=x, **{name: np.arange(20)})
        other = own(tmp_path / "x.npz")
        assert np.array_equal(other.labels_test, data.labels_test) and other.name == "x"


def test_own_archive_with_one_array(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", bilder=images(), labels=np.arange(20))
    data = own(tmp_path / "a.npz")
    assert data.x_train.shape == (18, 30) and len(data.labels_test) == 2
    np.savez(tmp_path / "b.npz", images())
    assert own(tmp_path / "b.npz").x_train.shape == (18, 30)
    np.savez(tmp_path / "c.npz", x=images(), masks=images(3))
    assert own(tmp_path / "c.npz").x_train.shape == (18, 30)


@pytest.mark.parametrize("names", [("labels_train", "labels_test"), ("y_train", "y_test")])
def test_own_archive_with_its_own_test_set(tmp_path, names):
    path = tmp_path / "a.npz"
    marks = np.arange(20, dtype=np.uint8), np.arange(3)
    np.savez(path, x_train=images(20), x_test=images(3), **dict(zip(names, marks)))
    data = own(path)
    assert np.array_equal(data.x_train, images(20).reshape(20, 30)) and data.x_test.shape == (3, 30)
    assert data.labels_train.tolist() == list(range(20)) and data.labels_test.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="put labels there too, as labels_train and labels_test"):
        own(path, labels=range(20))


@pytest.fixture
def pictures(tmp_path):
    from PIL import Image

    folder = tmp_path / "mes images"
    folder.mkdir()
    for n, suffix in enumerate(["png", "JPG", "bmp", "gif", "tif"]):
        Image.fromarray(np.full((4, 3), 40 * n, np.uint8)).save(folder / f"{n}.{suffix}")
    put(folder, "notes.txt", b"no picture")
    put(folder, "._0.png", b"what a Mac leaves behind")
    return folder


def test_own_pictures(pictures):
    data = own(pictures, labels=range(5), test_fraction=0.4)
    assert data.name == "mes images" and data.image_shape == (4, 3) and data.divisor == 255
    assert (len(data.x_train), len(data.x_test)) == (3, 2)
    for x, n in ((data.x_train, data.labels_train), (data.x_test, data.labels_test)):
        assert np.abs(x - 40.0 * n[:, None]).max() <= 1  # in the order of their names


def test_own_pictures_turn_grey(tmp_path):
    from PIL import Image

    colour = Image.fromarray(np.full((4, 3, 3), [255, 0, 0], np.uint8))
    drawing = np.zeros((4, 3, 4), np.uint8)  # black ink on nothing
    drawing[0, :, 3] = 255
    colour.save(tmp_path / "1.png")
    Image.fromarray(drawing).save(tmp_path / "2.png")
    colour.convert("P").save(tmp_path / "3.png", transparency=bytes([0] * 256))
    Image.fromarray(np.eye(4, 3) > 0).save(tmp_path / "4.png")
    data = own(tmp_path, labels=range(4), test_fraction=0.25)
    rows = dict(zip([*data.labels_train, *data.labels_test], [*data.x_train, *data.x_test]))
    assert (rows[0] == 76).all()
    assert (rows[1].reshape(4, 3)[0] == 0).all() and (rows[1].reshape(4, 3)[1:] == 255).all()
    assert (rows[2] == 255).all()
    assert np.array_equal(rows[3].reshape(4, 3), 255 * np.eye(4, 3))


def test_own_pictures_that_cannot_be_used(pictures, tmp_path):
    from PIL import Image

    def complains(message):
        with pytest.raises(ValueError, match=message) as error:
            own(pictures)
        one_line(error)

    Image.fromarray(np.zeros((3, 4), np.uint8)).save(pictures / "wide.png")
    complains(r"one size: .*0\.png is 4 x 3 and .*wide\.png is 3 x 4 \(rows x columns\). Crop or resize them")
    whole = (pictures / "wide.png").read_bytes()
    for content in (b"", b"no picture", whole[:20], whole[:45]):
        put(pictures, "wide.png", content)
        complains(r"wide\.png cannot be read as a picture \(.*\). Save it again or take it out")
    (tmp_path / "empty").mkdir()
    pictures = tmp_path / "empty"
    complains("holds no pictures .* one folder for each class, and no arrays")


NAN = np.zeros((20, 6, 5))
NAN[4, 0, 3], NAN[5, 1, 1] = np.nan, np.inf
HUGE = np.zeros((20, 4))
HUGE[3, 2] = 1e300


@pytest.mark.parametrize(
    "x, arguments, message",
    [
        (NAN, {}, r"2 values that are NaN or infinite in float32, the first in image 4, row 0, column 3"),
        (HUGE, {}, r"1 values that are NaN or infinite in float32, the first in image 3, row 1, column 0"),
        (images(D=(5,))[0], {}, r"has shape \(5,\); images are \(N, rows, columns\)"),
        (images(D=(6, 5, 7)), {}, r"has shape \(20, 6, 5, 7\), and no axis of 1 to 4 colours"),
        (images(N=0), {}, r"has shape \(0, 6, 5\)"),
        (images(D=(0,)), {}, r"has shape \(20, 0\)"),
        (images().astype(complex), {}, "holds complex128, not real numbers"),
        (np.array([["a", "b"]]), {}, "holds <U1, not real numbers"),
        (images(N=1), {}, "holds 1 image; at least 2 are needed"),
        (images(D=(30,)), {}, "rows of 30 numbers, which make no square. .* such as 5x6"),
        (images(D=(30,)), {"shape": (5, 5)}, "each row of .* has 30 pixels; shape 5 x 5 makes 25"),
        (images(D=(30,)), {"shape": (30,)}, r"a shape is \(rows, columns\), both at least 1; got \(30,\)"),
        (images(D=(30,)), {"shape": (-5, -6)}, "both at least 1"),
        (images(), {"shape": (5, 6)}, "holds images of 6 x 5, not 5 x 6. Leave the shape out"),
        (
            images() / 255 * 1.01,
            {"decoder": "bernoulli"},
            r"the Bernoulli decoder needs x between 0 and 1; got values from 0 to 1.01. Give \(x - x.min",
        ),
        (images() / 255 - 2, {"decoder": "bernoulli"}, "got values from -2 to -1"),
        (images(), {"decoder": "poisson"}, "'bernoulli' or 'gaussian'; got 'poisson'"),
        (images(), {"labels": range(19)}, r"has 20 images and labels of shape \(19,\). .*: shape \(20,\)"),
        (images(), {"labels": np.eye(20)}, r"labels of shape \(20, 20\)"),
        (images(), {"labels": [0.5] * 20}, "are whole numbers or names; got float64"),
        (images(), {"test_fraction": 0}, "between 0 and 1; got 0"),
        (images(), {"test_fraction": 1}, "between 0 and 1; got 1"),
        (images(), {"test_fraction": math.nan}, "between 0 and 1; got nan"),
        (images(), {"test_fraction": 0.01}, "0.01 of 20 images leaves no test image. Choose one from 0.05 to 0.95"),
        (images(), {"test_fraction": 0.99}, "0.99 of 20 images leaves no training image"),
    ],
)
def test_own_arrays_that_cannot_be_used(tmp_path, x, arguments, message):
    with pytest.raises(ValueError, match=message) as error:
        own(save(tmp_path / "x.npy", x), **arguments)
    one_line(error)


class Trap:
    """Unpickled, it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_own_never_unpickles(tmp_path):
    proof = tmp_path / "unpickled"
    trap = np.array([Trap(proof), Trap(proof)], object)
    np.save(tmp_path / "x.npy", trap, allow_pickle=True)
    trap.dump(tmp_path / "y.npy")
    np.savez(tmp_path / "x.npz", x=trap)
    np.savez(tmp_path / "y.npz", x=images(), labels=trap)
    for name in ("x.npy", "y.npy", "x.npz", "y.npz"):
        with pytest.raises(ValueError, match=f"{name} is no array of numbers: .* never unpickled") as error:
            own(tmp_path / name)
        one_line(error)
    assert not proof.exists()
    np.savez(tmp_path / "z.npz", x=images(), notes=trap)  # what is not asked for is not read
    assert len(own(tmp_path / "z.npz").x_train) == 18


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"a": images(), "b": images()}, "holds the arrays a, b. Name the images x, or x_train and x_test"),
        ({"labels": np.arange(20)}, "holds the arrays labels. Name the images x"),
        ({}, r"holds the arrays \(none\)"),
        ({"x_train": images(), "x_test": images(D=(5, 6))}, "x_train has images of 6 x 5, x_test of 5 x 6"),
        ({"x_train": images(D=(9,)), "x_test": images(D=(16,))}, "x_train has images of 3 x 3, x_test of 4 x 4"),
        ({"x_train": images(), "x_test": images() / 255}, "x_train is uint8, x_test float64; save both as one type"),
        ({"x_train": images(), "x_test": images(N=0)}, r"x_test of .* has shape \(0, 6, 5\)"),
        ({"x_train": images(), "x_test": images(3), "labels_test": np.arange(4)}, "x_test of .* has 3 images and"),
    ],
)
def test_own_archives_that_cannot_be_used(tmp_path, arrays, message):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(ValueError, match=message) as error:
        own(tmp_path / "x.npz")
    one_line(error)


def test_own_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing at .*x.npy. Give a .npy, .npz, IDX, CSV or .mat") as error:
        own(tmp_path / "x.npy")
    one_line(error)
    with pytest.raises(ValueError, match=r"x\.csv is no table of numbers"):
        own(put(tmp_path, "x.csv", b"1,2,3\n4,cat,6"))

    np.savez_compressed(tmp_path / "x.npz", x=images())
    np.save(tmp_path / "x.npy", images())
    np.savez(tmp_path / "y.npz", x=images())
    for name in ("x.npz", "y.npz", "x.npy"):
        whole = (tmp_path / name).read_bytes()
        cuts = [whole[:n] for n in (*range(0, len(whole), 37), len(whole) - 1)]
        for content in cuts:
            with pytest.raises(ValueError, match=re.escape(f"{name} is ")) as error:
                own(put(tmp_path, name, content))
            one_line(error)


def test_own_files_with_one_wrong_byte(tmp_path):
    """Either it is still an array, or the error is ours."""
    held = io.BytesIO()
    np.savez_compressed(held, x=images(3, D=(2, 2)))
    whole = bytearray(held.getvalue())
    for n in range(0, len(whole)):
        wrong = whole.copy()
        wrong[n] ^= 0x55
        path = put(tmp_path, "x.npz", bytes(wrong))
        with contextlib.suppress(ValueError):
            own(path, test_fraction=0.4)
    assert zipfile.is_zipfile(put(tmp_path, "x.npz", bytes(whole)))


def test_own_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    save(tmp_path / "x.npy", images())
    assert own("~/x.npy").name == "x"
    shutil.copy(tmp_path / "x.npy", tmp_path / "X.NPY")
    assert own("~/X.NPY").name == "X"
