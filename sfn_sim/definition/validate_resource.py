"""What a Task may call: the forms of its Resource, AWS's optimized integrations, and what they ask for.

Source: Developer Guide, Optimized integrations and the pages of the services; recorded: invalid_integration,
illegal_activity_task, illegal_callbacks[SYNC], validate_state_machine_definition_type_express[ILLEGAL_WFTT];
required parameters, and which patterns a service never has, measured with ValidateStateMachineDefinition
(badmintoncryer/cdk-preflight, 2026-09-05).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.validate_findings import did_you_mean
from sfn_sim.definition.validate_node import Node
from sfn_sim.payload import Json


@dataclass(frozen=True, slots=True)
class Service:
    """The actions of one optimized integration: those that answer, those with .sync, those with .waitForTaskToken."""

    request: frozenset[str]
    sync: frozenset[str] = frozenset()
    token: frozenset[str] = frozenset()


def _service(request: str, sync: str = "", token: str = "") -> Service:
    return Service(frozenset(request.split()), frozenset(sync.split()), frozenset(token.split()))


_EMR_SERVERLESS = "createApplication startApplication stopApplication deleteApplication startJobRun cancelJobRun"
_EKS_JOBS = "createCluster deleteCluster createFargateProfile deleteFargateProfile createNodegroup deleteNodegroup"
_TRAINING = "createTrainingJob createTransformJob createLabelingJob createHyperParameterTuningJob createProcessingJob"

OPTIMIZED: dict[str, Service] = {
    "apigateway": _service("invoke", token="invoke"),
    "athena": _service(
        "startQueryExecution stopQueryExecution getQueryExecution getQueryResults", "startQueryExecution"
    ),
    "batch": _service("submitJob", "submitJob"),
    "bedrock": _service(
        "invokeModel createModelCustomizationJob",
        "createModelCustomizationJob",
        "invokeModel createModelCustomizationJob",
    ),
    "codebuild": _service(
        "startBuild stopBuild batchDeleteBuilds batchGetReports startBuildBatch stopBuildBatch retryBuildBatch "
        "deleteBuildBatch",
        "startBuild startBuildBatch retryBuildBatch",
    ),
    "databrew": _service("startJobRun", "startJobRun"),
    "dynamodb": _service("getItem putItem deleteItem updateItem"),
    "ecs": _service("runTask", "runTask", "runTask"),
    "eks": _service(f"call runJob {_EKS_JOBS}", f"runJob {_EKS_JOBS}", "call runJob"),
    "elasticmapreduce": _service(
        "createCluster terminateCluster addStep cancelStep setClusterTerminationProtection "
        "modifyInstanceFleetByName modifyInstanceGroupByName",
        "createCluster terminateCluster addStep",
    ),
    "emr-containers": _service(
        "createVirtualCluster deleteVirtualCluster startJobRun", "deleteVirtualCluster startJobRun"
    ),
    "emr-serverless": _service(_EMR_SERVERLESS, _EMR_SERVERLESS),
    "events": _service("putEvents", token="putEvents"),
    "glue": _service("startJobRun", "startJobRun"),
    "http": _service("invoke"),
    "lambda": _service("invoke", token="invoke"),
    "mediaconvert": _service("createJob", "createJob"),
    "sagemaker": _service(f"{_TRAINING} createModel createEndpointConfig createEndpoint updateEndpoint", _TRAINING),
    "sns": _service("publish", token="publish"),
    "sqs": _service("sendMessage", token="sendMessage"),
    "states": _service("startExecution", "startExecution", "startExecution"),
}
_ANY_ACTION = frozenset(("bedrock-agentcore",))  # an integration whose actions are not listed here

REQUIRED_PARAMETERS: dict[str, tuple[str, ...]] = {
    "dynamodb:getItem": ("TableName", "Key"),
    "dynamodb:putItem": ("TableName", "Item"),
    "ecs:runTask": ("TaskDefinition",),
    "events:putEvents": ("Entries",),
    "glue:startJobRun": ("JobName",),
    "lambda:invoke": ("FunctionName",),
    "sns:publish": ("Message",),
    "sqs:sendMessage": ("QueueUrl", "MessageBody"),
    "states:startExecution": ("StateMachineArn",),
}
"""Parameters without which AWS refuses the definition; a name with `.$` counts."""

_INTEGRATION = re.compile(r"arn:[^:]+:states:::([\w-]+):(.+)")
_CALL = re.compile(r"(\w+)(\.sync:2|\.sync|\.waitForTaskToken)?")
_SDK_CALL = re.compile(r"[a-z0-9]+:[a-z]\w*(\.waitForTaskToken)?")
_LAMBDA = re.compile(r"arn:[^:]+:lambda:[^:]*:[^:]*:function:.+")
_ACTIVITY = re.compile(r"arn:[^:]+:states:[^:]+:[^:]+:activity:.+")


def resource(node: Node) -> None:
    """Check the form of a Task's Resource, and that an integration exists."""
    value = node.value.get("Resource")
    if not isinstance(value, str) or node.findings.left_open(value):
        return
    if not value.startswith("arn:"):
        hint = "write the ARN of a Lambda function, of an activity or of an integration (arn:aws:states:::…)"
        node.error("Value is not a valid resource ARN", "Resource", hint=hint)
    elif unknown := _why_unknown(value):
        node.error(
            f"The resource provided {value} is not recognized. The value is not a valid resource ARN, "
            "or the resource is not available in this region.",
            "Resource",
            hint=unknown,
        )


def express_resource(node: Node) -> None:
    """Refuse what an Express workflow cannot wait for.

    Source: recorded: illegal_activity_task, illegal_callbacks[SYNC], ILLEGAL_WFTT (whose text ends with a space).
    """
    value = node.value.get("Resource")
    if not node.express or not isinstance(value, str):
        return
    hint = "use a Standard workflow, or an integration that answers at once"
    pattern = _pattern(value)
    if _ACTIVITY.fullmatch(value):
        node.error("Express state machine does not support Activity ARN", "Resource", hint=hint)
    elif pattern.startswith(".sync"):
        node.error("Express state machine does not support '.sync' service integration", "Resource", hint=hint)
    elif pattern:
        message = "Express state machine does not support '.waitForTaskToken' service integration "
        node.error(message, "Resource", hint=hint)


def parameters(node: Node) -> None:
    """Check that an integration is given the parameters that AWS asks for."""
    value = node.value.get("Resource")
    match = _INTEGRATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or _why_unknown(str(value)):
        return
    name = "Arguments" if node.language == JSONATA else "Parameters"
    if name not in node.value:
        node.error(
            f"{name} field is required for resource ARN: {value}",
            hint=f'add "{name}" with what {match[1]}:{match[2]} is to be given',
            at=node.at("Resource"),
        )
        return
    given = node.value[name]
    action = match[2].partition(".")[0]
    required = REQUIRED_PARAMETERS.get(f"{match[1]}:{action}", ())
    if isinstance(given, dict):
        for parameter in required:
            if parameter not in given and f"{parameter}.$" not in given:
                _missing_parameter(node, name, parameter, f'add "{parameter}" (or "{parameter}.$" with a path)')


def credentials(node: Node) -> None:
    """Check that Credentials name a role.

    Source: recorded: invalid_credentials_field (EMPTY_CREDENTIALS, INVALID_CREDENTIALS_FIELD).
    """
    value: Json = node.value.get("Credentials")
    if not isinstance(value, dict):
        return
    if _ACTIVITY.fullmatch(str(node.value.get("Resource"))):
        message = "The field 'Credentials' is not supported for activities"
        node.error(message, "Credentials", hint="an activity is polled by its worker: remove Credentials", key=True)
    elif "RoleArn" not in value and "RoleArn.$" not in value:
        _missing_parameter(node, "Credentials", "RoleArn", 'add "RoleArn" (or "RoleArn.$" with a path)')


def _missing_parameter(node: Node, name: str, parameter: str, hint: str) -> None:
    node.error(f"The field '{parameter}' is required but was missing", name, hint=hint, key=True)


def _pattern(value: str) -> str:
    match = _INTEGRATION.fullmatch(value)
    return next((end for end in (".sync:2", ".sync", ".waitForTaskToken") if match and value.endswith(end)), "")


def _why_unknown(value: str) -> str:
    """Return why AWS does not know a resource, or nothing if it does."""
    if _LAMBDA.fullmatch(value) or _ACTIVITY.fullmatch(value):
        return ""
    match = _INTEGRATION.fullmatch(value)
    if match is None:
        return "a Task calls a Lambda function, an activity, or an integration such as arn:aws:states:::sqs:sendMessage"
    service, action = match.groups()
    if service == "aws-sdk":
        return "" if _SDK_CALL.fullmatch(action) else (
            "an AWS SDK integration is written arn:aws:states:::aws-sdk:service:apiAction, the action in camelCase; "
            "of the patterns it has .waitForTaskToken only"
        )  # fmt: skip
    call = _CALL.fullmatch(action)
    if service in _ANY_ACTION and call is not None:
        return ""
    known = OPTIMIZED.get(service)
    if known is None:
        sdk = f"or call it through the AWS SDK integration arn:aws:states:::aws-sdk:{service}:{action}"
        return did_you_mean(service, OPTIMIZED, f"there is no optimized integration of '{service}'; {sdk}")
    return _why_no_action(service, known, call[1] if call else action, (call[2] or "") if call else "")


def _why_no_action(service: str, known: Service, action: str, pattern: str) -> str:
    if action not in known.request:
        sdk = f"or use the AWS SDK integration arn:aws:states:::aws-sdk:{service}:{action}"
        has = f"the optimized integration has {', '.join(sorted(known.request))}"
        return did_you_mean(action, known.request, f"{has}; {sdk}")
    if pattern == ".sync:2" and service != "states":
        return ".sync:2 exists for states:startExecution alone"
    if pattern.startswith(".sync") and action not in known.sync:
        return f"{service}:{action} has no .sync"
    if pattern == ".waitForTaskToken" and action not in known.token:
        return f"{service}:{action} has no .waitForTaskToken"
    return ""
