"""The Application Auto Scaling API, to which each module of this package adds its operations."""

from local_aws.api import JsonService

AUTOSCALING = JsonService("application-autoscaling", lambda _scope, _operation, _request: ["*"])
