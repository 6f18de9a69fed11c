"""``python -m OsteoJointLib``: the command line."""

import sys

from OsteoJointLib.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
