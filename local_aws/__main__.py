"""``python -m local_aws --port 4566 --state DIRECTORY``: run local AWS in this process."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from local_aws.server import StartFailedError, serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m local_aws", description="An AWS on this machine, for trying out.")
    parser.add_argument("--port", type=int, default=4566, help="the port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="the directory for whatever it keeps on disk")
    parser.add_argument("--hosting", default="local_aws.hosting", help="the module that runs models")
    parser.add_argument(
        "--with-parent", action="store_true", help="stop when standard input ends, as it does when the parent is gone"
    )
    arguments = parser.parse_args()
    try:
        serve(
            port=arguments.port,
            state=arguments.state,
            hosting=arguments.hosting,
            parent_pipe=sys.stdin.fileno() if arguments.with_parent else None,
        )
    except StartFailedError as error:
        sys.exit(f"local AWS: {error}")
    except KeyboardInterrupt:  # while it starts; later it is told by a signal handler
        sys.exit(130)


if __name__ == "__main__":
    main()
