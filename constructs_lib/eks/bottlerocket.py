"""Settings of Bottlerocket, whose image for GPUs has NVIDIA's device plugin in it."""

from __future__ import annotations

from constructs_lib.serving.node_group import NodeGroup

# Bottlerocket's nvidia-migmanager knows GPUs by these names, and by EC2's family which memory they have.
_GPUS = {"p4d": "a100.40gb", "p4de": "a100.80gb", "p5": "h100.80gb", "p5e": "h200.141gb", "p5en": "h200.141gb"}
_PLUGIN = "settings.kubelet-device-plugins.nvidia"


def gpu_sharing_settings(group: NodeGroup) -> str:
    """Give the user data of a Bottlerocket node whose GPUs are shared; empty for all others.

    Source: Bottlerocket, "settings.kubelet-device-plugins".
    """
    sharing = group.gpu_sharing
    if sharing is None or not group.brings_device_plugin:
        return ""
    lines = [f"[{_PLUGIN}]"]
    if sharing.time_slicing:
        lines.append('device-sharing-strategy = "time-slicing"')
    if sharing.mig_slices:
        lines.append('device-partitioning-strategy = "mig"')
    if sharing.time_slicing:
        lines += [
            f"[{_PLUGIN}.time-slicing]",
            f"replicas = {sharing.time_slicing}",
            "rename-by-default = false",
            "fail-requests-greater-than-one = true",
        ]
    if sharing.mig_slices:
        lines.append(f"[{_PLUGIN}.mig.profile]")
        lines += [f'"{_GPUS[family]}" = "{sharing.mig_slices}"' for family in _families(group)]
    return "\n".join(lines) + "\n"


def _families(group: NodeGroup) -> list[str]:
    return sorted({instance.family for instance in group.instances})
