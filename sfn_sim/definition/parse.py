"""A valid ASL document as the model.

This is one of the two places where ASL's own spelling stands (the other is the log's `to_api`). The document has
passed `definition.validate` before, so that nothing here has to ask whether a field may be there; what the
interpreter does not carry out yet is refused here by name, unless only reaching the state would need it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeGuard

from sfn_sim.definition.fields import JSONPATH
from sfn_sim.definition.model import (
    ABSENT,
    Catcher,
    Choice,
    ChoiceState,
    Combination,
    Comparison,
    DataFlow,
    Definition,
    ErrorHandling,
    FailState,
    MapState,
    Number,
    ParallelState,
    PassState,
    Retrier,
    Rule,
    Seconds,
    State,
    StateGraph,
    SucceedState,
    TaskState,
    WaitState,
)
from sfn_sim.definition.parse_jsonata import expressions
from sfn_sim.definition.parse_map import FIELDS, distribution
from sfn_sim.definition.validate_node import language_of
from sfn_sim.errors import UnsupportedFeatureError
from sfn_sim.payload import Json
from sfn_sim.source import Source, escape

Document: TypeAlias = "dict[str, Any]"
_RULE_KEYS = frozenset(("Variable", "Next", "Comment", "Assign", "Output"))
_COMBINATIONS = ("And", "Or", "Not")
CONDITION = "Condition"


def parse(source: Source) -> Definition:
    """Return the model of a document without errors.

    Raises:
        UnsupportedFeatureError: the document uses a part of ASL that sfn-sim does not carry out yet.
    """
    document = source.value
    if not _is_object(document):
        raise TypeError("parse() needs a document that validate() has passed")
    language = language_of(document, JSONPATH)
    reader = _Reader(source, language)
    return Definition(
        graph=reader.graph(document, ""),
        comment=document.get("Comment"),
        timeout_seconds=document.get("TimeoutSeconds"),
        query_language=language,
    )


def _is_object(value: Json) -> TypeGuard[Document]:
    return isinstance(value, dict)


def _data_flow(doc: Document, *, parameters: str = "Parameters") -> DataFlow:
    if "Arguments" in doc:
        parameters = "Arguments"
    return DataFlow(
        input_path=doc.get("InputPath", "$"),
        parameters=doc.get(parameters, ABSENT) if parameters else ABSENT,
        parameters_field=parameters or "Parameters",
        output=doc.get("Output", ABSENT),
        result_selector=doc.get("ResultSelector", ABSENT),
        result_path=doc.get("ResultPath", "$"),
        output_path=doc.get("OutputPath", "$"),
    )


def _common(doc: Document, name: str, pointer: str) -> dict[str, Any]:
    return {
        "name": name,
        "pointer": pointer,
        "comment": doc.get("Comment"),
        "assign": doc.get("Assign", ABSENT),
        "next": doc.get("Next"),
        "query_language": doc["QueryLanguage"],
        "expressions": doc["expressions"],
    }


def _seconds(doc: Document, name: str) -> Seconds:
    return Seconds(value=doc.get(name), path=doc.get(f"{name}Path"), field=name)


def _number(doc: Document, name: str) -> Number:
    return Number(value=doc.get(name), path=doc.get(f"{name}Path"))


def _retrier(doc: Document, pointer: str) -> Retrier:
    return Retrier(
        error_equals=tuple(doc["ErrorEquals"]),
        interval_seconds=doc.get("IntervalSeconds", 1),
        max_attempts=doc.get("MaxAttempts", 3),
        backoff_rate=float(doc.get("BackoffRate", 2.0)),
        max_delay_seconds=doc.get("MaxDelaySeconds"),
        full_jitter=doc.get("JitterStrategy", "NONE") == "FULL",
        pointer=pointer,
    )


def _rule(doc: Document, pointer: str) -> Rule:
    if "Condition" in doc:
        given = doc["Condition"]
        return Comparison(variable="", operator=CONDITION, operand=given, operand_is_path=False, pointer=pointer)
    for operator in _COMBINATIONS:
        if operator in doc:
            inner = [doc[operator]] if operator == "Not" else doc[operator]
            below = [f"{pointer}/{operator}"] if operator == "Not" else []
            places = below or [f"{pointer}/{operator}/{i}" for i in range(len(inner))]
            rules = tuple(_rule(each, place) for each, place in zip(inner, places, strict=True))
            return Combination(operator=operator, rules=rules, pointer=pointer)
    operator = next(key for key in doc if key not in _RULE_KEYS)
    return Comparison(
        variable=doc["Variable"],
        operator=operator.removesuffix("Path"),
        operand=doc[operator],
        operand_is_path=operator.endswith("Path"),
        pointer=pointer,
    )


class _Reader:
    """Walks one document; holds the source, for the places of what is refused, and the machine's language."""

    def __init__(self, source: Source, language: str) -> None:
        self._source = source
        self._language = language

    def refuse(self, what: str, pointer: str) -> None:
        place = self._source.locate(pointer, key=True)
        raise UnsupportedFeatureError(
            f"{place}: {pointer} needs {what}, which sfn-sim does not carry out yet. "
            "Nothing was run; a field is never accepted and ignored."
        )

    def graph(self, doc: Document, pointer: str) -> StateGraph:
        states = {
            name: self.state(each, name, f"{pointer}/States/{escape(name)}")
            for name, each in doc["States"].items()
        }
        return StateGraph(start_at=doc["StartAt"], states=states, pointer=pointer)

    def state(self, doc: Document, name: str, pointer: str) -> State:
        # A state's own language reaches neither its branches nor its processor: those have the machine's.
        language = language_of(doc, self._language)
        given = expressions(doc, language)
        known = {key: value for key, value in doc.items() if key not in given}
        known |= {"QueryLanguage": language, "expressions": given}
        return _STATES[doc["Type"]](self, known, name, pointer)

    def errors(self, doc: Document, pointer: str) -> ErrorHandling:
        return ErrorHandling(
            retriers=tuple(
                _retrier(each, f"{pointer}/Retry/{i}") for i, each in enumerate(doc.get("Retry", []))
            ),
            catchers=tuple(
                self._catcher(each, f"{pointer}/Catch/{i}") for i, each in enumerate(doc.get("Catch", []))
            ),
        )

    def _catcher(self, doc: Document, pointer: str) -> Catcher:
        return Catcher(
            error_equals=tuple(doc["ErrorEquals"]),
            next=doc["Next"],
            result_path=doc.get("ResultPath", "$"),
            output=doc.get("Output", ABSENT),
            assign=doc.get("Assign", ABSENT),
            pointer=pointer,
        )

    def pass_state(self, doc: Document, name: str, pointer: str) -> PassState:
        return PassState(
            **_common(doc, name, pointer), flow=_data_flow(doc), result=doc.get("Result", ABSENT)
        )

    def task(self, doc: Document, name: str, pointer: str) -> TaskState:
        return TaskState(
            **_common(doc, name, pointer),
            flow=_data_flow(doc),
            resource=doc["Resource"],
            errors=self.errors(doc, pointer),
            timeout=_seconds(doc, "TimeoutSeconds"),
            heartbeat=_seconds(doc, "HeartbeatSeconds"),
            credentials=doc.get("Credentials", ABSENT),
        )

    def choice(self, doc: Document, name: str, pointer: str) -> ChoiceState:
        choices = []
        for i, each in enumerate(doc["Choices"]):
            place = f"{pointer}/Choices/{i}"
            output, assign = each.get("Output", ABSENT), each.get("Assign", ABSENT)
            rule = _rule(each, place)
            choices.append(Choice(rule=rule, next=each["Next"], output=output, assign=assign, pointer=place))
        return ChoiceState(
            **_common(doc, name, pointer),
            flow=_data_flow(doc),
            choices=tuple(choices),
            default=doc.get("Default"),
        )

    def wait(self, doc: Document, name: str, pointer: str) -> WaitState:
        return WaitState(
            **_common(doc, name, pointer),
            flow=_data_flow(doc),
            seconds=doc.get("Seconds"),
            seconds_path=doc.get("SecondsPath"),
            timestamp=doc.get("Timestamp"),
            timestamp_path=doc.get("TimestampPath"),
        )

    def succeed(self, doc: Document, name: str, pointer: str) -> SucceedState:
        return SucceedState(**_common(doc, name, pointer), flow=_data_flow(doc))

    def fail(self, doc: Document, name: str, pointer: str) -> FailState:
        return FailState(
            **_common(doc, name, pointer),
            error=doc.get("Error"),
            error_path=doc.get("ErrorPath"),
            cause=doc.get("Cause"),
            cause_path=doc.get("CausePath"),
        )

    def parallel(self, doc: Document, name: str, pointer: str) -> ParallelState:
        return ParallelState(
            **_common(doc, name, pointer),
            flow=_data_flow(doc),
            branches=tuple(
                self.graph(each, f"{pointer}/Branches/{i}") for i, each in enumerate(doc["Branches"])
            ),
            errors=self.errors(doc, pointer),
        )

    def map(self, doc: Document, name: str, pointer: str) -> MapState:
        processor_field = "ItemProcessor" if "ItemProcessor" in doc else "Iterator"
        processor = doc[processor_field]
        distributed = distribution(doc, processor, pointer)
        for field_name in FIELDS:
            if distributed is None and field_name in doc:
                self.refuse("a distributed Map, and stands in an inline one", f"{pointer}/{field_name}")
        # In a Map, Parameters is ItemSelector's older name, and it is applied to each item.
        selector_field = "Parameters" if "Parameters" in doc else "ItemSelector"
        return MapState(
            **_common(doc, name, pointer),
            flow=_data_flow(doc, parameters=""),
            processor=self.graph(processor, f"{pointer}/{processor_field}"),
            items_path=doc.get("ItemsPath", "$"),
            items=doc.get("Items", ABSENT),
            item_selector=doc.get(selector_field, ABSENT),
            item_selector_field=selector_field,
            max_concurrency=_number(doc, "MaxConcurrency"),
            tolerated_failure_count=_number(doc, "ToleratedFailureCount"),
            tolerated_failure_percentage=_number(doc, "ToleratedFailurePercentage"),
            distribution=distributed,
            errors=self.errors(doc, pointer),
        )


_STATES: dict[str, Callable[[_Reader, Document, str, str], State]] = {
    "Pass": _Reader.pass_state,
    "Task": _Reader.task,
    "Choice": _Reader.choice,
    "Wait": _Reader.wait,
    "Succeed": _Reader.succeed,
    "Fail": _Reader.fail,
    "Parallel": _Reader.parallel,
    "Map": _Reader.map,
}
