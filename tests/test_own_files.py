"""Everybody's files: formats, ranges, layouts and labels, read as they are meant, or refused with advice that works."""

import gzip
import io
import os
import re
import struct
import threading
import warnings
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

import aevb_np
from aevb_np.data import own
from aevb_np.data.reading import formats

N, ROWS, COLUMNS = 60, 6, 6
GREY = np.random.default_rng(0).integers(0, 256, (N, ROWS, COLUMNS)).astype(np.uint8)
GREY[0, 0, :2] = 0, 255  # both ends are there
UNIT = GREY / 255
BITS = (GREY > 127).astype(np.uint8)
LABELS = np.arange(N) % 10


def idx(array, kind=0x08):
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def csv(array, header=None, delimiter=","):
    lines = [delimiter.join(map(str, row)) for row in array.reshape(len(array), -1).tolist()]
    return "\n".join(([header] if header else []) + lines).encode() + b"\n"


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def mat(**arrays):
    file = io.BytesIO()
    savemat(file, arrays, do_compression=True)
    return file.getvalue()


def bring(folder, name, content):
    """A file, or a folder of files when the content is a dictionary."""
    path = folder / name
    if isinstance(content, dict):
        for inner, one in content.items():
            bring(path, inner, one)
    elif isinstance(content, np.ndarray):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(content).save(path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def rows(array):
    return array.reshape(len(array), -1)


def pictures(array, suffix, n=N):
    return {f"{i:03}.{suffix}": image for i, image in enumerate(array[:n])}


def classes(array, names):
    return {name: pictures(array[i::len(names)], "png") for i, name in enumerate(names)}


LABELLED = np.c_[LABELS, rows(GREY)]
HEADER = ",".join(["label", *(f"pixel{i}" for i in range(36))])
FREY = np.random.default_rng(1).integers(0, 256, (30, 28, 20)).astype(np.uint8)
DIGITS = np.random.default_rng(2).integers(0, 256, (30, 28, 28)).astype(np.uint8)

# name, content, what was meant (in any order of the images), whether labels, words of the line
MATRIX = [
    # formats
    ("x.npy", npy(GREY), UNIT, False, "from 0 to 255, divided by 255; no labels"),
    ("x.npz", npz(x=GREY, y=LABELS), UNIT, True, "labels from y: 10 classes"),
    ("keras.npz", npz(x_train=GREY, y_train=LABELS, x_test=GREY, y_test=LABELS), UNIT, True, "x_train of"),
    ("k.npz", npz(train_images=GREY, train_labels=LABELS[:, None], test_images=GREY, test_labels=LABELS),
     UNIT, True, ""),
    ("medical.npz", npz(train_images=GREY, val_images=GREY[:9], test_images=GREY, train_labels=LABELS), UNIT, True, ""),
    ("big.npz", npz(X=GREY, Y=LABELS), UNIT, True, "X of"),
    ("camel.npz", npz(trainImages=GREY, testImages=GREY), UNIT, False, "trainImages of"),
    ("arr.npz", npz(arr_0=GREY, arr_1=LABELS), UNIT, True, "labels from arr_1"),
    ("digits.npz", npz(data=rows(GREY), images=GREY, target=LABELS), UNIT, True, "images of"),
    ("text.npz", npz(images=GREY, label=np.array(list("abcdef") * 10)), UNIT, True, "labels from label: 6 classes"),
    ("hot.npz", npz(images=GREY, labels=np.eye(10)[LABELS]), UNIT, True, "10 classes"),
    ("train-images-idx3-ubyte", idx(GREY), UNIT, False, "divided by 255"),
    ("own.idx.gz", gzip.compress(idx(GREY)), UNIT, False, "divided by 255"),
    ("a.idx", idx(UNIT.astype(">f4"), 0x0D), UNIT, False, "numbers from 0 to 1, as they are"),
    ("b.idx", idx(GREY.astype(">i4"), 0x0C), UNIT, False, "divided by 255"),
    ("x.csv", csv(GREY), UNIT, False, "divided by 255; no labels"),
    ("kaggle.csv", csv(LABELLED, HEADER), UNIT, True, "labels in the column 'label'"),
    ("noheader.csv", csv(LABELLED), UNIT, True, "labels in the first column"),
    ("last.csv", csv(np.c_[rows(GREY), LABELS]), UNIT, True, "labels in the last column"),
    ("tabs.tsv", csv(GREY, delimiter="\t"), UNIT, False, "divided by 255"),
    ("blanks.amat", csv(BITS, delimiter=" "), BITS, False, "only 0 and 1"),
    ("semi.csv", csv(UNIT, delimiter=";"), UNIT, False, "from 0 to 1"),
    ("x.csv.gz", gzip.compress(csv(LABELLED, HEADER)), UNIT, True, "labels in the column"),
    ("index.csv", csv(np.c_[np.arange(N), LABELLED], "," + HEADER), UNIT, True, "running numbers left out"),
    ("x.npy.gz", gzip.compress(npy(GREY)), UNIT, False, "divided by 255"),
    ("x.mat", mat(X=GREY, y=LABELS[:, None]), UNIT, True, "X of"),
    ("svhn.mat", mat(X=np.moveaxis(np.repeat(GREY[..., None], 3, 3), 0, 3), y=LABELS),
     UNIT, True, "3 colours averaged"),
    ("struct.mat", mat(dataset={"train": {"images": rows(GREY), "labels": LABELS}}),
     UNIT, True, "dataset.train.images"),
    ("omni.mat", mat(data=rows(UNIT).T, target=np.eye(10)[LABELS].T), UNIT, True, "lies on its side"),
    # folders
    ("png", pictures(GREY, "png"), UNIT, False, "divided by 255"),
    ("pgm", pictures(GREY, "pgm"), UNIT, False, "divided by 255"),
    ("bmp", pictures(GREY, "bmp"), UNIT, False, "divided by 255"),
    ("deep", pictures(GREY.astype(np.uint16) * 257, "png"),
     UNIT, False, "16 bits from 0 to 65535, all multiples of 257"),
    ("mixed", pictures(GREY, "png", 30) | {f"{i}d.png": GREY[i].astype(np.uint16) * 257 for i in range(30, N)},
     UNIT, False,
     "multiples of 257"),
    ("ones", pictures(BITS.astype(bool), "png"), BITS, False, "only 0 and 255, taken for 0 and 1"),
    ("rgb", pictures(np.repeat(GREY[..., None], 3, 3), "png"), UNIT, False, "divided by 255"),
    ("class", classes(GREY, ["cat", "dog", "emu"]), UNIT, True, "labels from labels: 3 classes"),
    ("numbers", classes(GREY, ["0", "2", "10"]), UNIT, True, "3 classes"),
    ("parts", {"train": classes(GREY, ["a", "b"]), "test": classes(GREY, ["a", "b"])}, UNIT, True, "x_train of"),
    ("fashion", {"train-images-idx3-ubyte.gz": gzip.compress(idx(GREY)), "t10k-images-idx3-ubyte": idx(GREY),
                 "train-labels-idx1-ubyte": idx(LABELS.astype(np.uint8))}, UNIT, True, "labels from train-labels"),
    ("arrays", {"x_train.npy": npy(GREY), "x_test.npy": npy(GREY), "y_train.npy": npy(LABELS)},
     UNIT, True, "x_test of"),
    ("tables", {"my_train.csv": csv(LABELLED), "my_test.csv": csv(LABELLED)}, UNIT, True, "my_train of"),
    # layouts
    ("last.npy", npy(GREY[..., None]), UNIT, False, ""),
    ("first.npy", npy(GREY[:, None]), UNIT, False, ""),
    ("rgb.npy", npy(np.repeat(GREY[..., None], 3, 3)), UNIT, False, "3 colours averaged"),
    ("torch.npy", npy(np.repeat(UNIT[:, None], 3, 1)), UNIT, False, "3 colours averaged"),
    ("rgba.npy", npy(np.concatenate([np.repeat(GREY[..., None], 3, 3), np.full((N, 6, 6, 1), 255, np.uint8)], 3)),
     UNIT, False,
     "3 colours averaged"),
    ("matlab.npy", npy(np.moveaxis(GREY, 0, 2)), UNIT, False, "the last axis counts the images"),
    ("rows.npy", npy(rows(GREY)), UNIT, False, ""),
    ("column.npy", npy(rows(GREY)[..., None]), UNIT, False, ""),
    ("side.npy", npy(rows(GREY)[:50].T), UNIT[:50], False, "lies on its side: each of the 50 columns is an image"),
    ("labelled.npy", npy(LABELLED.astype(np.uint8)), UNIT, True, "labels in the first column"),
    ("kaggle_side.npy", npy(np.c_[LABELS[:30], rows(DIGITS)][:25].T), DIGITS[:25] / 255, True, "lies on its side"),
    ("row.npy", npy(rows(GREY)[:, None]), UNIT, False, ""),
    ("grey_alpha.npy", npy(np.stack([GREY, np.full_like(GREY, 255)], 3)), UNIT, False, ""),
    ("frey.npy", npy(rows(FREY).T), FREY / 255, False, "560 numbers are drawn as 28 x 20"),
    ("frey_rows.npy", npy(rows(FREY)), FREY / 255, False, "560 numbers are drawn as 28 x 20"),

        ("wide.npy", npy(np.tile(rows(DIGITS), (5, 1))[:144].T), np.tile(DIGITS / 255, (5, 1, 1))[:144],
     False, "on its side"),
    ("emnist-mine-idx3-ubyte", idx(GREY.transpose(0, 2, 1)), UNIT, False, "turned upright"),
    # ranges
    ("float.npy", npy(GREY.astype(float)), UNIT, False, "whole numbers from 0 to 255, divided by 255"),
    ("resized.npy", npy(GREY * 0.999), UNIT * 0.999, False, "from 0 to 254.745, divided by 255"),
    ("deep.npy", npy(GREY.astype(np.uint16) * 257), UNIT, False, "multiples of 257: 8 bits, divided by 255"),

        ("noise16.npy", npy(GREY.astype(np.uint16) * 256), GREY.astype(int) * 256 / 65_535, False,
     "16 bits and divided by 65,535"),

        ("noise12.npy", npy(GREY.astype(np.int32) * 16), GREY.astype(int) * 16 / 4095, False,
     "12 bits and divided by 4,095"),
    ("sklearn.npy", npy((GREY // 15).clip(0, 16).astype(float)), (GREY // 15).clip(0, 16) / 16, False,
     "divided by 16"),
    ("tanh.npy", npy(UNIT * 2 - 1), UNIT, False, "between -1 and 1, brought to 0..1"),
    ("half.npy", npy((UNIT - 0.5).astype(np.float32)), UNIT, False, "between -1/2 and 1/2, brought to 0..1"),
    ("mnist.npy", npy((UNIT - 0.1307) / 0.3081), UNIT, False, "MNIST standardised by 0.1307 and 0.3081"),
    ("standard.npy", npy((UNIT - UNIT.mean()) / UNIT.std()), UNIT, False, "standardised (mean"),
    ("above.npy", npy(np.where(UNIT == 1, 1.0000001, UNIT).astype(np.float32)), UNIT, False, "to 1.0000001, "),
    ("below.npy", npy(np.where(UNIT == 0, -1e-7, UNIT)), UNIT, False, "cut off at 0 or 1"),
    ("bool.npy", npy(BITS > 0), BITS, False, "True and False"),
    ("b255.npy", npy(BITS * 255), BITS, False, "only 0 and 255, taken for 0 and 1"),
    ("bfloat.npy", npy(BITS * 255.0), BITS, False, "only 0 and 255, taken for 0 and 1"),
    ("spins.npy", npy(BITS * 2.0 - 1), BITS, False, "only -1 and 1, taken for 0 and 1"),
    ("small.npy", npy(UNIT.astype(np.float16)), UNIT.astype(np.float16), False, "as they are"),
]  # fmt: skip


@pytest.mark.parametrize("name, content, meant, labelled, words", MATRIX, ids=[row[0] for row in MATRIX])
def test_what_is_read_is_what_is_meant(tmp_path, name, content, meant, labelled, words):
    data = own(bring(tmp_path, name, content))
    assert words in data.understood, data.understood
    assert (data.labels_train is not None) == labelled and data.decoder == "bernoulli"
    assert (data.binarize == "given") == (meant is BITS)
    meant = np.asarray(meant, np.float64)
    seen = data.scale(data.x_train, dtype=np.float64).reshape(-1, *data.image_shape)
    if len(seen) < len(meant):
        seen = np.concatenate([seen, data.scale(data.x_test).reshape(-1, *data.image_shape)])
    assert data.image_shape == meant.shape[1:] and len(seen) == len(meant)
    order = [int(np.abs(meant - image).reshape(len(meant), -1).max(axis=1).argmin()) for image in seen]
    assert np.abs(seen - meant[order]).max() < 2e-3
    run = aevb_np.start(data, hidden=5, minibatch=10)
    *_, last = run.train(samples=3000)
    D = meant[0].size
    assert -1.05 * D * np.log(2) < last.test_bound < 0  # not worse than an untrained model, and no density


def test_labels_stay_with_their_images(tmp_path):
    for name, content in (
        ("a.csv", csv(LABELLED, HEADER)),
        ("b.npy", npy(LABELLED)),
        ("c.mat", mat(X=GREY, y=LABELS)),
        ("d.npz", npz(images=GREY, labels=np.eye(10)[LABELS])),
        ("e", {str(n): pictures(GREY[n == LABELS], "png") for n in range(10)}),
    ):
        data = own(bring(tmp_path, name, content))
        where = {image.tobytes(): label for image, label in zip(rows(GREY), LABELS)}
        for x, labels in ((data.x_train, data.labels_train), (data.x_test, data.labels_test)):
            assert [where[image.tobytes()] for image in x] == labels.tolist(), name


WRAPPED, SHORTS = GREY.view(np.int8), (GREY.astype(np.uint16) * 257).view(np.int16)
BY_PIXEL = np.c_[(rows(UNIT) - rows(UNIT).mean(axis=0)) / rows(UNIT).std(axis=0), np.zeros((N, 28))]
NAN = np.where(UNIT == 1, np.nan, UNIT)
ODD = np.random.default_rng(3).integers(0, 256, (40, 36 * 7)).astype(np.uint8)  # 252 = 14 x 18
COLOURS = np.random.default_rng(4).integers(0, 256, (40, 3 * 64)).astype(np.uint8)
ALPHA = np.random.default_rng(5).integers(0, 256, (40, 6, 6, 4)).astype(np.uint8)

# what is refused, what is said, and the advice taken literally
REFUSED = [
    (WRAPPED, r"whole numbers from -128 to 127. .* give x.astype\(int\) % 256", lambda x: x.astype(int) % 256),
    (WRAPPED.astype(float), r"give x.astype\(int\) % 256", lambda x: x.astype(int) % 256),
    (WRAPPED, r"x.astype\(int\) \+ 128", lambda x: x.astype(int) + 128),
    (SHORTS, r"x.astype\(int\) % 65536", lambda x: x.astype(int) % 65_536),
    (GREY.astype(int) - 1, r"\(x - x.min\(\)\) / \(x.max\(\) - x.min\(\)\)",
     lambda x: (x - x.min()) / (x.max() - x.min())),
    (UNIT * 1e-30, r"almost nothing. Give x / x.max\(\)", lambda x: x / x.max()),
    (BY_PIXEL, r"pixel by pixel. .* or \(x.clip\(-3, 3\) \+ 3\) / 6", lambda x: (x.clip(-3, 3) + 3) / 6),
    (np.c_[rows(DIGITS), rows(DIGITS)[:, :1]], r"one more than 28 x 28.* x\[:, :-1\]", lambda x: x[:, :-1]),
    (GREY[:, None].mean(axis=-1), r"a single line. Were colours .* the images before", lambda x: GREY[:, None]),
    (ALPHA[..., :2], r"as in x\[\.\.\., :1\]", lambda x: x[..., :1]),
    (UNIT / 255, r"divided by 255 twice. Give 255 \* x", lambda x: 255 * x),
    (GREY.astype(np.int64) * 70_000, r"more than 16 bits have. .* give x / x.max\(\)", lambda x: x / x.max()),
    (UNIT * 1e6 + 0.5, r"no known range. .* give x / x.max\(\)", lambda x: x / x.max()),
    (UNIT * 1000 - 500.3, r"\(x - x.min\(\)\) /", lambda x: (x - x.min()) / (x.max() - x.min())),
    (NAN, r"NaN or infinite .* replace the values", lambda x: np.nan_to_num(x, nan=1)),
    (ODD, r"no square. .* multiply to 252, such as 14x18", lambda x: x.reshape(-1, 14, 18)),
    (COLOURS, r"3 colours of 8 x 8. Give x.reshape\(-1, 3, 8, 8\)", lambda x: x.reshape(-1, 3, 8, 8)),
    (COLOURS, r"else x.reshape\(-1, 8, 8, 3\)", lambda x: x.reshape(-1, 8, 8, 3)),
    (ALPHA, r"as in x\[\.\.\., :3\]", lambda x: x[..., :3]),
    (ALPHA.repeat(3, 3)[:, :, :, :9], r"as in x\[:, 0\]", lambda x: np.moveaxis(x, 3, 1)[:, 0]),
]  # fmt: skip


@pytest.mark.parametrize("x, said, advice", REFUSED, ids=[said[:30] for _, said, _ in REFUSED])
def test_advice_taken_literally_works(tmp_path, x, said, advice):
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(ValueError, match=said) as error:
        own(tmp_path / "x.npy")
    assert "\n" not in str(error.value) and str(tmp_path / "x.npy") in str(error.value)
    with pytest.raises(ValueError, match=said):
        own(x)  # the same from Python
    data = own(advice(x))
    assert data.decoder == "bernoulli" and data.within_unit_interval() and "1 x" not in data.describe()


@pytest.mark.parametrize("D", [785 + 6, 31, 62, 2 * 101])
def test_rows_that_make_no_image_are_not_drawn_as_a_line(D):
    with pytest.raises(ValueError) as error:
        own(np.random.default_rng(0).integers(0, 256, (40, D)).astype(np.uint8))
    assert "1x" not in str(error.value) and str(D) in str(error.value)


def test_images_of_one_line_are_read_when_that_is_said():
    assert own(GREY[:, :1], shape=(1, 6)).image_shape == (1, 6)


@pytest.mark.parametrize("value", [0, 1, 7, 0.5, 200])
def test_images_that_are_all_the_same_are_said(value):
    assert "which are all" in own(np.full((20, 4, 4), value)).understood


def test_an_asked_gaussian_takes_numbers_as_they_are():
    assert own((UNIT - 0.3) * 1000, decoder="gaussian").decoder == "gaussian"
    data = own(UNIT * 3)
    assert data.decoder == "gaussian" and "from 0 to 3, taken as they are by a Gaussian" in data.understood


# -- hostile ---------------------------------------------------------------------------------------------------------


def header(shape, dtype="|u1"):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def zipped(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return file.getvalue()


HOSTILE = [
    ("huge.npy", header("(1000000, 1000, 1000)") + b"abc", "speaks of 1000000 x 1000 x 1000 numbers"),
    ("huge.npz", zipped(x_npy=header("(1000000, 1000, 1000)") + b"abc"), "speaks of 1000000 x 1000 x 1000 numbers"),
    ("huge.idx", b"\0\0\x08\x03" + struct.pack(">3I", 10**6, 1000, 1000) + b"abc", "announces 1000000 x 1000 x 1000"),
    ("huge.gz", gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 10**6, 1000, 1000)), "would unpack to 1,000.0 GB"),
    ("negative.npy", header("(-5, 5)") + b"abc", "truncated or damaged"),
    ("object.npy", header("(3,)", "|O") + b"\x80\x04N.", "never unpickled"),
    ("x.pkl", b"\x80\x04\x95" + bytes(50), "never unpickled"),
    ("mnist.pkl.gz", gzip.compress(b"\x80\x04\x95" + bytes(50)), "never unpickled"),
    ("x.pt", zipped(a_data_pkl=b"\x80\x04", a_data=b"").replace(b"a.data.pkl", b"a/data.pkl"), "never unpickled"),
    ("x.h5", b"\x89HDF\r\n\x1a\n" + bytes(600), "an HDF5 file"),
    ("x.mat", mat(X=GREY)[:300], "truncated or damaged"),
    ("x.csv", b"name,age\nann,7\n", "is no table of numbers"),
    ("ragged.csv", b"1,2,3\n4,5\n", "is no table of numbers"),
    ("x.bin", bytes(range(256)) * 9, "is no .npy, .npz"),
    ("empty.csv", b"", "is no .npy, .npz"),
    ("one.png", b"\x89PNG\r\n\x1a\n" + bytes(40), "is one picture. Give the folder"),
    ("docs.zip", zipped(readme_txt=b"hello"), "an archive without arrays"),
    ("x.npz", npz(masks=GREY, others=GREY), "holds the arrays masks, others. Name the images x"),
]  # fmt: skip


@pytest.mark.parametrize("name, content, said", HOSTILE, ids=[row[0] for row in HOSTILE])
def test_hostile_files_get_one_line_that_names_them(tmp_path, name, content, said):
    path = bring(tmp_path, name, content)
    with pytest.raises(ValueError) as error:
        own(path)
    assert said in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)


def test_bombs_are_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "MOST", 10**6)
    zeros = np.zeros((2000, 28, 28), np.uint8)
    bombs = {
        "a.npz": npz(x=zeros), "b.gz": gzip.compress(idx(zeros)), "c.csv.gz": gzip.compress(b"0,1,1\n" * 10**6),
        "d.mat": mat(X=np.zeros((2000, 784))), "e.npy.gz": gzip.compress(npy(zeros)),
        "f.mat": mat(dataset={"images": np.zeros((2000, 784))}),
    }  # fmt: skip
    for name, content in bombs.items():
        with pytest.raises(ValueError, match=f"{name} would unpack to .* GB.* save the array unpacked"):
            own(bring(tmp_path, name, content))
    np.save(tmp_path / "unpacked.npy", np.tile(GREY, (500, 1, 1)))  # which may be as large as it likes
    assert len(own(tmp_path / "unpacked.npy").x_train) == 27_000


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes as POSIX has them")
def test_pipes_are_named_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.npy")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder" / "1.png")
    said = []

    def read(path, **options):
        try:
            own(path, **options)
        except ValueError as error:
            said.append(str(error))

    for path in (tmp_path / "x.npy", tmp_path / "folder"):
        thread = threading.Thread(target=read, args=(path,), daemon=True)
        thread.start()
        thread.join(20)
    assert len(said) == 2 and f"{tmp_path / 'x.npy'} is a pipe" in said[0] and "1.png is a pipe" in said[1]


def test_a_picture_that_is_a_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = bring(tmp_path, "folder/1.png", GREY[0])
    with pytest.raises(ValueError, match=r"1\.png cannot be read as a picture"):
        own(path.parent)


def test_every_message_is_a_line_for_any_wrong_byte(tmp_path):
    """Every format, cut or changed anywhere: an array, or one error that names the file."""
    rng = np.random.default_rng(0)
    for name, whole in (
        ("a.mat", mat(X=GREY[:9])), ("a.gz", gzip.compress(idx(GREY[:9]))),
        ("a.csv", csv(GREY[:9])), ("a.npy", npy(GREY[:9])),
    ):  # fmt: skip
        for n in range(60):
            wrong = bytearray(whole)
            wrong[rng.integers(len(whole))] ^= 1 << rng.integers(8)
            path = bring(tmp_path, name, bytes(wrong[: rng.integers(len(whole))] if n % 2 else wrong))
            try:
                own(path, test_fraction=0.4)
            except ValueError as error:
                assert str(path) in str(error) and re.search(r"\. \w|\? \w", str(error)), error
