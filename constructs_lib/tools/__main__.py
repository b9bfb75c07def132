"""`python -m constructs_lib.tools` is the `inference` command."""

from constructs_lib.tools.command import main

main()
