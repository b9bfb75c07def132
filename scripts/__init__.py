"""Command-line entry points; each is thin, and what it does is a function elsewhere."""
