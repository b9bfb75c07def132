"""The Kubernetes objects of local AWS's clusters: checked as the API server would, and kept in files."""
