"""Values of fields: whether each is of the kind that the tables ask for. One function per kind.

Source: measured with ValidateStateMachineDefinition: "Expected value of type [STRING]" (floci-io/floci issue 2968),
"Expected value of type Integer", "Minimum value is …", "Maximum value is …", "Value should be one of the following:
…" (badmintoncryer/cdk-preflight, 2026-09-05); the type names [BOOLEAN], [OBJECT], [ARRAY] and Number are assumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sfn_sim.definition.fields import JSONATA, JSONPATH, Field, Kind
from sfn_sim.definition.validate_findings import Place, did_you_mean, listed, place_of
from sfn_sim.definition.validate_jsonata import expressions, strings_in
from sfn_sim.definition.validate_node import Node, is_expression
from sfn_sim.payload import Json
from sfn_sim.query.expression import SyntaxProblem, TemplateProblems
from sfn_sim.query.intrinsics import compile_intrinsic, is_intrinsic
from sfn_sim.query.jsonpath import compile_path, compile_reference_path
from sfn_sim.query.template import compile_template
from sfn_sim.timestamp import parse_timestamp


@dataclass(frozen=True, slots=True)
class _Value:
    """A field's value, with the object that has it."""

    node: Node
    name: str
    field: Field
    value: Json

    def error(self, message: str, *below: str | int, hint: str) -> None:
        self.node.error(message, self.name, *below, hint=hint)

    def expected(self, what: str) -> None:
        """Note that the value is not of the kind that AWS calls `what`."""
        hint = f"{_described(self.value)} stands here"
        if what == "Integer" and isinstance(self.value, float):
            whole = math.floor(self.value)
            hint = f"{self.name} takes whole numbers only: write {whole} or {whole + 1}"
        if is_expression(self.value) and self.node.language == JSONPATH:
            hint = _NOT_JSONATA
        self.error(f"Expected value of type {what}", hint=hint)

    def cannot_compile(self, message: str, text: str, problem: SyntaxProblem) -> None:
        place = self.node.at(self.name)
        self.node.findings.syntax_error(message, place, place, text, problem)


Check: TypeAlias = Callable[[_Value], None]

_NOT_A_PATH = "Value must be a valid JSONPath."
_NOT_A_REFERENCE = "Value is not a Reference Path"
_NO_DOLLAR = "Value is not a Reference Path: Reference path didn't start with '$'"
_NOT_JSONATA = 'JSONata is only evaluated in a state with "QueryLanguage": "JSONata"'


def check_value(node: Node, name: str, field: Field) -> None:
    """Check the value of a field that is there."""
    value = node.value[name]
    if value is None and field.null:
        return
    if node.findings.left_open(value):
        return
    if node.language == JSONATA and (name == "Condition" or (field.expression and is_expression(value))):
        expressions(node, name)
        return
    check = _CHECKS.get(field.kind)
    if check is not None:
        check(_Value(node, name, field, value))


def _described(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return "a boolean" if isinstance(value, bool) else "a number"
    return {str: "a string", list: "an array", dict: "an object"}[type(value)]


def _string(here: _Value) -> None:
    if not isinstance(here.value, str):
        here.expected("[STRING]")
    elif f"{here.name}Path" in here.node.table.fields and here.value.startswith(("$.", "$$.")):
        _path_as_text(here)


def _path_as_text(here: _Value) -> None:
    """Warn of a path in a field that takes it for text.

    Source: API reference, ValidateStateMachineDefinitionDiagnostic (NO_PATH, a warning; its words are from there).
    """
    if here.node.language == JSONPATH:
        here.node.findings.warning(
            "Field value looks like a path, but field name does not end with 'Path'.",
            here.node.at(here.name),
            f'this is taken as plain text; to read the value write "{here.name}Path"',
            code="NO_PATH",
        )


def _boolean(here: _Value) -> None:
    if not isinstance(here.value, bool):
        here.expected("[BOOLEAN]")


def _integer(here: _Value) -> None:
    if isinstance(here.value, bool) or not isinstance(here.value, int):
        here.expected("Integer")
    else:
        _range(here, here.value)


def _number(here: _Value) -> None:
    if isinstance(here.value, bool) or not isinstance(here.value, int | float):
        here.expected("Number")
    else:
        _range(here, here.value)


def _range(here: _Value, number: float) -> None:
    least, most = here.field.minimum, here.field.maximum
    allowed = f"at least {least}" if most is None else f"from {least} to {most}"
    if least is not None and number < least:
        here.error(f"Minimum value is {least}", hint=f"{here.name} is {allowed}")
    elif most is not None and number > most:
        here.error(f"Maximum value is {most}", hint=f"{here.name} is {allowed}")


def _strings(here: _Value) -> None:
    if not isinstance(here.value, list):
        here.expected("[ARRAY]")
        return
    if not here.value:
        here.error("Value cannot be empty", hint=f"name at least one in {here.name}")
    for index, each in enumerate(here.value):
        if not isinstance(each, str):
            here.error("Expected value of type [STRING]", index, hint=f"{_described(each)} stands here")


def _choice(here: _Value) -> None:
    values = here.field.values
    if not isinstance(here.value, str):
        here.expected("[STRING]")
    elif here.value not in values:
        # Source: floci-io/floci, StepFunctionsService (InputType alone names its field).
        names_itself = f"The field '{here.name}' should have one of these values: "
        text = names_itself if here.name == "InputType" else "Value should be one of the following: "
        hint = did_you_mean(here.value, values, f"write {' or '.join(values)}")
        here.error(text + listed(values), hint=hint)


def _timestamp(here: _Value) -> None:
    """Check a timestamp.

    Source: recorded: wait_timestamp_invalid (INVALID_DATE, INVALID_ISO, NO_T, JSONATA).
    """
    if not isinstance(here.value, str):
        here.expected("[STRING]")
    elif parse_timestamp(here.value) is None:
        hint = "write it as 2030-01-31T12:00:00Z: upper-case T, and Z or an offset such as +01:00"
        if here.value.startswith("$"):
            hint = f'to read it from the input write "{here.name}Path"'
        elif is_expression(here.value):
            hint = _NOT_JSONATA
        here.error("String does not match RFC3339 timestamp", hint=hint)


def _path(here: _Value) -> None:
    in_rule = here.node.table.name in ("ChoiceRule", "NestedRule")
    text = _dollar_text(here, _NO_DOLLAR if in_rule else _NOT_A_PATH)
    if text:
        _compiles(here, text, _NOT_A_REFERENCE if in_rule else _NOT_A_PATH)


def _reference_path(here: _Value) -> None:
    if text := _dollar_text(here, _NO_DOLLAR):
        try:
            compile_reference_path(text)
        except SyntaxProblem as problem:
            here.cannot_compile(_NOT_A_REFERENCE, text, problem)


def _single_path(here: _Value) -> None:
    """Check a path that must select one value.

    Source: measured with ValidateStateMachineDefinition (floci-io/floci issue 3733: the Context Object is refused
    for Map's numbers, and accepted for ItemsPath); that slices and filters are refused everywhere is assumed.
    """
    text = _dollar_text(here, _NO_DOLLAR)
    if not text:
        return
    if here.field.kind is Kind.NUMBER_PATH and text.startswith("$$"):
        problem = SyntaxProblem("this field does not read the Context Object: copy the value into the input first")
        here.cannot_compile(_NOT_A_REFERENCE, text, problem)
    elif _compiles(here, text, _NOT_A_REFERENCE) and not compile_path(text).definite:
        problem = SyntaxProblem("a Reference Path names one place: no *, .., slice, filter or list")
        here.cannot_compile(_NOT_A_REFERENCE, text, problem)


def _path_or_call(here: _Value) -> None:
    """Check a path, or a call of an intrinsic function.

    Source: Developer Guide, Fail state (ErrorPath and CausePath); AWS's text is assumed.
    """
    message = f"The value for the field '{here.name}' must be a valid JSONPath or a valid intrinsic function call"
    if isinstance(here.value, str) and is_intrinsic(here.value):
        try:
            compile_intrinsic(here.value)
        except SyntaxProblem as problem:
            here.cannot_compile(message, here.value, problem)
    elif text := _dollar_text(here, message):
        _compiles(here, text, message)


def _dollar_text(here: _Value, message: str) -> str:
    """Return the text of a path if it is one by its first character; else note an error."""
    if not isinstance(here.value, str):
        here.expected("[STRING]")
        return ""
    if here.value.startswith("$"):
        return here.value
    hint = "a path begins with $"
    here.error(message, hint=f'{hint}: "$.{here.value}"' if here.value.isidentifier() else hint)
    return ""


def _compiles(here: _Value, text: str, message: str) -> bool:
    try:
        compile_path(text)
    except SyntaxProblem as problem:
        here.cannot_compile(message, text, problem)
        return False
    return True


def _template(here: _Value) -> None:
    place = here.node.at(here.name)
    if here.node.language == JSONATA:
        expressions(here.node, here.name)
        return
    try:
        compile_template(here.value, "")
    except TemplateProblems as problems:
        for pointer, problem in problems.problems:
            _template_problem(here, place_of(pointer, here.value), problem)
    _missing_dollars(here.node, here.value, place)


def _template_problem(here: _Value, below: Place, problem: SyntaxProblem) -> None:
    """Report one field of a template that cannot be compiled.

    Source: recorded: escape_sequence_parsing (illegal intrinsic; AWS names the place of the template). That AWS
    names the object that has the field where it is a nested one is assumed.
    """
    value = here.value
    for part in below:
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
    if here.node.findings.left_open(value):
        return
    message = f"The value for the field '{below[-1]}' must be a valid JSONPath or a valid intrinsic function call"
    place = here.node.at(here.name, *below[:-1])
    here.node.findings.syntax_error(message, place, here.node.at(here.name, *below), str(value), problem)


def _missing_dollars(node: Node, value: Json, place: Place) -> None:
    """Warn of a path that is taken as plain text, because its key does not end in `.$`.

    Source: API reference, ValidateStateMachineDefinitionDiagnostic (NO_DOLLAR); the words are from there.
    """
    for at, text in strings_in(value, place):
        key = at[-1]
        if isinstance(key, str) and not key.endswith(".$") and looks_like_query(text):
            node.findings.warning(
                "No .$ on a field that appears to be a JSONPath or Intrinsic Function.",
                at,
                f'"{key}" gets this text as it stands; write "{key}.$" to get the value',
                code="NO_DOLLAR",
            )


def looks_like_query(text: str) -> bool:
    """Tell whether plain text is a path or a call of an intrinsic function."""
    try:
        if text.startswith(("$.", "$$.")):
            compile_path(text)
            return True
        if is_intrinsic(text):
            compile_intrinsic(text)
            return True
    except SyntaxProblem:
        pass
    return False


def _object(here: _Value) -> None:
    if not isinstance(here.value, dict):
        here.expected("[OBJECT]")
    elif here.field.filled and not here.value:
        here.error("Value cannot be empty", hint=f"put something into {here.name}")


def _objects(here: _Value) -> None:
    if not isinstance(here.value, list):
        here.expected("[ARRAY]")
        return
    if here.field.filled and not here.value:
        here.error("Value cannot be empty", hint=f"put at least one object into {here.name}")
    for index, each in enumerate(here.value):
        if not isinstance(each, dict):
            here.error("Expected value of type [OBJECT]", index, hint=f"{_described(each)} stands here")


_CHECKS: dict[Kind, Check] = {
    Kind.STRING: _string,
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.STRINGS: _strings,
    Kind.CHOICE: _choice,
    Kind.TIMESTAMP: _timestamp,
    Kind.PATH: _path,
    Kind.REFERENCE_PATH: _reference_path,
    Kind.SINGLE_PATH: _single_path,
    Kind.NUMBER_PATH: _single_path,
    Kind.PATH_OR_CALL: _path_or_call,
    Kind.TEMPLATE: _template,
    Kind.TARGET: _string,
    Kind.RESOURCE: _string,
    Kind.OBJECT: _object,
    Kind.OBJECTS: _objects,
    Kind.STATES: _object,
}
