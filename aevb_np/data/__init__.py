"""Data sets: images as rows of pixels, each loader returning a `Dataset`.

`digits` and `faces` are drawn by the package itself and need no file; `mnist` and `frey_face` are the paper's, fetched
once; `own` reads your images.
"""

from aevb_np.data.dataset import Dataset
from aevb_np.data.digits import digits
from aevb_np.data.faces import faces
from aevb_np.data.fetching import fetch, read, status
from aevb_np.data.files import find
from aevb_np.data.frey_face import frey_face, pixel_baseline
from aevb_np.data.mnist import mnist
from aevb_np.data.own import own
from aevb_np.data.published import DamagedFileError, DataFolderError, FetchError

__all__ = [
    "DamagedFileError",
    "DataFolderError",
    "Dataset",
    "FetchError",
    "digits",
    "faces",
    "fetch",
    "find",
    "frey_face",
    "mnist",
    "own",
    "pixel_baseline",
    "read",
    "status",
]
