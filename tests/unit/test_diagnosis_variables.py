from __future__ import annotations

import pytest

from sfn_sim.analysis.diagnosis.diagnose import Diagnosis, diagnose
from tests.behaviour.machines import graph, machine, passing


def told(path: str) -> Diagnosis:
    """Return what is said of a state B that reads `path`, after A and a Map have assigned variables."""
    inner = graph(I=passing(Assign={"inner": 1}))
    made = machine(
        A=passing(Assign={"order.$": "$.id"}, Next="M"),
        M={"Type": "Map", "ItemsPath": "$.l", "ResultPath": None, "ItemProcessor": inner, "Next": "B"},
        B=passing(Parameters={"x.$": path}, Next="C"),
        C=passing(Assign={"late": 1}),
    )
    diagnosis = diagnose(made.run({"id": {"total": 1}, "l": [1]}), made.source)
    assert diagnosis is not None
    return diagnosis


@pytest.mark.parametrize(
    ("path", "what", "why", "fix"),
    [
        ("$ordr.total", "no variable $ordr has a value in B: there are: $order", "", "did you mean $order?"),
        (
            "$order.totl", "$order.totl is missing from $order: {total}", "A (event 2) gave $order its value",
            "read 'total' there",
        ),
        ("$inner", "no variable $inner", "M[0].I (event 7) assigned it inside a Map or Parallel", "in the output of I"),
        ("$late", "no variable $late", "", "C assigns it, but does not come before B"),
        ("$id", "no variable $id", "", "read $.id: the state's input has that key"),
        ("$nowhere", "no variable $nowhere", "", '"Assign": {"nowhere.$": "$…"}'),
        ("$.order.total", "$.order is missing from the effective input", "", "read $order.total: order is a variable"),
    ],
)  # fmt: skip
def test_a_path_into_a_variable_that_is_not_there_says_who_has_it(path: str, what: str, why: str, fix: str) -> None:
    diagnosis = told(path)
    assert what in diagnosis.what
    assert why in diagnosis.why
    assert fix in diagnosis.fix
