"""`python -m aevb_np`: the same as the command `aevb`."""

import sys

sys.path[:1] = []  # the folder where it is called, which -m puts first: a random.py there is not Python's

from aevb_np.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
