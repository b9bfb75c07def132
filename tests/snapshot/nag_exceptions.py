"""What cdk-nag's AwsSolutions rules find in the examples and is meant to be so: each with its reason, in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.snapshot.every_example import Finding


@dataclass(frozen=True, slots=True)
class Accepted:
    """A finding that is accepted.

    Attributes
    ----------
    rule
        What its id is, as a pattern of the whole.
    path
        How the constructs' paths end, as a pattern.
    reason
        Why it is meant to be so.
    """

    rule: str
    path: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Tell whether this is about a finding."""
        return bool(re.fullmatch(self.rule, finding.rule) and re.search(f"(?:{self.path})$", finding.path))


def _wildcard(resource: str) -> str:
    return rf"AwsSolutions-IAM5\[Resource::{resource}\]"


_ARN = r"arn:(?:aws|<AWS::Partition>):"
_POLICY = r"ModelAccess[0-9a-f]{8}|/ExecutionRole"
_GUARD = "ScalingGuardFunction/Role"
_JOBS = "SageMakerJobs/Role|Starter/Role"
_FRAMEWORK = "/Framework/.*"

EXCEPTIONS = (
    Accepted(
        _wildcard(r"\*"),
        _POLICY,
        "ecr:GetAuthorizationToken, cloudwatch:PutMetricData (held to its namespace) and ec2:Describe… have no resource",
    ),
    Accepted(
        _wildcard(_ARN + r"logs:.*:log-group:/aws/sagemaker/(Endpoints|InferenceComponents)/[^*]+:\*"),
        _POLICY,
        "the log streams of one log group, which SageMaker names",
    ),
    Accepted(_wildcard(_ARN + r"s3:::[^*]+/\*"), _POLICY, "the objects under the one prefix that the settings name"),
    Accepted(
        _wildcard(_ARN + r"ec2:.*:network-interface/\*"),
        _POLICY,
        "SageMaker makes and names the network interfaces; they are held to the given subnets and security groups",
    ),
    Accepted(
        _wildcard(_ARN + r"sagemaker:.*:endpoint-config/\*"),
        _GUARD,
        "describes the configuration that an endpoint had before, whose name CloudFormation made up",
    ),
    Accepted(
        _wildcard(_ARN + r"application-autoscaling:.*:scalable-target/\*"),
        _GUARD,
        "the targets' ids are made up when they are registered; a condition holds the actions to sagemaker's namespace",
    ),
    Accepted(
        _wildcard(_ARN + r"cloudwatch:.*:alarm:(TargetTracking|<AWS::StackName>)-\*"),
        _GUARD,
        "the alarms of target tracking are named by Application Auto Scaling, those of step scaling by CloudFormation",
    ),
    Accepted(
        _wildcard(_ARN + r"ssm:.*:parameter/inference-constructs/scaling-guard/\*"),
        _GUARD,
        "one parameter per endpoint, below the guard's own path",
    ),
    Accepted(
        r"AwsSolutions-IAM4\[Policy::" + _ARN + r"iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs\]",
        "ApiGatewayLogRole/Role",
        "API Gateway takes no other policy for the account's role that writes its logs, and says so",
    ),
    Accepted(
        "AwsSolutions-COG4",
        "Api/Method",
        "callers are AWS identities (IAM) or have an API key: 'authorization' says which; none is open unless asked",
    ),
    Accepted(
        "AwsSolutions-APIG3",
        "Api/Stage",
        "a web ACL costs money and is one's own choice; the stage throttles, and wafv2.CfnWebACLAssociation adds one",
    ),
    Accepted(
        _wildcard(r"\*"),
        _GUARD,
        "application-autoscaling:Describe… and cloudwatch:DescribeAlarms have no resource",
    ),
    Accepted(
        _wildcard(_ARN + r"s3:::<MultiModelStoreBucket\w+>/\*"),
        "MultiModelStore/Role",
        "copies models into the stack's own bucket and removes them from it, whatever they are called",
    ),
    Accepted(
        _wildcard(_ARN + r"sagemaker:.*:model/[a-z0-9-]+-\*"),
        "ModelFunction/Role",
        "the models of one stack: their names begin with the stack's own and end with what each is made of",
    ),
    Accepted(
        "AwsSolutions-S1",
        "MultiModelStore/Bucket|JobResults",
        "access logs need a second bucket and cost money: one's own choice; CloudTrail's data events record the same",
    ),
    Accepted(
        _wildcard(_ARN + r"sagemaker:.*:(compilation|training|transform)-job/[a-z0-9-]+-\*"),
        _JOBS,
        "the jobs of one stack: their names begin with the stack's own and end with what makes each one new",
    ),
    Accepted(
        _wildcard(
            _ARN + r"logs:.*:log-group:/aws/sagemaker/(CompilationJobs|TrainingJobs|TransformJobs|Endpoints/\*)(:\*)?"
        ),
        _POLICY,
        "SageMaker puts the logs of all jobs into one group; a model for batch transform alone has no endpoint's name",
    ),
    Accepted(
        _wildcard(_ARN + r"s3:::cdk-[^*]+/[0-9a-f]{64}\.gz\*"), _POLICY, "one asset: SageMaker reads it as a prefix"
    ),
    Accepted(
        r"AwsSolutions-IAM4\[Policy::" + _ARN + r"iam::aws:policy/service-role/AWSLambdaBasicExecutionRole\]",
        _FRAMEWORK,
        "the CDK's own provider framework gives its functions this policy, which allows logs alone",
    ),
    Accepted(
        _wildcard(r"<\w+\.Arn>:\*"), _FRAMEWORK, "the CDK's own provider framework calls any version of one function"
    ),
    Accepted(
        r"AwsSolutions-(SF1|SF2)",
        _FRAMEWORK,
        "the CDK's own provider framework waits with this state machine; each function that it calls has its logs",
    ),
    Accepted(
        r"AwsSolutions-IAM4\[Policy::" + _ARN + r"iam::aws:policy/AmazonEKS\w+Policy\]",
        "Cluster/(Resource/)?Role/Resource",
        "EKS asks for these policies of AWS's, and changes them with what its control plane needs",
    ),
    Accepted(
        r"AwsSolutions-IAM4\[Policy::" + _ARN + r"iam::aws:policy/Amazon(EKS|EC2ContainerRegistryPullOnly)\w*\]",
        "Cluster/NodeRole",
        "EKS asks for these policies of AWS's for nodes; the metadata service keeps them from pods",
    ),
    Accepted(
        r"AwsSolutions-(IAM4|IAM5|L1).*",
        "/KubectlProvider/.*",
        "the CDK's own function that applies manifests, and its roles; the CDK says which runtime it is made for",
    ),
    Accepted(
        "AwsSolutions-VPC7",
        "Cluster/Vpc/Resource",
        "flow logs cost by the byte and are one's own choice: 'vpc' takes a network that has them",
    ),
    Accepted(
        _wildcard(r"\*"),
        "Cluster/(Autoscaler|Karpenter/Identity)/Role",
        "reads of EC2, Auto Scaling, prices and instance profiles have no resource",
    ),
    Accepted(
        _wildcard(_ARN + r"s3:::[^*]+/\*"),
        "(Workload|Compilation)-[a-z0-9-]+-Identity/Role",
        "the objects under the prefixes that the workload reads, and those that a compilation writes",
    ),
    Accepted(
        _wildcard(_ARN + r"ec2:.*:[a-z-]+/\*"),
        "Cluster/Karpenter/Identity/Role",
        "Karpenter makes and names what it launches; conditions on the cluster's tag hold it to its own",
    ),
    Accepted(
        _wildcard(_ARN + r"ssm:.*::parameter/aws/service/\*"),
        "Cluster/Karpenter/Identity/Role",
        "reads which images AWS has, from parameters that are public",
    ),
    Accepted(
        "AwsSolutions-SQS3",
        "Cluster/Karpenter/Interruptions",
        "a notice of an interruption is of no use once it is five minutes old",
    ),
    Accepted(
        _wildcard(_ARN + r"eks:.*:nodegroup/.*/\*"),
        "Cluster/Autoscaler/Role",
        "reads the node groups of one cluster, which have names that CloudFormation makes up",
    ),
    Accepted(
        _wildcard(_ARN + r"autoscaling:\*:\*:autoScalingGroup:\*"),
        "Cluster/Autoscaler/Role",
        "EKS makes and names the groups; a condition holds the changes to those of this cluster",
    ),
)


def reason_for(finding: Finding) -> str | None:
    """Give why a finding is accepted; None: it is not."""
    return next((each.reason for each in EXCEPTIONS if each.covers(finding)), None)
