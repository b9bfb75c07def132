"""Calls to what was deployed: SageMaker endpoints, and model servers in a cluster or at any address."""
