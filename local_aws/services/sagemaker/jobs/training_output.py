"""What a training job leaves in S3: its model, its other output and its checkpoints.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
"""

from __future__ import annotations

import tarfile
from pathlib import Path

from local_aws.errors import ServiceError
from local_aws.execution_role import ExecutionRole
from local_aws.services.sagemaker import s3_data
from local_aws.services.sagemaker.jobs.job import JobFailedError, TrainingJob


def artifact_uri(job: TrainingJob) -> str:
    """Return where a training job leaves its model."""
    uri = f"{_prefix(job)}/model"
    return f"{uri}/" if _is_uncompressed(job) else f"{uri}.tar.gz"


def _prefix(job: TrainingJob) -> str:
    return f"{job.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job.name}/output"


def _is_uncompressed(job: TrainingJob) -> bool:
    return bool(job.request["OutputDataConfig"].get("CompressionType") == "NONE")


class TrainingOutput:
    """Writes what a training job leaves, with its role's rights.

    Every method raises :class:`JobFailedError` when the role lacks a right or the bucket is not there.

    Parameters
    ----------
    job
        The job.
    role
        Its role.
    workdir
        Where archives are made.
    """

    def __init__(self, job: TrainingJob, role: ExecutionRole, workdir: Path) -> None:
        self._job = job
        self._role = role
        self._workdir = workdir

    def upload(self, model: Path, data: Path) -> None:
        """Upload the model and the other output; a directory without anything in it is left out."""
        if _is_uncompressed(self._job):
            self._upload_files(model, artifact_uri(self._job))
        elif any(model.iterdir()):
            self._upload_archive(model, artifact_uri(self._job))
        if any(data.iterdir()):
            self._upload_archive(data, f"{_prefix(self._job)}/output.tar.gz")

    def upload_checkpoints(self, directory: Path) -> None:
        """Upload the checkpoints, which SageMaker does while the script runs."""
        self._upload_files(directory, self._job.request["CheckpointConfig"]["S3Uri"])

    def _upload_files(self, directory: Path, uri: str) -> None:
        for path in sorted(path for path in directory.rglob("*") if path.is_file()):
            self._write(f"{uri.rstrip('/')}/{path.relative_to(directory).as_posix()}", path.read_bytes())

    def _upload_archive(self, directory: Path, uri: str) -> None:
        archive = self._workdir / "archive.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
            for path in sorted(directory.iterdir()):
                packed.add(path, arcname=path.name)
        self._write(uri, archive.read_bytes())

    def _write(self, uri: str, content: bytes) -> None:
        try:
            s3_data.write(self._role, uri, content, kms_key=self._job.request["OutputDataConfig"].get("KmsKeyId"))
        except ServiceError as error:
            raise JobFailedError(f"ClientError: Artifact upload failed:{error.message}") from error
