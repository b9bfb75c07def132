"""Model packages as values: which ARNs, what goes together with them, and where SageMaker serves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from settings_files import refusal

from constructs_lib.serving.compatibility import hosting_problems, region_problems
from constructs_lib.serving.instances import instance_type
from constructs_lib.serving.models import ModelPackageModel, PyTorchModel
from constructs_lib.serving.multi_container import MultiContainerModel
from constructs_lib.serving.problems import InvalidValueError
from constructs_lib.serving.servers import HostNeeds, host_needs, sagemaker_environment


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory of its own, where settings are written."""
    monkeypatch.chdir(tmp_path)


ARN = "arn:aws:sagemaker:us-east-1:111122223333:model-package/ranking/3"
KEY = "arn:aws:kms:us-east-1:111122223333:key/0123-abcd"
SHAPE = "'arn:aws:sagemaker:REGION:ACCOUNT:model-package/NAME/VERSION', with at most 176 characters"
PACKAGE = ModelPackageModel(model_package_arn=ARN)


def package(**choices: Any) -> ModelPackageModel:
    return ModelPackageModel(**{"model_package_arn": ARN, **choices})


@pytest.mark.parametrize(
    "arn",
    [
        ARN,
        "arn:aws:sagemaker:eu-west-1:444455556666:model-package/sentiment-of-reviews",
        "arn:aws-cn:sagemaker:cn-north-1:111122223333:model-package/ranking/123456789",
        "arn:aws-us-gov:sagemaker:us-gov-west-1:111122223333:model-package/r",
        "${Token[TOKEN.12]}",
    ],
)
def test_a_package_is_named_by_its_arn(arn: str) -> None:
    assert package(model_package_arn=arn).model_package_arn == arn


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"model_package_arn": "ranking"}, f"'model_package_arn' must look like {SHAPE}, got 'ranking'"),
        (
            {"model_package_arn": ARN.replace("model-package/", "model-package-group/")},
            f"'model_package_arn' must look like {SHAPE}, got "
            "'arn:aws:sagemaker:us-east-1:111122223333:model-package-group/ranking/3'; that is a group: give one of its "
            "versions",
        ),
        (
            {"model_package_arn": ARN.replace("arn:aws:", "arn:aws-cn:")},
            "'model_package_arn' is in the partition 'aws-cn', but 'us-east-1' is in 'aws'",
        ),
        (
            {"package_images": ("ranking:3", "my ranking:3")},
            "'package_images.1' must be the URI of a container image, without spaces, got 'my ranking:3'",
        ),
        (
            {"package_artifacts": ("ranking/model.tar.gz",)},
            "'package_artifacts.0' must be the s3:// address that the package names, got 'ranking/model.tar.gz'",
        ),
        (
            {"package_artifacts": ("s3://my-models",)},
            "'package_artifacts.0' 's3://my-models' has no key; give the path of a .tar.gz object, or a prefix that "
            "ends with '/'",
        ),
        (
            {"artifact_kms_key_arn": KEY},
            "'artifact_kms_key_arn' is the key of 'package_artifacts'; give them as well, or leave it out",
        ),
        (
            {"artifact_kms_key_arn": "mine", "package_artifacts": ("s3://my-models/model.tar.gz",)},
            "'artifact_kms_key_arn' must look like 'arn:aws:kms:REGION:ACCOUNT:key/ID', got 'mine'",
        ),
        (
            {"marketplace": True},
            "'network_isolation' must be true with 'marketplace': SageMaker isolates what it runs of AWS Marketplace, "
            "and refuses it otherwise",
        ),
        (
            {"environment": {"MY-VARIABLE": "1"}},
            "'environment.MY-VARIABLE' must be named with letters, digits and underscores, and not begin with a digit",
        ),
    ],
)
def test_a_package_is_refused(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        package(**choices)

    assert str(refused.value) == f"ModelPackageModel: {message}"


@pytest.mark.parametrize("name", ["ranking-", "-ranking", "r" * 64, "ranking/", "ranking/1234567890", "ranking/latest"])
def test_a_name_that_sagemaker_does_not_give_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match="'model_package_arn' must look like "):
        package(model_package_arn=f"arn:aws:sagemaker:us-east-1:111122223333:model-package/{name}")


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidValueError) as refused:
        package(model_package_arn="ranking", marketplace=True, package_artifacts=("model",))

    assert [each.field for each in refused.value.problems] == [
        "model_package_arn",
        "package_artifacts.0",
        "network_isolation",
    ]


@pytest.mark.parametrize("instance", ["ml.c6i.large", "ml.g5.xlarge", "ml.inf2.xlarge", "ml.c7g.large"])
def test_a_package_runs_on_any_instance_type(instance: str) -> None:
    assert list(hosting_problems(PACKAGE, instance, autoscaled=True)) == []
    assert host_needs(PACKAGE, instance_type(instance)) == HostNeeds()


def test_an_instance_type_that_does_not_exist_is_refused_for_a_package_too() -> None:
    (problem,) = hosting_problems(PACKAGE, "ml.c6i.huge", autoscaled=False)

    assert problem.field == "instance_type"


def test_a_package_gets_the_users_own_variables_alone() -> None:
    assert sagemaker_environment(PACKAGE) == {}
    assert sagemaker_environment(package(environment={"THREADS": "2"})) == {"THREADS": "2"}


def test_a_package_is_served_in_its_own_region_alone() -> None:
    assert list(region_problems(PACKAGE, "ml.c6i.large", "us-east-1")) == []
    (problem,) = region_problems(PACKAGE, "ml.c6i.large", "eu-west-1")
    assert (problem.field, problem.message) == (
        "region",
        "is 'eu-west-1', but the model package is in 'us-east-1', where alone SageMaker serves it; deploy to "
        "'us-east-1', or register the model in 'eu-west-1' and give that 'model_package_arn'",
    )


def test_a_package_is_no_container_of_several() -> None:
    with pytest.raises(InvalidValueError) as refused:
        MultiContainerModel(containers={"one": PyTorchModel(artifact="s3://my-models/model.tar.gz"), "two": PACKAGE})

    assert str(refused.value) == (
        "MultiContainerModel: 'containers.two' is a model package, which names its containers itself; give it an "
        "endpoint of its own"
    )


REGISTERED = f"""\
endpoints:
  ranking:
    model:
      framework: model-package
      model_package_arn: {ARN}
    instance_type: ml.c6i.large
"""
BOUGHT = REGISTERED.replace(
    "    instance_type:", "      marketplace: true\n      network_isolation: true\n    instance_type:"
)


@pytest.mark.parametrize("key", ["image", "artifact", "compile", "version"])
def test_settings_refuse_what_the_package_says_itself(key: str) -> None:
    (message,) = refusal(REGISTERED.replace("    instance_type:", f"      {key}: x\n    instance_type:"))

    assert message.startswith(f"inference.yaml:6: endpoints.ranking.model.{key}: ")


def test_settings_refuse_a_package_of_another_region() -> None:
    (message,) = refusal(f"{REGISTERED}region: eu-west-1\n")

    assert message.startswith("inference.yaml:7: region: is 'eu-west-1', but the model package is in 'us-east-1', ")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "shadow: {name: next, instance_type: ml.c6i.large}",
            "shadow: does not work with a product of AWS Marketplace; leave it out",
        ),
        (
            "rollout: {strategy: canary}",
            "rollout: does not work with a product of AWS Marketplace; leave it out",
        ),
    ],
)
def test_settings_refuse_a_product_of_aws_marketplace_with(key: str, message: str) -> None:
    (found,) = refusal(f"{BOUGHT}    {key}\n")

    assert found == f"inference.yaml:9: endpoints.ranking.{message}"


def test_settings_refuse_a_product_of_aws_marketplace_without_instances() -> None:
    messages = refusal(BOUGHT.replace("instance_type: ml.c6i.large", "serverless: {}"))

    assert (
        "inference.yaml:8: endpoints.ranking.serverless: does not work with a product of AWS Marketplace; give "
        "'instance_type' instead"
    ) in messages
