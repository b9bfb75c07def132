"""What creates the SageMaker models that ``AWS::SageMaker::Model`` cannot describe: a function."""
