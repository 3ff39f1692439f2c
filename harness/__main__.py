"""`python -m harness` is `leak-harness`."""

import sys

from harness.cli import main

sys.exit(main())
