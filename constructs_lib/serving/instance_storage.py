"""Which instance types have disks of their own, which have their size and no KMS key of yours encrypts.

Source: Amazon EC2 user guide, "Instance store volumes"; botocore sagemaker, CreateEndpointConfig ``KmsKeyId``, and
ResourceConfig and TransformResources ``VolumeKmsKeyId``; aws/sagemaker-python-sdk, ``volume_size_supported``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress

from constructs_lib.serving.instances import InstanceType, InstanceTypeError, instance_type
from constructs_lib.serving.problems import Problem

# A 'd' among a family's attributes says so (c5d, m6gd, p4de, g4dn); accelerated families have disks without the letter.
_BY_LETTER = re.compile(r"[a-z]+\d+[a-z]*d[a-z]*")
_BY_NAME = re.compile(r"(g5|g6|g6e|gr6|g6f|gr6f|g7|g7e|p5|p5e|p5en|p6e?-.+|trn1|trn1n|trn2|trn2u|dl1)")


def has_own_disks(instance: InstanceType) -> bool:
    """Tell whether an instance has disks that belong to its host."""
    family = instance.family
    return bool(_BY_LETTER.fullmatch(family) or _BY_NAME.fullmatch(family))


def disk_key_problems(name: str, key_arn: str | None, instance: InstanceType) -> Iterator[Problem]:
    """Check that an instance has volumes which a key of the user's encrypts.

    Parameters
    ----------
    name
        The field.
    key_arn
        ARN of the key. None: there is none, which fits every instance.
    instance
        The instance.
    """
    if key_arn is not None and has_own_disks(instance):
        yield Problem(
            name,
            f"does not encrypt the disks that '{instance.name}' has of its own, which its hardware encrypts; choose a "
            "type without, such as 'ml.c5.xlarge', or leave it out",
        )


def disk_size_problems(name: str, size: int | None, instance_names: Sequence[str]) -> Iterator[Problem]:
    """Check that instances have volumes whose size can be chosen.

    Parameters
    ----------
    name
        The field.
    size
        The size. None: it is left to SageMaker, which fits all of them.
    instance_names
        The instance types; those that do not exist are told elsewhere.
    """
    for each in instance_names if size is not None else ():
        with suppress(InstanceTypeError):
            if has_own_disks(instance_type(each)):
                yield Problem(
                    name,
                    f"is for volumes, and SageMaker attaches none to '{each}', which has disks of its own; leave it "
                    "out, or choose a type without, such as 'ml.c6i.large'",
                )
