"""Data sets: images as rows of pixels, each loader returning a `Dataset`.

`digits` and `faces` are drawn by the package itself and need no file; `mnist` and `frey_face` are the paper's, fetched
once; `own` reads your images.
"""

from .dataset import Dataset
from .digits import digits
from .faces import faces
from .files import DamagedFileError, DataFolderError, FetchError, fetch, find, read, status
from .frey_face import frey_face, pixel_baseline
from .mnist import mnist
from .own import own

__all__ = [
    "DamagedFileError", "DataFolderError", "Dataset", "FetchError", "digits", "faces", "fetch", "find", "frey_face",
    "mnist", "own", "pixel_baseline", "read", "status",
]
