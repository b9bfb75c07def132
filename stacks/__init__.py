"""The application: settings, and the stacks that they describe."""
