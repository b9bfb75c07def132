"""The objects of a chart, each kind a file: what is the same for every server."""
