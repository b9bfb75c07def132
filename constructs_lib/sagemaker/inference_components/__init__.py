"""Inference components: several models on the instances of one endpoint, each in copies of its own."""
