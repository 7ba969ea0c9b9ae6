"""The fields of Amazon States Language as tables: what may stand where, and of which kind it is.

Rule of this module: only data. Whoever asks which fields an object has (validation, the parser, a static checker)
reads it here, so that a new field of AWS's is one line.

Source: ASL specification; Developer Guide, State machine structure and the pages of the state types; which field
AWS accepts on which state type, and the ranges, were measured with ValidateStateMachineDefinition
(badmintoncryer/cdk-preflight, rules/stepfunctions, 2026-09-05; floci-io/floci issues 2735, 2968 and 3733).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from sfn_sim import limits

JSONPATH = "JSONPath"
JSONATA = "JSONata"


class Kind(Enum):
    """What a field's value is."""

    ANY = auto()
    STRING = auto()
    BOOLEAN = auto()
    INTEGER = auto()
    NUMBER = auto()
    STRINGS = auto()  # an array of strings
    CHOICE = auto()  # one of `Field.values`
    TIMESTAMP = auto()
    PATH = auto()  # any JSONPath, of the input, the Context Object or a variable
    REFERENCE_PATH = auto()  # one place below $, where a value can be put
    SINGLE_PATH = auto()  # reads one value: no wildcard, slice or filter
    NUMBER_PATH = auto()  # the same, and not from the Context Object
    PATH_OR_CALL = auto()  # a path or a call of an intrinsic function
    TEMPLATE = auto()  # a payload template, or in JSONata any JSON with expressions
    TARGET = auto()  # the name of a state beside this one
    RESOURCE = auto()  # what a Task calls
    OBJECT = auto()  # an object with the fields of table `Field.of`
    OBJECTS = auto()  # an array of those
    STATES = auto()  # names and states


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field.

    Attributes:
        kind: what its value is.
        language: the only query language that has it; None: both.
        minimum: the least number.
        maximum: the greatest number.
        values: for Kind.CHOICE, what it may be.
        null: whether it may be null.
        filled: whether its array or object must have something in it.
        expression: whether, in JSONata, "{% … %}" may stand for the value.
        of: for Kind.OBJECT and OBJECTS, the name of the table of their fields.
    """

    kind: Kind
    language: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    null: bool = False
    filled: bool = False
    expression: bool = False
    of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The fields of one kind of object.

    Attributes:
        name: a state type, or what the specification calls the object.
        fields: its fields by name.
        required: those that must be there.
        one_at_most: sets of which at most one may be there.
        one_exactly: sets of which exactly one must be there.
    """

    name: str
    fields: Mapping[str, Field]
    required: tuple[str, ...] = ()
    one_at_most: tuple[tuple[str, ...], ...] = ()
    one_exactly: tuple[tuple[str, ...], ...] = ()


def _only(language: str, **fields: Field) -> dict[str, Field]:
    return {name: dataclasses.replace(field, language=language) for name, field in fields.items()}


_ANY = Field(kind=Kind.ANY)
_STRING = Field(kind=Kind.STRING)
_STRINGS = Field(kind=Kind.STRINGS, filled=True)
_TEXT = Field(kind=Kind.STRING, expression=True)  # Error, Cause: text, or an expression that gives it
_PATH = Field(kind=Kind.PATH)
_PATH_OR_NULL = Field(kind=Kind.PATH, null=True)
_PLACE_OR_NULL = Field(kind=Kind.REFERENCE_PATH, null=True)
_SINGLE_PATH = Field(kind=Kind.SINGLE_PATH)
_NUMBER_PATH = Field(kind=Kind.NUMBER_PATH)
_PATH_OR_CALL = Field(kind=Kind.PATH_OR_CALL)
_TEMPLATE = Field(kind=Kind.TEMPLATE)
_TARGET = Field(kind=Kind.TARGET)
_BOOLEAN = Field(kind=Kind.BOOLEAN)
_LANGUAGE = Field(kind=Kind.CHOICE, values=(JSONPATH, JSONATA))


def _values(*values: str) -> Field:
    return Field(kind=Kind.CHOICE, values=values)


def _integer(minimum: int, maximum: int | None = None, *, expression: bool = True) -> Field:
    return Field(kind=Kind.INTEGER, minimum=minimum, maximum=maximum, expression=expression)


def _object(of: str) -> Field:
    return Field(kind=Kind.OBJECT, of=of)


def _objects(of: str, *, filled: bool = False) -> Field:
    return Field(kind=Kind.OBJECTS, of=of, filled=filled)


_COMMON = {"Type": _STRING, "Comment": _STRING, "QueryLanguage": _LANGUAGE}
_ON = {"Next": _TARGET, "End": _BOOLEAN}
_IN_OUT = _only(JSONPATH, InputPath=_PATH_OR_NULL, OutputPath=_PATH_OR_NULL)
_OUTPUT = _only(JSONATA, Output=_TEMPLATE)
_ASSIGN = {"Assign": _TEMPLATE}
_PARAMETERS = _only(JSONPATH, Parameters=_TEMPLATE)
_ARGUMENTS = _only(JSONATA, Arguments=_TEMPLATE)
_RESULT_PATH = _only(JSONPATH, ResultPath=_PLACE_OR_NULL)
_RESULT = _only(JSONPATH, ResultSelector=_TEMPLATE) | _RESULT_PATH
_ERRORS = {"Retry": _objects("Retrier"), "Catch": _objects("Catcher")}
_NEXT_OR_END = ("Next", "End")

_TIMEOUT = limits.TIMEOUT_SECONDS.value
MAX_ITEMS = 100_000_000


def _pairs(*names: str) -> tuple[tuple[str, ...], ...]:
    """Return the pairs of fields of which one is the value and the other a path to it."""
    return tuple((name, f"{name}Path") for name in names)


STATES: dict[str, Table] = {
    "Task": Table(
        name="Task",
        fields={
            **_COMMON, **_ON, **_IN_OUT, **_PARAMETERS, **_ARGUMENTS, **_RESULT, **_OUTPUT, **_ASSIGN, **_ERRORS,
            "Resource": Field(kind=Kind.RESOURCE),
            "TimeoutSeconds": _integer(1, _TIMEOUT),
            "HeartbeatSeconds": _integer(1, _TIMEOUT),
            **_only(JSONPATH, TimeoutSecondsPath=_SINGLE_PATH, HeartbeatSecondsPath=_SINGLE_PATH),
            "Credentials": _TEMPLATE,
        },
        required=("Resource",),
        one_at_most=_pairs("TimeoutSeconds", "HeartbeatSeconds"),
        one_exactly=(_NEXT_OR_END,),
    ),
    "Wait": Table(
        name="Wait",
        fields={
            **_COMMON, **_ON, **_IN_OUT, **_OUTPUT, **_ASSIGN,
            "Seconds": _integer(0, _TIMEOUT),
            "Timestamp": Field(kind=Kind.TIMESTAMP, expression=True),
            **_only(JSONPATH, SecondsPath=_SINGLE_PATH, TimestampPath=_SINGLE_PATH),
        },
        one_exactly=(_NEXT_OR_END, ("SecondsPath", "Seconds", "TimestampPath", "Timestamp")),
    ),
    "Pass": Table(
        name="Pass",
        fields={
            **_COMMON, **_ON, **_IN_OUT, **_PARAMETERS, **_RESULT_PATH, **_OUTPUT, **_ASSIGN,
            **_only(JSONPATH, Result=_ANY),
        },
        one_exactly=(_NEXT_OR_END,),
    ),
    "Succeed": Table(name="Succeed", fields={**_COMMON, **_IN_OUT, **_OUTPUT}),
    "Fail": Table(
        name="Fail",
        fields={
            **_COMMON,
            "Error": _TEXT,
            "Cause": _TEXT,
            **_only(JSONPATH, ErrorPath=_PATH_OR_CALL, CausePath=_PATH_OR_CALL),
        },
        one_at_most=_pairs("Error", "Cause"),
    ),
    "Choice": Table(
        name="Choice",
        fields={
            **_COMMON, **_IN_OUT, **_OUTPUT, **_ASSIGN,
            "Choices": _objects("ChoiceRule", filled=True),
            "Default": _TARGET,
        },
        required=("Choices",),
    ),
    "Parallel": Table(
        name="Parallel",
        fields={
            **_COMMON, **_ON, **_IN_OUT, **_PARAMETERS, **_ARGUMENTS, **_RESULT, **_OUTPUT, **_ASSIGN, **_ERRORS,
            "Branches": _objects("Branch", filled=True),
        },
        required=("Branches",),
        one_exactly=(_NEXT_OR_END,),
    ),
    "Map": Table(
        name="Map",
        fields={
            **_COMMON, **_ON, **_IN_OUT, **_PARAMETERS, **_RESULT, **_OUTPUT, **_ASSIGN, **_ERRORS,
            "ItemProcessor": _object("ItemProcessor"),
            "Iterator": _object("ItemProcessor"),
            "ItemSelector": _TEMPLATE,
            **_only(JSONPATH, ItemsPath=_SINGLE_PATH),
            **_only(JSONATA, Items=_TEMPLATE),
            "ItemReader": _object("ItemReader"),
            "ItemBatcher": _object("ItemBatcher"),
            "ResultWriter": _object("ResultWriter"),
            "MaxConcurrency": _integer(0),
            "ToleratedFailurePercentage": Field(kind=Kind.NUMBER, minimum=0.0, maximum=100.0, expression=True),
            "ToleratedFailureCount": _integer(0),
            **_only(
                JSONPATH,
                MaxConcurrencyPath=_NUMBER_PATH,
                ToleratedFailurePercentagePath=_NUMBER_PATH,
                ToleratedFailureCountPath=_NUMBER_PATH,
            ),
            "Label": _STRING,
        },
        one_at_most=(
            *_pairs("MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount"),
            ("ItemSelector", "Parameters"),
        ),
        one_exactly=(_NEXT_OR_END, ("ItemProcessor", "Iterator")),
    ),
}  # fmt: skip
"""The state types, in the order in which AWS lists them."""

_GRAPH = {"Comment": _STRING, "StartAt": _TARGET, "States": Field(kind=Kind.STATES, filled=True)}

_LITERALS = {
    "String": (_STRING, ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")),
    "Numeric": (Field(kind=Kind.NUMBER), ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")),
    "Boolean": (_BOOLEAN, ("Equals",)),
    "Timestamp": (
        Field(kind=Kind.TIMESTAMP), ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
    ),
}  # fmt: skip
OPERATORS: dict[str, Field] = {
    **{f"{type_}{test}": field for type_, (field, tests) in _LITERALS.items() for test in tests},
    "StringMatches": _STRING,
    **{f"{type_}{test}Path": _PATH for type_, (_, tests) in _LITERALS.items() for test in tests},
    **{f"Is{what}": _BOOLEAN for what in ("Null", "Present", "Numeric", "String", "Boolean", "Timestamp")},
}
"""The comparison operators of a Choice rule, each with the kind of its operand."""

_COMPARISON = _only(JSONPATH, Variable=_PATH, **OPERATORS)
_COMBINATION = _only(
    JSONPATH,
    And=_objects("NestedRule", filled=True),
    Or=_objects("NestedRule", filled=True),
    Not=_object("NestedRule"),
)

OBJECTS: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            name="Machine",
            fields={
                **_GRAPH,
                "QueryLanguage": _LANGUAGE,
                "Version": _values("1.0"),
                "TimeoutSeconds": _integer(0, _TIMEOUT, expression=False),
            },
            required=("StartAt", "States"),
        ),
        Table(name="Branch", fields=_GRAPH, required=("StartAt", "States")),
        Table(
            name="ItemProcessor",
            fields={**_GRAPH, "ProcessorConfig": _object("ProcessorConfig")},
            required=("StartAt", "States"),
        ),
        Table(
            name="ProcessorConfig",
            fields={"Mode": _values("INLINE", "DISTRIBUTED"), "ExecutionType": _values("STANDARD", "EXPRESS")},
        ),
        Table(
            name="Retrier",
            fields={
                "Comment": _STRING,
                "ErrorEquals": _STRINGS,
                "IntervalSeconds": _integer(0, _TIMEOUT, expression=False),
                "MaxAttempts": _integer(0, limits.RETRY_ATTEMPTS.value, expression=False),
                "BackoffRate": Field(kind=Kind.NUMBER, minimum=1.0),
                "MaxDelaySeconds": _integer(1, limits.RETRY_DELAY.value, expression=False),
                "JitterStrategy": _values("NONE", "FULL"),
            },
            required=("ErrorEquals",),
        ),
        Table(
            name="Catcher",
            fields={
                "Comment": _STRING, "ErrorEquals": _STRINGS, "Next": _TARGET, **_RESULT_PATH, **_OUTPUT, **_ASSIGN,
            },
            required=("ErrorEquals", "Next"),
        ),
        Table(
            name="ChoiceRule",
            fields={
                "Comment": _STRING, "Next": _TARGET, **_ASSIGN, **_OUTPUT, **_only(JSONATA, Condition=_ANY),
                **_COMBINATION, **_COMPARISON,
            },
            required=("Next",),
        ),
        Table(name="NestedRule", fields={"Comment": _STRING, **_COMBINATION, **_COMPARISON}),
        Table(
            name="ItemReader",
            fields={
                "Comment": _STRING, "Resource": _STRING, "ReaderConfig": _object("ReaderConfig"),
                **_PARAMETERS, **_ARGUMENTS,
            },
        ),
        Table(
            name="ReaderConfig",
            fields={
                "InputType": _values("MANIFEST", "JSON", "CSV", "JSONL", "PARQUET"),
                "CSVHeaderLocation": _values("FIRST_ROW", "GIVEN"),
                "CSVHeaders": _STRINGS,
                "CSVDelimiter": _values("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"),
                "ManifestType": _values("ATHENA_DATA", "S3_INVENTORY"),
                "Transformation": _values("NONE", "LOAD_AND_FLATTEN"),
                "ItemsPointer": _STRING,
                "MaxItems": _integer(0, MAX_ITEMS),
                **_only(JSONPATH, MaxItemsPath=_NUMBER_PATH),
            },
            one_at_most=_pairs("MaxItems"),
        ),
        Table(
            name="ItemBatcher",
            fields={
                "BatchInput": _TEMPLATE,
                "MaxItemsPerBatch": _integer(0),
                "MaxInputBytesPerBatch": _integer(0, limits.PAYLOAD.value),
                **_only(JSONPATH, MaxItemsPerBatchPath=_NUMBER_PATH, MaxInputBytesPerBatchPath=_NUMBER_PATH),
            },
            one_at_most=_pairs("MaxItemsPerBatch", "MaxInputBytesPerBatch"),
        ),
        Table(
            name="ResultWriter",
            fields={"Resource": _STRING, "WriterConfig": _object("WriterConfig"), **_PARAMETERS, **_ARGUMENTS},
        ),
        Table(
            name="WriterConfig",
            fields={
                "Transformation": _values("NONE", "COMPACT", "FLATTEN"),
                "OutputType": _values("JSON", "JSONL"),
            },
        ),
    )
}  # fmt: skip
"""Every other object of the language, by the name that `Field.of` uses."""


def types_with(field: str) -> list[str]:
    """Return the state types that have a field."""
    return [name for name, table in STATES.items() if field in table.fields]
