"""AWS CDK constructs for deep-learning inference: say once what is served, then render it where it should run."""

__version__ = "0.1.0"
