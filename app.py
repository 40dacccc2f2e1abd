"""Attune's web page: `python app.py`, then open the address it prints. Also a Space's entry."""

import sys

from mer_core.demo.command import main

if __name__ == "__main__":
    sys.exit(main())
