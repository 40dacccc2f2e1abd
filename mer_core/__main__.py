"""`python -m mer_core predict|info`."""

import sys

from mer_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
