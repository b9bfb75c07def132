"""What runs inside a host process: the standard library, sagemaker-inference and the handler, and nothing else of ours.

It is started by the path of ``__main__.py``, so a model's environment needs no package of this project.
"""
