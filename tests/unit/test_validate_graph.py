"""Rules of the graph, and of names."""

from __future__ import annotations

from seen import END, Seen, findings, machine, only, state, task

SCHEMA = "SCHEMA_VALIDATION_FAILED"
MISSING = "MISSING_TRANSITION_TARGET"


def test_a_state_with_both_next_and_end_is_refused() -> None:
    assert only(machine({"A": {"Type": "Pass", "Next": "B", "End": True}, "B": END})) == Seen(
        SCHEMA,
        "There should only be one of the following fields: [Next, End]",
        "/States/A",
        '7:4 "End"',
        "keep only Next or End",
    )


def test_a_state_with_neither_next_nor_end_is_refused() -> None:
    assert findings(machine({"A": {"Type": "Pass"}, "B": END})) == [
        Seen(
            SCHEMA,
            "This object should have only one of the following fields: [Next, End]",
            "/States/A",
            '4:3 "A"',
            'add "Next" with the state that follows, or "End": true',
        ),
        Seen(
            MISSING,
            'State "B" is not reachable.',
            "/States/B",
            '7:3 "B"',
            "nothing leads from 'A' to it: name it in a Next, Default, Choices or Catch",
        ),
    ]


def test_end_false_beside_next_is_no_second_way_out() -> None:
    assert findings(machine({"A": {"Type": "Pass", "End": False, "Next": "B"}, "B": END})) == []


def test_a_next_on_a_fail_state_is_refused() -> None:
    assert only(machine({"A": {"Type": "Fail", "Next": "B"}, "B": {"Type": "Succeed"}})) == Seen(
        SCHEMA,
        "Field 'Next' is not supported",
        "/States/A",
        '6:4 "Next"',
        "Next belongs to Task, Wait, Pass, Parallel, Map; this is a Fail state",
    )


def test_an_unknown_next_gets_the_nearest_state_which_is_not_reached() -> None:
    assert findings(machine({"Charge": {"Type": "Pass", "Next": "Shp"}, "Ship": END})) == [
        Seen(
            MISSING,
            "Missing 'Next' target: Shp",
            "/States/Charge/Next",
            '6:12 "Shp"',
            "did you mean 'Ship'? A branch or ItemProcessor sees only its own States.",
        ),
        Seen(
            MISSING,
            'State "Ship" is not reachable.',
            "/States/Ship",
            '8:3 "Ship"',
            "nothing leads from 'Charge' to it: name it in a Next, Default, Choices or Catch",
        ),
    ]


def test_a_next_into_another_branch_names_the_place_of_the_state() -> None:
    assert only(
        machine(
            {
                "P": {
                    "Type": "Parallel",
                    "End": True,
                    "Branches": [machine({"B": {"Type": "Pass", "Next": "C"}}), machine({"C": END})],
                }
            }
        )
    ) == Seen(
        MISSING,
        "Missing 'Next' target: C",
        "/States/P/Branches[0]/States/B/Next",
        '13:16 "C"',
        "'C' stands at /States/P/Branches[1]/States/C, which cannot be reached from here: a branch or "
        "ItemProcessor sees only its own States",
    )


def test_an_unknown_start_leaves_every_state_unreachable() -> None:
    assert findings(machine({"A": END}, StartAt="Z")) == [
        Seen(
            MISSING,
            "Missing 'Next' target: Z",
            "/StartAt",
            '2:13 "Z"',
            "its States are A; a branch or ItemProcessor sees only its own States",
        ),
        Seen(
            MISSING,
            'State "A" is not reachable.',
            "/States/A",
            '4:3 "A"',
            "nothing leads from 'Z' to it: name it in a Next, Default, Choices or Catch",
        ),
    ]


def test_unknown_nexts_of_choices_and_default_are_refused() -> None:
    assert findings(
        machine(
            {
                "C": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.x", "IsPresent": True, "Next": "G"}],
                    "Default": "H",
                },
                "D": END,
            }
        )
    ) == [
        Seen(
            MISSING,
            "Missing 'Next' target: H",
            "/States/C/Default",
            '13:15 "H"',
            "its States are C, D; a branch or ItemProcessor sees only its own States",
        ),
        Seen(
            MISSING,
            "Missing 'Next' target: G",
            "/States/C/Choices[0]/Next",
            '10:14 "G"',
            "its States are C, D; a branch or ItemProcessor sees only its own States",
        ),
        Seen(
            MISSING,
            'State "D" is not reachable.',
            "/States/D",
            '15:3 "D"',
            "nothing leads from 'C' to it: name it in a Next, Default, Choices or Catch",
        ),
    ]


def test_an_unknown_next_of_a_catcher_is_refused() -> None:
    assert only(task(Catch=[{"ErrorEquals": ["E"], "Next": "G"}])) == Seen(
        MISSING,
        "Missing 'Next' target: G",
        "/States/A/Catch[0]/Next",
        '12:14 "G"',
        "its States are A; a branch or ItemProcessor sees only its own States",
    )


def test_an_unreachable_state_is_refused() -> None:
    assert only(machine({"A": END, "C": END})) == Seen(
        MISSING,
        'State "C" is not reachable.',
        "/States/C",
        '8:3 "C"',
        "nothing leads from 'A' to it: name it in a Next, Default, Choices or Catch",
    )


def test_a_machine_without_an_end_is_told_so_and_nothing_of_reachability() -> None:
    assert only(
        machine(
            {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}, "C": {"Type": "Pass", "Next": "A"}}
        )
    ) == Seen(
        "MISSING_END_STATE",
        "Workflow has no terminal state",
        "",
        "3:12 {",
        'give the last state "End": true, or add a Succeed or Fail state',
    )


def test_a_processor_may_go_round_for_ever() -> None:
    assert (
        findings(
            machine({"M": {"Type": "Map", "End": True, "ItemProcessor": machine({"A": {"Type": "Pass", "Next": "A"}})}})
        )
        == []
    )


def test_a_name_given_twice_in_one_machine_is_refused() -> None:
    assert only(
        machine({"A": {"Type": "Parallel", "End": True, "Branches": [machine({"B": END}), machine({"B": END})]}})
    ) == Seen(
        "DUPLICATE_STATE_NAME",
        "Duplicate State name: B",
        "/States/A/Branches[1]/States/B",
        '20:7 "B"',
        "/States/A/Branches[0]/States/B has this name too: names are unique in the whole machine",
    )


def test_a_name_over_80_characters_is_refused() -> None:
    assert only(machine({"x" * 81: END})) == Seen(
        "INVALID_STATE_NAME",
        "Invalid State name: "
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx exceeds the "
        "80-character limit allowed by the service",
        "/States/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        '4:3 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"',
        "it has 81 characters: shorten it, and every Next that names it",
    )


def test_a_name_of_80_characters_is_short_enough() -> None:
    assert findings(machine({"x" * 80: END})) == []


def test_a_variable_must_be_named_as_variables_are() -> None:
    assert findings(state(Assign={"states": 1, "1a": 2, "ok.$": "$.x"})) == [
        Seen(
            "RESERVED_VARIABLE_NAME",
            "Cannot assign to reserved variable '$states'.",
            "/States/A/Assign",
            '7:5 "states"',
            "$states is what Step Functions gives: choose another name",
        ),
        Seen(
            "INVALID_VARIABLE_NAME",
            "Invalid variable name '1a': the variable name contains invalid characters.",
            "/States/A/Assign",
            '8:5 "1a"',
            "a variable's name begins with a letter; letters, digits and _ follow, at most 80",
        ),
    ]


def test_an_assign_that_is_no_object_is_refused() -> None:
    for assigned in ("And", 1, [{"a": 1}], None):
        found = only(state(Assign=assigned))
        assert (found.code, found.message, found.pointer) == (
            SCHEMA, "Expected value of type [OBJECT]", "/States/A/Assign"
        )  # fmt: skip
