"""``python -m pokenash``: the same as the command ``pokenash``."""

import sys

from pokenash.cli import main

if __name__ == "__main__":
    sys.exit(main())
