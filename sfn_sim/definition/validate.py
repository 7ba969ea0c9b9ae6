"""AWS's checks of a definition, all findings at once.

The document is walked as the tables of `definition.fields` describe it; what the tables cannot say is a rule, one
function each, listed below by the object that it belongs to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

from sfn_sim.definition import validate_choice as choice
from sfn_sim.definition import validate_errors as error_handling
from sfn_sim.definition import validate_graph as graph_rules
from sfn_sim.definition import validate_json as text_rules
from sfn_sim.definition import validate_map as map_rules
from sfn_sim.definition import validate_names as names_rules
from sfn_sim.definition import validate_resource as resources
from sfn_sim.definition.fields import JSONATA, JSONPATH, OBJECTS, STATES, Field, Kind, types_with
from sfn_sim.definition.validate_findings import Findings, Place, did_you_mean, listed
from sfn_sim.definition.validate_kinds import check_value, looks_like_query
from sfn_sim.definition.validate_node import Members, Node, language_of
from sfn_sim.payload import Json
from sfn_sim.query.jsonpath import nearest
from sfn_sim.source import Diagnostic, Source

Rule: TypeAlias = Callable[[Node], None]


def validate(source: Source, *, type: str = "STANDARD", literal_placeholders: bool = False) -> list[Diagnostic]:
    """Return everything that is wrong with a definition, in the order of the document.

    Args:
        source: the definition.
        type: "STANDARD" or "EXPRESS".
        literal_placeholders: take a `${Name}` without a value for plain text, as AWS's API does.

    Returns:
        Findings of severity "ERROR", with which AWS refuses the definition, and "WARNING".
    """
    findings = Findings(source, literal_placeholders=literal_placeholders)
    document = text_rules.read(findings)
    if document is None:
        return findings.all
    text_rules.duplicate_keys(findings, document)
    text_rules.placeholders(findings, document)
    if isinstance(document, dict):
        _Walk(findings, language_of(document, JSONPATH)).machine(document, express=type == "EXPRESS")
    else:
        hint = "a definition is an object with StartAt and States"
        findings.error("Expected value of type [OBJECT]", (), hint)
    return findings.all


def required_fields(node: Node) -> None:
    """Check that what must be there is there.

    Source: recorded: INVALID_BASE_NO_STARTAT ("These fields are required: [StartAt]" at the object).
    """
    missing = [name for name in node.table.required if name not in node.value]
    if missing:
        hints = [_misspelt(node, (name,)) or f'add "{name}"' for name in missing]
        node.error(f"These fields are required: {listed(missing)}", hint="; ".join(hints))


def _misspelt(node: Node, names: tuple[str, ...]) -> str:
    """Return which field of an object was meant to be one of `names`, if any is near."""
    for wrong in node.value:
        near = nearest(wrong, names) if wrong not in node.table.fields else None
        if near:
            return f"'{wrong}' should be '{near}'"
    return ""


def supported_fields(node: Node) -> None:
    """Check that there is nothing but the fields that the object may have.

    Source: floci-io/floci issue 2735 ("Field 'Catch' is not supported" at the object).
    """
    for name in node.value:
        if name not in node.table.fields:
            hint = _why_unsupported(node, name)
            node.error(f"Field '{name}' is not supported", hint=hint, at=node.at(name), key=True)


def _why_unsupported(node: Node, name: str) -> str:
    types = types_with(name)
    if node.table.name in STATES and types:
        return f"{name} belongs to {', '.join(types)}; this is a {node.table.name} state"
    if near := did_you_mean(name, [known for known in node.table.fields if known not in node.value]):
        return near
    if node.table.name == "NestedRule":
        return f"{name} stands only in the outermost rule"
    return f"{node.table.name} has {', '.join(node.table.fields)}" if len(node.table.fields) < 9 else "remove it"


def query_language(node: Node) -> None:
    """Check that each field belongs to the query language in effect.

    Source: floci-io/floci issue 2968 (AWS names the object, not the field).
    """
    other = JSONATA if node.language == JSONPATH else JSONPATH
    for name in node.value:
        field = node.table.fields.get(name)
        if field is not None and field.language == other:
            node.error(
                f"The QueryLanguage is set to '{node.language}', but field '{name}' "
                f"is only supported for the '{other}' QueryLanguage",
                hint=_other_field(node, name, other),
                at=node.at(name),
                key=True,
            )


def _other_field(node: Node, name: str, other: str) -> str:
    instead = {
        "Parameters": "Arguments", "Arguments": "Parameters", "ResultSelector": "Output", "ItemsPath": "Items",
        "Items": "ItemsPath", "Output": "ResultSelector, ResultPath or OutputPath", "Variable": "Condition",
        "Condition": "Variable and a comparison", "Result": "Output", "InputPath": "Arguments", "OutputPath": "Output",
        "ResultPath": "Output",
    }.get(name) or (name.removesuffix("Path") if name.endswith("Path") else "")  # fmt: skip
    if node.table.name in STATES and other == JSONATA:
        return f'set "QueryLanguage": "JSONata" on the state, or use {instead}'
    return f"in {node.language} use {instead}" if instead else f"{node.language} has nothing like it"


def exclusive_fields(node: Node) -> None:
    """Check the fields of which at most one, or exactly one, may be there.

    Source: measured with ValidateStateMachineDefinition (cdk-preflight, pf-sfn-asl-path-exclusive, -next-end,
    -wait-timing; floci-io/floci issue 3733). `"End": false` counts as no End.
    """
    for names in (*node.table.one_at_most, *node.table.one_exactly):
        present = [name for name in names if name in node.value and not (name == "End" and node.value[name] is False)]
        if len(present) > 1:
            text = f"There should only be one of the following fields: {listed(names)}"
            node.error(text, hint=f"keep only {' or '.join(present)}", at=node.at(present[-1]), key=True)
        elif not present and names in node.table.one_exactly:
            text = f"This object should have only one of the following fields: {listed(names)}"
            node.error(text, hint=_which_to_add(node, names))


def _which_to_add(node: Node, names: tuple[str, ...]) -> str:
    if wrong := _misspelt(node, names):
        return wrong
    if names == ("Next", "End"):
        return 'add "Next" with the state that follows, or "End": true'
    return f"add one of {', '.join(names)}"


def downgraded_language(node: Node) -> None:
    """Refuse JSONPath on a state of a JSONata machine.

    Source: recorded: INVALID_DOWNGRADE_QUERY (at the state).
    """
    message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
    hint = 'remove it, or set JSONPath for the machine and "QueryLanguage": "JSONata" on the other states'
    node.error(message, hint=hint, at=node.at("QueryLanguage"))


def static_result(node: Node) -> None:
    """Warn of paths in a Pass state's Result, which are never evaluated.

    Source: API reference, ValidateStateMachineDefinitionDiagnostic (PASS_RESULT_IS_STATIC, the words too).
    """
    result = node.value.get("Result")
    members = result if isinstance(result, dict) else {}
    for key, value in members.items():
        if isinstance(value, str) and (key.endswith(".$") or looks_like_query(value)):
            node.findings.warning(
                "Attempt to use a path in the result of a pass state.",
                node.at("Result", key),
                "Result is taken as it stands; write Parameters to have paths evaluated",
                code="PASS_RESULT_IS_STATIC",
            )


def heartbeat_below_timeout(node: Node) -> None:
    """Check that a heartbeat is due before the time is out.

    Source: ASL specification, Task State ("MUST be smaller"); AWS's text is assumed.
    """
    heartbeat, timeout = node.value.get("HeartbeatSeconds"), node.value.get("TimeoutSeconds")
    if isinstance(heartbeat, int) and isinstance(timeout, int) and heartbeat >= timeout > 0:
        hint = f"the Task is out of time after {timeout} s, before a heartbeat is due"
        node.error("HeartbeatSeconds must be smaller than TimeoutSeconds", "HeartbeatSeconds", hint=hint)


_EVERY: tuple[Rule, ...] = (required_fields, supported_fields, exclusive_fields)
_RETRY_AND_CATCH: tuple[Rule, ...] = (error_handling.all_alone_and_last, error_handling.known_names)
RULES: dict[str, tuple[Rule, ...]] = {
    "Task": (
        resources.resource, resources.express_resource, resources.parameters, resources.credentials,
        heartbeat_below_timeout, *_RETRY_AND_CATCH, names_rules.variables,
    ),
    "Wait": (names_rules.variables,),
    "Pass": (static_result, names_rules.variables),
    "Choice": (names_rules.variables,),
    "Parallel": (*_RETRY_AND_CATCH, names_rules.variables),
    "Map": (*_RETRY_AND_CATCH, names_rules.variables, names_rules.label),
    "Catcher": (names_rules.variables,),
    "ChoiceRule": (choice.one_head, choice.one_operator, names_rules.variables),
    "NestedRule": (choice.one_head, choice.one_operator),
    "ProcessorConfig": (map_rules.execution_type, map_rules.express_mode),
    "ItemReader": (map_rules.reader_resource,),
    "ReaderConfig": (map_rules.reader_csv,),
    "ResultWriter": (map_rules.writer_resource,),
}  # fmt: skip
"""What the tables cannot say, by the name of the table."""


class _Walk:
    """One walk over a machine: the names met so far, and the graphs, which are checked at the end."""

    def __init__(self, findings: Findings, language: str) -> None:
        self._findings = findings
        self._language = language
        self._names = names_rules.Names(findings)
        self._graphs: list[graph_rules.Graph] = []

    def machine(self, document: Members, *, express: bool) -> None:
        node = Node(
            value=document,
            place=(),
            table=OBJECTS["Machine"],
            language=self._language,
            express=express,
            findings=self._findings,
        )
        self._object(node)
        for graph in self._graphs:
            graph_rules.targets(graph, self._names, self._findings)
            if graph.place or graph_rules.ends(graph, self._findings):
                graph_rules.reachable(graph, self._findings)

    def _object(self, node: Node, *, language_known: bool = True) -> None:
        for rule in _EVERY:
            rule(node)
        if language_known:
            query_language(node)
        for rule in RULES.get(node.table.name, ()):
            rule(node)
        if "States" in node.table.fields:
            self._note_graph(node)
        for name in node.value:
            field = node.table.fields.get(name)
            if field is not None and field.language in (None, node.language):
                check_value(node, name, field)
                self._below(node, name, field)

    def _below(self, node: Node, name: str, field: Field) -> None:
        value = node.value[name]
        if field.kind is Kind.OBJECT and isinstance(value, dict):
            self._object(node.below(value, node.at(name), OBJECTS[field.of]))
        elif field.kind is Kind.OBJECTS and isinstance(value, list):
            for index, each in enumerate(value):
                if isinstance(each, dict):
                    self._object(node.below(each, node.at(name, index), OBJECTS[field.of]))
        elif field.kind is Kind.STATES and isinstance(value, dict):
            inside = dataclasses.replace(node, express=node.express or map_rules.is_express(node.value))
            for state, each in value.items():
                self._state(inside, state, each, node.at(name, state))
        elif name == "Label" and isinstance(value, str):
            self._names.label(value, node.at(name))

    def _note_graph(self, node: Node) -> None:
        states = node.value.get("States")
        if isinstance(states, dict) and states:
            inner = {name: state if isinstance(state, dict) else {} for name, state in states.items()}
            self._graphs.append(graph_rules.Graph(node.value.get("StartAt"), inner, node.place))

    def _state(self, above: Node, name: str, value: Json, place: Place) -> None:
        names_rules.state_name(self._findings, name, place)
        self._names.state(name, place)
        if not isinstance(value, dict):
            self._findings.error("Expected value of type [OBJECT]", place, "a state is an object with a Type")
            return
        kind = value.get("Type")
        table = STATES.get(kind) if isinstance(kind, str) else None
        if table is None:
            state_type(self._findings, value, place)
            return
        # A state's own language reaches neither its branches nor its processor: those have the machine's.
        node = dataclasses.replace(
            above, value=value, place=place, table=table, language=language_of(value, self._language)
        )
        downgraded = self._language == JSONATA and value.get("QueryLanguage") == JSONPATH
        if downgraded:
            downgraded_language(node)
        self._object(node, language_known=not downgraded)


def state_type(findings: Findings, state: Members, place: Place) -> None:
    """Report a state whose Type is missing or unknown.

    Source: recorded: state_name_invalid_state_definition (the list of types); a missing Type is assumed.
    """
    if "Type" not in state:
        hint = f"""add "Type": one of {', '.join(STATES)}"""
        findings.error("These fields are required: [Type]", place, hint, key=True)
    elif not isinstance(state["Type"], str):
        findings.error("Expected value of type [STRING]", (*place, "Type"), f"write one of {', '.join(STATES)}")
    else:
        hint = did_you_mean(state["Type"], STATES, f"write one of {', '.join(STATES)}")
        text = f"The field 'Type' should have one of these values: {listed(STATES)}"
        findings.error(text, (*place, "Type"), hint)
