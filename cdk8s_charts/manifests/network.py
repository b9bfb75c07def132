"""How a workload is reached: Service, Ingress, NetworkPolicy.

Sources: AWS Load Balancer Controller, annotations of Service (NLB) and Ingress (ALB).
"""

from __future__ import annotations

from constructs import Construct

from cdk8s_charts.k8s import int_or_string
from cdk8s_charts.k8s import objects as k8s
from cdk8s_charts.manifests.context import Context

_NLB = "service.beta.kubernetes.io/aws-load-balancer-"
_ALB = "alb.ingress.kubernetes.io/"
_NAMESPACE_NAME = "kubernetes.io/metadata.name"


def service(scope: Construct, context: Context) -> None:
    """Define the Service, on the server's own ports unless others are asked for."""
    asked = context.workload.service
    balanced = asked.type == "LoadBalancer"
    ports = {"http": asked.http_port, "grpc": asked.grpc_port}
    k8s.KubeService(
        scope,
        "Service",
        metadata=context.metadata(annotations={**(_nlb(context) if balanced else {}), **asked.annotations}),
        spec=k8s.ServiceSpec(
            type=asked.type,
            selector=context.selector,
            load_balancer_class=asked.load_balancer_class,
            load_balancer_source_ranges=list(asked.source_ranges) or None,
            ports=[
                k8s.ServicePort(
                    name=port.name,
                    port=ports.get(port.name) or port.number,
                    target_port=int_or_string(port.name),
                    protocol="TCP",
                    app_protocol="kubernetes.io/h2c" if port.name == "grpc" else None,
                    node_port=asked.node_port if port.name == "http" else None,
                )
                for port in context.container.ports
                if port.public
            ],
        ),
    )


def ingress(scope: Construct, context: Context) -> None:
    """Define the Ingress, if one is asked for."""
    asked = context.workload.ingress
    if asked is None:
        return
    backend = k8s.IngressServiceBackend(name=context.workload.name, port=k8s.ServiceBackendPort(name="http"))
    path = k8s.HttpIngressPath(path=asked.path, path_type="Prefix", backend=k8s.IngressBackend(service=backend))
    tls = None
    if asked.tls_secret and asked.host:
        tls = [k8s.IngressTls(hosts=[asked.host], secret_name=asked.tls_secret)]
    annotations = _alb(context) if asked.class_name == "alb" else {}
    k8s.KubeIngress(
        scope,
        "Ingress",
        metadata=context.metadata(annotations={**annotations, **asked.annotations}),
        spec=k8s.IngressSpec(
            ingress_class_name=asked.class_name,
            rules=[k8s.IngressRule(host=asked.host, http=k8s.HttpIngressRuleValue(paths=[path]))],
            tls=tls,
        ),
    )


def network_policy(scope: Construct, context: Context) -> None:
    """Define the NetworkPolicy: the serving ports are open to the clients, all others are closed."""
    clients = context.workload.clients
    sources = None
    if clients:
        sources = [
            *(_from_namespace(name) for name in clients.namespaces),
            *(k8s.NetworkPolicyPeer(ip_block=k8s.IpBlock(cidr=cidr)) for cidr in clients.cidrs),
        ]
    ports = [k8s.NetworkPolicyPort(port=int_or_string(port.number), protocol="TCP") for port in context.container.ports]
    k8s.KubeNetworkPolicy(
        scope,
        "NetworkPolicy",
        metadata=context.metadata(),
        spec=k8s.NetworkPolicySpec(
            pod_selector=context.label_selector,
            policy_types=["Ingress"],
            ingress=[k8s.NetworkPolicyIngressRule(from_=sources, ports=ports)],
        ),
    )


def _from_namespace(name: str) -> k8s.NetworkPolicyPeer:
    return k8s.NetworkPolicyPeer(namespace_selector=k8s.LabelSelector(match_labels={_NAMESPACE_NAME: name}))


def _nlb(context: Context) -> dict[str, str]:
    return {
        **({} if context.workload.service.load_balancer_class else {f"{_NLB}type": "external"}),
        f"{_NLB}nlb-target-type": "ip",
        f"{_NLB}scheme": context.workload.service.scheme,
        f"{_NLB}healthcheck-protocol": "HTTP",
        f"{_NLB}healthcheck-port": str(context.container.http.number),
        f"{_NLB}healthcheck-path": context.container.ready_path,
    }


def _alb(context: Context) -> dict[str, str]:
    asked = context.workload.ingress
    annotations = {
        f"{_ALB}target-type": "ip",
        f"{_ALB}healthcheck-path": context.container.ready_path,
    }
    if asked:
        annotations[f"{_ALB}scheme"] = asked.scheme
        if asked.source_ranges:
            annotations[f"{_ALB}inbound-cidrs"] = ",".join(asked.source_ranges)
        if asked.certificate_arn:
            annotations[f"{_ALB}certificate-arn"] = asked.certificate_arn
            annotations[f"{_ALB}listen-ports"] = '[{"HTTPS":443}]'
    return annotations
