"""Rules of Retry and Catch.

Source: ASL specification, Errors; States.ALL's place: aws-cdk issue 10530.
"""

from __future__ import annotations

from collections.abc import Iterator

from sfn_sim import errors
from sfn_sim.definition.validate_findings import did_you_mean
from sfn_sim.definition.validate_node import Node
from sfn_sim.payload import Json

_NAMES = (*errors.ERROR_NAMES, errors.ALL)
_FAMILIES = ("States.Http.",)  # names with a part that varies: States.Http.StatusCode.404


def _entries(node: Node) -> Iterator[tuple[str, int, int, list[Json]]]:
    for name in ("Retry", "Catch"):
        entries = node.value.get(name)
        if isinstance(entries, list):
            for index, entry in enumerate(entries):
                error_equals = entry.get("ErrorEquals") if isinstance(entry, dict) else None
                if isinstance(error_equals, list):
                    yield name, index, len(entries), error_equals


def all_alone_and_last(node: Node) -> None:
    """Check that States.ALL stands alone, and in the last entry."""
    for name, index, count, error_equals in _entries(node):
        if errors.ALL not in error_equals:
            continue
        place = (name, index, "ErrorEquals", error_equals.index(errors.ALL))
        message = f"{errors.ALL} must appear alone and at end of list"
        if len(error_equals) > 1:
            hint = f"{errors.ALL} takes the other names in: give it an entry of its own, the last of {name}"
            node.error(message, *place, hint=hint)
        elif index < count - 1:
            hint = f"the entries after it would never be reached: move it to the end of {name}"
            node.error(message, *place, hint=hint)


def known_names(node: Node) -> None:
    """Warn of error names that nothing raises: a misspelt States name, and States.Runtime, which nothing catches.

    Source: ASL specification, Appendix A (names that begin with "States." are reserved); recorded:
    catch_states_runtime. AWS accepts both (recorded for States.Runtime and State.ALL, else assumed); the
    warnings are ours.
    """
    for name, index, _, error_equals in _entries(node):
        for position, error in enumerate(error_equals):
            if isinstance(error, str):
                _check_name(node, error, (name, index, "ErrorEquals", position))


def _check_name(node: Node, error: str, parts: tuple[str | int, ...]) -> None:
    if error == errors.RUNTIME:
        node.findings.warning(
            f"{error} cannot be caught or retried",
            node.at(*parts),
            "an execution that meets it fails at once: correct the path or template that raises it",
            code="UNCATCHABLE_ERROR",
        )
    elif error not in _NAMES and error.startswith(("States.", "State.")) and not error.startswith(_FAMILIES):
        node.findings.warning(
            f"{error} is not the name of an error that Step Functions raises",
            node.at(*parts),
            did_you_mean(error, _NAMES, 'names that begin with "States." are reserved'),
            code="UNKNOWN_ERROR_NAME",
        )
