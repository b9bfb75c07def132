"""Handlers of ours, packed into archives as ``code/``; each folder is one, and nothing here imports them."""
