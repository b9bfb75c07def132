"""An endpoint on which many models share the instances, each called by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from constructs import Construct

from constructs_lib.sagemaker.containers import upload
from constructs_lib.sagemaker.inference_endpoint import InferenceEndpoint
from constructs_lib.sagemaker.stack_facts import StackFacts
from constructs_lib.serving.multi_model import MultiModel
from constructs_lib.serving.problems import Problems


class MultiModelEndpoint(InferenceEndpoint):
    """Defines an `InferenceEndpoint` of a `MultiModel`, to which models can be added one by one.

    Parameters
    ----------
    scope, id
        Where in the construct tree the endpoint stands.
    model
        The models, and what serves them.
    **options
        As `InferenceEndpoint` takes them.

    Raises
    ------
    InvalidValueError
        When the choices do not fit together; its text has one line per problem.

    Examples
    --------
    >>> endpoint = MultiModelEndpoint(
    ...     stack,
    ...     "Scores",
    ...     model=MultiModel(server="pytorch", models={"churn.tar.gz": "models/churn"}, entry_point="inference.py"),
    ...     instance_type="ml.c6i.large",
    ... )
    >>> endpoint.add_model("fraud.tar.gz", "models/fraud")
    >>> endpoint.grant_invoke(team, target_models=["fraud.tar.gz"])
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's own name for it
        *,
        model: MultiModel,
        **options: Any,
    ) -> None:
        super().__init__(scope, id, model=model, **options)
        self._multi_model = model

    def add_model(self, name: str, artifact: str) -> None:
        """Serve one more model, which the deployment uploads; instances that run stay as they are.

        Parameters
        ----------
        name
            How requests call it, such as ``fraud.tar.gz``.
        artifact
            Local directory or ``.tar.gz`` file.

        Raises
        ------
        InvalidValueError
            When the name is taken or not allowed, the files are not fit, or the models are under a prefix of yours.
        ArchiveError
            When the files cannot be packaged.
        """
        problems = Problems("add_model")
        if self._multi_model.artifact is not None:
            problems.add("artifact", f"is put by you under '{self._multi_model.artifact}', and served from there")
        if name in self._multi_model.models:
            problems.add("name", f"'{name}' is a model of the endpoint already; choose another name")
        problems.raise_any()
        more = replace(self._multi_model, models={**self._multi_model.models, name: artifact})
        uploaded = upload(StackFacts.of(self), more, name)
        self._multi_model = more
        for model in dict.fromkeys(self.models.values()):
            for files in model.multi_model_files:
                files.add(name, uploaded)
