"""What AWS publishes: the hand-kept table `listed.toml`, and the reader of the SageMaker SDK's tables."""
