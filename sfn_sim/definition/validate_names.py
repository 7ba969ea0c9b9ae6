"""Rules of names: of states, labels and variables."""

from __future__ import annotations

from sfn_sim import limits
from sfn_sim.definition.validate_findings import Findings, Place, aws_location
from sfn_sim.definition.validate_node import Node
from sfn_sim.payload import Json

LABEL_CHARACTERS = 40
_NOT_IN_LABELS = frozenset(' \t\n\r<>{}[]?*"#%\\^|~`$&,;:/')


def state_name(findings: Findings, name: str, place: Place) -> None:
    """Check the length of a state's name.

    Source: measured on AWS: "INVALID_STATE_NAME: Invalid State name: …", "… exceeds the 80-character limit allowed
    by the service" (badmintoncryer/cdk-preflight, pf-sfn-asl-name-limits); how the two join is assumed.
    """
    limit = limits.STATE_NAME.value
    if len(name) > limit:
        findings.error(
            f"Invalid State name: {name} exceeds the {limit}-character limit allowed by the service",
            place,
            f"it has {len(name)} characters: shorten it, and every Next that names it",
            code="INVALID_STATE_NAME",
            key=True,
        )


def label(node: Node) -> None:
    """Check the length and the characters of a Map's Label.

    Source: Developer Guide, Map state in Distributed mode (at most 40 characters, no special ones); AWS's text
    for the characters is assumed.
    """
    value = node.value.get("Label")
    if not isinstance(value, str):
        return
    start = f"Invalid Label name: {value}"
    if len(value) > LABEL_CHARACTERS:
        message = f"{start} exceeds the {LABEL_CHARACTERS}-character limit allowed by the service"
        node.error(message, "Label", hint=f"it has {len(value)} characters", code="INVALID_LABEL_NAME")
    elif bad := sorted({sign for sign in value if sign in _NOT_IN_LABELS or not sign.isprintable()}):
        message = f"{start} contains invalid characters"
        node.error(message, "Label", hint=f"leave out {' '.join(map(repr, bad))}", code="INVALID_LABEL_NAME")


def variables(node: Node) -> None:
    """Check the names that Assign gives values to.

    Source: measured on AWS (badmintoncryer/cdk-preflight, pf-sfn-asl-jsonpath-syntax); Developer Guide, Passing
    data with variables (names); the place is assumed.
    """
    assigned: Json = node.value.get("Assign", {})
    if not isinstance(assigned, dict):
        if not node.findings.left_open(assigned):
            hint = 'Assign is an object: the names of variables and their values, such as {"count": 1}'
            node.error("Expected value of type [OBJECT]", "Assign", hint=hint)
        return
    for key in assigned:
        name = key.removesuffix(".$") if node.language == "JSONPath" else key
        if name == "states":
            node.error(
                "Cannot assign to reserved variable '$states'.",
                "Assign",
                hint="$states is what Step Functions gives: choose another name",
                code="RESERVED_VARIABLE_NAME",
                at=node.at("Assign", key),
                key=True,
            )
        elif not name.isidentifier() or name.startswith("_") or len(name) > limits.STATE_NAME.value:
            node.error(
                f"Invalid variable name '{name}': the variable name contains invalid characters.",
                "Assign",
                hint="a variable's name begins with a letter; letters, digits and _ follow, at most 80",
                code="INVALID_VARIABLE_NAME",
                at=node.at("Assign", key),
                key=True,
            )


class Names:
    """The names given so far in a whole machine, each with its place."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._states: dict[str, Place] = {}
        self._labels: dict[str, Place] = {}

    def state(self, name: str, place: Place) -> None:
        """Note a state's name; it must be unique in the machine, branches and processors included.

        Source: recorded by users of AWS ("DUPLICATE_STATE_NAME: Duplicate State name: Add at /States/Add"); ASL
        specification, States (unique within the scope of the whole state machine).
        """
        first = self._states.setdefault(name, place)
        if first != place:
            hint = f"{aws_location(first)} has this name too: names are unique in the whole machine"
            self._findings.error(f"Duplicate State name: {name}", place, hint, code="DUPLICATE_STATE_NAME", key=True)

    def label(self, name: str, place: Place) -> None:
        """Note a Map's Label, which must be unique in the machine.

        Source: measured on AWS (badmintoncryer/cdk-preflight, pf-sfn-asl-name-limits).
        """
        first = self._labels.setdefault(name, place)
        if first != place:
            hint = f"{aws_location(first)} has this label too"
            self._findings.error(f"Duplicate Label name: {name}", place, hint, code="DUPLICATE_LABEL_NAME")

    def where(self, name: str) -> Place | None:
        """Return where the state of that name stands, in whatever branch."""
        return self._states.get(name)
