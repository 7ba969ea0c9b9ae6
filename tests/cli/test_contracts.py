"""Contracts on the command line: schemas and annotations in check, what runs teach, and what later runs break."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import FUNCTION, Ended

Command = Callable[..., Ended]

MACHINE = {
    "StartAt": "Load",
    "States": {
        "Load": {
            "Type": "Task", "Resource": f"{FUNCTION}load", "Parameters": {"id.$": "$.id", "odd": 1},
            "ResultPath": "$.loaded", "Next": "Use",
        },
        "Use": {"Type": "Pass", "Parameters": {"key.$": "$.loaded.key"}, "End": True},
    },
}  # fmt: skip
PLAIN = "def handler(event, context):\n    return {'key': event['id']} if event['id'] else {'other': 1}\n"
TYPED = (
    "from typing import TypedDict\n\n\nclass Event(TypedDict):\n    id: str\n    size: int\n\n\n"
    "class Result(TypedDict):\n    name: str\n\n\ndef handler(event: Event, context: object) -> Result:\n"
    "    raise RuntimeError('check runs nothing')\n"
)


@pytest.fixture
def order(project: Path) -> Path:
    (project / "definitions" / "order.asl.json").write_text(json.dumps(MACHINE, indent=2))
    (project / "handlers" / "load.py").write_text(PLAIN)
    return project


def found(done: Ended) -> list[tuple[str, str, str]]:
    return [(each["code"], each["severity"], each["state"]) for each in done.json["diagnostics"]]


def schema(folder: Path, name: str, document: Any) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(document))


def test_without_a_contract_a_result_is_anything(sfn_sim: Command, order: Path) -> None:
    assert found(sfn_sim("check", "order", "--json")) == []


def test_a_schema_beside_the_handler_tells_its_result(sfn_sim: Command, order: Path) -> None:
    result = {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": False}
    schema(order / "handlers", "load.schema.json", {"result": result})
    done = sfn_sim("check", "order", "--json")
    assert done.code == 1
    assert ("PATH_MISSING", "ERROR", "Use") in found(done)


def test_annotations_are_checked_both_ways(sfn_sim: Command, order: Path) -> None:
    (order / "handlers" / "load.py").write_text(TYPED)
    assert found(sfn_sim("check", "order", "--json")) == [
        ("CONTRACT_NOT_MET", "ERROR", "Load"),
        ("PATH_MISSING", "ERROR", "Use"),
        ("CONTRACT_KEY_UNREAD", "NOTE", "Load"),
    ]


def test_a_schema_goes_before_annotations(sfn_sim: Command, order: Path) -> None:
    (order / "handlers" / "load.py").write_text(TYPED)
    schema(order / "handlers", "load.schema.json", {"result": True})
    assert found(sfn_sim("check", "order", "--json")) == []


def test_the_input_has_a_schema_beside_the_definition(sfn_sim: Command, order: Path) -> None:
    given = {"type": "object", "properties": {"order": True}, "required": ["order"], "additionalProperties": False}
    schema(order / "definitions", "order.input.schema.json", given)
    assert ("PATH_MISSING", "ERROR", "Load") in found(sfn_sim("check", "order", "--json"))


def test_what_was_learned_is_at_most_a_note(sfn_sim: Command, order: Path) -> None:
    assert sfn_sim("run", "order", "--input", '{"id": "a"}', "--learn").code == 0
    assert found(sfn_sim("check", "order", "--json")) == []
    sfn_sim("run", "order", "--input", '{"id": ""}', "--learn")
    done = sfn_sim("check", "order", "--json")
    assert done.code == 0
    # The first run and the failed one: key was there, and was not.
    assert ("PATH_SOMETIMES_MISSING", "NOTE", "Use") in found(done)


def test_what_was_learned_decides_reads(sfn_sim: Command, order: Path) -> None:
    assert "3 of 3 reads could not be decided" in sfn_sim("check", "order").out
    sfn_sim("run", "order", "--input", '{"id": "a"}', "--learn")
    assert "0 of 3 reads could not be decided" in sfn_sim("check", "order").out


def test_what_is_learned_holds_no_values(sfn_sim: Command, order: Path) -> None:
    sfn_sim("run", "order", "--input", '{"id": "4929-1212"}', "--learn")
    texts = [each.read_text() for each in sorted((order / "contracts").iterdir())]
    assert [each.name for each in sorted((order / "contracts").iterdir())] == ["load.json", "order.input.json"]
    assert not any("4929" in text for text in texts)


def test_a_run_tells_the_contract_that_it_breaks(sfn_sim: Command, order: Path) -> None:
    sfn_sim("run", "order", "--input", '{"id": "a"}', "--learn")
    done = sfn_sim("run", "order", "--input", '{"id": 7}', "--json")
    assert done.code == 0
    told = [each for each in done.json["warnings"] if each["code"] == "CONTRACT_BROKEN"]
    assert [each["state"] for each in told] == ["Load", "Load"]
    assert "$.id is a number" in told[0]["message"]
    assert "contracts/load.json" in told[0]["message"]
    assert "--learn takes it in" in told[0]["message"]


def test_a_run_that_breaks_nothing_warns_of_nothing(sfn_sim: Command, order: Path) -> None:
    sfn_sim("run", "order", "--input", '{"id": "a"}', "--learn")
    assert sfn_sim("run", "order", "--input", '{"id": "b"}', "--json").json["warnings"] == []


def test_recorded_runs_teach_too(sfn_sim: Command, order: Path) -> None:
    sfn_sim("run", "order", "--input", '{"id": "a"}', "--record", "runs.sqlite")
    done = sfn_sim("learn", "runs.sqlite")
    assert done.code == 0
    assert "2 contracts widened" in done.out
    assert (order / "contracts" / "load.json").is_file()


def test_what_was_learned_is_told_to_machines_too(sfn_sim: Command, order: Path) -> None:
    sfn_sim("run", "order", "--input", '{"id": "a"}', "--record", "runs.sqlite")
    (run,) = sfn_sim("learn", "runs.sqlite", "--json").json["runs"]
    assert (run["machine"], len(run["widened"])) == ("order", 2)
    assert "contracts/load.json" in run["widened"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "not JSON"), ("[]", "not a contract"), ('{"event": {"type": "text"}}', "type must be one of")],
)
def test_a_contract_that_cannot_be_read_is_refused_with_its_file(
    sfn_sim: Command, order: Path, text: str, words: str
) -> None:
    (order / "handlers" / "load.schema.json").write_text(text)
    done = sfn_sim("check", "order")
    assert done.code == 2
    assert "load.schema.json" in done.err
    assert words in done.err


GET: dict[str, Any] = {
    "StartAt": "Get",
    "States": {
        "Get": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Parameters": {
            "TableName": "t", "Key": {"id": {"S": "a"}}}, "ResultPath": "$.got", "Next": "Use"},
        "Use": {"Type": "Pass", "Parameters": {"item.$": "$.got.Item", "used.$": "$.got.ConsumedCapacity"},
                "End": True},
    },
}  # fmt: skip


def test_a_member_that_the_answer_of_a_service_does_not_have_is_missing(sfn_sim: Command, project: Path) -> None:
    states = {
        "Get": {**GET["States"]["Get"], "Resource": "arn:aws:states:::aws-sdk:sqs:receiveMessage"},
        "Use": {**GET["States"]["Use"], "Parameters": {"x.$": "$.got.Mesages"}},
    }
    states["Get"]["Parameters"] = {"QueueUrl": "q"}
    (project / "definitions" / "get.asl.json").write_text(json.dumps({**GET, "States": states}, indent=2))
    told = sfn_sim("check", "get", "--json").json["diagnostics"][0]
    assert (told["code"], told["state"]) == ("PATH_MISSING", "Use")
    assert "did you mean $.got.Messages?" in told["hint"]


@pytest.mark.slow
def test_what_a_service_leaves_out_when_it_finds_nothing_is_not_there_on_every_way(
    sfn_sim: Command, project: Path
) -> None:
    (project / "definitions" / "get.asl.json").write_text(json.dumps(GET, indent=2))
    done = sfn_sim("check", "get", "--json")
    assert [each[:2] for each in found(done)] == [("PATH_SOMETIMES_MISSING", "WARNING")]
    assert "$.got.Item" in done.json["diagnostics"][0]["message"]
