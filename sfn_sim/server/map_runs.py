"""Map Runs and the child executions of distributed Maps.

Source: API reference, DescribeMapRun, ListMapRuns, UpdateMapRun, ListExecutions (mapRunArn). Of a run's children the
first thousand are remembered, and a thousand that failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sfn_sim.payload import dumps
from sfn_sim.run.child import Child
from sfn_sim.run.execution import Execution
from sfn_sim.run.map_run import MapRun
from sfn_sim.server.faults import invalid, no_execution, no_resource
from sfn_sim.server.names import parse_arn
from sfn_sim.server.pages import page
from sfn_sim.server.running import Run
from sfn_sim.server.store import Started, Store

Request = dict[str, Any]
_COUNTED = {"running": "RUNNING", "succeeded": "SUCCEEDED", "failed": "FAILED", "aborted": "ABORTED"}


def _runs(execution: Execution) -> Iterator[MapRun]:
    """Yield the Map Runs of an execution, and those of its children."""
    for run in list(execution.log.map_runs):
        yield run
        for child in list(run.children.values()):
            if child.log.map_runs:
                yield from _runs(child.execution())


def _every(store: Store, name: str) -> Iterator[tuple[Started, MapRun]]:
    """Yield every Map Run of a machine."""
    for started in list(store.executions.values()):
        if started.machine.name == name:
            for run in _runs(started.run.execution):
                yield started, run


def find_map_run(store: Store, text: str) -> tuple[Started, MapRun]:
    """Return a Map Run by its ARN, and the execution that was started for it.

    Raises:
        ApiError: InvalidArn, ResourceNotFound.
    """
    arn = parse_arn(text, "mapRun")
    for started, run in _every(store, arn.parts[0].partition("/")[0]):
        if run.arn == text:
            return started, run
    raise no_resource(text)


def find_child(store: Store, text: str) -> Started:
    """Return a child execution by its ARN, as one that was started.

    Raises:
        ApiError: InvalidArn, ExecutionDoesNotExist.
    """
    arn = parse_arn(text, "execution")
    for started, run in _every(store, arn.parts[0].partition("/")[0]):
        if arn.parts[0].endswith(f"/{run.label}"):
            for child in list(run.children.values()):
                if child.identity.arn == text:
                    return as_started(started, run, child)
    raise no_execution(text)


def as_started(parent: Started, run: MapRun, child: Child) -> Started:
    """Return a child execution as one that was started."""
    return Started(
        arn=child.identity.arn,
        name=child.identity.name,
        machine=parent.machine,
        revision=parent.revision,
        input_text=dumps(child.input),
        run=Run(None, child.execution()),
        map_run=run,
    )


def describe_map_run(store: Store, request: Request) -> Request:
    """Describe a Map Run: what it was told, and how far it has come."""
    _, run = find_map_run(store, request["mapRunArn"])
    stop = run.stop
    return {
        "mapRunArn": run.arn,
        "executionArn": run.execution_arn,
        "status": run.status,
        "startDate": run.start,
        **({"stopDate": stop} if stop is not None else {}),
        "maxConcurrency": run.max_concurrency,
        "toleratedFailurePercentage": float(run.tolerated_share),
        "toleratedFailureCount": run.tolerated_count,
        "itemCounts": _counts(run.items, run.pending_items, run.items_written),
        "executionCounts": _counts(run.executions, run.pending, run.results_written),
        "redriveCount": 0,
    }


def _counts(by_status: dict[str, int], pending: int, written: int) -> dict[str, int]:
    counted = {name: by_status.get(status, 0) for name, status in _COUNTED.items()}
    return {
        "pending": pending,
        **counted,
        "timedOut": 0,
        "total": pending + sum(counted.values()),
        "resultsWritten": written,
        "failuresNotRedrivable": 0,
        "pendingRedrive": 0,
    }


def list_map_runs(store: Store, request: Request) -> Request:
    """List the Map Runs that an execution has started, newest first."""
    text = request["executionArn"]
    parse_arn(text, "execution")
    started = store.executions.get(text) or find_child(store, text)
    runs = list(reversed(started.run.execution.log.map_runs))
    shown, more = page(runs, request)
    listed = [
        {
            "executionArn": run.execution_arn,
            "mapRunArn": run.arn,
            "stateMachineArn": run.machine_arn,
            "startDate": run.start,
            **({"stopDate": stop} if (stop := run.stop) is not None else {}),
        }
        for run in shown
    ]
    return {"mapRuns": listed, **more}


def update_map_run(store: Store, request: Request) -> Request:
    """Change what a Map Run that still runs was told; more children start when the next one ends.

    Source: API reference, UpdateMapRun; the words for a run that has ended are assumed.
    """
    started, run = find_map_run(store, request["mapRunArn"])
    if run.status != "RUNNING":
        raise invalid(f"Map Run is not RUNNING: '{run.arn}'")

    def update() -> None:
        run.max_concurrency = request.get("maxConcurrency", run.max_concurrency)
        run.tolerated_count = request.get("toleratedFailureCount", run.tolerated_count)
        run.tolerated_share = request.get("toleratedFailurePercentage", run.tolerated_share)

    started.run.post(update)
    return {}


def processor_definition(definition: str, pointer: str) -> str:
    """Return the definition of a Map's children: its processor, without what says how it is run."""
    document: Any = json.loads(definition)
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else document[name]
    return json.dumps({name: value for name, value in document.items() if name != "ProcessorConfig"})
