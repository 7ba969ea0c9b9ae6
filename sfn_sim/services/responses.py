"""Results of service integrations against the models of AWS's services, as TestState checks a mock.

Source: Developer Guide, Mock validation modes; recorded: field_validation_mode, field_validation_mode_present,
field_validation_mode_none. Where no case shows them, the words are assumed after those that are shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeAlias

from sfn_sim.definition.model import MapState, ParallelState, State, TaskState
from sfn_sim.payload import Json

Spelling: TypeAlias = "Callable[[str], str]"
STRICT, PRESENT, NONE = "STRICT", "PRESENT", "NONE"
_INTEGRATION = re.compile(r"arn:[^:]+:states:::(?:(aws-sdk):)?([\w-]+):(\w+)(\.sync:2|\.sync|\.waitForTaskToken)?")
# Service ids that botocore files under another name; every other one is the id without spaces and hyphens.
_FILED_AS = {
    "cloudwatchlogs": "logs", "cognitoidentityprovider": "cognito-idp", "config": "config",
    "configservice": "config", "costandusagereport": "cur", "costexplorer": "ce",
    "applicationdiscovery": "discovery", "databasemigration": "dms", "directory": "ds",
    "elasticloadbalancing": "elb", "elasticloadbalancingv2": "elbv2", "elasticsearch": "es",
    "eventbridge": "events", "iotdataplane": "iot-data", "iotjobsdataplane": "iot-jobs-data",
    "lexmodelbuilding": "lex-models", "lexmodelsv2": "lexv2-models", "lexruntime": "lex-runtime",
    "lexruntimev2": "lexv2-runtime", "marketplaceentitlement": "marketplace-entitlement",
    "marketplacemetering": "meteringmarketplace", "migrationhub": "mgh", "simpledb": "sdb",
    "serverlessapplicationrepository": "serverlessrepo", "pinpointsmsvoice": "sms-voice", "sfn": "stepfunctions",
}  # fmt: skip
_OPTIMIZED = {"states": "stepfunctions", "elasticmapreduce": "emr"}
_OPTIMIZED_ACTIONS = {("bedrock", "invokeModel"): ("bedrock-runtime", "InvokeModel")}
# What a job integration asks until the job has ended; of others the shape of the result is not known.
_POLLED = {("states", "startExecution"): ("stepfunctions", "DescribeExecution")}
# Integrations of which AWS checks nothing, and members that Step Functions gives as JSON, not as the API's text.
_UNCHECKED = frozenset(("http", "apigateway"))
_ANY_JSON = {("lambda", "Invoke"): frozenset(("Payload",)), ("bedrock-runtime", "InvokeModel"): frozenset(("Body",)),
             ("stepfunctions", "DescribeExecution"): frozenset(("Output", "Input"))}  # fmt: skip
# What Step Functions puts beside the service's own answer.
OF_EVERY_CALL = frozenset(("SdkHttpMetadata", "SdkResponseMetadata", "ResponseMetadata"))
STRINGS = frozenset(("string", "timestamp", "blob", "char"))
NUMBERS = frozenset(("integer", "long", "short", "byte", "float", "double", "bigdecimal"))


def problem_of_mock(state: State, result: Json, mode: str = STRICT) -> str | None:
    """Return what AWS says of a result that a state cannot have; None if it can. `mode` is as in `problem_of`.

    Source: recorded: mock_result_array_size_mismatch_on_parallel_state, field_validation_mode; Developer Guide,
    Testing a Map state (an array, or an object with a ResultWriter); the words for these are those that another
    emulator was measured to have.
    """
    if isinstance(state, TaskState):
        problem = problem_of(state.resource, result, mode)
        return f"Mock result schema validation error: {problem}" if problem is not None else None
    writer = state.distribution.writer if isinstance(state, MapState) and state.distribution is not None else None
    if writer is not None and writer.resource is not None:
        return None if isinstance(result, dict) else "Mocked result must be a JSON object."
    if not isinstance(result, list):
        return "Mocked result must be an array."
    if isinstance(state, ParallelState) and len(result) != len(state.branches):
        return "Mocked result must contain the same number of items as number of Parallel branches."
    return None


def problem_of(resource: str, result: Json, mode: str = STRICT) -> str | None:
    """Return what is wrong with a result that a task on `resource` is said to give; None if nothing is known to be.

    Args:
        resource: the Resource of a Task.
        result: its result.
        mode: "STRICT" (what is required is there, and what is there fits), "PRESENT" (what is there fits) or "NONE".

    Returns:
        AWS's words, such as "Field 'StatusCode' must be a number".
    """
    called = None if mode == NONE else _called(resource)
    shape = None if called is None else _output_shape(*called)
    if called is None or shape is None:
        return None
    if not isinstance(result, dict):
        return "The mocked result must be a JSON object"  # Source: assumed
    free = _ANY_JSON.get(called, frozenset())
    return next(_structure(shape, result, mode, free, spelling_of(resource)), None)


def unknown_member(resource: str, result: Json) -> str | None:
    """Return what is said of a member at the top of a result that the service's answer has not; None if there is none.

    AWS lets such a member of a mock pass; but a test whose mock misspells one proves nothing. An optimized
    integration may give members of its own: of it only what is nearly spelled like a known one counts.

    Source: recorded results of SDK and optimized integrations (`aws_results`).
    """
    model = answer_model(resource)
    if model is None or not isinstance(result, dict):
        return None
    members = [spelling_of(resource)(name) for name in model[1].members]
    free = {each.lower(): each for each in members if each not in result}
    for name in result:
        near = get_close_matches(name.lower(), free, 1, 0.7)
        if name not in members and name not in OF_EVERY_CALL and (near or is_sdk(resource)):
            hint = f"did you mean '{free[near[0]]}'?" if near else f"it has {', '.join(members) or 'no fields'}"
            return f"Field '{name}' is not in the answer of {model[0][1]}; {hint}"
    return None


def is_sdk(resource: str) -> bool:
    """Tell whether a resource is an AWS SDK integration."""
    match = _INTEGRATION.fullmatch(resource)
    return match is not None and match[1] is not None


def answer_model(resource: str) -> tuple[tuple[str, str], Any, frozenset[str]] | None:
    """Return the service and operation that a task on a resource calls, botocore's model of the answer, and the members
    that may be any JSON; None where nobody knows.
    """
    called = _called(resource)
    shape = None if called is None else _output_shape(*called)
    return None if called is None or shape is None else (called, shape, _ANY_JSON.get(called, frozenset()))


def _called(resource: str) -> tuple[str, str] | None:
    """Return the service and operation, as botocore names them, whose answer a task's result has the shape of."""
    match = _INTEGRATION.fullmatch(resource)
    if match is None:
        return None
    sdk, service, action, pattern = match.groups()
    operation = action[:1].upper() + action[1:]
    if pattern == ".waitForTaskToken":
        # The result is what somebody sends with the token.
        return None
    if sdk:
        return _filed_as(service), operation
    if service in _UNCHECKED or (service == "eks" and action in ("call", "runJob")):
        return None
    if pattern is not None:
        return _POLLED.get((service, action))
    return _OPTIMIZED_ACTIONS.get((service, action)) or (_OPTIMIZED.get(service, service), operation)


def _filed_as(service: str) -> str:
    if service in _FILED_AS:
        return _FILED_AS[service]
    return next((name for name in _services() if name.replace("-", "") == service), service)


@cache
def _services() -> tuple[str, ...]:
    import botocore.session

    return tuple(botocore.session.get_session().get_available_services())


@cache
def _output_shape(service: str, operation: str) -> Any:
    """Return the shape of an operation's answer; None where there is none, or botocore does not know the operation."""
    if service not in _services():
        return None
    import botocore.session

    model = botocore.session.get_session().get_service_model(service)
    name = next((each for each in model.operation_names if each.lower() == operation.lower()), None)
    return model.operation_model(name).output_shape if name is not None else None


def spelling_of(resource: str) -> Spelling:
    """Return how Step Functions spells the members of the answer to a resource."""
    return _sdk_case if is_sdk(resource) else _pascal_case


def _pascal_case(name: str) -> str:
    """Return a member's name as Step Functions writes it.

    Source: recorded: strict_mode_sfn_task[field_name_not_in_sfn_case].
    """
    return name[:1].upper() + name[1:]


def _sdk_case(name: str) -> str:
    """Return a member's name as an SDK integration writes it: DBInstances is DbInstances, and ETag stays.

    What begins with an abbreviation is spelled as the SDK for Java spells it, with a capital.

    Source: recorded: ETag and ChecksumCRC32 of S3; DbInstances and DbClusters of RDS as published state machines read
    them. Of other names: assumed, as the SDK for Java makes its names.
    """
    end = next((at for at, each in enumerate(name) if not each.isupper()), len(name))
    # The last capital of several begins the next word.
    last = end - 1 if end < len(name) and name[end].islower() else end
    return _pascal_case(name[:1] + name[1:last].lower() + name[last:] if last > 1 else name)


def _structure(
    shape: Any, value: dict[str, Json], mode: str, free: frozenset[str], spelled: Spelling
) -> Iterator[str]:
    if mode == STRICT:
        for name in map(spelled, shape.required_members):
            if name not in value:
                yield f"Required field '{name}' is missing"
    members = {spelled(name): member for name, member in shape.members.items()}
    for name, each in value.items():
        # What the model does not know is let pass.
        if name in members and name not in free:
            yield from _value(members[name], each, name, mode, spelled)


def _value(shape: Any, value: Json, name: str, mode: str, spelled: Spelling) -> Iterator[str]:
    kind = shape.type_name
    if value is None or getattr(shape, "is_document_type", False):
        return
    if kind == "structure":
        if isinstance(value, dict):
            yield from _structure(shape, value, mode, frozenset(), spelled)
        else:
            yield _must_be(name, "an object")
    elif kind == "map":
        if isinstance(value, dict):
            for each in value.values():
                yield from _value(shape.value, each, name, mode, spelled)
        else:
            yield _must_be(name, "an object")
    elif kind == "list":
        if isinstance(value, list):
            for each in value:
                yield from _value(shape.member, each, name, mode, spelled)
        else:
            yield _must_be(name, "an array")
    else:
        yield from _scalar(shape, value, name)


def _scalar(shape: Any, value: Json, name: str) -> Iterator[str]:
    kind, most, least = shape.type_name, shape.metadata.get("max"), shape.metadata.get("min")
    if kind == "boolean":
        if not isinstance(value, bool):
            yield _must_be(name, "a boolean")
    elif kind in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield _must_be(name, "a number")
        elif least is not None and value < least:
            yield f"Field '{name}' is less than the minimum value"
        elif most is not None and value > most:
            yield f"Field '{name}' exceeds the maximum value"
    elif kind in STRINGS:
        if not isinstance(value, str):
            yield _must_be(name, "a string")
        elif shape.metadata.get("enum") and value not in shape.metadata["enum"]:
            yield f"Field '{name}' is not an expected value"
        elif least is not None and len(value) < least:
            yield f"Field '{name}' is smaller than the minimum length"
        elif most is not None and len(value) > most:
            yield f"Field '{name}' exceeds the maximum length"


def _must_be(name: str, what: str) -> str:
    return f"Field '{name}' must be {what}"
