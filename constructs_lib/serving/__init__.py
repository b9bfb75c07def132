"""What is served, as plain Python values: models, artifacts, images, instance types, and the rules between them.

Nothing in this room imports ``aws_cdk``, ``cdk8s`` or ``boto3``, so every rule is tested in milliseconds and every
renderer (SageMaker, EKS, the packaging tool) shares it.
"""
