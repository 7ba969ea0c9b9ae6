"""Observations made into findings: one for each cause, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sfn_sim.analysis.check.codes import ERROR, NOTE, WARNING
from sfn_sim.analysis.check.findings import Finding
from sfn_sim.analysis.check.observations import Observation, Observations
from sfn_sim.analysis.check.paths import empty_finding, path_finding, query_finding, with_maker
from sfn_sim.definition.fields import JSONATA
from sfn_sim.query.jsonpath import compile_path
from sfn_sim.query.shapes import Steps, Verdict

_WRONG = (Verdict.MISSING, Verdict.SOMETIMES)
_READS = ("path", "empty", "query")
_NEEDS = ("need", "intrinsic", "place", "catch place")


def findings_of(machine: str, observations: Observations) -> list[Finding]:
    """Return what the walk has seen as findings, each cause once."""
    found = list(_each(machine, observations))
    types = {each.pointer for each in found if each.code in ("UNLIKE_TYPES", "NULL_VALUE")}
    choices = {each.pointer.rsplit("/", 1)[0] for each in found if _is_test(each.field)} | types
    kept = [each for each in found if each.code != "BRANCH_NEVER_TAKEN" or each.pointer not in choices]
    return _grouped(kept)


def _is_test(field: str) -> bool:
    """Tell whether a field is what a Choice rule tests."""
    return field == "Choices Variable" or field.endswith("Condition")


def reads_of(observations: Observations, evidence: Observations | None = None) -> tuple[int, int]:
    """Return how many reads there are, and how many of them could not be decided.

    What a field needs of a value is decided or not, as a read is; so is whether a result can be put at its ResultPath.

    Args:
        observations: what the walk has seen.
        evidence: what a walk has seen that knows what was learned, too; it decides reads that are undecided without.
    """
    reads: Counter[tuple[str, str]] = Counter()
    undecided: Counter[tuple[str, str]] = Counter()
    needs: dict[tuple[str, str], bool] = {}
    for site, seen in observations.seen.items():
        kind, place = site[0], (site[1], site[2])
        told = evidence.seen.get(site) if evidence is not None else None
        is_open = _is_undecided(seen) and (told is None or _is_undecided(told))
        if kind in _READS:
            reads[place] += 1
            undecided[place] += is_open
        elif kind in _NEEDS:
            needs[place] = needs.get(place, False) or is_open
    # What a field needs of the value that it reads is part of that read.
    for place, is_open in needs.items():
        reads[place] = max(reads[place], 1)
        undecided[place] = max(undecided[place], int(is_open))
    return reads.total(), undecided.total()


def _is_undecided(seen: Sequence[Observation]) -> bool:
    unknown = any(each.verdict is Verdict.UNDECIDED for each in seen)
    return unknown and not any(each.verdict in _WRONG for each in seen)


def _each(machine: str, observations: Observations) -> Iterator[Finding]:
    for (kind, *_), seen in observations.seen.items():
        finding = _MAKERS[kind](machine, seen)
        if finding is not None:
            yield finding


def _grouped(found: Sequence[Finding]) -> list[Finding]:
    """Return findings with those of one state that lack the same thing told once."""
    kept: dict[tuple[str, str, str], Finding] = {}
    for each in found:
        cause = each.what if each.code in _GROUPED else f"{each.pointer} {each.expression}"
        key = (each.code, each.state, cause)
        first = kept.get(key)
        if first is None:
            kept[key] = each
        else:
            kept[key] = replace(first, notes=(*first.notes, f"{each.field} reads {each.expression}: the same"))
    return list(kept.values())


_GROUPED = ("PATH_MISSING", "PATH_SOMETIMES_MISSING", "STATE_REPLACED", "CONTEXT_PATH")


def _wrong(observations: Sequence[Observation]) -> tuple[Observation, bool] | None:
    """Return the observation to tell and whether it goes wrong on every way; None if nothing does."""
    wrong = [each for each in observations if each.verdict in _WRONG]
    if not wrong:
        return None
    certain = all(each.verdict is Verdict.MISSING for each in observations)
    return next((each for each in wrong if each.verdict is Verdict.MISSING), wrong[0]), certain


def _plain(code: str, severity: str) -> Callable[[str, Sequence[Observation]], Finding | None]:
    """Return what makes a finding of a code of observations that say what is wrong themselves."""

    def make(machine: str, observations: Sequence[Observation]) -> Finding | None:
        told = _wrong(observations)
        if told is None:
            return None
        seen, certain = told
        # A null is found under one code, whoever meets it.
        name = "NULL_VALUE" if seen.null else code
        worst = WARNING if not certain else severity
        return _finding(machine, seen, name, worst, () if certain else seen.arrival.names())

    return make


def _finding(machine: str, seen: Observation, code: str, severity: str, way: tuple[str, ...] = ()) -> Finding:
    expression = seen.expression.partition("#")[0]
    fix = seen.fix
    if code == "NULL_VALUE":
        test = "test it" if seen.state.state.query_language == JSONATA else "test IsNull"
        fix = f"{test} in a Choice before, or give it a value where it is made"
    made = Finding(
        code=code, severity=severity, machine=machine, state=seen.state.name, pointer=seen.pointer,
        field=seen.field, expression=expression, what=seen.what, fix=fix, way=way, mark=seen.mark,
    )
    place = _read_of_input(seen, expression) if code == "NULL_VALUE" else None
    return made if place is None else with_maker(made, seen.arrival, place)


def _read_of_input(seen: Observation, expression: str) -> Steps | None:
    """Return the place in a state's input that an expression reads; None if it is more than a path, or another."""
    state = seen.state.state
    if state.query_language == JSONATA:
        from sfn_sim.query.jsonata import compile_expression

        reads = compile_expression(expression).reads if expression else ()
        if len(reads) != 1 or (reads[0].start, reads[0].end) != (0, len(expression)):
            return None
        read = reads[0]
        return read.steps[1:] if (read.name, *read.steps[:1]) == ("states", "input") else None
    if not expression.startswith("$") or state.flow.input_path != "$":
        return None
    path = compile_path(expression)
    return path.steps if path.root == "$" and path.definite else None


def _dead(severity: str) -> Callable[[str, Sequence[Observation]], Finding | None]:
    def make(machine: str, observations: Sequence[Observation]) -> Finding | None:
        if not all(each.verdict is Verdict.MISSING for each in observations):
            return None
        seen = observations[0]
        what = f"this branch is never taken: {seen.what}"
        if severity == NOTE:
            what = "the Default is never taken: the rules take every input that comes here"
        return replace(
            _finding(machine, seen, "BRANCH_NEVER_TAKEN", severity), what=what, fix="take it away, or correct what is "
            "compared",
        )

    return make


_MAKERS: dict[str, Callable[[str, Sequence[Observation]], Finding | None]] = {
    "path": path_finding,
    "empty": empty_finding,
    "need": _plain("WRONG_TYPE", ERROR),
    "intrinsic": _plain("INTRINSIC_ARGUMENT", ERROR),
    "place": _plain("PLACE_CONFLICT", ERROR),
    # Only an execution in which the state fails meets it.
    "catch place": _plain("PLACE_CONFLICT", WARNING),
    "compare": _plain("UNLIKE_TYPES", WARNING),
    "branch": _dead(WARNING),
    "default": _dead(NOTE),
    "match": _plain("NO_CHOICE_MATCHES", ERROR),
    "query": query_finding,
    "list": _plain("LIST_READ_AS_OBJECT", NOTE),
    "bare": _plain("LIST_MAY_BE_BARE", NOTE),
    "throws": _plain("EXPRESSION_FAILS", ERROR),
    "unlike": _plain("UNLIKE_TYPES", WARNING),
}
