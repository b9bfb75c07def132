"""Training, batch transform and Neo compilation: work that starts, ends and leaves its results in S3."""
