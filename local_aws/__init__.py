"""A stand-in for AWS on this machine: MiniStack, and SageMaker and Application Auto Scaling, which it lacks.

>>> from local_aws.process import LocalAws

It knows CloudFormation and the AWS API, and nothing of the constructs of this library. See README.md beside this file.
"""
