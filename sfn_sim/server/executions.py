"""Executions: start, describe, stop, list, and their history.

Source: API reference, StartExecution, StartSyncExecution, DescribeExecution, StopExecution, GetExecutionHistory,
ListExecutions; recorded: sfn_api, sfn_api_express, express, timeouts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sfn_sim import limits
from sfn_sim.definition.validate_json import refusal
from sfn_sim.errors import RUNTIME, ConfigurationError, UnsupportedFeatureError
from sfn_sim.payload import loads
from sfn_sim.run.context import Identity
from sfn_sim.run.execution import Driver, Execution, Options
from sfn_sim.run.log import Log
from sfn_sim.run.map_run import KEPT_MOST
from sfn_sim.server.delivery import deliver
from sfn_sim.server.faults import ApiError, invalid
from sfn_sim.server.map_runs import as_started, find_child, find_map_run
from sfn_sim.server.names import check_name, parse_arn
from sfn_sim.server.pages import page
from sfn_sim.server.running import Run
from sfn_sim.server.store import ACCOUNT, Started, Store, Target
from sfn_sim.services.executors import Calls, make_executor

Request = dict[str, Any]
_DATA = ("input", "inputDetails", "output", "outputDetails")


def start_execution(store: Store, request: Request) -> Request:
    """Start an execution; it runs until it ends, or only an outside party can move it.

    Source: API reference, StartExecution (idempotent while the execution runs); recorded: start_execution_idempotent.
    """
    arn, _, test_case = request["stateMachineArn"].partition("#")
    target = store.target(arn)
    text = read_input(request)
    name = request.get("name") or store.uuid()
    check_name(name)
    with store.lock:
        if target.machine.type == "STANDARD":
            before = store.executions.get(store.arn("execution", target.machine.name, name))
            if before is not None:
                if before.run.execution.status == "RUNNING" and before.input_text == text:
                    return {"executionArn": before.arn, "startDate": before.start}
                raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{before.arn}'")
        started = _start(store, target, name, text, request, test_case)
    _go(store, started)
    return {"executionArn": started.arn, "startDate": started.start}


def start_sync_execution(store: Store, request: Request) -> Request:
    """Run an Express execution to its end.

    Source: API reference, StartSyncExecution; recorded: express_sync, start_sync_execution. Memory is not measured:
    every execution is billed the least.
    """
    arn, _, test_case = request["stateMachineArn"].partition("#")
    target = store.target(arn)
    if target.machine.type != "EXPRESS":
        raise _not_supported()
    text = read_input(request)
    name = request.get("name") or store.uuid()
    check_name(name)
    with store.lock:
        started = _start(store, target, name, text, request, test_case, redrivable=False)
    started.run.move()
    execution = started.run.execution
    billed_ms = max(1, -(-execution.elapsed_ms // 100)) * 100
    return {
        "executionArn": started.arn,
        "stateMachineArn": started.machine.arn,
        "name": started.name,
        "startDate": started.start,
        "stopDate": _stop_date(started),
        "status": execution.status,
        **_ending(execution),
        "input": started.input_text,
        "inputDetails": {"included": True},
        **({"traceHeader": started.trace_header} if started.trace_header else {}),
        "billingDetails": {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": billed_ms},
    }


def read_input(request: Request) -> str:
    """Return an execution's input as text.

    Source: recorded: invalid_start_execution_input.

    Raises:
        ApiError: InvalidExecutionInput, ValidationException.
    """
    text: str = request.get("input", "{}")
    words = refusal(text)
    if words is not None:
        raise ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{words}'")
    most = limits.PAYLOAD.value
    if len(text.encode("utf-8", "surrogatepass")) > most:
        raise invalid(
            "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less "
            f"than or equal to {most}"
        )
    return text


def _start(
    store: Store, target: Target, name: str, text: str, request: Request, test_case: str, *, redrivable: bool = True
) -> Started:
    """Note a new execution, which has not run yet."""
    machine = target.machine
    identity = Identity(
        machine.name,
        name,
        store.clock.now(),
        region=store.region,
        account=ACCOUNT,
        role=target.revision.role_arn,
        express=store.uuid() if machine.type == "EXPRESS" else "",
        redrivable=redrivable,
    )
    machine.executions += 1
    started = Started(
        arn=identity.arn,
        name=name,
        machine=machine,
        revision=target.revision,
        input_text=text,
        run=_run(store, target, identity, text, test_case),
        version_arn=target.version_arn,
        alias_arn=target.alias_arn,
        trace_header=request.get("traceHeader"),
    )
    store.executions[identity.arn] = started
    return started


def _run(store: Store, target: Target, identity: Identity, text: str, test_case: str) -> Run:
    value, functions = loads(text), None

    def finished() -> None:
        if functions is not None:
            store.warm.append(functions)
        deliver(execution, identity.arn, target.revision.logging)

    longest = limits.EXPRESS_EXECUTION if target.machine.type == "EXPRESS" else limits.EXECUTION
    options = Options(
        seed=store.seed,
        has_activity=store.activities.__contains__,
        keep_children=KEPT_MOST,
        limit_s=longest.value,
    )
    try:
        planned, mocks = target.revision.planned(), store.mocks(target.machine.name, test_case)
    except (UnsupportedFeatureError, ConfigurationError) as error:
        execution = _failed(identity, value, text, options, str(error))
        return Run(None, execution, finished=finished)
    # A container serves one execution at a time: one that is started inside another has its own.
    functions = store.warm.pop() if store.warm else {}
    calls = Calls(store.handlers, identity.start, store.seed, _functions=functions)
    executor = make_executor(None, calls, store.workers)
    if mocks is not None:
        executor, options = mocks.over(executor, identity.start), replace(options, answers=mocks.answers)
    driver = Driver(planned, value, identity, executor, options, outside=True, paced=store.clock.real)
    execution = driver.execution
    execution.input_text = text

    def changed() -> None:
        store.clock.reach(identity.start + timedelta(milliseconds=execution.elapsed_ms))
        with store.changed:
            store.changed.notify_all()

    return Run(driver, execution, executor.close, changed, finished)


def _failed(identity: Identity, value: Any, text: str, options: Options, cause: str) -> Execution:
    """Return an execution that ends before its first state: it needs what is not carried out yet."""
    log = Log()
    log.append("ExecutionStarted", 0, (value, identity.role_arn))
    log.append("ExecutionFailed", 1, (RUNTIME, f"sfn-sim: {cause}"))
    execution = Execution(identity, None, value, options, log)  # type: ignore[arg-type]  # no machine could be planned
    execution.status, execution.error, execution.cause = "FAILED", RUNTIME, f"sfn-sim: {cause}"
    execution.input_text = text
    return execution


def _go(store: Store, started: Started) -> None:
    if store.clock.real and started.run.execution.status == "RUNNING":
        started.run.start_thread()
    else:
        started.run.move()


def _not_supported() -> ApiError:
    words = "This operation is not supported by this type of state machine"
    return ApiError("StateMachineTypeNotSupported", words)


def _standard(store: Store, text: str) -> Started:
    """Return a Standard execution by its ARN.

    Source: recorded: start_async_describe_history_execution, get_execution_history_no_such_execution.
    """
    parse_arn(text, "execution")
    started = store.executions.get(text)
    return find_child(store, text) if started is None else started


def _stop_date(started: Started) -> datetime:
    return started.start + timedelta(milliseconds=started.run.execution.elapsed_ms)


def _ending(execution: Execution) -> Request:
    """Return what the API tells of an execution's end."""
    if execution.status == "SUCCEEDED":
        return {"output": execution.text(execution.output), "outputDetails": {"included": True}}
    told = {"error": execution.error, "cause": execution.cause}
    return {name: value for name, value in told.items() if value is not None}


def _common(started: Started) -> Request:
    status = started.run.execution.status
    return {
        "executionArn": started.arn,
        "stateMachineArn": started.run.execution.identity.machine_arn,
        "name": started.name,
        "status": status,
        "startDate": started.start,
        "redriveCount": 0,
        **({"stopDate": _stop_date(started)} if status != "RUNNING" else {}),
        **({"stateMachineVersionArn": started.version_arn} if started.version_arn else {}),
        **({"stateMachineAliasArn": started.alias_arn} if started.alias_arn else {}),
        **({"mapRunArn": started.map_run.arn} if started.map_run else {}),
    }


def describe_execution(store: Store, request: Request) -> Request:
    """Describe an execution.

    Source: recorded: describe_execution of global_timeout and start_large_input (redriveStatus).
    """
    started = _standard(store, request["executionArn"])
    execution = started.run.execution
    redrive: Request = {"redriveStatus": "REDRIVABLE"}
    if execution.status in ("RUNNING", "SUCCEEDED"):
        reason = f"Execution is {execution.status} and cannot be redriven"
        redrive = {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason}
    elif started.map_run is not None:
        redrive = {"redriveStatus": "REDRIVABLE_BY_MAP_RUN"}
    return {
        **_common(started),
        **redrive,
        "input": started.input_text,
        "inputDetails": {"included": True},
        **_ending(execution),
        **({"traceHeader": started.trace_header} if started.trace_header else {}),
    }


def stop_execution(store: Store, request: Request) -> Request:
    """End an execution from outside; one that has ended is left alone."""
    started = _standard(store, request["executionArn"])
    if started.run.execution.status == "RUNNING":
        if started.map_run is not None:
            raise UnsupportedFeatureError(
                f"StopExecution of {started.arn}: to stop one child of a Map Run is not carried out yet; stop "
                f"{started.map_run.execution_arn}"
            )
        started.run.stop(request.get("error"), request.get("cause"))
        return {"stopDate": store.clock.now()}
    return {"stopDate": _stop_date(started)}


def get_execution_history(store: Store, request: Request) -> Request:
    """Return the events of an execution."""
    execution = _standard(store, request["executionArn"]).run.execution
    events = list(execution.history())
    if request.get("reverseOrder"):
        events.reverse()
    shown, more = page(events, request)
    if request.get("includeExecutionData") is False:
        shown = [_without_data(event) for event in shown]
    return {"events": list(shown), **more}


def _without_data(event: Request) -> Request:
    return {
        key: {name: each for name, each in value.items() if name not in _DATA} if isinstance(value, dict) else value
        for key, value in event.items()
    }


def list_executions(store: Store, request: Request) -> Request:
    """List the executions of a machine, of a version, of an alias or of a Map Run, newest first."""
    if "mapRunArn" in request and "stateMachineArn" not in request:
        return _list_children(store, request)
    if "stateMachineArn" not in request:
        raise invalid("Must provide a state machine ARN or a map run ARN")
    arn = request["stateMachineArn"]
    target = store.target(arn)
    if target.machine.type != "STANDARD":
        raise _not_supported()
    wanted = request.get("statusFilter")
    found = [
        each
        for each in reversed(list(store.executions.values()))
        if arn in (each.machine.arn, each.version_arn, each.alias_arn)
        and wanted in (None, each.run.execution.status)
    ]
    shown, more = page(found, request)
    return {"executions": [_common(each) for each in shown], **more}


def _list_children(store: Store, request: Request) -> Request:
    """List the children of a Map Run, as far as they are remembered.

    Source: API reference, ListExecutions, mapRunArn, itemCount; that Express children are refused is assumed.
    """
    parent, run = find_map_run(store, request["mapRunArn"])
    if run.express:
        raise _not_supported()
    wanted = request.get("statusFilter")
    children = sorted(run.children.values(), key=lambda child: -child.index)
    shown, more = page([child for child in children if wanted in (None, child.status)], request)
    listed = [{**_common(as_started(parent, run, child)), "itemCount": child.items} for child in shown]
    return {"executions": listed, **more}
