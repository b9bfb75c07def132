"""The tools behind the `inference` command; each is a Python function too."""
