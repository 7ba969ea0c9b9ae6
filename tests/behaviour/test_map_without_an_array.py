"""A Map that is given no array: check before a run and the diagnosis after it say the same, with what to go through."""

from __future__ import annotations

from typing import Any

import pytest

from sfn_sim.analysis.diagnosis.diagnose import diagnose
from tests.behaviour.checks import examine
from tests.behaviour.machines import graph, machine, passing

INPUT = {"job": {"lines": [1]}, "n": 1}


def fixes(jsonata: bool, given: Any, **more: Any) -> tuple[str, str]:
    """Return the fix that check tells, and that of the run."""
    pytest.importorskip("jlens")
    top = {"QueryLanguage": "JSONata"} if jsonata else None
    made = machine(top, M={"Type": "Map", "ItemProcessor": graph(I=passing()), "End": True, **more})
    (found,) = [each for each in examine(made, given).findings if each.code == "WRONG_TYPE"]
    diagnosis = diagnose(made.run(given), made.source)
    assert diagnosis is not None
    return found.fix, diagnosis.fix


def test_a_map_without_items_is_told_which_array_there_is() -> None:
    assert fixes(True, INPUT) == ('give M "Items": "{% $states.input.job.lines %}"',) * 2
    assert fixes(False, INPUT) == ('give M "ItemsPath": "$.job.lines"',) * 2


def test_items_that_are_no_array_are_told_which_one_there_is() -> None:
    check, run = fixes(True, INPUT, Items="{% $states.input.n %}")
    assert check == "let Items of M read $states.input.job.lines, which is an array"
    assert run.startswith(f"{check}; or let it give an array: write [] behind a path")
    assert fixes(False, INPUT, ItemsPath="$.n") == ("let ItemsPath of M read $.job.lines, which is an array",) * 2


def test_where_there_is_no_array_that_is_told() -> None:
    assert fixes(False, {"n": 1}) == fixes(True, {"n": 1}) == ("give M an array: no field of its input is one",) * 2
