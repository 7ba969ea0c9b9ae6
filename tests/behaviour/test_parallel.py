"""Parallel: every branch on the same input, and what one failing branch does to the others."""

from __future__ import annotations

import time
from typing import Any

from tests.behaviour.machines import Busy, always, fails, graph, machine, parents, passing, run, task, types


def parallel(*branches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": list(branches), **({} if "Next" in fields else {"End": True}), **fields}


def nap(seconds: int) -> dict[str, Any]:
    return graph(**{f"Nap{seconds}": {"Type": "Wait", "Seconds": seconds, "End": True}})


def test_branches_get_the_same_input_and_their_outputs_come_in_order() -> None:
    state = parallel(
        graph(A1=passing(Parameters={"one.$": "$.n"})),
        graph(A2={"Type": "Wait", "Seconds": 5, "Next": "A3"}, A3=passing(Result=None)),
        InputPath="$.in", ResultSelector={"both.$": "$"}, ResultPath="$.out", OutputPath="$.out",
    )  # fmt: skip
    assert run(state, {"in": {"n": 1}}).output == {"both": [{"one": 1}, None]}


def test_parameters_build_what_the_branches_get() -> None:
    assert run(parallel(graph(I=passing()), Parameters={"k.$": "$.n"}), {"n": 1}).output == [{"k": 1}]


def test_branches_wait_side_by_side() -> None:
    assert run(parallel(nap(30), nap(60), nap(10))).elapsed_ms == 60_000


def test_the_events_of_a_parallel_hang_together_as_aws_was_recorded_to_hang_them() -> None:
    execution = run(parallel(graph(L=passing()), graph(R=passing())))
    assert parents(execution) == [
        (1, 0, "ExecutionStarted"),
        (2, 0, "ParallelStateEntered"),
        (3, 2, "ParallelStateStarted"),
        (4, 3, "PassStateEntered"),
        (5, 4, "PassStateExited"),
        (6, 3, "PassStateEntered"),
        (7, 6, "PassStateExited"),
        (8, 7, "ParallelStateSucceeded"),
        (9, 7, "ParallelStateExited"),
        (10, 9, "ExecutionSucceeded"),
    ]


def test_a_failed_branch_cuts_the_others_off_and_a_catcher_takes_it() -> None:
    state = parallel(
        nap(1000),
        graph(T=task()),
        Catch=[{"ErrorEquals": ["Busy"], "ResultPath": "$.e", "Next": "B"}], Next="B",
    )  # fmt: skip
    execution = run(state, {"k": 1}, always(Busy("no")), B=passing())
    assert isinstance(execution.output, dict)
    assert (execution.output["k"], execution.output["e"]["Error"]) == (1, "Busy")
    assert execution.elapsed_ms == 0
    assert types(execution)[-8:-2] == [
        "LambdaFunctionFailed", "TaskStateAborted", "WaitStateAborted", "ParallelStateFailed", "ParallelStateExited",
        "PassStateEntered",
    ]  # fmt: skip


def test_a_branchs_own_catcher_keeps_its_siblings_running() -> None:
    catching = task(Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "C"}], Next="C")
    execution = run(parallel(nap(9), graph(T=catching, C=passing())), {"k": 1}, always(Busy("no")))
    assert (execution.output, execution.elapsed_ms) == ([{"k": 1}, {"k": 1}], 9000)


def test_a_retry_runs_all_branches_again() -> None:
    state = parallel(graph(P=passing()), graph(T=task()), Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 3}])
    execution = run(state, {"k": 1}, fails(Busy("once"), then=7))
    assert (execution.output, execution.elapsed_ms) == ([{"k": 1}, 7], 3000)
    assert len(execution.visits("P")) == 2
    assert types(execution).count("ParallelStateStarted") == 2
    assert "ParallelStateFailed" not in types(execution)


def test_parameters_that_lead_nowhere_fail_before_the_parallel_has_started() -> None:
    execution = run(parallel(graph(I=passing()), Parameters={"k.$": "$.no"}))
    assert execution.error == "States.Runtime"
    assert types(execution) == ["ExecutionStarted", "ParallelStateEntered", "ExecutionFailed"]


def test_the_result_of_a_started_call_is_dropped_when_its_branch_was_cut_off() -> None:
    ran: list[str] = []

    def slow(event: Any, context: Any) -> None:
        time.sleep(50)
        ran.append("slow")

    both = machine(A=parallel(graph(S=task("slow")), graph(F=task("f"))))
    execution = both.run({}, {"slow": slow, "f": always(Busy("no"))})
    assert (execution.error, execution.elapsed_ms, ran) == ("Busy", 0, ["slow"])
    assert "LambdaFunctionSucceeded" not in types(execution)


def test_parallels_and_maps_nest() -> None:
    each = {"Type": "Map", "ItemProcessor": graph(P=parallel(graph(X=passing()), nap(2))), "End": True}
    execution = run(parallel(graph(M=each), graph(Y=passing(Result=0))), [1, 2])
    assert execution.output == [[[1, 1], [2, 2]], 0]
    assert [visit.path for visit in execution.visits("X")] == ["A[0].M[0].P[0].X", "A[0].M[1].P[0].X"]
