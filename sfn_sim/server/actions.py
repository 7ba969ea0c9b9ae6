"""Every action of the Step Functions API that is carried out: one function each, free of transport."""

from __future__ import annotations

from functools import cache
from typing import Any

from sfn_sim.errors import UnsupportedFeatureError
from sfn_sim.server import executions, machines, map_runs, tags, tasks, test_state, versions
from sfn_sim.server.constraints import check
from sfn_sim.server.store import Action, Store

ACTIONS: dict[str, Action] = {
    "CreateActivity": tasks.create_activity,
    "CreateStateMachine": machines.create_state_machine,
    "CreateStateMachineAlias": versions.create_state_machine_alias,
    "DeleteActivity": tasks.delete_activity,
    "DeleteStateMachine": machines.delete_state_machine,
    "DeleteStateMachineAlias": versions.delete_state_machine_alias,
    "DeleteStateMachineVersion": versions.delete_state_machine_version,
    "DescribeActivity": tasks.describe_activity,
    "DescribeExecution": executions.describe_execution,
    "DescribeMapRun": map_runs.describe_map_run,
    "DescribeStateMachine": machines.describe_state_machine,
    "DescribeStateMachineAlias": versions.describe_state_machine_alias,
    "DescribeStateMachineForExecution": machines.describe_state_machine_for_execution,
    "GetActivityTask": tasks.get_activity_task,
    "GetExecutionHistory": executions.get_execution_history,
    "ListActivities": tasks.list_activities,
    "ListExecutions": executions.list_executions,
    "ListMapRuns": map_runs.list_map_runs,
    "ListStateMachineAliases": versions.list_state_machine_aliases,
    "ListStateMachineVersions": versions.list_state_machine_versions,
    "ListStateMachines": machines.list_state_machines,
    "ListTagsForResource": tags.list_tags_for_resource,
    "PublishStateMachineVersion": versions.publish_state_machine_version,
    "SendTaskFailure": tasks.send_task_failure,
    "SendTaskHeartbeat": tasks.send_task_heartbeat,
    "SendTaskSuccess": tasks.send_task_success,
    "StartExecution": executions.start_execution,
    "StartSyncExecution": executions.start_sync_execution,
    "StopExecution": executions.stop_execution,
    "TagResource": tags.tag_resource,
    "TestState": test_state.test_state,
    "UntagResource": tags.untag_resource,
    "UpdateMapRun": map_runs.update_map_run,
    "UpdateStateMachine": machines.update_state_machine,
    "UpdateStateMachineAlias": versions.update_state_machine_alias,
    "ValidateStateMachineDefinition": machines.validate_state_machine_definition,
}


def perform(store: Store, action: str, request: dict[str, Any]) -> dict[str, Any]:
    """Carry an action out and return its answer; moments in it are `datetime`s.

    Raises:
        ApiError: AWS would refuse the request.
        UnsupportedFeatureError: sfn-sim does not carry the action out.
    """
    function = ACTIONS.get(action)
    if function is None:
        raise UnsupportedFeatureError(
            f"the action {action} of the Step Functions API is not carried out yet; there are: {', '.join(ACTIONS)}"
        )
    shape = service_model().operation_model(action).input_shape
    given = {name: value for name, value in request.items() if value is not None}
    check(shape, given)
    return function(store, given)


@cache
def service_model() -> Any:
    """Return botocore's model of the service, which knows the shape of every request and answer."""
    import botocore.session

    return botocore.session.get_session().get_service_model("stepfunctions")
