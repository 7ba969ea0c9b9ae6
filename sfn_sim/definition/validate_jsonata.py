"""JSONata expressions of a definition: whether AWS takes them when it is created.

Source: measured with ValidateStateMachineDefinition (floci-io/floci#2745: the parser's words without their code;
#2670: names at the top level; fields of $states that do not exist where they are read). That a variable which nobody
assigns is told only when it is read is recorded (undefined_reference).
"""

from __future__ import annotations

from collections.abc import Iterator

from sfn_sim.definition.fields import STATES
from sfn_sim.definition.validate_findings import Findings, Place, did_you_mean
from sfn_sim.definition.validate_node import Node
from sfn_sim.payload import Json
from sfn_sim.query.jsonata import compile_expression, expression_in
from sfn_sim.query.jsonata_errors import UNSUPPORTED, JsonataProblem

_EVERYWHERE = ("input", "context")
_WITH_RESULT = ("Task", "Parallel", "Map")


def expressions(node: Node, name: str) -> None:
    """Check every expression in the value of a field."""
    fields = _available(node, name)
    for place, text in strings_in(node.value[name], node.at(name)):
        if node.findings.left_open(text):
            continue
        if text.startswith("{%") and not text.endswith("%}"):
            # Source: cdk-preflight, pf-sfn-asl-query-language.
            message = "JSONata string must start with {% and end with %}"
            node.findings.error(message, place, "close the expression with %}")
        else:
            _expression(node.findings, text, place, fields)


def _available(node: Node, name: str) -> frozenset[str]:
    """Return the fields of $states that a field's expressions may read.

    Source: Developer Guide, Transforming data with JSONata (the fields of $states); in a Catch: measured on AWS
    (floci-io/floci#2745).
    """
    table, made = node.table.name, name in ("Output", "Assign")
    if made and table == "Catcher":
        return frozenset((*_EVERYWHERE, "errorOutput"))
    if made and table in STATES and table in _WITH_RESULT:
        return frozenset((*_EVERYWHERE, "result"))
    return frozenset(_EVERYWHERE)


def _expression(findings: Findings, text: str, place: Place, fields: frozenset[str]) -> None:
    found = expression_in(text)
    if found is None:
        return
    expression, lead = found
    try:
        problems = compile_expression(expression).missing_fields(fields)
    except JsonataProblem as problem:
        problems = (problem, *problem.more)
    for each in problems:
        part = (lead + each.offset, lead + each.offset + each.length)
        findings.part_error(each.message, place, text, part, _hint(each, fields), code=each.code)


def _hint(problem: JsonataProblem, fields: frozenset[str]) -> str:
    if problem.code != UNSUPPORTED:
        return "AWS reads JSONata 2.0.6: correct what is underlined"
    name = problem.message.partition("'")[2].partition("'")[0]
    if problem.message.startswith("Field"):
        there = f"$states has {', '.join(sorted(fields))} here"
        return did_you_mean(name.rpartition(".")[2], fields, there)
    if name.startswith("$"):
        return "Step Functions evaluates without a context: read $states.input"
    return f"a bare name has nothing to read from: write $states.input.{name}, or ${name} for a variable"


def strings_in(value: Json, place: Place) -> Iterator[tuple[Place, str]]:
    """Yield every string of a value with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from strings_in(each, (*place, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from strings_in(each, (*place, index))
