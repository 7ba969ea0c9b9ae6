"""Versions and aliases of state machines.

Source: API reference, PublishStateMachineVersion, CreateStateMachineAlias and the actions beside them; recorded:
sfn_api_versioning, sfn_api_aliasing.
"""

from __future__ import annotations

from typing import Any

from sfn_sim.server.faults import ApiError, invalid
from sfn_sim.server.names import parse_arn
from sfn_sim.server.pages import page
from sfn_sim.server.store import Alias, Machine, Store, Version

Request = dict[str, Any]


def publish(store: Store, machine: Machine, description: str | None) -> Version:
    """Publish the present revision of a machine; what is published already is not published again.

    Source: recorded: idempotent_publish.
    """
    latest = machine.versions.get(max(machine.versions, default=0))
    if latest is not None and latest.revision is machine.revision:
        if description is not None and description != latest.description:
            raise ApiError(
                "ConflictException",
                f"Failed to publish a version for revision {machine.revision.id}. There's already a version with the "
                "same revision and a different description",
            )
        return latest
    machine.published += 1
    number = machine.published
    version = Version(f"{machine.arn}:{number}", number, machine.revision, store.clock.now(), description)
    machine.versions[number] = version
    return version


def publish_state_machine_version(store: Store, request: Request) -> Request:
    """Publish the present revision of a machine."""
    with store.lock:
        machine = store.machine(request["stateMachineArn"])
        wanted = request.get("revisionId")
        if wanted is not None and wanted != (machine.revision.id or "INITIAL"):
            present = machine.revision.id or "INITIAL"
            raise ApiError(
                "ConflictException",
                "Failed to publish the State Machine version for revision "
                f"{wanted}. The current State Machine revision is {present}.",
            )
        version = publish(store, machine, request.get("description"))
    return {"creationDate": version.created, "stateMachineVersionArn": version.arn}


def list_state_machine_versions(store: Store, request: Request) -> Request:
    """List the versions of a machine, newest first."""
    machine = store.machine(request["stateMachineArn"])
    numbers = sorted(machine.versions, reverse=True)
    shown, more = page([machine.versions[number] for number in numbers], request)
    listed = [{"stateMachineVersionArn": each.arn, "creationDate": each.created} for each in shown]
    return {"stateMachineVersions": listed, **more}


def delete_state_machine_version(store: Store, request: Request) -> Request:
    """Delete a version; one that is not there is no error.

    Source: recorded: delete_version_with_alias.
    """
    arn = parse_arn(request["stateMachineVersionArn"], "stateMachine")
    if len(arn.parts) < 2 or not arn.parts[1].isdecimal():
        raise invalid(f"Value '{arn.text}' at 'stateMachineVersionArn' is no state machine version ARN")
    with store.lock:
        machine = store.machines.get(arn.text.rpartition(":")[0])
        if machine is None:
            return {}
        aliases = [each.name for each in machine.aliases.values() if arn.text in _versions(each.routing)]
        if aliases:
            raise ApiError(
                "ConflictException",
                "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this "
                f"version: [{', '.join(aliases)}]",
            )
        machine.versions.pop(int(arn.parts[1]), None)
    return {}


def create_state_machine_alias(store: Store, request: Request) -> Request:
    """Create an alias; the same request again gives the same answer.

    Source: recorded: base_lifecycle_create_delete_list, error_create_alias_not_idempotent.
    """
    with store.lock:
        machine = _check_routing(store, request["routingConfiguration"])
        name, routing = request["name"], request["routingConfiguration"]
        alias = machine.aliases.get(name)
        if alias is None:
            now = store.clock.now()
            alias = Alias(f"{machine.arn}:{name}", name, routing, now, now, request.get("description"))
            machine.aliases[name] = alias
        elif (alias.routing, alias.description) != (routing, request.get("description")):
            words = "Failed to create alias because an alias with the same name and a different routing configuration "
            raise ApiError("ConflictException", f"{words}already exists.")
    return {"creationDate": alias.created, "stateMachineAliasArn": alias.arn}


def _versions(routing: list[dict[str, Any]]) -> list[str]:
    return [route["stateMachineVersionArn"] for route in routing]


def _check_routing(store: Store, routing: list[dict[str, Any]]) -> Machine:
    """Return the machine that a RoutingConfiguration is about.

    Source: recorded: error_create_alias_invalid_router_configs.
    """
    arns = _versions(routing)
    listed = f"[{', '.join(arns)}]"
    parsed = [parse_arn(arn, "stateMachine") for arn in arns]
    if any(len(arn.parts) != 2 or not arn.parts[1].isdecimal() for arn in parsed):
        raise invalid(f"Routing configuration must contain state machine version ARNs. Received: {listed}")
    if len(set(arns)) < len(arns):
        raise invalid(f"Routing configuration must contain distinct state machine version ARNs. Received: {listed}")
    if len({arn.parts[0] for arn in parsed}) > 1:
        words = "Routing configuration must contain versions of the same state machine. Received: "
        raise invalid(f"{words}{listed}")  # Source: assumed
    weights = [route["weight"] for route in routing]
    if sum(weights) != 100:
        received = ", ".join(map(str, weights))
        raise invalid(f"Sum of routing configuration weights must equal 100. Received: [{received}]")
    machine = store.machines.get(arns[0].rpartition(":")[0])
    if machine is None or any(int(arn.parts[1]) not in machine.versions for arn in parsed):
        raise _missing()
    return machine


def _alias(store: Store, text: str) -> tuple[Machine, Alias]:
    arn = parse_arn(text, "stateMachine")
    machine = store.machines.get(text.rpartition(":")[0])
    alias = machine.aliases.get(arn.parts[-1]) if machine is not None else None
    if machine is None or alias is None:
        raise _missing()
    return machine, alias


def _missing() -> ApiError:
    return ApiError("ResourceNotFound", "Request references a resource that does not exist.")  # Source: assumed


def update_state_machine_alias(store: Store, request: Request) -> Request:
    """Change an alias's routing or description."""
    with store.lock:
        _, alias = _alias(store, request["stateMachineAliasArn"])
        if "routingConfiguration" in request:
            _check_routing(store, request["routingConfiguration"])
            alias.routing = request["routingConfiguration"]
        alias.description = request.get("description", alias.description)
        alias.updated = store.clock.now()
    return {"updateDate": alias.updated}


def describe_state_machine_alias(store: Store, request: Request) -> Request:
    """Describe an alias."""
    _, alias = _alias(store, request["stateMachineAliasArn"])
    described = {
        "stateMachineAliasArn": alias.arn,
        "name": alias.name,
        "routingConfiguration": alias.routing,
        "creationDate": alias.created,
        "updateDate": alias.updated,
    }
    return described if alias.description is None else {**described, "description": alias.description}


def delete_state_machine_alias(store: Store, request: Request) -> Request:
    """Delete an alias; one that is not there is no error.

    Source: recorded: delete_no_such_alias_arn.
    """
    arn = parse_arn(request["stateMachineAliasArn"], "stateMachine")
    machine = store.machines.get(arn.text.rpartition(":")[0])
    if machine is not None:
        machine.aliases.pop(arn.parts[-1], None)
    return {}


def list_state_machine_aliases(store: Store, request: Request) -> Request:
    """List the aliases of a machine, or those that lead to one of its versions."""
    target = store.target(request["stateMachineArn"])
    aliases = [
        each
        for each in target.machine.aliases.values()
        if target.version_arn is None or target.version_arn in _versions(each.routing)
    ]
    shown, more = page(sorted(aliases, key=lambda each: each.name), request)
    listed = [{"stateMachineAliasArn": each.arn, "creationDate": each.created} for each in shown]
    return {"stateMachineAliases": listed, **more}
