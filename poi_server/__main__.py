"""`poi-server`, the command line: `python -m poi_server` is the same."""

import sys

from poi_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
