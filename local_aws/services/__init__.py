"""The AWS services that MiniStack lacks."""
