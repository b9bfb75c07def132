"""The rollout of an inference component's copies as its ``DeploymentConfig``."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.sagemaker.inference_components.copy_rollout import CopyRollout
from constructs_lib.sagemaker.rollout_deployment import rollback_alarms

_component = sagemaker.CfnInferenceComponent
_Deployment = sagemaker.CfnInferenceComponent.InferenceComponentDeploymentConfigProperty


def copy_alarms(scope: Construct, component_name: str, rollout: CopyRollout | None) -> list[str]:
    """Give the names of the alarms that take a rollout back, and make them if none are given.

    Parameters
    ----------
    scope
        The construct that the alarms stand under.
    component_name
        Name of the component, by whose metrics the alarms go.
    rollout
        What the alarms bear. None: there is none.
    """
    if rollout is None:
        return []
    if rollout.alarms is not None:
        return list(rollout.alarms)
    return rollback_alarms(scope, [{"InferenceComponentName": component_name}], rollout, owner="inference component")


def copy_deployment(rollout: CopyRollout | None, alarm_names: Sequence[str]) -> _Deployment | None:
    """Give a rollout as a property of the component; None when there is none.

    Parameters
    ----------
    rollout
        Sizes and times.
    alarm_names
        The alarms that take an update back; empty when nothing does.
    """
    if rollout is None:
        return None
    kind, value = rollout.step
    back = rollout.rollback_percent
    return _Deployment(
        auto_rollback_configuration=_component.AutoRollbackConfigurationProperty(
            alarms=[_component.AlarmProperty(alarm_name=name) for name in alarm_names]
        )
        if alarm_names
        else None,
        rolling_update_policy=_component.InferenceComponentRollingUpdatePolicyProperty(
            maximum_batch_size=_component.InferenceComponentCapacitySizeProperty(type=kind, value=value),
            wait_interval_in_seconds=rollout.wait,
            maximum_execution_timeout_in_seconds=rollout.maximum_execution,
            rollback_maximum_batch_size=None
            if back is None
            else _component.InferenceComponentCapacitySizeProperty(type="CAPACITY_PERCENT", value=back),
        ),
    )
