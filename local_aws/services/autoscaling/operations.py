"""Every operation of Application Auto Scaling that local AWS has, registered on import."""

from local_aws.services.autoscaling import policies, scheduled_actions, targets
from local_aws.services.autoscaling.service import AUTOSCALING

__all__ = ["AUTOSCALING", "policies", "scheduled_actions", "targets"]
