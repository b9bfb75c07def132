"""Rules that manifests keep and that their schemas do not know: what one object says of another has to be there.

``broken_rules`` gives a line for each rule that is broken; `test_manifest_rules` breaks each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from cdk8s_charts.resources import cpu_millis, mebibytes
from constructs_lib.serving.node_group import NODE_GROUP_LABEL, NodeGroup

Manifest = Mapping[str, Any]
# Kubernetes, apimachinery IsValidPortName (RFC 6335).
PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]*[a-z0-9])?")
CLUSTER_SCOPED = ("Namespace", "PersistentVolume")
EXTENDED = ("nvidia.com/gpu", "aws.amazon.com/neuron")


def broken_rules(manifests: Sequence[Manifest], node_groups: Sequence[NodeGroup] = ()) -> list[str]:
    """Give a line for each broken rule, which begins with the object that breaks it."""
    pods = {id(each): each["spec"]["template"] for each in manifests if each["kind"] in ("Deployment", "Job")}
    found: list[str] = []
    for each in manifests:
        name = f"{each['kind']}/{each['metadata']['name']}"
        rules = [placed(each), *([RULES[each["kind"]](each, manifests)] if each["kind"] in RULES else [])]
        if id(each) in pods:
            rules += [pod_rules(pods[id(each)], each, manifests), node_rules(pods[id(each)]["spec"], node_groups)]
        found += [f"{name}: {problem}" for problem in chain(*rules)]
    return found


def placed(manifest: Manifest) -> Iterator[str]:
    if ("namespace" in manifest["metadata"]) == (manifest["kind"] in CLUSTER_SCOPED):
        yield "must have a namespace, unless it is the cluster's"


def pod_rules(template: Manifest, owner: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    spec = template["spec"]
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    places: dict[str, str] = {}
    for container in (*spec.get("initContainers", []), *spec["containers"]):
        yield from container_rules(container, volumes)
        for mount in container.get("volumeMounts", []):
            first = places.setdefault(mount["name"], mount["mountPath"])
            if first != mount["mountPath"]:
                yield f"mounts the volume '{mount['name']}' at {first} and at {mount['mountPath']}"
    for volume in volumes.values():
        for source, kind, key in (
            ("configMap", "ConfigMap", "name"),
            ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
        ):
            if source in volume and find(manifests, kind, volume[source][key], owner) is None:
                yield f"mounts {kind}/{volume[source][key]}, which is not there"
    account = spec["serviceAccountName"]
    made = [each for each in manifests if each["kind"] == "ServiceAccount"]
    if made and find(manifests, "ServiceAccount", account, owner) is None:
        yield f"runs as ServiceAccount/{account}, which is not there"


def container_rules(container: Manifest, volumes: Mapping[str, Any]) -> Iterator[str]:
    name, ports = container["name"], container.get("ports", [])
    for port in ports:
        if not PORT_NAME.fullmatch(port["name"]):
            yield f"{name} has a port named '{port['name']}'"
    for key in ("name", "containerPort"):
        if len({port[key] for port in ports}) < len(ports):
            yield f"{name} has two ports with one {key}"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        for action in ("httpGet", "tcpSocket", "grpc"):
            target = container.get(probe, {}).get(action)
            if target and not has_port(ports, target["port"]):
                yield f"{name}'s {probe} asks port '{target['port']}', which it does not have"
    for mount in container.get("volumeMounts", []):
        if mount["name"] not in volumes:
            yield f"{name} mounts the volume '{mount['name']}', which is not there"
    yield from resource_rules(container, volumes)


def resource_rules(container: Manifest, volumes: Mapping[str, Any]) -> Iterator[str]:
    name, resources = container["name"], container.get("resources", {})
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    for resource, read in (("cpu", cpu_millis), ("memory", mebibytes)):
        if resource in requests and resource in limits and read(limits[resource]) < read(requests[resource]):
            yield f"{name} has a limit of {resource} below its request"
    for resource in EXTENDED:
        if resource in requests and requests[resource] != limits.get(resource):
            yield f"{name} requests {resource} without the same limit"
    in_memory = [
        volumes[mount["name"]].get("emptyDir", {})
        for mount in container.get("volumeMounts", [])
        if mount["name"] in volumes
    ]
    for volume in in_memory:
        if volume.get("medium") == "Memory" and mebibytes(volume["sizeLimit"]) >= mebibytes(limits["memory"]):
            yield f"{name} has more shared memory ({volume['sizeLimit']}) than memory ({limits['memory']})"


def node_rules(spec: Manifest, node_groups: Sequence[NodeGroup]) -> Iterator[str]:
    group = next((group for group in node_groups if group.name == wanted_group(spec)), None)
    if wanted_group(spec) and node_groups and group is None:
        yield f"asks for the node group '{wanted_group(spec)}', which is not there"
    if group is None:
        return
    tolerated = {(each["key"], each.get("value"), each["effect"]) for each in spec.get("tolerations", [])}
    for taint in group.node_taints:
        if (taint.key, taint.value, taint.effect) not in tolerated:
            yield f"does not tolerate '{taint}' of the node group '{group.name}'"
    capacity = group.capacity
    if capacity is None:
        return
    asked = [container.get("resources", {}) for container in spec["containers"]]
    requests = [each.get("requests", {}) for each in asked]
    totals = (
        ("cpu", sum(cpu_millis(each.get("cpu", "0")) for each in requests), capacity.cpu_millis),
        ("memory", sum(mebibytes(each.get("memory", "0")) for each in requests), capacity.memory_mib),
        (
            str(group.accelerator_resource),
            sum(int(each.get("limits", {}).get(group.accelerator_resource or "", 0)) for each in asked),
            capacity.accelerators,
        ),
    )
    for resource, total, there in totals:
        if total > there:
            yield f"asks for more {resource} ({total:g}) than a node of '{group.name}' has ({there:g})"


def wanted_group(spec: Manifest) -> str | None:
    required = (
        spec.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution", {})
    )
    terms = [match for term in required.get("nodeSelectorTerms", []) for match in term["matchExpressions"]]
    return next((match["values"][0] for match in terms if match["key"] == NODE_GROUP_LABEL), None)


def deployment(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    spec = manifest["spec"]
    if not spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items():
        yield "does not select its own pods"
    pod = spec["template"]["spec"]
    (server,) = pod["containers"]
    startup = server["startupProbe"]
    if spec["progressDeadlineSeconds"] <= startup["periodSeconds"] * startup["failureThreshold"]:
        yield "is given up before its pods may have started"
    command = server.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep 0"])[-1]
    if pod["terminationGracePeriodSeconds"] <= int(command.removeprefix("sleep ")):
        yield "is killed while it drains"
    surge = spec["strategy"]["rollingUpdate"]
    if surge["maxSurge"] == 0 and surge["maxUnavailable"] == 0:
        yield "can never be updated"
    scaled = [each for each in manifests if each["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]
    if "replicas" in spec and any(
        each["spec"]["scaleTargetRef"]["name"] == manifest["metadata"]["name"] for each in scaled
    ):
        yield "says its replicas, which its autoscaler does"


def service(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    pods = list(selected(manifest["spec"]["selector"], manifest, manifests))
    if not pods:
        yield "selects no pods"
    for port in manifest["spec"]["ports"]:
        if not PORT_NAME.fullmatch(port["name"]):
            yield f"has a port named '{port['name']}'"
        for pod in pods:
            there = [each for container in pod["spec"]["containers"] for each in container.get("ports", [])]
            if not has_port(there, port["targetPort"]):
                yield f"sends to port '{port['targetPort']}', which its pods do not have"
    numbers = [port["port"] for port in manifest["spec"]["ports"]]
    if len(set(numbers)) < len(numbers):
        yield "has one port twice"


def selects_pods(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    selector = manifest["spec"].get("selector") or manifest["spec"].get("podSelector")
    if not list(selected(selector["matchLabels"], manifest, manifests)):
        yield "selects no pods"


def network_policy(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    yield from selects_pods(manifest, manifests)
    opened = {port["port"] for rule in manifest["spec"].get("ingress", []) for port in rule["ports"]}
    for pod in selected(manifest["spec"]["podSelector"]["matchLabels"], manifest, manifests):
        there = {
            port["containerPort"] for container in pod["spec"]["containers"] for port in container.get("ports", [])
        }
        if opened != there:
            yield f"opens {sorted(opened)}, but its pods listen on {sorted(there)}"


def autoscaler(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    target = manifest["spec"]["scaleTargetRef"]
    found = find(manifests, target["kind"], target["name"], manifest)
    if found is None:
        yield f"scales {target['kind']}/{target['name']}, which is not there"
        return
    metrics = [metric.get("resource", {}).get("name") for metric in manifest["spec"].get("metrics", [])]
    metrics += [trigger["type"] for trigger in manifest["spec"].get("triggers", [])]
    for container in found["spec"]["template"]["spec"]["containers"]:
        for resource in ("cpu", "memory"):
            if resource in metrics and resource not in container["resources"]["requests"]:
                yield f"follows {resource}, which '{container['name']}' does not request"


def ingress(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    for rule in manifest["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            found = find(manifests, "Service", backend["name"], manifest)
            ports = [{**port, "containerPort": port["port"]} for port in found["spec"]["ports"]] if found else []
            if not has_port(ports, next(iter(backend["port"].values()))):
                yield f"sends to Service/{backend['name']} port '{next(iter(backend['port'].values()))}', which is not there"


def claim(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    volume = next(
        (
            each
            for each in manifests
            if each["kind"] == "PersistentVolume" and each["metadata"]["name"] == manifest["spec"]["volumeName"]
        ),
        None,
    )
    wanted = {"namespace": manifest["metadata"]["namespace"], "name": manifest["metadata"]["name"]}
    if volume is None or volume["spec"]["claimRef"] != wanted:
        yield "claims a volume that is not kept for it"


RULES = {
    "Deployment": deployment,
    "Service": service,
    "PodDisruptionBudget": selects_pods,
    "NetworkPolicy": network_policy,
    "HorizontalPodAutoscaler": autoscaler,
    "ScaledObject": autoscaler,
    "Ingress": ingress,
    "PersistentVolumeClaim": claim,
}


def has_port(ports: Sequence[Mapping[str, Any]], wanted: str | int) -> bool:
    return any(wanted in (port.get("name"), port["containerPort"]) for port in ports)


def find(manifests: Sequence[Manifest], kind: str, name: str, beside: Manifest) -> Manifest | None:
    space = beside["metadata"].get("namespace")
    return next(
        (
            each
            for each in manifests
            if (each["kind"], each["metadata"]["name"], each["metadata"].get("namespace")) == (kind, name, space)
        ),
        None,
    )


def selected(labels: Mapping[str, str], beside: Manifest, manifests: Sequence[Manifest]) -> Iterator[Manifest]:
    for each in manifests:
        same = each["metadata"].get("namespace") == beside["metadata"].get("namespace")
        if each["kind"] in ("Deployment", "Job") and same:
            template: Manifest = each["spec"]["template"]
            if labels.items() <= template["metadata"]["labels"].items():
                yield template
