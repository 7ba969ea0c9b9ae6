"""Findings about paths: what is missing where it is read, who lost it, and on which way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from sfn_sim.analysis.check.codes import ERROR, WARNING
from sfn_sim.analysis.check.findings import End, Finding
from sfn_sim.analysis.check.observations import Observation
from sfn_sim.analysis.check.states import ERROR_OUTPUT
from sfn_sim.analysis.check.ways import Arrival, Loss, find_elsewhere, find_loss
from sfn_sim.analysis.trace import path_text
from sfn_sim.definition.fields import JSONATA
from sfn_sim.definition.model import ABSENT, ChoiceState, MapState, ParallelState, PassState, TaskState
from sfn_sim.definition.plan import PlannedState
from sfn_sim.query.jsonpath import compile_reference_path
from sfn_sim.query.shapes import NULL, OBJECT, Found, Steps, Verdict, describe, keys_of, look

_INPUTS = ("$", "$states.input")
_CONTEXTS = ("$$", "$states.context")
_CONTEXT = {
    "Execution": ("Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount"),
    "Map": ("Item",),
    "State": ("Name", "EnteredTime", "RetryCount"),
    "StateMachine": ("Id", "Name"),
    "Task": ("Token",),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One place where a path goes wrong, over all ways into its state.

    Attributes:
        machine: the machine's name.
        seen: the observation that is told; `certain` whether it goes wrong on every way.
        arrival: the way that is named.
        steps: the path as far as the step that leads nowhere; `wanted` the same below the state's input.
    """

    machine: str
    seen: Observation
    certain: bool
    arrival: Arrival
    steps: Steps
    wanted: Steps | None

    @property
    def in_jsonata(self) -> bool:
        """Whether JSONata reads it."""
        return self.seen.state.state.query_language == JSONATA

    def shown(self, steps: Steps) -> str:
        """Return steps as they are read here, with the root of the path."""
        return path_text(steps, self.seen.root)

    @property
    def severity(self) -> str:
        """An error on every way, a warning on some."""
        return ERROR if self.certain else WARNING

    def finding(self, code: str, what: str, **more: object) -> Finding:
        """Return the case as a finding."""
        seen = self.seen
        mark = str(self.steps[-1]) if self.steps and isinstance(self.steps[-1], str) else ""
        made = Finding(
            code=code,
            severity=self.severity,
            machine=self.machine,
            state=seen.state.name,
            pointer=seen.pointer,
            field=seen.field,
            expression=seen.expression,
            what=what,
            mark=mark,
            way=() if self.certain else self.arrival.names(),
        )
        return replace(made, **more)  # type: ignore[arg-type]


def path_finding(machine: str, observations: Sequence[Observation]) -> Finding | None:
    """Return what is wrong with a path, seen on every way into its state; None if nothing is known to be."""
    wrong = [each for each in observations if each.verdict in (Verdict.MISSING, Verdict.SOMETIMES)]
    if not wrong:
        return _undecided(machine, observations[0])
    certain = all(each.verdict is Verdict.MISSING for each in observations)
    seen = next((each for each in wrong if each.verdict is Verdict.MISSING), wrong[0])
    found = seen.found
    assert found is not None
    steps = seen.steps[: found.stopped_at + 1]
    wanted = (*seen.origin, *steps) if seen.origin is not None and seen.root in _INPUTS else None
    arrival = seen.arrival.lacking(wanted) if wanted is not None else seen.arrival
    case = Case(machine, seen, certain, arrival, steps, wanted)
    if seen.root in _CONTEXTS:
        return _context_missing(case, found)
    if seen.root in _INPUTS and _looks_like_context(seen.steps):
        return _dollar_missing(case)
    if found.reached.kinds == NULL or (not certain and found.stops_at_null and not _lacks_key(found, steps)):
        return _below_null(case, found)
    return _missing(case, found)


def empty_finding(machine: str, observations: Sequence[Observation]) -> Finding | None:
    """Return the finding of a path with *, .., a slice or a filter that gives an empty list on every way."""
    if not all(each.verdict is Verdict.MISSING for each in observations):
        return None
    finding = path_finding(machine, observations)
    if finding is None or finding.code == "CONTEXT_PATH":
        return finding
    what = f"{finding.what}; such a path does not fail, it gives an empty list"
    return replace(finding, code="PATH_ALWAYS_EMPTY", severity=WARNING, what=what)


def _lacks_key(found: Found, steps: Steps) -> bool:
    """Tell whether an object may lack the key, beside what else may end the path."""
    return look(found.reached.only(OBJECT), steps[-1:]).verdict in (Verdict.MISSING, Verdict.SOMETIMES) and bool(
        found.reached.kinds & OBJECT
    )


def _below_data(steps: Steps) -> bool:
    """Tell whether steps into the Context Object lead into the data that it holds."""
    return (len(steps) > 3 and steps[:3] == ("Map", "Item", "Value")) or (
        len(steps) > 2 and steps[:2] == ("Execution", "Input")
    )


def query_finding(machine: str, observations: Sequence[Observation]) -> Finding | None:
    """Return what is wrong with a JSONata expression that gives nothing; None if nothing is known to be."""
    wrong = [each for each in observations if each.verdict in (Verdict.MISSING, Verdict.SOMETIMES)]
    if not wrong:
        return None
    seen = next((each for each in wrong if each.verdict is Verdict.MISSING), wrong[0])
    if seen.found is None:
        certain = all(each.verdict is Verdict.MISSING for each in observations)
        case = Case(machine, seen, certain, seen.arrival, (), None)
        fix = "give another value where it may be nothing: $exists(…) ? … : …"
        return case.finding("EXPRESSION_GIVES_NOTHING", seen.what, fix=fix, label="nothing")
    if seen.found.stopped_at >= 0:
        return path_finding(machine, observations)
    return None  # a variable without a value is told with the variables


def _looks_like_context(steps: Steps) -> bool:
    return len(steps) > 1 and steps[0] in _CONTEXT and steps[1] in _CONTEXT[str(steps[0])]


def _undecided(machine: str, seen: Observation) -> Finding | None:
    if seen.verdict is Verdict.UNDECIDED and seen.root == "$" and _looks_like_context(seen.steps):
        return replace(_dollar_missing(Case(machine, seen, True, seen.arrival, seen.steps[:1], None)), severity=WARNING)
    return None


def _dollar_missing(case: Case) -> Finding:
    text = case.seen.expression
    path = case.shown(case.seen.steps)
    right = path_text(case.seen.steps, "$states.context" if case.in_jsonata else "$$")
    return case.finding(
        "CONTEXT_PATH",
        f"{path} reads the state's input, and what Step Functions itself knows is in the Context Object",
        why="" if case.arrival.shape.is_anything else f"the input is {describe(case.arrival.shape)}",
        fix=f"read {right} instead of {path}" if path in text or case.in_jsonata else f"read ${text}",
        mark=case.shown(case.seen.steps[:1]),
        label=f"{'$states.context' if case.in_jsonata else '$$'} is the Context Object",
    )


def _context_missing(case: Case, found: Found) -> Finding:
    name, *_ = case.steps
    root = case.seen.root
    why = {
        "Map": f"{root}.Map is there inside a Map's ItemSelector and processor only",
        "Task": f"{root}.Task.Token is there only in a Task that waits for its token (.waitForTaskToken, activities)",
    }.get(str(name), "")
    why = "" if _below_data(case.steps) else why
    near = _nearest(found, case.steps, 0.5)
    fix = f"did you mean {case.shown((*case.steps[:-1], near[0]))}?" if near else ""
    where = case.shown(case.steps[:-1]) if _below_data(case.steps) else "the Context Object here"
    what = f"{case.shown(case.steps)} is not in {where}: {keys_of(found.reached)}"
    return case.finding("CONTEXT_PATH", what, why=why, fix=fix, label="not in the Context Object")


def _below_null(case: Case, found: Found) -> Finding:
    above = case.shown(case.steps[:-1])
    test = "test it" if case.in_jsonata else "test IsNull"
    may = "is" if found.reached.kinds == NULL and case.certain else "may be"
    made = case.finding(
        "NULL_VALUE",
        f"{above} {may} null, so that {case.shown(case.steps)} cannot be read",
        fix=f"{test} in a Choice before, or give it a value where it is made",
        label="read below null",
    )
    return with_maker(made, case.arrival, case.wanted[:-1]) if case.wanted is not None else made


def with_maker(finding: Finding, arrival: Arrival, steps: Steps) -> Finding:
    """Return a finding about a null with the state that made it, at the other end."""
    later = arrival
    for earlier in list(arrival.back())[1:]:
        if later.how in ("item", "branch"):
            break
        if not look(earlier.shape, steps).shape.kinds & NULL:
            maker = earlier.state
            why = f"{maker.name} makes {path_text(steps)} null"
            return replace(finding, why=why, other=End(state=maker.name, pointer=maker.state.pointer))
        later = earlier
    return finding


def _missing(case: Case, found: Found) -> Finding:
    seen, steps = case.seen, case.steps
    at = "the effective input" if seen.origin is not None else "what $ stands for here"
    at = "the state's result" if seen.field.startswith("ResultSelector") else at
    parent = at if len(steps) <= 1 and seen.root == "$" else case.shown(steps[:-1])
    if case.certain or _lacks_key(found, steps):
        # On the way that is named it may be known better than on all together.
        way = look(case.arrival.shape, case.wanted[:-1]).shape if case.wanted is not None else found.reached
        shape = found.reached if case.certain else way
        have = keys_of(shape) if shape.kinds == OBJECT else describe(shape)
        at_times = look(case.arrival.shape, case.wanted or ()).verdict is Verdict.SOMETIMES
        what = f"{case.shown(steps)} {'may be' if at_times else 'is'} missing from {parent}: {have}"
    else:
        what = f"{parent} may be {describe(found.reached.without(OBJECT))}, which has no {steps[-1]!r}"
    loss = _likely_loss(case)
    why, other, replaced = _why(case, loss)
    code = "PATH_SOMETIMES_MISSING" if not case.certain else "STATE_REPLACED" if replaced else "PATH_MISSING"
    notes = ("no Catch catches States.Runtime, not even one that names it",) if seen.state.catchers else ()
    notes = () if case.in_jsonata else notes
    label = "no such key here" if case.certain else "not on every way"
    return case.finding(code, what, why=why, fix=_fix(case, loss), label=label, other=other, notes=notes)


def _likely_loss(case: Case) -> Loss | None:
    """Return the state that most likely lost the value: one that is known to have had it, else the last that could.

    Where nobody is known to have had it at that place, a state that had a key of that name elsewhere and gave it on
    nowhere is told; else one that has just put its own result in the place of everything.
    """
    wanted = case.wanted
    if wanted is None:
        return None
    loss = find_loss(case.arrival, wanted)
    if loss is not None and loss.found.verdict is not Verdict.UNDECIDED:
        return loss
    key = case.seen.steps[-1]
    if not find_elsewhere(case.arrival.shape, key, wanted):
        later = case.arrival
        for earlier in list(case.arrival.back())[1:]:
            if later.how in ("item", "branch"):
                break
            places = [each for each in find_elsewhere(earlier.shape, key, ()) if each != wanted]
            if places:
                return Loss(earlier, look(earlier.shape, places[0]), later.how == "catch", places[0])
            later = earlier
    before = case.arrival.previous
    if before is not None and case.arrival.how == "catch" and case.arrival.shape == ERROR_OUTPUT:
        return Loss(before, look(before.shape, wanted), True)
    if before is not None and case.arrival.how == "next" and (loss is None or loss.arrival is not before):
        _, _, replaced = describe_loss(before.state, wanted, caught=False)
        if replaced and not isinstance(before.state.state, PassState):
            return Loss(before, look(before.shape, wanted), False)
    return loss


def _why(case: Case, loss: Loss | None) -> tuple[str, End | None, bool]:
    """Return what led to it, the state at the other end, and whether that one replaced everything."""
    wanted = case.wanted
    if wanted is None:
        if case.in_jsonata:
            return "", None, False
        flow = case.seen.state.state.flow
        if case.seen.field.startswith("ResultSelector"):
            return "ResultSelector reads the state's result, not its input", None, False
        if case.seen.field.startswith("OutputPath") and flow.result_selector is not ABSENT:
            return "OutputPath reads what ResultSelector and ResultPath have left", None, False
        return "", None, False
    if _cut_off(case):
        state = case.seen.state.state
        why = f"InputPath {state.flow.input_path} leaves it out: {path_text(case.steps)} is in the input of the state"
        return why, End(state=case.seen.state.name, pointer=f"{state.pointer}/InputPath"), False
    if loss is None:
        return _never(case.arrival, wanted), None, False
    loser = loss.arrival.state
    if _is_of_result(case, loss):
        rest = path_text(wanted, "").lstrip(".")
        lacks = "has no" if case.certain else "may lack"
        why = f"the result of {loser.name}, which replaced the whole state, {lacks} {rest}"
        return why, End(state=loser.name, pointer=loser.state.pointer), False
    how, field, replaced = describe_loss(loser, loss.at or wanted, caught=loss.caught)
    found = look(loss.arrival.shape, loss.at or wanted).verdict
    if found is Verdict.MISSING:
        last = f"{case.shown(wanted)} is not in its result, and was not in its input"
        last = "Error and Cause stand at the root" if loss.caught else last
        replaced = replaced and not _near(case)
    else:
        known = found in (Verdict.PRESENT, Verdict.SOMETIMES)
        last = f"{case.shown(loss.at or wanted)} {'was last' if known else 'could last be'} in its input"
        # What nobody is known to have had may be a slip of the pen.
        replaced = replaced and (known or not _near(case))
    pointer = f"{loser.state.pointer}/{field}" if field else loser.state.pointer
    return f"{how}. {last}", End(state=loser.name, pointer=pointer), replaced


def _is_of_result(case: Case, loss: Loss) -> bool:
    """Tell whether a key is missing from a Task's result, and nothing says that it was ever in the Task's input."""
    planned, wanted = loss.arrival.state, case.wanted
    flow = planned.state.flow
    if not wanted or loss.caught or loss.at or planned.state.query_language == JSONATA:
        return False
    whole = flow.result_path == flow.output_path == "$" and flow.result_selector is ABSENT
    if not (isinstance(planned.state, TaskState) and whole):
        return False
    there = look(case.arrival.shape, wanted[:-1])
    has_parent = there.verdict is Verdict.PRESENT and bool(there.shape.kinds & OBJECT)
    known = len(wanted) > 1 or wanted[-1] in there.shape.fields
    guessed = loss.found.verdict is Verdict.UNDECIDED and known
    return has_parent and (loss.found.verdict is Verdict.MISSING or guessed)


def _never(arrival: Arrival, wanted: Steps) -> str:
    first = arrival
    for each in arrival.back():
        first = each
        if each.how in ("item", "branch", "start"):
            break
    if first.how == "start" or first.previous is None:
        if look(first.shape, wanted).verdict is Verdict.SOMETIMES:
            return "the execution's input may come without it"
        if first is arrival:
            return f"the execution's input does not have it: {describe(first.shape)}"
        return "no state before this one gives it, nor does the execution's input"
    outer = first.previous.state
    state = outer.state
    if isinstance(state, MapState):
        if state.distribution is not None and state.distribution.batcher is not None:
            return f"each child execution of {outer.name} is given a batch of its items: {describe(first.shape)}"
        items = "Items" if state.query_language == JSONATA else "ItemsPath"
        maker = state.item_selector_field if state.item_selector is not ABSENT else items
        return f"each item of {outer.name} is what its {maker} gives: {describe(first.shape)}"
    return f"each branch of {outer.name} gets {describe(first.shape)}"


def describe_loss(planned: PlannedState, steps: Steps, *, caught: bool) -> tuple[str, str, bool]:
    """Return by which of its fields a state loses what stood at `steps`, that field, and if it replaced everything."""
    state, flow, name = planned.state, planned.state.flow, planned.name
    key = path_text(steps, "$states.input" if state.query_language == JSONATA else "$")
    if _only_tests(planned):
        return f"{name} lets only what lacks {key} come here", "Choices", False
    if state.query_language == JSONATA:
        return _lost_in_jsonata(planned, caught)
    if caught:
        return f"{name}'s catcher puts the error in the place of the whole state: it has no ResultPath", "Catch", True
    works = isinstance(state, PassState | TaskState | MapState | ParallelState)
    makes = not isinstance(state, PassState) or state.result is not ABSENT or flow.parameters is not ABSENT
    if flow.output_path != "$" and (not works or flow.result_path != "$" or not makes):
        return f"{name} leaves {key} out by OutputPath {flow.output_path or 'null'}", "OutputPath", False
    if works and flow.result_path not in ("$", None):
        placed = compile_reference_path(str(flow.result_path)).steps
        if steps[: len(placed)] == placed:
            rest = path_text(steps[len(placed) :], "").lstrip(".")
            return f"{name} writes its result over {flow.result_path}, and it has no {rest}", "ResultPath", False
        return f"{name} does not keep {key}", "", False
    if isinstance(state, PassState):
        if state.result is ABSENT and flow.parameters is ABSENT:
            return f"{name} narrows the state by InputPath {flow.input_path or 'null'}", "InputPath", False
        cause = "a Result" if state.result is not ABSENT else "Parameters"
        field = "Result" if state.result is not ABSENT else flow.parameters_field
        return f"{name} replaces the whole state: it has {cause} and no ResultPath", field, True
    if not works:
        return f"{name} narrows the state by InputPath {flow.input_path or 'null'}", "InputPath", False
    result = "its ResultSelector" if flow.result_selector is not ABSENT else "its result"
    return f"{name} replaces the whole state by {result}: it has no ResultPath", "", True


def _only_tests(planned: PlannedState) -> bool:
    """Tell whether a state gives on its input as it is, and only rules values out by what it tests."""
    flow = planned.state.flow
    hands_on = flow.output is ABSENT and flow.input_path == "$" == flow.output_path
    return isinstance(planned.state, ChoiceState) and hands_on


def _lost_in_jsonata(planned: PlannedState, caught: bool) -> tuple[str, str, bool]:
    state, name = planned.state, planned.name
    if caught:
        return f"{name}'s catcher puts the error or its Output in the place of the whole state", "Catch", True
    if state.flow.output is not ABSENT:
        return f"the Output of {name} replaces the whole state", "Output", True
    if isinstance(state, TaskState | MapState | ParallelState):
        return f"{name} replaces the whole state by its result: it has no Output", "", True
    return f"{name} does not keep it", "", False


def _cut_off(case: Case) -> bool:
    """Tell whether the state's own InputPath leaves out what is read: the same path leads somewhere without it."""
    if not case.seen.origin or case.in_jsonata:
        return False
    return look(case.arrival.shape, case.steps).verdict in (Verdict.PRESENT, Verdict.SOMETIMES)


def _near(case: Case) -> list[str]:
    found = case.seen.found
    return _nearest(found, case.steps, 0.75) if found is not None and case.steps else []


def _nearest(found: Found, steps: Steps, cutoff: float) -> list[str]:
    """Return the key most like the one that was looked for, of those that may be there."""
    names = [key for key, each in found.reached.fields.items() if key != steps[-1] and not each.shape.is_never]
    return get_close_matches(str(steps[-1]), names, 1, cutoff)


def _fix(case: Case, loss: Loss | None) -> str:
    """Say what to read instead, or who should keep it."""
    steps, wanted = case.steps, case.wanted
    fixes: list[str] = []
    tested = f"test $exists({case.shown(steps)})" if case.in_jsonata else "test IsPresent in a Choice before"
    if _cut_off(case):
        origin = path_text(case.seen.origin or ())
        return f"leave InputPath out: {case.shown(steps)} is there then, and what is read as $ now is {origin}"
    if wanted is not None:
        key, origin_steps = case.seen.steps[-1] if case.seen.steps else "", case.seen.origin or ()
        shape = case.arrival.shape
        places = [at for at in find_elsewhere(shape, key, wanted) if look(shape, at).verdict is Verdict.PRESENT]
        others = [each[len(origin_steps) :] for each in places if each[: len(origin_steps)] == origin_steps]
        if others:
            fixes.append(f"read {case.shown(others[0])}, which is there")
    near = _near(case)
    if near and not fixes and (loss is None or loss.found.verdict in (Verdict.UNDECIDED, Verdict.MISSING)):
        fixes.append(f"did you mean {case.shown((*steps[:-1], near[0]))}?")
    if loss is not None and wanted is not None and _is_of_result(case, loss):
        fixes.append(f"let the result of {loss.arrival.state.name} have it")
    elif loss is not None and wanted is not None:
        fixes.append(_keep(loss, loss.at or wanted, case.seen.steps if not loss.at else loss.at))
    elif not fixes and wanted is None and case.seen.field.startswith("ResultSelector"):
        if case.certain:
            return f"let {case.seen.state.name}'s result have {case.shown(steps)}, or read another key"
        fixes.append(f"take {case.seen.field} away, and {tested.removesuffix(' before')} after it")
    elif not fixes:
        made = "the input" if wanted is not None or case.seen.root == "$" else "it"
        fixes.append(f"give {case.shown(steps)} where {made} is made, or {tested}")
    if not case.certain and tested.removesuffix(" before") not in fixes[-1]:
        fixes.append(tested)
    return ", or ".join(fixes)


def _keep(loss: Loss, wanted: Steps, whole: Steps) -> str:
    loser = loss.arrival.state
    flow = loser.state.flow
    if _only_tests(loser):
        return f"read it on another way out of {loser.name}"
    if loser.state.query_language == JSONATA:
        if flow.output is ABSENT and not loss.caught:
            name = f"{loser.name[:1].lower()}{loser.name[1:]}"
            kept = f"{{% $merge([$states.input, {{'{name}': $states.result}}]) %}}"
            return f'give {loser.name} an Output that keeps its input: "{kept}"'
        at = "the Catch" if loss.caught else "the Output"
        return f'let {at} of {loser.name} pass it on: "{wanted[0]}": "{{% {path_text(wanted[:1], "$states.input")} %}}"'
    if loss.caught:
        return f"give the Catch of {loser.name} a ResultPath such as $.error"
    has_template = flow.parameters is not ABSENT and isinstance(loser.state, PassState)
    if flow.result_selector is not ABSENT or has_template:
        field = flow.parameters_field if has_template else "ResultSelector"
        if flow.result_path in ("$", None) and has_template:
            full = (*wanted, *whole[len(wanted) :]) if len(wanted) < len(whole) else wanted
            name = str(full[-1])
            return f'pass on "{name}.$": "{path_text(full)}" in the {field} of {loser.name}, or give it a ResultPath'
        return f"let the {field} of {loser.name} keep {wanted[-1]}"
    if flow.output_path != "$":
        return f"let the OutputPath of {loser.name} keep it"
    if flow.result_path == "$":
        lost = look(loss.arrival.shape, wanted).verdict is Verdict.MISSING and len(wanted) == 1
        place = path_text(wanted) if lost else f"$.{loser.name[:1].lower()}{loser.name[1:]}"
        return f"give {loser.name} a ResultPath such as {place}"
    return f"let {loser.name} keep it"
