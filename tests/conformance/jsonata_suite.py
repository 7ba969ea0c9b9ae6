"""The official JSONata test suite through `query.jsonata`, as far as Step Functions' JSONata can be asked it.

Step Functions has no context item at the top level, so a case's data is bound as `$states.input` and its expression
asked as a step below it. Two things are lost by that: a list of one item that the expression keeps with `[]` is
unwrapped once more (LIST_OF_ONE), and `$$` is nothing (REFUSED: AWS refuses it at the top level). Nothing of the suite
is copied into the project.

Source: https://github.com/jsonata-js/jsonata, test/test-suite/TESTSUITE.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfn_sim.query.jsonata import Bindings, Guards, compile_expression
from sfn_sim.query.jsonata_errors import UNDEFINED, UNSUPPORTED, JsonataProblem, QueryEvaluationError, Undefined
from sfn_sim.run.seed import Stream

EQUAL = "equal"
LIST_OF_ONE = "equal but for a list of one item, which the way of asking unwraps"
REFUSED = "asks for what AWS has not: $$, $eval, ?: and ??, names at the top level"
DIFFERENT = "different"
# What the suite's cases of endless loops allow themselves.
SUITE_DEPTH = 1_000


@dataclass(frozen=True, slots=True)
class Case:
    """One case: where it stands, what is asked, what the suite expects (`result`, `undefinedResult` or `code`)."""

    name: str
    expression: str
    data: Any
    bindings: Mapping[str, Any]
    expected: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Score:
    """What became of one case: one of the verdicts above, and what was given instead."""

    case: Case
    verdict: str
    given: str = ""


def cases(folder: Path) -> Iterator[Case]:
    """Read the cases of the suite in the folder, in the order of their names."""
    datasets = {path.stem: json.loads(path.read_text("utf-8")) for path in (folder / "datasets").glob("*.json")}
    for path in sorted((folder / "groups").glob("*/*.json")):
        read = json.loads(path.read_text("utf-8"))
        for number, each in enumerate(read if isinstance(read, list) else [read]):
            text = each["expr"] if "expr" in each else (path.parent / each["expr-file"]).read_text("utf-8")
            data = each["data"] if "data" in each else datasets.get(each.get("dataset") or "", UNDEFINED)
            yield Case(f"{path.parent.name}/{path.stem}[{number}]", text, data, each.get("bindings") or {}, each)


def asked(case: Case) -> str:
    """Return the expression as a state can ask it."""
    if isinstance(case.data, Undefined):
        return case.expression
    one = "[[$states.input]]" if isinstance(case.data, list) else "[$states.input]"  # [list] would be the list itself
    return f"{one}.(\n{case.expression}\n)"


def score(case: Case) -> Score:
    """Evaluate one case and compare."""
    fields = {} if isinstance(case.data, Undefined) else {"input": case.data}
    depth = min(case.expected.get("depth") or SUITE_DEPTH, SUITE_DEPTH)
    bindings = Bindings(
        fields=fields,
        variables=case.bindings,
        randomness=Stream(0),
        guards=Guards(depth=depth, array_items=10_000_001, string_bytes=100_000_000),
    )
    wanted = case.expected.get("code", case.expected.get("error", {}).get("code"))
    try:
        given = compile_expression(asked(case)).result(bindings)
    except JsonataProblem as problem:  # AWS's texts at creation have no codes
        verdict = EQUAL if wanted else other(case, problem.code == UNSUPPORTED)
        return Score(case, verdict, f"{problem.code}: {problem.message}")
    except QueryEvaluationError as error:
        verdict = EQUAL if wanted is not None and error.code in (wanted, "") else other(case)
        return Score(case, verdict, f"{error.code} {error.text}")
    if agrees(case.expected, given):
        return Score(case, EQUAL)
    if agrees(case.expected, [given]):
        return Score(case, LIST_OF_ONE)
    return Score(case, other(case), repr(given)[:200])


def other(case: Case, top_level: bool = False) -> str:
    """Return the verdict of a case that is not equal."""
    absent = any(each in case.expression for each in ("$$", "$eval", "?:", "??"))
    return REFUSED if top_level or absent else DIFFERENT


def agrees(expected: Mapping[str, Any], given: Any) -> bool:
    """Whether a value is what the suite expects."""
    if expected.get("undefinedResult"):
        return isinstance(given, Undefined)
    if "result" not in expected or isinstance(given, Undefined):
        return False
    if expected.get("unordered"):
        return sorted(map(repr, given)) == sorted(map(repr, expected["result"]))
    return bool(given == expected["result"])
