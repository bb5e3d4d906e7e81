"""`python -m aevb_np`: the same as the command `aevb`."""

import sys

from aevb_np.cli import main

if __name__ == "__main__":
    sys.exit(main())
