"""A run out of its file, whole: the machine, and the execution with its log as the run left it.

Where states are nested the file holds names and the order of the visits alone: a visit's place among branches and
Map items tells which state of the definition it is, and which branch it was on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

from sfn_sim.definition.plan import PlannedGraph, PlannedMachine
from sfn_sim.errors import ConfigurationError, Detail
from sfn_sim.machine import StateMachine
from sfn_sim.payload import Json
from sfn_sim.query.expression import Scope
from sfn_sim.run.child import Child
from sfn_sim.run.context import Identity
from sfn_sim.run.execution import Execution, Options
from sfn_sim.run.log import Branch, Log, Visit
from sfn_sim.run.map_run import MapRun, StateTotals
from sfn_sim.source import Source
from sfn_sim.store import Reader

_UNMEASURED = (-1, -1, -1, -1)


def read_execution(reader: Reader, number: int) -> tuple[StateMachine, Execution]:
    """Return a run's machine and its execution.

    Raises:
        ConfigurationError: what the file holds is no run of its definition.
        DefinitionError: this version refuses the definition.
    """
    (row,) = reader.records("runs", "id = ?", number)
    about = json.loads(row.get("about") or "{}")
    source = Source(about.get("file") or f"<{row['machine']}>", row["definition"], about.get("substitutions") or {})
    machine = StateMachine.from_source(source, row["machine"])
    return machine, _execution(reader, row, about, machine.planned, machine.planned.graph)


def _execution(
    reader: Reader, row: Mapping[str, Any], about: Mapping[str, Any], planned: PlannedMachine, graph: PlannedGraph
) -> Execution:
    number = row["id"]
    start = datetime.fromisoformat(row["start"])
    log = Log(None)
    log.events = reader.events(number)
    log.visits = _Visits(reader, number, graph).read()
    log.now_ms = row["elapsed_ms"]
    log.map_runs = _map_runs(reader, number, about.get("map_runs") or [], planned, log)
    # The defaults of a file that does not say are those of `Options` and `Identity`.
    more = {key: about[key] for key in ("limit_bytes", "limit_events") if key in about}
    execution = Execution(
        identity=Identity(row["machine"], row["execution"], start, **about.get("identity", {})),
        machine=planned,
        input=reader.value(row["input"]),
        options=Options(seed=row["seed"], **more),
        log=log,
        status=row["status"],
        error=row["error"],
        cause=row["cause"],
        input_text=about.get("input_text"),
    )
    if row["output"] is not None:
        execution.output = reader.value(row["output"])
    if row.get("detail") is not None:
        fields = cast("dict[str, Any]", reader.value(row["detail"]))
        execution.detail = Detail(**{**fields, "steps": tuple(fields["steps"])})
    return execution


class _Visits:
    """Reads the visits of a run, in the order in which states were entered."""

    def __init__(self, reader: Reader, run: int, graph: PlannedGraph) -> None:
        self._reader = reader
        self._run = run
        self._graph = graph
        self._visits: list[Visit] = []
        self._graphs: dict[int, PlannedGraph] = {}

    def read(self) -> list[Visit]:
        """Return every visit."""
        stages: dict[int, list[tuple[str, Json]]] = {}
        value = self._reader.value
        for row in self._reader.records("stages", "run = ? ORDER BY visit, number", self._run):
            stages.setdefault(row["visit"], []).append((row["name"], value(row["value"])))
        for row in self._reader.records("visits", "run = ? ORDER BY id", self._run):
            self._visits.append(self._visit(row, stages.get(row["id"], [])))
        self._variables()
        return self._visits

    def _visit(self, row: Mapping[str, Any], stages: list[tuple[str, Json]]) -> Visit:
        branch, graph = self._place(row["path"].removesuffix(row["state"]), row["previous"])
        planned = graph.states.get(row["state"])
        if planned is None:
            raise ConfigurationError(f"the recorded run {self._run} is no run of its definition: {row['path']}")
        branch.visit, branch.state = row["previous"], planned
        visit = Visit(row["id"], planned, branch, row["event"], row["entered_ms"], None)
        branch.visit = row["id"]
        self._graphs[row["id"]] = graph
        visit.stages = stages
        visit.exited_ms, visit.left = row["exited_ms"], row["output"] is not None
        more = json.loads(row.get("more") or "{}")
        visit.input_bytes, visit.task_input_bytes, visit.result_bytes, visit.output_bytes = more.get(
            "sizes", _UNMEASURED
        )
        visit.calls_ns = more.get("calls_ns", 0)
        visit.printed = tuple((request, text) for request, text in more.get("printed", ()))
        visit.caught = more.get("caught", any(name == "errorOutput" for name, _ in stages))
        if row["retries"] != "[]":
            visit.retry_delays_ms = tuple(json.loads(row["retries"]))
        if row["error"] is not None or row["cause"] is not None:
            visit.error = (row["error"], row["cause"])
        if row["output"] is not None:
            visit.output = self._reader.value(row["output"])
        if "assigned" in more:
            visit.assigned = cast("dict[str, Json]", self._reader.value(bytes.fromhex(more["assigned"])))
        return visit

    def _place(self, label: str, previous: int) -> tuple[Branch, PlannedGraph]:
        """Return the branch of a visit, and the graph whose states it goes through."""
        if previous < 0:
            return _branch(label, None), self._graph
        before = self._visits[previous]
        if before.branch.label == label:
            return before.branch, self._graphs[previous]
        branch = _branch(label, before.branch)
        index = int(label[len(before.path) + 1 : -2])
        graphs = before.state.graphs
        if before.state.state.type == "Map":
            branch.item = (index, _item(before, index))
        return branch, graphs[0 if len(graphs) == 1 else index]

    def _variables(self) -> None:
        """Give every branch the variables that it had at its end, as a run leaves them."""
        for visit in self._visits:
            outer = visit.branch.outer
            if outer is not None and not visit.branch.scope.variables:
                visit.branch.scope.variables = outer.scope.variables
            if visit.left and visit.assigned:
                visit.branch.scope.variables = {**visit.branch.scope.variables, **visit.assigned}


def _branch(label: str, outer: Branch | None) -> Branch:
    branch = Branch(label, 0, -1, outer)
    branch.scope = Scope(_gone)
    return branch


def _item(visit: Visit, index: int) -> Json:
    """Return a Map's item; None where no stage of the Map holds its items."""
    for name, value in reversed(visit.stages):
        if isinstance(value, list) and name not in ("result", "afterResultSelector", "afterResultPath"):
            return value[index] if index < len(value) else None
    return None


def _gone() -> Json:
    """Stand for the Context Object of an execution that has ended."""
    return None


def _map_runs(
    reader: Reader, number: int, told: list[dict[str, Any]], planned: PlannedMachine, log: Log
) -> list[MapRun]:
    children = reader.records("runs", "parent = ? ORDER BY abs(id)", number) if told else []
    found = []
    for place, fields in enumerate(told):
        totals = {
            state: StateTotals(planned.states[state], *counts) for state, *counts in fields["totals"]
        }
        run = MapRun(**{
            **fields, "start": datetime.fromisoformat(fields["start"]), "children": {}, "totals": totals,
            "executions": Counter(fields["executions"]), "items": Counter(fields["items"]),
        })  # fmt: skip
        graph = log.visits[run.visit].state.graphs[0]
        for row in children:
            about = json.loads(row["about"])
            if about["child"]["map_run"] == place:
                execution = _execution(reader, row, about, planned, graph)
                index = about["child"]["index"]
                run.children[index] = child_of(execution, index, about["child"]["items"])
        found.append(run)
    return found


def child_of(execution: Execution, index: int, items: int) -> Child:
    """Return an execution as a Map Run keeps it that ran it as its child, for so many items."""
    child = Child.__new__(Child)
    child.index, child.items, child.identity, child.input = index, items, execution.identity, execution.input
    child.status, child.output, child.error, child.cause, child.detail = (
        execution.status, execution.output, execution.error, execution.cause, execution.detail,
    )  # fmt: skip
    child.log = cast("Any", execution.log)
    options = execution.options
    child._parent = cast("Any", SimpleNamespace(
        seed=options.seed, limit_bytes=options.limit_bytes, limit_events=options.limit_events
    ))  # fmt: skip
    return child


