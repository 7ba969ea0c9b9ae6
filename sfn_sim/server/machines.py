"""State machines: create, update, describe, delete, list, validate.

Source: API reference, CreateStateMachine and the actions beside it; recorded: sfn_api, sfn_api_logs,
sfn_api_validation.
"""

from __future__ import annotations

from typing import Any

from sfn_sim.definition.validate import validate
from sfn_sim.definition.validate_json import to_api
from sfn_sim.server.faults import ApiError, invalid, no_machine
from sfn_sim.server.map_runs import find_child, processor_definition
from sfn_sim.server.names import check_name, parse_arn
from sfn_sim.server.pages import page
from sfn_sim.server.references import variable_references
from sfn_sim.server.store import Machine, Revision, Store
from sfn_sim.server.tags import tags_of
from sfn_sim.server.versions import publish
from sfn_sim.source import Diagnostic, Source

Request = dict[str, Any]
_LOGGING = {"level": "OFF", "includeExecutionData": False}
_TRACING = {"enabled": False}


def create_state_machine(store: Store, request: Request) -> Request:
    """Create a machine; the same request again gives the same answer.

    Source: API reference, CreateStateMachine (idempotent); recorded: create_exact_duplicate_sm,
    create_duplicate_sm_name, create_with_version_description_no_publish.
    """
    check_name(request["name"])
    kind = request.get("type", "STANDARD")
    check_definition(request["definition"], kind)
    _check_version_description(request)
    revision = Revision(
        definition=request["definition"],
        role_arn=request["roleArn"],
        logging=_logging(request),
        tracing={**_TRACING, **request.get("tracingConfiguration", {})},
        encryption=request.get("encryptionConfiguration"),
    )
    with store.lock:
        arn = store.arn("stateMachine", request["name"])
        machine = store.machines.get(arn)
        if machine is None:
            now = store.clock.now()
            machine = Machine(request["name"], arn, kind, revision, now, now, tags=tags_of(request.get("tags", [])))
            store.machines[arn] = machine
        elif machine.type != kind or _content(machine.revision) != _content(revision):
            raise ApiError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
        answer: Request = {"stateMachineArn": arn, "creationDate": machine.created}
        if request.get("publish"):
            answer["stateMachineVersionArn"] = publish(store, machine, request.get("versionDescription")).arn
    return answer


def _content(revision: Revision) -> tuple[Any, ...]:
    # Source: API reference, CreateStateMachine: role and tags do not count when requests are compared.
    return revision.definition, revision.logging, revision.tracing, revision.encryption


def _logging(request: Request) -> Request:
    """Return a LoggingConfiguration with its defaults.

    Source: recorded: incomplete_logging_configuration, invalid_logging_configuration, multiple_destinations.
    """
    given = request.get("loggingConfiguration", {})
    destinations = given.get("destinations", [])
    if len(destinations) > 1 or (given.get("level", "OFF") != "OFF" and not destinations):
        words = "Invalid Logging Configuration: Must specify exactly one Log Destination."
        raise ApiError("InvalidLoggingConfiguration", words)
    return {**_LOGGING, **given}


def findings(definition: str, kind: str) -> tuple[list[Diagnostic], Source]:
    """Return what is wrong with a definition, as far as AWS would say it."""
    source = Source("definition", definition)
    found = validate(source, type=kind, literal_placeholders=True)
    return [each for each in found if each.code != "DUPLICATE_JSON_KEY"], source


def check_definition(definition: str, kind: str) -> None:
    """Check a definition.

    Source: recorded: illegal_activity_task, state_name_invalid_state_definition (the words).

    Raises:
        ApiError: InvalidDefinition, with every error.
    """
    found, source = findings(definition, kind)
    errors = [_written(to_api(each, source)) for each in found if each.severity == "ERROR"]
    if errors:
        raise ApiError("InvalidDefinition", f"Invalid State Machine Definition: '{', '.join(errors)}'")


def _written(finding: dict[str, str]) -> str:
    place = finding.get("location", "")
    at = f" at {place}" if place and not place.startswith("[Source") else ""
    return f"{finding['code']}: {finding['message']}{at}"


def validate_state_machine_definition(_: Store, request: Request) -> Request:
    """Say what is wrong with a definition.

    Source: API reference, ValidateStateMachineDefinition; recorded: sfn_api_validation.
    """
    found, source = findings(request["definition"], request.get("type", "STANDARD"))
    if request.get("severity", "ERROR") == "ERROR":
        found = [each for each in found if each.severity == "ERROR"]
    most = request.get("maxResults") or 100
    return {
        "result": "FAIL" if any(each.severity == "ERROR" for each in found) else "OK",
        "diagnostics": [to_api(each, source) for each in found[:most]],
        "truncated": len(found) > most,
    }


def update_state_machine(store: Store, request: Request) -> Request:
    """Change a machine; what is the same as before makes no new revision.

    Source: API reference, UpdateStateMachine; recorded: create_update_state_machine_same_parameters,
    update_logging_configuration, empty_revision_with_publish_and_no_publish_on_creation.
    """
    changes = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")
    if not any(request.get(name) is not None for name in changes):
        raise ApiError(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be "
            "specified",
        )
    _check_version_description(request)
    with store.lock:
        machine = store.machine(request["stateMachineArn"])
        before = machine.revision
        if request.get("definition") is not None:
            check_definition(request["definition"], machine.type)
        tracing = request.get("tracingConfiguration")
        after = Revision(
            definition=request.get("definition") or before.definition,
            role_arn=request.get("roleArn") or before.role_arn,
            logging=_logging(request) if "loggingConfiguration" in request else before.logging,
            tracing={**_TRACING, **tracing} if tracing is not None else before.tracing,
            encryption=request.get("encryptionConfiguration") or before.encryption,
            id=before.id,
        )
        if (_content(after), after.role_arn) != (_content(before), before.role_arn):
            after.id = store.uuid()
            machine.revision = after
        machine.updated = store.clock.now()
        answer: Request = {"updateDate": machine.updated}
        if machine.revision.id is not None:
            answer["revisionId"] = machine.revision.id
        if request.get("publish"):
            version = publish(store, machine, request.get("versionDescription"))
            answer["stateMachineVersionArn"] = version.arn
    return answer


def _check_version_description(request: Request) -> None:
    if "versionDescription" in request and not request.get("publish"):
        raise invalid("Version description can only be set when publish is true")


def describe_state_machine(store: Store, request: Request) -> Request:
    """Describe a machine or a version of it."""
    target = store.target(request["stateMachineArn"])
    machine, revision = target.machine, target.revision
    version = next((each for each in machine.versions.values() if each.arn == target.version_arn), None)
    answer: Request = {
        "stateMachineArn": version.arn if version is not None else machine.arn,
        "name": machine.name,
        "status": "ACTIVE",
        "definition": revision.definition,
        "roleArn": revision.role_arn,
        "type": machine.type,
        "creationDate": version.created if version is not None else machine.created,
        "loggingConfiguration": revision.logging,
        "tracingConfiguration": revision.tracing,
        "encryptionConfiguration": revision.encryption or {"type": "AWS_OWNED_KEY"},
    }
    answer |= _told(revision)
    if version is not None and version.description is not None:
        answer["description"] = version.description
    return answer


def describe_state_machine_for_execution(store: Store, request: Request) -> Request:
    """Describe the machine as it was when an execution was started.

    Source: API reference, DescribeStateMachineForExecution.
    """
    arn = parse_arn(request["executionArn"], "execution")
    started = store.executions.get(arn.text) or find_child(store, arn.text)
    revision, run = started.revision, started.map_run
    answer: Request = {
        "stateMachineArn": started.run.execution.identity.machine_arn,
        "name": started.run.execution.identity.machine_name,
        "definition": processor_definition(revision.definition, run.pointer) if run else revision.definition,
        "roleArn": revision.role_arn,
        "updateDate": started.machine.updated,
        "loggingConfiguration": revision.logging,
        "tracingConfiguration": revision.tracing,
        "encryptionConfiguration": revision.encryption or {"type": "AWS_OWNED_KEY"},
    }
    if run is not None:
        answer |= {"mapRunArn": run.arn, "label": run.label}
    return answer | _told(revision)


def _told(revision: Revision) -> Request:
    """Return what is told of a revision only where there is something to tell."""
    references = variable_references(revision.definition)
    told = {"revisionId": revision.id, "variableReferences": references or None}
    return {name: value for name, value in told.items() if value is not None}


def delete_state_machine(store: Store, request: Request) -> Request:
    """Delete a machine with its versions and aliases; one that is not there is no error.

    Source: recorded: delete_nonexistent_sm.
    """
    arn = parse_arn(request["stateMachineArn"], "stateMachine")
    if len(arn.parts) > 1:
        raise no_machine(arn.text)
    store.machines.pop(arn.text, None)
    return {}


def list_state_machines(store: Store, request: Request) -> Request:
    """List the machines, by name."""
    machines, more = page(sorted(store.machines.values(), key=lambda each: each.name.lower()), request)
    listed = [
        {"stateMachineArn": each.arn, "name": each.name, "type": each.type, "creationDate": each.created}
        for each in machines
    ]
    return {"stateMachines": listed, **more}
