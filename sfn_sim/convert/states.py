"""One state, field by field: InputPath, Parameters, ResultSelector, ResultPath, OutputPath to Arguments and Output.

The state's JSON is written anew in the order in which it stands; what both languages have is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sfn_sim.convert.code import ERROR_OUTPUT, INPUT, RESULT, NoEquivalent, Notes, expression, literal, member
from sfn_sim.convert.conditions import condition
from sfn_sim.convert.paths import path_code, roots
from sfn_sim.convert.templates import as_code, as_template, constant, read_code
from sfn_sim.payload import Json
from sfn_sim.query.path_syntax import parse

T = TypeVar("T")
_WITH_RESULT = ("Task", "Parallel", "Map")
_NUMBERS = {
    "SecondsPath": "Seconds", "TimestampPath": "Timestamp", "TimeoutSecondsPath": "TimeoutSeconds",
    "HeartbeatSecondsPath": "HeartbeatSeconds", "MaxConcurrencyPath": "MaxConcurrency",
    "ToleratedFailureCountPath": "ToleratedFailureCount", "MaxItemsPath": "MaxItems",
    "ToleratedFailurePercentagePath": "ToleratedFailurePercentage", "ErrorPath": "Error", "CausePath": "Cause",
    "MaxItemsPerBatchPath": "MaxItemsPerBatch", "MaxInputBytesPerBatchPath": "MaxInputBytesPerBatch",
}  # fmt: skip
# What the data flow is made of; Arguments, Items and Output stand for them.
_REWRITTEN = frozenset(("InputPath", "OutputPath", "ResultPath", "ResultSelector", "Result", "Assign", "Catch"))


@dataclass(slots=True)
class Value:
    """A value on its way through a state: as a field takes it, and as code that reads or makes it."""

    field: Json
    code: str

    @classmethod
    def of(cls, code: str) -> Value:
        """Return the value that code gives."""
        return cls(expression(code), code)


def converted(state: Mapping[str, Json], notes: Notes) -> dict[str, Json]:
    """Return a state in JSONata; the states inside it are left as they are.

    Raises:
        NoEquivalent: JSONata has no words for one of its fields; the first argument is the field, the second why.
    """
    return _State(state, notes).converted()


class _State:
    """One conversion of a state."""

    def __init__(self, state: Mapping[str, Json], notes: Notes) -> None:
        self._state = state
        self._type = str(state.get("Type"))
        self._notes = notes
        self._input = self._told("InputPath", lambda: self._path("InputPath", INPUT))
        self._data = roots(self._input)

    def converted(self) -> dict[str, Json]:
        made: dict[str, Json] = {}
        for name, value in self._state.items():
            if name not in _REWRITTEN:
                made.update(self._told(name, lambda name=name, value=value: self._field(name, value)))  # type: ignore[misc]
        for name in ("Arguments", "Items", "Output", "Assign", "Catch"):
            found = self._told(name, _MAKERS[name](self))
            if found is not _NOTHING:
                made[name] = found
        return _in_order(made)

    def _told(self, name: str, make: Callable[[], T]) -> T:
        try:
            return make()
        except NoEquivalent as problem:
            raise NoEquivalent(problem.args[0], problem.args[1] if len(problem.args) > 1 else name) from None

    def _path(self, name: str, data: str) -> str:
        path = self._state.get(name, "$")
        return "{}" if path is None else path_code(str(path), roots(data), self._notes)

    def _field(self, name: str, value: Json) -> dict[str, Json]:
        if name in _NUMBERS:
            code = read_code(str(value), self._data, self._notes)
            if self._type == "Map" and self._notes.guarded:
                # Source: recorded: test_reference_in_map_state: in JSONPath a path may lead to a number's text.
                code = f"$number({code})"
            return {_NUMBERS[name]: expression(code)}
        if name == "Parameters" and self._type == "Map":
            return {"ItemSelector": as_template(value, self._data, self._notes)}
        if name in ("Parameters", "ItemsPath", "QueryLanguage"):
            return {}
        if name in ("ItemSelector", "Credentials"):
            return {name: as_template(value, self._data, self._notes)}
        if name in ("ItemReader", "ResultWriter", "ItemBatcher") and isinstance(value, dict):
            return {name: self._beside(value)}
        if name == "Choices" and isinstance(value, list):
            return {name: [self._choice(each) for each in value if isinstance(each, dict)]}
        if self._type == "Fail" and name in ("Error", "Cause"):
            return {name: constant(value)}
        return {name: value}

    def _beside(self, value: Mapping[str, Json]) -> dict[str, Json]:
        """Convert an ItemReader, ItemBatcher or ResultWriter."""
        made: dict[str, Json] = {}
        for name, each in value.items():
            if name == "Parameters":
                made["Arguments"] = as_template(each, self._data, self._notes)
            elif name == "BatchInput":
                made[name] = as_template(each, self._data, self._notes)
            elif name in _NUMBERS:
                made[_NUMBERS[name]] = expression(read_code(str(each), self._data, self._notes))
            else:
                made[name] = self._beside(each) if isinstance(each, dict) else each
        return made

    def _choice(self, choice: Mapping[str, Json]) -> dict[str, Json]:
        made: dict[str, Json] = {"Condition": condition(choice, self._data, self._notes)}
        if "Comment" in choice:
            made = {"Comment": choice["Comment"], **made}
        if "Assign" in choice:
            made["Assign"] = as_template(choice["Assign"], self._data, self._notes)
        output = self.output()
        if output is not _NOTHING:
            made["Output"] = output
        return {**made, "Next": choice["Next"]}

    def arguments(self) -> Json:
        if self._type not in ("Task", "Parallel"):
            return _NOTHING
        if "Parameters" in self._state:
            return self._told("Parameters", lambda: as_template(self._state["Parameters"], self._data, self._notes))
        return expression(self._input)

    def items(self) -> Json:
        if self._type != "Map" or ("ItemReader" in self._state and "ItemsPath" not in self._state):
            return _NOTHING
        return self._told("ItemsPath", lambda: expression(self._path("ItemsPath", self._input)))

    def _result(self) -> Value:
        """Return what ResultPath places."""
        if self._type in _WITH_RESULT:
            selector = self._state.get("ResultSelector", _NOTHING)
            if selector is _NOTHING:
                return Value.of(RESULT)
            known = roots(RESULT)
            return Value(as_template(selector, known, self._notes), as_code(selector, known, self._notes))
        if self._type == "Pass" and "Result" in self._state:
            return Value(constant(self._state["Result"]), literal(self._state["Result"]))
        if self._type == "Pass" and "Parameters" in self._state:
            template = self._state["Parameters"]
            return Value(as_template(template, self._data, self._notes), as_code(template, self._data, self._notes))
        return Value.of(self._input)

    def output(self) -> Json:
        if self._type == "Fail":
            return _NOTHING
        has_result = self._type in (*_WITH_RESULT, "Pass")
        value = self._told("ResultSelector" if self._type in _WITH_RESULT else "Parameters", self._result)
        if has_result:
            value = self._told("ResultPath", lambda: placed(self._state.get("ResultPath", "$"), value))
        if self._state.get("OutputPath", "$") != "$":
            code = value.code
            value = Value.of(self._told("OutputPath", lambda: self._path("OutputPath", code)))
        if value.code == "{}":
            return {}
        usual = RESULT if self._type in _WITH_RESULT else INPUT
        return _NOTHING if value.code == usual else value.field

    def assign(self) -> Json:
        if "Assign" not in self._state:
            return _NOTHING
        data = RESULT if self._type in _WITH_RESULT else self._result().code
        return as_template(self._state["Assign"], roots(data), self._notes)

    def catch(self) -> Json:
        catchers = self._state.get("Catch", _NOTHING)
        if not isinstance(catchers, list):
            return _NOTHING
        return [self._catcher(each) for each in catchers if isinstance(each, dict)]

    def _catcher(self, catcher: Mapping[str, Json]) -> dict[str, Json]:
        made: dict[str, Json] = {}
        for name, value in catcher.items():
            if name == "ResultPath":
                found = placed(value, Value.of(ERROR_OUTPUT))
                if found.code != ERROR_OUTPUT:
                    made["Output"] = found.field
            elif name == "Assign":
                made[name] = as_template(value, roots(ERROR_OUTPUT), self._notes)
            else:
                made[name] = value
        return made


_NOTHING: Json = "\0nothing"
_MAKERS: dict[str, Callable[[_State], Callable[[], Json]]] = {
    "Arguments": lambda state: state.arguments,
    "Items": lambda state: state.items,
    "Output": lambda state: state.output,
    "Assign": lambda state: state.assign,
    "Catch": lambda state: state.catch,
}
_ORDER = (
    "Type", "Comment", "QueryLanguage", "Resource", "Credentials", "Arguments", "ItemReader", "Items", "ItemSelector",
    "ItemBatcher", "MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage", "Label", "Seconds",
    "Timestamp", "Error", "Cause", "TimeoutSeconds", "HeartbeatSeconds", "Choices", "Default", "ItemProcessor",
    "Iterator", "Branches", "ResultWriter", "Output", "Assign", "Retry", "Catch", "Next", "End",
)  # fmt: skip


def _in_order(made: dict[str, Json]) -> dict[str, Json]:
    """Return a state's fields in the order in which data goes through them."""
    return {name: made[name] for name in _ORDER if name in made} | made


def placed(path: Json, value: Value) -> Value:
    """Return the state's input with a value at a ResultPath.

    Raises:
        NoEquivalent: the path leads to an item of a list.
    """
    if path == "$":
        return value
    if path is None:
        return Value.of(INPUT)
    steps = parse(str(path)).tokens
    if not all(isinstance(step, str) for step in steps):
        raise NoEquivalent(f"{path}: a result that is placed in a list has no equivalent")
    return Value.of(_merged(INPUT, [str(step) for step in steps], value.code))


def _merged(code: str, steps: list[str], value: str) -> str:
    name, *rest = steps
    inner = _merged(member(code, name), rest, value) if rest else value
    return f"$merge([{code}, {{{literal(name)}: {inner}}}])"
