"""Start the server from its path: ``python -s -P __main__.py MODULE STATUS_FILE PARENT_PID``."""

import importlib
import importlib.util
import sys
from pathlib import Path

# Not our real name: the handler may import anything, and must not meet our modules by accident.
_NAME = "_local_aws_host"


def _main() -> int:
    here = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(_NAME, here / "__init__.py", submodule_search_locations=[str(here)])
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import the server from {here}")
    package = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = package
    spec.loader.exec_module(package)
    return int(importlib.import_module(f"{_NAME}.process").main(*sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(_main())
