"""Runs of JSONata machines whose values were replaced: what is told of them, and what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sfn_sim.analysis.coverage import coverage
from sfn_sim.analysis.explain import explain
from sfn_sim.analysis.lineage.backwards import lineage
from sfn_sim.analysis.lineage.forwards import fate
from sfn_sim.redaction import Redaction
from sfn_sim.report.explained import explanation
from sfn_sim.run.execution import Execution
from sfn_sim.runs import find_run
from sfn_sim.store import record
from tests.behaviour.machines import machine, passing

SECRET = "Zoe-of-the-first-floor"
MACHINE = machine(
    {"QueryLanguage": "JSONata"},
    A=passing(Assign={"who": "{% $states.input.name %}"}, Output={
        "hello": "{% 'hello ' & $states.input.name %}", "short": "{% $substring($states.input.name, 0, 3) %}",
        "other": "{% $states.input.name = 'Zoe-of-the-first-floor' ? $states.input.key : 'nobody' %}",
    }, Next="C"),
    C={"Type": "Choice", "Default": "L", "Choices": [
        {"Condition": "{% $who = 'Zoe-of-the-first-floor' %}", "Next": "E",
         "Output": {"n": "{% $who %}", "in": "{% $states.input %}"}}]},
    E=passing(),
    L=passing(),
)  # fmt: skip


def redacted(tmp_path: Path | None = None) -> Execution:
    was = MACHINE.run({"name": SECRET, "key": "a-key-of-its-own"})
    made = Redaction(["$.name"], b"k" * 32).execution(was)
    if tmp_path is None:
        return made
    record(tmp_path / "r.sqlite", made, MACHINE.source)
    return find_run(f"{tmp_path}/r.sqlite").execution


def ways(execution: Execution, text: str) -> list[tuple[str, str]]:
    return [(hop.point.text, hop.kind) for hop in lineage(execution, text).hops if hop.kind != "passed"]


def test_replaced_values_are_followed_as_others_are(tmp_path: Path) -> None:
    for execution in (redacted(), redacted(tmp_path)):
        assert ways(execution, "output.n") == [
            ("C.output.n", "read"), ("A.variables.who", "read"), ("input.name", "input"),
        ]  # fmt: skip
        assert ways(execution, "output.in.hello")[1:] == [("A.output.hello", "made"), ("input.name", "input")]
        assert [use.kind for use in fate(execution, "input.name").uses][-1] == "output"


def test_what_no_longer_comes_out_is_said_and_not_guessed() -> None:
    execution = redacted()
    for name in ("short", "other"):
        (hop, *_) = lineage(execution, f"A.output.{name}").hops
        assert hop.kind == "unknown"
        assert "which reads $states.input.name" in hop.words
        assert "as where they are redacted" in hop.words
    told = [(use.kind, use.field) for use in fate(execution, "input.key").uses]
    assert told[0] == ("unknown", "Output/other")


def test_the_rule_that_a_choice_took_is_told_by_where_it_went() -> None:
    execution = redacted()
    found = coverage(MACHINE.planned, "m", [execution])
    assert [item.name for item in found.never() if item.kind == "choices"] == ["C Default → L"]
    assert lineage(execution, "C.output.n").hops[0].field == "Choices[0]/Output/n"


def test_nothing_that_was_replaced_is_shown() -> None:
    execution = redacted()
    shown: list[Any] = [lineage(execution, f"output.{name}").to_json() for name in ("n", "in.hello", "in.other")]
    shown += explanation(explain(execution, MACHINE.source, "C"), MACHINE.source)
    shown += explanation(explain(execution, MACHINE.source, "A"), MACHINE.source)
    text = "\n".join(each for each in map(str, shown) if "{% " not in each)
    assert SECRET not in text.replace(f"= '{SECRET}'", "")
