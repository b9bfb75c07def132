"""An HTTPS API in front of an endpoint: API Gateway, straight to SageMaker or through a function of yours."""
