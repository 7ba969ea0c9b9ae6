"""Whatever a machine in JSONata does with its data and with chance: its own history folds to the same run."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sfn_sim import Options, StateMachine
from sfn_sim.history_import import import_history
from tests.behaviour.machines import graph, passing, task
from tests.properties.test_lineage_jsonata_properties import documents, expressions, few

drawing = st.sampled_from(["$random()", "$uuid()", "$string($random()) & 'x'", "[$uuid(), 1]", "{'u': $uuid()}"])
values = expressions | drawing | st.builds("[{}, {}]".format, expressions, drawing)


@few
@given(values, values, values, documents)
def test_the_history_of_a_run_folds_to_the_run_without_a_difference(
    first: str, second: str, third: str, document: Any
) -> None:
    def template(text: str) -> str:
        return f"{{% [{text}] %}}"

    caught = [{"ErrorEquals": ["States.ALL"], "Next": "E", "Assign": {"why": "{% $states.errorOutput.Error %}"}}]
    inner = graph(
        P=task(Arguments=template(third), Next="Q", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Q"}]),
        Q=passing(Assign={"w": template(first)}, Output=template(third)),
    )
    made = StateMachine.from_json({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": passing(Assign={"v": template(first)}, Output={"o": template(first)}, Next="T"),
        "T": task(Arguments=template(second), Assign={"v": "{% $states.result %}"}, Output=template(second), Next="C"),
        "C": {"Type": "Choice", "Choices": [{"Condition": f"{{% $boolean({first}) %}}", "Next": "M"}], "Default": "L"},
        "M": {"Type": "Map", "Items": template(third), "ItemSelector": {"i": "{% $states.context.Map.Item.Value %}"},
              "ItemProcessor": inner, "Catch": caught, "Next": "E"},
        "L": {"Type": "Parallel", "Arguments": {"a": template(second)}, "Catch": caught, "Next": "E",
              "Branches": [graph(X=passing(Output=template(third))), graph(Y=passing(Output=template(first)))]},
        "E": {"Type": "Succeed", "Output": "{% $states.input %}"},
    }})  # fmt: skip
    was = made.run(document, {"f": lambda event, _: {"got": event}}, options=Options(seed=5))
    events = json.loads(json.dumps(list(was.history()), default=lambda at: at.isoformat()))
    found = import_history(events, made, was.identity.arn)
    assert [str(each) for each in found.differences] == [], first
    run = found.execution
    assert (run.status, run.output, run.error) == (was.status, was.output, was.error)
    for ours, theirs in zip(run.log.visits, was.log.visits, strict=True):
        assert (ours.path, ours.input, ours.left) == (theirs.path, theirs.input, theirs.left)
        assert (ours.output, ours.assigned or None) == (theirs.output, theirs.assigned or None) or not theirs.left
    assert bool(found.drawn) <= ("$random" in first + second + third or "$uuid" in first + second + third)
