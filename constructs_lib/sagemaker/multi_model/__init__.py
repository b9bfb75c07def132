"""The files of multi-model endpoints: uploaded under the names that requests call them."""
