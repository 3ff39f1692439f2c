"""`python -m harness` is `leak-harness`."""

import sys

from .cli import main

sys.exit(main())
