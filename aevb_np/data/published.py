"""The published data files: their names, sizes, checksums and addresses, and what can be wrong with one."""

from typing import NamedTuple


class File(NamedTuple):
    """One published file. Its content, after gunzip, has sums of its own: some people keep the files unpacked."""

    sha256: str
    size: int  # bytes
    content_sha256: str
    content_size: int
    addresses: tuple[str, ...]  # tried in this order


MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)


def _mnist(name, sha256, size, content_sha256, content_size):
    return File(sha256, size, content_sha256, content_size, tuple(mirror + name for mirror in MNIST_MIRRORS))


FILES = {
    "mnist/train-images-idx3-ubyte.gz": _mnist(
        "train-images-idx3-ubyte.gz",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        9_912_422,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        47_040_016,
    ),
    "mnist/train-labels-idx1-ubyte.gz": _mnist(
        "train-labels-idx1-ubyte.gz",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        28_881,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        60_008,
    ),
    "mnist/t10k-images-idx3-ubyte.gz": _mnist(
        "t10k-images-idx3-ubyte.gz",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        1_648_877,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        7_840_016,
    ),
    "mnist/t10k-labels-idx1-ubyte.gz": _mnist(
        "t10k-labels-idx1-ubyte.gz",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        4_542,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        10_008,
    ),
    "frey_face/frey_rawface.mat": File(
        "265a83a23adb081755cd3de375509828e690324d1d60f076b8ecebc840d59c64",
        1_100_584,
        "265a83a23adb081755cd3de375509828e690324d1d60f076b8ecebc840d59c64",
        1_100_584,
        (
            "https://github.com/lawrennd/datasets_mirror/raw/main/brendan_faces/frey_rawface.mat",
            "https://cs.nyu.edu/~roweis/data/frey_rawface.mat",
        ),
    ),
}

# Of the 1965 x 560 grey levels alone, as bytes, whatever file they come in.
FREY_FRAMES = "2438ba4f0d2a6bd8bac43de756141eaa33c8d248dd613d464bdb1210d9b7af78"

OTHERS = {  # MD5 of what else goes under MNIST's names, as its publishers give it, of the packed files
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d": "Fashion-MNIST",
    "25c81989df183df01b3e8a0aad5dffbe": "Fashion-MNIST",
    "bef4ecab320f06d8554ea6380940ec79": "Fashion-MNIST",
    "bb300cfdad3c16e7a12a480ee83cd310": "Fashion-MNIST",
    "bdb82020997e1d708af4cf47b453dcf7": "KMNIST",
    "e144d726b3acfaa3e44228e80efcd344": "KMNIST",
    "5c965bf0a639b31b8f53240b1b52f4d7": "KMNIST",
    "7320c461ea6c1c855c0b718fb2a4b134": "KMNIST",
}
MEANS = {0.1307: "MNIST", 0.1325: "MNIST", 0.2860: "Fashion-MNIST", 0.1918: "KMNIST"}  # of x / 255, all images

DATA_SETS = {  # the files behind each name that `aevb data` knows; no file: it comes with the package
    "digits": (),
    "faces": (),
    "mnist": tuple(name for name in FILES if name.startswith("mnist/")),
    "frey": ("frey_face/frey_rawface.mat",),
}


class DataFolderError(FileNotFoundError):
    """A folder for data files was named, and it is not there, or is no folder."""


class DamagedFileError(ValueError):
    """A data file is there, and its bytes are not the published ones."""


class OtherDataError(DamagedFileError):
    """A data file is there and sound, and holds other data than its name says."""


class FetchError(OSError):
    """No address gave the file."""
