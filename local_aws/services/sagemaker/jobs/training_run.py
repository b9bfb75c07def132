"""A training job at work: data from S3, the script in a process of its own, results to S3, all with the role's rights.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from pathlib import Path

from local_aws import telemetry
from local_aws.api import Parameters
from local_aws.errors import ServiceError
from local_aws.execution_role import ExecutionRole
from local_aws.services.sagemaker import s3_data
from local_aws.services.sagemaker.containers import require_rights
from local_aws.services.sagemaker.jobs import channels
from local_aws.services.sagemaker.jobs.job import JobFailedError, JobStoppedError, JobTimedOutError, TrainingJob
from local_aws.services.sagemaker.jobs.training_output import TrainingOutput
from local_aws.services.sagemaker.plane import TrainingHost, plane
from local_aws.services.sagemaker.status import now

_LOG_GROUP = _NAMESPACE = "/aws/sagemaker/TrainingJobs"
# "SageMaker sends the algorithm the SIGTERM signal, which delays job termination for 120 seconds" (StopTrainingJob).
_STOP_GRACE = 120.0
_CHECKPOINTS = "/opt/ml/checkpoints"


class TrainingRun:
    """The work of one training job; call it on the job's thread."""

    def __init__(self, job: TrainingJob, role: ExecutionRole) -> None:
        self._job = job
        self._role = role
        self._request = job.request
        self._workdir = plane().directory / f"{job.name}-{secrets.token_hex(4)}"
        self._output = TrainingOutput(job, role, self._workdir)
        self._log_stream = f"{job.name}/algo-1-{time.time_ns() // 1_000_000}"
        definitions = self._request["AlgorithmSpecification"].get("MetricDefinitions", [])
        self._metrics = [(metric["Name"], re.compile(metric["Regex"])) for metric in definitions]

    def __call__(self) -> None:
        """Run the job to its end."""
        self._workdir.mkdir(parents=True)
        try:
            self._run()
        finally:
            shutil.rmtree(self._workdir, ignore_errors=True)

    def _run(self) -> None:
        image = self._request["AlgorithmSpecification"]["TrainingImage"]
        require_rights(self._role, image, _LOG_GROUP, self._log_stream)
        telemetry.open_log_stream(self._role.scope, _LOG_GROUP, self._log_stream)
        host = plane().train(self._container(image), workdir=self._workdir, log=self._log)
        try:
            source = self._download(host)
            self._job.begin_work(limit=self._request["StoppingCondition"]["MaxRuntimeInSeconds"])
            self._job.turn_to("Training", "Training image download completed. Training in progress.")
            ending = self._train(host, source)
            self._job.turn_to("Uploading", "Uploading generated training model")
            self._upload(host)
            if isinstance(ending, JobTimedOutError):
                self._job.turn_to("MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds")
                self._job.end(self._job.STOPPED)
            elif ending is not None:
                raise ending
        finally:
            plane().close(host)

    def _container(self, image: str) -> Parameters:
        scope, resources = self._role.scope, self._request["ResourceConfig"]
        parameters = self._request.get("HyperParameters", {})
        environment = self._request.get("Environment", {})
        if "sagemaker_program" not in parameters and "SAGEMAKER_PROGRAM" not in environment:
            raise JobFailedError(
                f"ClientError: local AWS cannot run the image {image} without a Docker engine. To train here, name a "
                "script with the hyperparameters sagemaker_program and sagemaker_submit_directory, as the training "
                "images of TensorFlow and PyTorch take it; or train on AWS."
            )
        isolated = self._request.get("EnableNetworkIsolation", False)
        return {
            "image": image,
            "job_name": self._job.name,
            "hyperparameters": parameters,
            "channels": channels.configuration(self._request),
            "instance_type": resources.get("InstanceType") or resources["InstanceGroups"][0]["InstanceType"],
            "environment": {
                "AWS_REGION": scope.region,
                "AWS_DEFAULT_REGION": scope.region,
                "TRAINING_JOB_NAME": self._job.name,
                "TRAINING_JOB_ARN": self._job.arn,
                # "no AWS credentials are made available to the container runtime environment" when it is isolated.
                **({} if isolated else self._role.credentials()),
                **environment,
            },
        }

    def _download(self, host: TrainingHost) -> Path | None:
        """Download the channels, the checkpoints and the source; return where the source's archive is."""
        given = self._request.get("InputDataConfig", [])
        if given:
            self._job.turn_to("Downloading", "Downloading input data")
        for channel in given:
            into = host.path(f"/opt/ml/input/data/{channel['ChannelName']}")
            into.mkdir()
            channels.download(self._role, channel["DataSource"]["S3DataSource"], into, check=self._job.check)
        checkpoints = self._request.get("CheckpointConfig")
        if checkpoints is not None:
            source = {"S3Uri": checkpoints["S3Uri"], "S3DataType": "S3Prefix"}
            channels.download(self._role, source, self._checkpoints(host), check=self._job.check)
        return self._download_source(host.submit_directory)

    def _download_source(self, uri: str) -> Path | None:
        if not uri.startswith("s3://"):
            return None
        if self._request.get("EnableNetworkIsolation"):
            # The toolkit inside of the container downloads it.
            raise JobFailedError(
                f"AlgorithmError: the source {uri} cannot be downloaded with network isolation: pass it as an input "
                "channel, and name that channel's directory as sagemaker_submit_directory"
            )
        archive = self._workdir / "sourcedir.tar.gz"
        try:
            archive.write_bytes(s3_data.object_at(uri).read(self._role))
        except ServiceError as error:
            raise JobFailedError(f"AlgorithmError: framework error: {error.message}") from error
        return archive

    def _checkpoints(self, host: TrainingHost) -> Path:
        path = self._request["CheckpointConfig"].get("LocalPath", _CHECKPOINTS)
        if not path.startswith("/opt/ml/"):
            raise JobFailedError(f"ClientError: local AWS has no directory {path} for checkpoints: use one in /opt/ml/")
        directory = host.path(path)
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def _train(self, host: TrainingHost, source: Path | None) -> Exception | None:
        """Run the script; return what ended it before it ended itself."""
        try:
            host.run(source, pause=self._job.pause)
        except (JobStoppedError, JobTimedOutError) as ending:
            host.end(grace=_STOP_GRACE)
            return ending
        except plane().failure as failure:
            if "CheckpointConfig" in self._request:
                self._output.upload_checkpoints(self._checkpoints(host))
            raise JobFailedError(f"AlgorithmError: {failure}") from failure
        return None

    def _upload(self, host: TrainingHost) -> None:
        self._output.upload(host.path("/opt/ml/model"), host.path("/opt/ml/output/data"))
        if "CheckpointConfig" in self._request:
            self._output.upload_checkpoints(self._checkpoints(host))

    def _log(self, line: str) -> None:
        scope = self._role.scope
        telemetry.put_log_lines(scope, _LOG_GROUP, self._log_stream, [line])
        for name, regex in self._metrics:
            found = regex.search(line)
            value = _number(found[1]) if found else None
            if value is not None:
                self._job.metrics[name] = {"MetricName": name, "Value": value, "Timestamp": now()}
                dimensions = {"TrainingJobName": self._job.name}
                telemetry.put_metric(scope, _NAMESPACE, name, value, unit="None", dimensions=dimensions)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
