"""``python -m pokenash.cli``."""

import sys

from pokenash.cli import main

sys.exit(main())
