"""How requests reach the pods of every chart, from whom, and how many pods there are for them."""

from __future__ import annotations

from cdk8s_charts.autoscaling import KedaTrigger, PodAutoscaling, ScalingRule
from cdk8s_charts.clients import Clients
from cdk8s_charts.service import Ingress, Service
from tests.charts.conftest import manifests_of, only, tensorflow


def test_a_load_balancer_is_internal_and_asks_the_pods_whether_they_are_ready() -> None:
    service = only(manifests_of(tensorflow(service=Service(type="LoadBalancer", http_port=80))), "Service")

    prefix = "service.beta.kubernetes.io/aws-load-balancer-"
    assert service["metadata"]["annotations"] == {
        f"{prefix}type": "external",
        f"{prefix}nlb-target-type": "ip",
        f"{prefix}scheme": "internal",
        f"{prefix}healthcheck-protocol": "HTTP",
        f"{prefix}healthcheck-port": "8501",
        f"{prefix}healthcheck-path": "/v1/models/demo",
    }
    assert [(port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [(80, "http"), (8500, "grpc")]


def test_a_load_balancer_of_auto_mode_is_open_to_whom_it_should_be() -> None:
    asked = Service(
        type="LoadBalancer",
        scheme="internet-facing",
        source_ranges=("203.0.113.0/24",),
        load_balancer_class="eks.amazonaws.com/nlb",
        annotations={"example.com/team": "ml"},
    )
    service = only(manifests_of(tensorflow(service=asked)), "Service")

    assert service["spec"]["loadBalancerClass"] == "eks.amazonaws.com/nlb"
    assert service["spec"]["loadBalancerSourceRanges"] == ["203.0.113.0/24"]
    annotations = service["metadata"]["annotations"]
    assert annotations["service.beta.kubernetes.io/aws-load-balancer-scheme"] == "internet-facing"
    assert "service.beta.kubernetes.io/aws-load-balancer-type" not in annotations
    assert annotations["example.com/team"] == "ml"


def test_a_rollout_waits_for_the_load_balancer_in_a_namespace_that_is_made() -> None:
    namespace = only(manifests_of(tensorflow(namespace="serving", create_namespace=True)), "Namespace")

    assert namespace["metadata"]["labels"] == {"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}


def test_a_port_of_the_nodes_can_be_chosen() -> None:
    service = only(manifests_of(tensorflow(service=Service(type="NodePort", node_port=30080))), "Service")

    assert [port.get("nodePort") for port in service["spec"]["ports"]] == [30080, None]


def test_an_ingress_is_an_application_load_balancer_in_the_vpc() -> None:
    arn = "arn:aws:acm:us-east-1:111122223333:certificate/0123abcd"
    ingress = only(manifests_of(tensorflow(ingress=Ingress(host="a.example.com", certificate_arn=arn))), "Ingress")

    assert ingress["spec"]["ingressClassName"] == "alb"
    assert ingress["metadata"]["annotations"] == {
        "alb.ingress.kubernetes.io/target-type": "ip",
        "alb.ingress.kubernetes.io/healthcheck-path": "/v1/models/demo",
        "alb.ingress.kubernetes.io/scheme": "internal",
        "alb.ingress.kubernetes.io/certificate-arn": arn,
        "alb.ingress.kubernetes.io/listen-ports": '[{"HTTPS":443}]',
    }


def test_an_ingress_from_the_internet_is_open_to_whom_it_should_be() -> None:
    asked = Ingress(scheme="internet-facing", source_ranges=("203.0.113.0/24", "198.51.100.7/32"))
    annotations = only(manifests_of(tensorflow(ingress=asked)), "Ingress")["metadata"]["annotations"]

    assert annotations["alb.ingress.kubernetes.io/scheme"] == "internet-facing"
    assert annotations["alb.ingress.kubernetes.io/inbound-cidrs"] == "203.0.113.0/24,198.51.100.7/32"


def test_another_ingress_controller_gets_its_certificate_from_a_secret() -> None:
    asked = Ingress(host="a.example.com", class_name="nginx", tls_secret="tls")
    ingress = only(manifests_of(tensorflow(ingress=asked)), "Ingress")

    assert ingress["spec"]["tls"] == [{"hosts": ["a.example.com"], "secretName": "tls"}]
    assert "annotations" not in ingress["metadata"]


def test_only_the_serving_ports_are_open_and_only_to_the_clients() -> None:
    everyone = only(manifests_of(tensorflow()), "NetworkPolicy")["spec"]["ingress"]
    clients = Clients(namespaces=("web",), cidrs=("10.0.0.0/16",))
    some = only(manifests_of(tensorflow(clients=clients)), "NetworkPolicy")["spec"]["ingress"]

    assert everyone == [{"ports": [{"port": 8501, "protocol": "TCP"}, {"port": 8500, "protocol": "TCP"}]}]
    assert some[0]["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}},
        {"ipBlock": {"cidr": "10.0.0.0/16"}},
    ]


def test_pods_are_scaled_by_every_metric_that_is_followed() -> None:
    asked = PodAutoscaling(
        min=2,
        max=8,
        cpu_utilization=50,
        memory_utilization=70,
        pod_metrics={"requests_per_second": "20"},
        external_metrics={"queue_depth": "5"},
        scale_up=ScalingRule(pods=4, percent=100, period_seconds=30),
        scale_down=ScalingRule(stabilization_seconds=600),
    )
    spec = only(manifests_of(tensorflow(autoscaling=asked)), "HorizontalPodAutoscaler")["spec"]

    assert [metric["type"] for metric in spec["metrics"]] == ["Resource", "Resource", "Pods", "External"]
    assert spec["metrics"][2]["pods"] == {
        "metric": {"name": "requests_per_second"},
        "target": {"type": "AverageValue", "averageValue": "20"},
    }
    assert spec["behavior"] == {
        "scaleUp": {
            "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 30},
                {"type": "Percent", "value": 100, "periodSeconds": 30},
            ]
        },
        "scaleDown": {"stabilizationWindowSeconds": 600},
    }


def test_keda_scales_from_zero() -> None:
    trigger = KedaTrigger(type="prometheus", metadata={"query": "q", "threshold": "5"}, authentication="prometheus")
    asked = PodAutoscaling(
        engine="keda",
        min=0,
        max=4,
        cpu_utilization=80,
        triggers=(trigger,),
        cooldown_seconds=600,
        scale_down=ScalingRule(stabilization_seconds=60, pods=1),
    )
    manifests = manifests_of(tensorflow(autoscaling=asked))

    assert only(manifests, "ScaledObject")["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "demo"},
        "minReplicaCount": 0,
        "maxReplicaCount": 4,
        "cooldownPeriod": 600,
        "triggers": [
            {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}},
            {
                "type": "prometheus",
                "metadata": {"query": "q", "threshold": "5"},
                "authenticationRef": {"name": "prometheus"},
            },
        ],
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                "behavior": {
                    "scaleDown": {
                        "stabilizationWindowSeconds": 60,
                        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
                    }
                }
            }
        },
    }
    assert [each for each in manifests if each["kind"] == "HorizontalPodAutoscaler"] == []
    assert "replicas" not in only(manifests, "Deployment")["spec"]


def test_a_workload_can_stand_still() -> None:
    assert only(manifests_of(tensorflow(replicas=0)), "Deployment")["spec"]["replicas"] == 0
