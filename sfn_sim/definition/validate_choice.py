"""Rules of the Choice state's rules.

Source: ASL specification, Choice State; texts measured with ValidateStateMachineDefinition
(badmintoncryer/cdk-preflight, pf-sfn-asl-choice-rules, 2026-09-05).
"""

from __future__ import annotations

from sfn_sim.definition.fields import JSONATA, OPERATORS
from sfn_sim.definition.validate_findings import listed
from sfn_sim.definition.validate_node import Node
from sfn_sim.payload import Json

_HEADS = ("And", "Or", "Not", "Variable", "Condition")


def one_head(node: Node) -> None:
    """Check that a rule is one comparison, or one combination, or in JSONata one Condition."""
    value = node.value
    heads = [name for name in _HEADS if name in value]
    if node.language == JSONATA:
        if not heads:
            hint = 'in JSONata a rule is "Condition": "{% … %}"'
            node.error("These fields are required: [Condition]", hint=hint)
        elif "Condition" in value and not _may_hold(node, value["Condition"]):
            # Source: recorded: choice_condition_constant_jsonata (true and false are taken); the refusal is assumed.
            node.error("Expected value of type [BOOLEAN]", "Condition", hint="write true, false or {% … %}")
        return
    if "Condition" in value:
        return  # the rule of the query languages tells
    if len(heads) != 1:
        hint = "a rule compares one Variable, or combines other rules with And, Or or Not"
        if not heads and any(name in value for name in OPERATORS):
            hint = 'add "Variable" with the path of what is compared'
        node.error(f"The object must have only one of the following fields, {listed(_HEADS)}", hint=hint)


def _may_hold(node: Node, condition: Json) -> bool:
    if isinstance(condition, str):
        return condition.startswith("{%") or node.findings.left_open(condition)
    return isinstance(condition, bool)


def one_operator(node: Node) -> None:
    """Check that a comparison has exactly one operator.

    Source: assumed where there is none (AWS lists all 39).
    """
    if node.language == JSONATA:
        return
    operators = [name for name in OPERATORS if name in node.value]
    if len(operators) > 1 or (operators and any(name in node.value for name in ("And", "Or", "Not"))):
        hint = 'one rule, one comparison: combine several with "And" or "Or"'
        text = f"There should only be one of the following fields: {listed(operators)}"
        node.error(text, hint=hint, at=node.at(operators[-1]), key=True)
    elif not operators and "Variable" in node.value and not set(node.value) - set(node.table.fields):
        hint = "add what it is compared with, such as StringEquals, NumericGreaterThan, IsPresent"
        node.error("This object should have only one comparison operator", hint=hint)
