"""How the files of a model come from S3 to the pod: init containers that copy, or a volume that reads S3 itself.

Sources: aws s3 sync and cp; awslabs/mountpoint-s3-csi-driver, docs/CONFIGURATION.md (static provisioning, the pod's own
credentials).
"""

from __future__ import annotations

import hashlib

from constructs import Construct

from cdk8s_charts.container import USER, Form
from cdk8s_charts.k8s import objects as k8s
from cdk8s_charts.k8s import quantity
from cdk8s_charts.manifests.context import Context
from cdk8s_charts.servers.server import form_of
from constructs_lib.serving.artifacts import S3Artifact

# Both are public, for x86_64 and arm64. The AWS CLI's image has no tar.
AWS_CLI_IMAGE = "public.ecr.aws/aws-cli/aws-cli:2.36.15"
BUSYBOX_IMAGE = "public.ecr.aws/docker/library/busybox:1.37.0"

VOLUME = "model"
TEMPORARY = k8s.VolumeMount(name="tmp", mount_path="/tmp")  # noqa: S108
_ARCHIVE = "model.tar.gz"
# A prefix under which nothing lies is no error to `aws s3 sync`; a pod without its model would never become ready.
_COPY_ALL = (
    'aws s3 sync "$0" "$1" --only-show-errors && [ -n "$(ls -A "$1")" ] '
    '|| { echo "nothing could be copied from $0" >&2; exit 1; }'
)


def locked_down(user: int = USER) -> k8s.SecurityContext:
    """Give the security context of a container that needs nothing but its user's rights and writes to volumes alone."""
    return k8s.SecurityContext(
        allow_privilege_escalation=False,
        capabilities=k8s.Capabilities(drop=["ALL"]),
        read_only_root_filesystem=True,
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=user,
    )


def fetch(artifact: S3Artifact, directory: str, *, region: str | None) -> list[k8s.Container]:
    """Give the init containers that copy an artifact into the volume ``model``, and unpack it there.

    Parameters
    ----------
    artifact
        Where the files are.
    directory
        Where the volume is mounted.
    region
        Region of the cluster. None: the AWS CLI finds it out.
    """
    mount = k8s.VolumeMount(name=VOLUME, mount_path=directory)
    if form_of(artifact) is Form.PREFIX:
        command = ["/bin/sh", "-c", _COPY_ALL]
        environment = _aws_environment(region)
        args = [artifact.uri, directory]
        return [_step("fetch-model", AWS_CLI_IMAGE, mount, command=command, args=args, environment=environment)]
    if form_of(artifact) is Form.MAR:
        target = f"{directory}/{artifact.key.rpartition('/')[2]}"
        return [aws_cli("fetch-model", ["s3", "cp", artifact.uri, target], mount, region=region)]
    archive = f"{directory}/{_ARCHIVE}"
    unpack = f'tar -xzf "{archive}" -C "{directory}" && rm "{archive}"'
    return [
        aws_cli("fetch-model", ["s3", "cp", artifact.uri, archive], mount, region=region),
        _step("unpack-model", BUSYBOX_IMAGE, mount, command=["/bin/sh", "-c", unpack]),
    ]


def aws_cli(name: str, arguments: list[str], mount: k8s.VolumeMount, *, region: str | None) -> k8s.Container:
    """Give a container that runs the AWS CLI once, with a volume."""
    args = [*arguments, "--only-show-errors"]
    return _step(name, AWS_CLI_IMAGE, mount, args=args, environment=_aws_environment(region))


def _aws_environment(region: str | None) -> dict[str, str]:
    return {"HOME": "/tmp", **({"AWS_REGION": region} if region else {})}  # noqa: S108


def _step(
    name: str,
    image: str,
    mount: k8s.VolumeMount,
    *,
    command: list[str] | None = None,
    args: list[str] | None = None,
    environment: dict[str, str] | None = None,
) -> k8s.Container:
    return k8s.Container(
        name=name,
        image=image,
        command=command,
        args=args,
        env=[k8s.EnvVar(name=key, value=value) for key, value in (environment or {}).items()] or None,
        volume_mounts=[mount, TEMPORARY],
        security_context=locked_down(),
        resources=k8s.ResourceRequirements(
            requests={"cpu": quantity("250m"), "memory": quantity("256Mi")},
            limits={"memory": quantity("1Gi")},
        ),
    )


def volume(context: Context) -> k8s.Volume:
    """Give the volume that holds the model: a directory of the node, or a claim of S3 through Mountpoint."""
    location = context.workload.model.location
    if context.workload.artifact_access == "mountpoint" and isinstance(location, S3Artifact):
        name = f"{context.workload.name}{_claim_suffix(location)}"
        claim = k8s.PersistentVolumeClaimVolumeSource(claim_name=name, read_only=True)
        return k8s.Volume(name=VOLUME, persistent_volume_claim=claim)
    return k8s.Volume(name=VOLUME, empty_dir=k8s.EmptyDirVolumeSource())


def mountpoint(scope: Construct, context: Context, artifact: S3Artifact) -> None:
    """Define the volume of S3 and the claim to it, which only this workload's pods have."""
    workload = context.workload
    suffix = _claim_suffix(artifact)
    claim = f"{workload.name}{suffix}"
    name = f"{workload.namespace}-{claim}"  # volumes are the cluster's, not a namespace's
    prefix = artifact.key if form_of(artifact) is Form.PREFIX else artifact.key.rpartition("/")[0] + "/"
    region = context.placement.region
    options = ["read-only", "allow-other", *([f"prefix {prefix}"] if prefix != "/" else [])]
    size = {"storage": quantity("1Gi")}  # asked for by Kubernetes, and without meaning for S3
    k8s.KubePersistentVolume(
        scope,
        "ModelVolume",
        metadata=k8s.ObjectMeta(name=name, labels=context.labels),
        spec=k8s.PersistentVolumeSpec(
            capacity=size,
            access_modes=["ReadOnlyMany"],
            storage_class_name="",
            mount_options=[*options, *([f"region {region}"] if region else [])],
            claim_ref=k8s.ObjectReference(namespace=workload.namespace, name=claim),
            csi=k8s.CsiPersistentVolumeSource(
                driver="s3.csi.aws.com",
                volume_handle=name,
                volume_attributes={"bucketName": artifact.bucket, "authenticationSource": "pod"},
            ),
        ),
    )
    k8s.KubePersistentVolumeClaim(
        scope,
        "ModelClaim",
        metadata=context.metadata(suffix),
        spec=k8s.PersistentVolumeClaimSpec(
            access_modes=["ReadOnlyMany"],
            storage_class_name="",
            volume_name=name,
            resources=k8s.ResourceRequirements(requests=size),
        ),
    )


def _claim_suffix(artifact: S3Artifact) -> str:
    """Name a claim by its artifact: volumes do not change, and pods start anew when they name another claim."""
    return f"-model-{hashlib.sha256(artifact.uri.encode()).hexdigest()[:8]}"
