"""`sfn-sim check` and `sfn-sim explain-code`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from sfn_sim.analysis.check.explain import every_code, page
from sfn_sim.analysis.learning import CODE as CONTRACT_BROKEN
from sfn_sim.analysis.lints import LINTS
from sfn_sim.definition.validate import validate
from sfn_sim.source import Source
from sfn_sim.variants import load_variant

from .conftest import FUNCTION, Ended

Check = Callable[..., Ended]
ROOT = Path(__file__).resolve().parent.parent.parent
BROKEN = ROOT / "definitions" / "broken"

LOST = {
    "StartAt": "Group",
    "States": {
        "Group": {"Type": "Pass", "Parameters": {"total.$": "$.chunked.total", "odd": 1}, "Next": "Merge"},
        "Merge": {
            "Type": "Task",
            "Resource": f"{FUNCTION}merge",
            "Parameters": {"key.$": "$.chunked.key", "total.$": "$.total"},
            "End": True,
        },
    },
}
SOUND = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}


def write(path: Path, definition: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(definition if isinstance(definition, str) else json.dumps(definition, indent=2))
    return path


@pytest.fixture
def lost(project: Path) -> Path:
    return write(project / "definitions" / "lost.asl.json", LOST)


def test_a_finding_is_told_with_its_place_line_cause_and_mend(sfn_sim: Check, lost: Path) -> None:
    done = sfn_sim("check", "lost")
    assert done.code == 1
    assert done.out.splitlines() == [
        "definitions/lost.asl.json:16:21  error STATE_REPLACED in Merge",
        '  16 | "key.$": "$.chunked.key",',
        "     |             ^^^^^^^ no such key here",
        "  what  $.chunked is missing from the effective input: {total, odd}",
        "  why   Group replaces the whole state: it has Parameters and no ResultPath. "
        "$.chunked could last be in its input",
        '  fix   pass on "key.$": "$.chunked.key" in the Parameters of Group, or give it a ResultPath',
        "  see   definitions/lost.asl.json:6:21 (Group)",
        "",
        "definitions/lost.asl.json:8:16  note OUTPUT_UNREAD in Group: odd is made here, read by no state after it, and "
        "not in the output",
        "1 machine: 1 error, 0 warnings, 1 note · 1 of 3 reads could not be decided",
    ]


def test_json_has_the_diagnostics_with_the_states_at_both_ends(sfn_sim: Check, lost: Path) -> None:
    done = sfn_sim("check", "lost", "--json")
    first = done.json["diagnostics"][0]
    assert done.code == 1
    assert (first["severity"], first["code"], first["line"], first["column"]) == ("ERROR", "STATE_REPLACED", 16, 21)
    assert [each["state"] for each in first["states"]] == ["Merge", "Group"]
    assert done.json["counts"] == {"error": 1, "warning": 0, "note": 1}
    assert done.json["machines"][0]["reads"] == 3


def test_githubs_commands_name_file_line_and_state(sfn_sim: Check, lost: Path) -> None:
    first = sfn_sim("check", "lost", "--format", "github").out.splitlines()[0]
    assert first.startswith("::error title=STATE_REPLACED in Merge,file=definitions/lost.asl.json,line=16,col=21,")
    assert "%0Afix: pass on" in first


def test_sarif_has_rules_results_and_the_other_end(sfn_sim: Check, lost: Path) -> None:
    run = sfn_sim("check", "lost", "--format", "sarif").json["runs"][0]
    result = next(each for each in run["results"] if each["ruleId"] == "STATE_REPLACED")
    rules = run["tool"]["driver"]["rules"]
    assert rules[result["ruleIndex"]]["id"] == "STATE_REPLACED"
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 16
    assert result["relatedLocations"][0]["message"]["text"] == "Group"


def test_sarif_gives_a_file_with_a_space_as_a_uri(sfn_sim: Check, project: Path) -> None:
    write(project / "definitions" / "lost it.asl.json", LOST)
    (result, *_) = sfn_sim("check", "--format", "sarif").json["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "definitions/lost%20it.asl.json"


def test_junit_counts_errors_and_warnings_as_failures(sfn_sim: Check, lost: Path, project: Path) -> None:
    write(project / "definitions" / "sound.asl.json", SOUND)
    suites = ElementTree.fromstring(sfn_sim("check", "--format", "junit").out)
    told = {suite.get("name"): (suite.get("tests"), suite.get("failures")) for suite in suites}
    assert told == {"lost": ("2", "1"), "sound": ("1", "0")}


def test_files_folders_and_patterns_are_checked_at_once(sfn_sim: Check, project: Path) -> None:
    for name in ("a", "b"):
        write(project / "infra" / name / f"{name}.asl.json", SOUND)
    write(project / "infra" / "other.json", {"no": "machine"})
    assert "2 machines: 0 errors" in sfn_sim("check", "infra").out
    assert "2 machines: 0 errors" in sfn_sim("check", "infra/*/*.json", "infra/a/a.asl.json").out
    assert sfn_sim("check", "nothing*").code == 2


def test_the_schema_of_a_machines_input_is_no_machine(sfn_sim: Check, project: Path) -> None:
    write(project / "definitions" / "a.asl.json", SOUND)
    write(project / "definitions" / "a.input.schema.json", {"type": "object"})
    assert "1 machine: 0 errors" in sfn_sim("check", "definitions/*.json").out
    assert "(there are: a)" in sfn_sim("check", "b").err


def test_what_the_exit_code_counts_can_be_chosen(sfn_sim: Check, project: Path) -> None:
    read = {"Type": "Task", "Resource": f"{FUNCTION}f", "Parameters": {"t.$": "$.total"}, "End": True}
    states = {"A": {**LOST["States"]["Group"], "Next": "B"}, "B": read}  # type: ignore[index]
    write(project / "definitions" / "noted.asl.json", {"StartAt": "A", "States": states})
    assert sfn_sim("check", "noted").code == 0
    assert sfn_sim("check", "noted", "--fail-on", "note").code == 1


def test_a_definition_that_does_not_load_is_told_and_the_others_are_checked(
    sfn_sim: Check, lost: Path, project: Path
) -> None:
    write(project / "definitions" / "bad.asl.json", {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Z"}}})
    write(project / "definitions" / "worse.asl.json", "{")
    done = sfn_sim("check", "--json")
    assert done.code == 2
    assert {each["machine"]: each["loads"] for each in done.json["machines"]} == {
        "bad": False, "lost": True, "worse": False,
    }  # fmt: skip
    assert {"MISSING_TRANSITION_TARGET", "STATE_REPLACED"} <= {each["code"] for each in done.json["diagnostics"]}


def test_an_example_of_the_input_decides_what_it_has(sfn_sim: Check, lost: Path) -> None:
    done = sfn_sim("check", "lost", "--input", '{"chunks": {}}', "--json")
    assert [each["state"] for each in done.json["diagnostics"] if each["severity"] == "ERROR"] == ["Group", "Merge"]
    assert sfn_sim("check", "lost", "--input", "{").code == 2


def test_a_placeholder_without_a_value_is_a_note_and_unknown(sfn_sim: Check, project: Path) -> None:
    state = {"Type": "Pass", "Parameters": {"n.$": "States.StringToJson('${Size}')"}, "End": True}
    write(project / "definitions" / "open.asl.json", {"StartAt": "A", "States": {"A": state}})
    done = sfn_sim("check", "open")
    assert done.code == 0
    assert "note UNRESOLVED_SUBSTITUTION in A" in done.out
    assert "UNRESOLVED" not in sfn_sim("check", "open", "--substitute", "Size=10").out


def silence(project: Path, **entry: str) -> None:
    lines = ["[[check.silence]]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items())]
    (project / "sfn-sim.toml").write_text("\n" + "\n".join(lines))


def test_a_finding_is_silenced_by_code_and_state_with_a_reason(sfn_sim: Check, lost: Path, project: Path) -> None:
    silence(project, code="STATE_REPLACED", state="Merge", reason="a test")
    done = sfn_sim("check", "lost")
    assert done.code == 0
    assert "STATE_REPLACED" not in done.out


def test_a_silence_that_silences_nothing_is_told_with_its_line(sfn_sim: Check, lost: Path, project: Path) -> None:
    silence(project, code="PATH_MISSING", state="Merge", machine="lost", reason="gone long ago")
    done = sfn_sim("check", "lost")
    assert "sfn-sim.toml:2:1  note SILENCE_UNUSED in Merge" in done.out
    silence(project, code="PATH_MISSING", state="Merge", machine="other", reason="of another machine")
    assert "SILENCE_UNUSED" not in sfn_sim("check", "lost").out
    assert "SILENCE_UNUSED" in sfn_sim("check").out


def test_a_silence_of_a_code_that_is_none_names_the_nearest(sfn_sim: Check, lost: Path, project: Path) -> None:
    silence(project, code="STATE_REPLACE", state="Merge", reason="a slip of the pen")
    assert "there is no such code, did you mean STATE_REPLACED?" in sfn_sim("check", "lost").out
    silence(project, code="DUPLICATE_JSON_KEY", state="Merge", reason="found when it is loaded")
    assert "no such code" not in sfn_sim("check", "lost").out


@pytest.mark.parametrize("missing", ["code", "state", "reason"])
def test_a_silence_needs_code_state_and_reason(sfn_sim: Check, lost: Path, project: Path, missing: str) -> None:
    entry = {"code": "PATH_MISSING", "state": "Merge", "reason": "a test"}
    del entry[missing]
    silence(project, **entry)
    done = sfn_sim("check", "lost")
    assert done.code == 2
    assert f"needs a {missing}" in done.err


def test_a_baseline_leaves_only_what_is_new(sfn_sim: Check, lost: Path) -> None:
    assert sfn_sim("check", "lost", "--write-baseline", "known.json").code == 1
    assert sfn_sim("check", "lost", "--baseline", "known.json").code == 0
    # Lines may move.
    write(lost, json.dumps(LOST, indent=8))
    assert sfn_sim("check", "lost", "--baseline", "known.json").code == 0
    more = {**LOST, "States": {**LOST["States"], "Merge": {**LOST["States"]["Merge"], "OutputPath": "$.x"}}}  # type: ignore[dict-item]
    more["States"]["Merge"]["Parameters"] = {"gone.$": "$.gone"}  # type: ignore[index]
    write(lost, more)
    assert sfn_sim("check", "lost", "--baseline", "known.json").code == 1


def test_a_baseline_that_is_none_is_refused(sfn_sim: Check, lost: Path) -> None:
    assert sfn_sim("check", "lost", "--baseline", "absent.json").code == 2
    assert sfn_sim("check", "lost", "--baseline", str(lost)).code == 2


def test_retry_schedules_are_told_when_asked_for(sfn_sim: Check, project: Path) -> None:
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 30, "MaxAttempts": 40, "BackoffRate": 1}]
    state = {"Type": "Task", "Resource": f"{FUNCTION}f", "Retry": retry, "End": True}
    write(project / "definitions" / "retrying.asl.json", {"StartAt": "A", "States": {"A": state}})
    assert "A: Busy: 40 retries in 20 min" in sfn_sim("check", "retrying", "--retries").out
    retries = sfn_sim("check", "retrying", "--json").json["machines"][0]["retries"]
    assert retries[0]["total_s"] == 1200


def test_a_code_is_explained_with_an_example_and_an_unknown_one_names_the_nearest(sfn_sim: Check) -> None:
    done = sfn_sim("explain-code", "STATE_REPLACED")
    assert done.code == 0
    assert "mend:" in done.out
    done = sfn_sim("explain-code", "STATE_REPLACE")
    assert done.code == 2
    assert "did you mean STATE_REPLACED?" in done.err


def test_a_code_is_explained_to_machines_too(sfn_sim: Check) -> None:
    told = sfn_sim("explain-code", "path-missing", "--json").json
    assert (told["name"], told["severity"]) == ("PATH_MISSING", "error")
    assert told["meaning"]
    assert told["example"]


def test_what_an_example_lacks_is_a_note_where_it_fails_no_run(sfn_sim: Check, project: Path) -> None:
    given = {"Variable": "$.coupon", "IsPresent": False, "Next": "Plain"}
    states = {
        "Ids": {"Type": "Pass", "Parameters": {"ids.$": "$.lines[*].id"}, "ResultPath": "$.made", "Next": "Coupon"},
        "Coupon": {"Type": "Choice", "Choices": [given], "Default": "Plain"},
        "Plain": {"Type": "Pass", "Parameters": {"total.$": "$.total"}, "Next": "Lost"},
        "Lost": {"Type": "Pass", "Parameters": {"ids.$": "$.lines[*].id"}, "End": True},
    }
    write(project / "definitions" / "guarded.asl.json", {"StartAt": "Ids", "States": states})
    example = '{"total": 3, "coupon": "X"}'
    found = sfn_sim("check", "guarded", "--input", example, "--json").json["diagnostics"]
    told = [each for each in found if "UNREAD" not in each["code"]]
    assert [(each["severity"], each["code"], each["state"]) for each in told] == [
        ("WARNING", "PATH_ALWAYS_EMPTY", "Lost"),  # Plain is known to give no lines, whatever the input
        ("NOTE", "PATH_ALWAYS_EMPTY", "Ids"),
        ("NOTE", "BRANCH_NEVER_TAKEN", "Coupon"),
    ]
    assert "example of the input alone" in told[1]["notes"][-1]
    both = sfn_sim("check", "guarded", "--input", example, "--input", '{"total": 3, "lines": []}', "--json").json
    assert [each["state"] for each in both["diagnostics"] if "UNREAD" not in each["code"]] == ["Lost"]


ROUTED = {
    "StartAt": "Route",
    "States": {
        "Route": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.kind", "StringEquals": "text", "Next": "Text"}],
            "Default": "Image",
        },
        "Text": {"Type": "Task", "Resource": f"{FUNCTION}t", "Parameters": {"t.$": "$.text"}, "End": True},
        "Image": {"Type": "Task", "Resource": f"{FUNCTION}i", "Parameters": {"key.$": "$.key"}, "End": True},
    },
}


@pytest.mark.parametrize(
    ("inputs", "severities"),
    [
        (['{"kind": "image", "key": "k"}'], {"Text": "NOTE"}),
        (['{"kind": "text", "text": "t"}'], {"Image": "NOTE"}),
        # Each has what the states that it comes to read.
        (['{"kind": "image", "key": "k"}', '{"kind": "text", "text": "t"}'], {}),
        (['{"kind": "image", "text": "t"}'], {"Image": "ERROR"}),
        (['{"kind": "image", "key": "k"}', '{"kind": "text"}'], {"Text": "ERROR"}),
    ],
)
def test_an_example_tells_nothing_of_a_branch_that_its_values_do_not_take(
    sfn_sim: Check, project: Path, inputs: list[str], severities: dict[str, str]
) -> None:
    write(project / "definitions" / "routed.asl.json", ROUTED)
    done = sfn_sim("check", "routed", *(each for text in inputs for each in ("--input", text)), "--json")
    found = [each for each in done.json["diagnostics"] if each["code"].startswith("PATH")]
    assert {each["state"]: each["severity"] for each in found} == severities
    assert done.code == int("ERROR" in severities.values())


def test_what_goes_wrong_with_all_examples_together_only_is_undecided(sfn_sim: Check, project: Path) -> None:
    either = "$exists($states.input.a) ? $states.context.Execution.Input.a : 's'"
    kept = f"$boolean($filter({either}, function($v) {{ $exists($v.t) }}))"
    states = {"A": {"Type": "Pass", "Output": f"{{% {kept} %}}", "End": True}}
    write(project / "definitions" / "kept.asl.json", {"QueryLanguage": "JSONata", "StartAt": "A", "States": states})
    told = sfn_sim("check", "kept", "--input", '{"a": "x"}', "--input", "{}", "--json").json
    assert [each for each in told["diagnostics"] if each["severity"] != "NOTE"] == []
    assert told["machines"][0]["undecided"] == 1


def test_a_schema_of_the_input_does_close_a_branch(sfn_sim: Check, project: Path) -> None:
    given = {"Variable": "$.coupon", "IsPresent": True, "Next": "Done"}
    states = {"Coupon": {"Type": "Choice", "Choices": [given], "Default": "Done"}, "Done": {"Type": "Succeed"}}
    write(project / "definitions" / "guarded.asl.json", {"StartAt": "Coupon", "States": states})
    schema = {"type": "object", "properties": {"total": {"type": "number"}}, "additionalProperties": False}
    write(project / "definitions" / "guarded.input.schema.json", schema)
    told = sfn_sim("check", "guarded", "--json").json["diagnostics"]
    assert [(each["severity"], each["code"]) for each in told] == [("WARNING", "BRANCH_NEVER_TAKEN")]


def test_the_page_tells_every_code() -> None:
    text = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
    assert text.endswith(page().rstrip() + "\n")


def test_what_a_run_warns_of_is_explained_too(sfn_sim: Check) -> None:
    assert {*LINTS, CONTRACT_BROKEN} <= every_code().keys()
    assert sfn_sim("explain-code", "turned-null").out.startswith("TURNED_NULL (warning)")


FOUND = {
    "b01-map-context-path": ("PollBatches", "CONTEXT_PATH"),
    "b03-schema-rules": ("FinalMerge", "SCHEMA_VALIDATION_FAILED"),
    "b06-unknown-intrinsic": ("GroupChunksForMerge", "SCHEMA_VALIDATION_FAILED"),
    "b09-key-dropped-before": ("GroupChunksForMerge", "PATH_MISSING"),
    "b10-small-path": ("PrepareFinalMerge", "STATE_REPLACED"),
    "b11-no-chunks-path": ("NoChunksToProcess", "STATE_REPLACED"),
    "b13-result-lost": ("MarkBatchesComplete", "STATE_REPLACED"),
    "b22-no-result-path": ("GroupChunksForMerge", "STATE_REPLACED"),
    "b23-optional-input": ("ListPendingBatches", "PATH_MISSING"),
    "b33-duplicate-name": ("ProcessSingleChunk", "DUPLICATE_STATE_NAME"),
    "fixed-cause": ("ProcessChunksInParallel", "CAUSE_SWALLOWED"),
    "issue-1-key-not-passed": ("CreateChunkGroups", "STATE_REPLACED"),
    "issue-2-chunked-data-path": ("CreateChunkGroups", "STATE_REPLACED"),
}
"""The broken definitions in which check finds the bug: the state and code of its first finding there."""

NOT_FOUND = {
    "b02-json-text-for-an-array": "that the handler's body is text, not an array",
    "b05-unknown-operation": "the operations that the handler knows",
    "b07-key-not-loaded": "the keys that the handler needs to give others back",
    "b12-hidden-caps": "how many the handlers merge at most",
    "b17-retries-too-short": "how long the lock is held",
}
"""Bugs that take more than the definition to see: what would have to be known of the handlers."""


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.toml")), ids=lambda path: path.stem)
def test_the_bugs_of_the_broken_definitions_are_found_and_nothing_else(
    sfn_sim: Check, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    variant = load_variant(path)
    done = sfn_sim("check", "--broken", path.stem, "--json")
    told = [(each["state"], each["code"]) for each in done.json["diagnostics"] if each["severity"] != "NOTE"]
    if path.stem in FOUND:
        assert told[0] == FOUND[path.stem]
        return
    assert told == []
    assert not variant.changed or path.stem in NOT_FOUND


@pytest.mark.parametrize("name", ["line", "word"])
@pytest.mark.parametrize("more", [(), ("--fixture", "small")])
def test_the_sound_machines_have_neither_errors_nor_warnings(
    sfn_sim: Check, name: str, more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert sfn_sim("check", name, *more).code == 0


def test_every_code_that_the_validation_gives_is_explained() -> None:
    for path in [*BROKEN.glob("*.json"), *(ROOT / "definitions").glob("*.json")]:
        source = Source(path.name, path.read_text(encoding="utf-8"))
        assert {each.code for each in validate(source)} <= every_code().keys()
