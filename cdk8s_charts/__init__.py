"""Serving workloads on Kubernetes as cdk8s charts, of the same model values as the SageMaker constructs."""
