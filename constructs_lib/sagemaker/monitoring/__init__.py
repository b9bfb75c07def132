"""What is watched of an endpoint: CloudWatch alarms for each variant, dashboards of the endpoint and of the stack."""
