"""The distributed Map and S3: every form of dataset, what is wrong with one, and the files of its results."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from sfn_sim import StateMachine, UnsupportedFeatureError
from sfn_sim.analysis.diagnosis.diagnose import diagnose
from sfn_sim.run.execution import Execution
from sfn_sim.services.isolation import isolated
from tests.behaviour.machines import FUNCTION, graph, passing, types
from tests.behaviour.test_distributed_map import CALLS, distributed, only_run, processor, refuses

GIVEN = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["n", "m"]}
GET, LIST, PUT = (f"arn:aws:states:::s3:{name}" for name in ("getObject", "listObjectsV2", "putObject"))


@pytest.fixture(scope="module")
def clients() -> Iterator[Any]:
    with isolated():
        yield boto3.client("s3")


@pytest.fixture
def s3(clients: Any) -> Iterator[Any]:
    for bucket in ("data", "out"):
        clients.create_bucket(Bucket=bucket)
    yield clients
    for bucket in ("data", "out"):
        for each in clients.list_objects_v2(Bucket=bucket).get("Contents", ()):
            clients.delete_object(Bucket=bucket, Key=each["Key"])
        clients.delete_bucket(Bucket=bucket)


def reader(config: dict[str, Any] | None = None, key: str = "set", bucket: str = "data", **more: Any) -> dict[str, Any]:
    given = {"Resource": GET, "Parameters": {"Bucket": bucket, "Key": key}, **more}
    return {**given, "ReaderConfig": config} if config is not None else given


def csv_config(**more: Any) -> dict[str, Any]:
    return {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", **more}


def run(state: dict[str, Any], value: Any = None, **handlers: Any) -> Execution:
    machine = StateMachine.from_json({"StartAt": "Rows", "States": {"Rows": state}})
    return machine.run({} if value is None else value, handlers, isolate=False)


def read(s3: Any, body: bytes, config: dict[str, Any], **more: Any) -> Any:
    s3.put_object(Bucket="data", Key="set", Body=body)
    return run(distributed(ItemReader=reader(config), **more)).result()


@pytest.mark.parametrize(
    ("body", "config", "items"),
    [
        (b"a,b\n1,x\n2,y\n", csv_config(), [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]),
        (b"a,b\r\n1,x\r\n", csv_config(), [{"a": "1", "b": "x"}]),
        (b"a,b\n1,x", csv_config(), [{"a": "1", "b": "x"}]),
        (b"a,b\n1\n1,2,3\n\n", csv_config(), [{"a": "1", "b": ""}, {"a": "1", "b": "2"}]),
        (b'a\n"x, ""y""\nz"\n', csv_config(), [{"a": 'x, "y"\nz'}]),
        (b"a,b\nx\\,y,C:\\\\n\n", csv_config(), [{"a": "x,y", "b": "C:\\n"}]),
        ("a\nzürich\n".encode(), csv_config(), [{"a": "zürich"}]),
        (b"", csv_config(), []),
        (b"1,x\n", GIVEN, [{"n": "1", "m": "x"}]),
        (b"a|b\n1|2,3\n", csv_config(CSVDelimiter="PIPE"), [{"a": "1", "b": "2,3"}]),
        (b"a;b\n1;2\n", csv_config(CSVDelimiter="SEMICOLON"), [{"a": "1", "b": "2"}]),
        (b"a b\n1 2\n", csv_config(CSVDelimiter="SPACE"), [{"a": "1", "b": "2"}]),
        (b"a\tb\n1\t2\n", csv_config(CSVDelimiter="TAB"), [{"a": "1", "b": "2"}]),
        (gzip.compress(b"a\n1\n", mtime=0), csv_config(), [{"a": "1"}]),
        (b"a\n1\n2\n3\n", csv_config(MaxItems=2), [{"a": "1"}, {"a": "2"}]),
        (b"a\n1\n2\n3\n", csv_config(MaxItems=0), [{"a": "1"}, {"a": "2"}, {"a": "3"}]),
        (b' [1, {"b": [2]}, null, "x"] ', {"InputType": "JSON"}, [1, {"b": [2]}, None, "x"]),
        (b"[ ]", {"InputType": "JSON"}, []),
        (b'{"a": {"l/x": [1, 2]}}', {"InputType": "JSON", "ItemsPointer": "/a/l~1x"}, [1, 2]),
        (b'{"a": 1}\n\n[2]\n"x"', {"InputType": "JSONL"}, [{"a": 1}, [2], "x"]),
        (gzip.compress(b"1\n2\n", mtime=0), {"InputType": "JSONL"}, [1, 2]),
    ],
)
def test_every_form_of_dataset_gives_its_items(s3: Any, body: bytes, config: dict[str, Any], items: list[Any]) -> None:
    assert read(s3, body, config) == items


def test_the_item_reader_is_read_instead_of_the_items_path(s3: Any) -> None:
    assert read(s3, b"[[1], [2]]", {"InputType": "JSON"}, ItemsPath="$.nothing") == [[1], [2]]


def test_where_the_dataset_stands_may_be_read_from_the_input(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="there", Body=b"[1, 2, 3]")
    config = {"InputType": "JSON", "MaxItemsPath": "$.most"}
    given = {"Resource": GET, "ReaderConfig": config, "Parameters": {"Bucket.$": "$.b", "Key.$": "$.k"}}
    execution = run(distributed(ItemReader=given), {"b": "data", "k": "there", "most": 2})
    assert execution.result() == [1, 2]
    assert next(each for each in execution.history() if each["type"] == "MapStateStarted")[
        "mapStateStartedEventDetails"
    ] == {"length": 0}


def test_an_items_source_is_its_object(s3: Any) -> None:
    selector = {"from.$": "$$.Map.Item.Source", "n.$": "$$.Map.Item.Index"}
    assert read(s3, b"[5]", {"InputType": "JSON"}, ItemSelector=selector) == [{"from": "S3://data/set", "n": 0}]


def test_a_bucket_is_listed_page_by_page(s3: Any) -> None:
    for n in range(5):
        s3.put_object(Bucket="data", Key=f"in/{n}", Body=b"x" * n)
    listing = {"Resource": LIST, "Parameters": {"Bucket": "data", "Prefix": "in/", "MaxKeys": 2}}
    result: Any = run(distributed(ItemReader=listing)).result()
    assert [each["Key"] for each in result] == [f"in/{n}" for n in range(5)]
    assert list(result[0]) == ["Etag", "Key", "LastModified", "Size", "StorageClass"]
    assert [each["Size"] for each in result] == [0, 1, 2, 3, 4]


def test_a_listing_can_be_loaded_and_flattened(s3: Any) -> None:
    for n, body in enumerate((b"[1, 2]", b"[3]", b"[]")):
        s3.put_object(Bucket="data", Key=f"in/{n}.json", Body=body)
    s3.put_object(Bucket="data", Key="in/folder/")
    config = {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}
    listing = {"Resource": LIST, "ReaderConfig": config, "Parameters": {"Bucket": "data", "Prefix": "in/"}}
    assert run(distributed(ItemReader=listing)).result() == [1, 2, 3]


@pytest.mark.parametrize("config", [{"InputType": "MANIFEST"}, {"ManifestType": "S3_INVENTORY"}])
def test_an_inventorys_manifest_gives_its_objects(s3: Any, config: dict[str, Any]) -> None:
    for n in (1, 2):
        body = f'"data","k{n}","{n}0"\n'.encode()
        s3.put_object(Bucket="out", Key=f"files/{n}.csv.gz", Body=gzip.compress(body, mtime=0))
    manifest = {
        "destinationBucket": "arn:aws:s3:::out",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": f"files/{n}.csv.gz"} for n in (1, 2)],
    }
    assert read(s3, json.dumps(manifest).encode(), config) == [
        {"Bucket": "data", "Key": "k1", "Size": "10"},
        {"Bucket": "data", "Key": "k2", "Size": "20"},
    ]


def test_an_athena_manifest_gives_the_rows_of_its_files(s3: Any) -> None:
    for n in (1, 2):
        s3.put_object(Bucket="out", Key=f"part-{n}", Body=f'{{"n": {n}}}\n'.encode())
    config = {"InputType": "JSONL", "ManifestType": "ATHENA_DATA"}
    assert read(s3, b"s3://out/part-1\ns3://out/part-2\n", config) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("body", "config", "cause", "said"),
    [
        (b"a,a\n1,2\n", csv_config(), "CSV headers cannot contain duplicates.", "has the column 'a' twice"),
        (
            b"1,2\n",
            {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["h", "h"]},
            "CSV headers cannot contain duplicates.",
            "CSVHeaders has the column 'h' twice",
        ),
        (b'a\n"x', csv_config(), "Failed to parse the CSV file", "is not CSV"),
        (b"a\n\xff\n", csv_config(), "Failed to parse the file", "is not UTF-8"),
        (b'{"a": 1}', {"InputType": "JSON"}, "Attempting to map over non-iterable node.", "no array"),
        (b"[1, 2", {"InputType": "JSON"}, "Failed to parse the JSON file", "is not JSON"),
        (b"1\n{\n", {"InputType": "JSONL"}, "Failed to parse the JSON file", "line 2 is not JSON"),
        (
            b'{"a": {"b": [1]}}',
            {"InputType": "JSON", "ItemsPointer": "/a/c"},
            "Attempting to map over non-iterable node.",
            "there is no 'c'",
        ),
    ],
)
def test_a_dataset_that_is_not_what_it_should_be_fails_the_run(
    s3: Any, body: bytes, config: dict[str, Any], cause: str, said: str
) -> None:
    s3.put_object(Bucket="data", Key="set", Body=body)
    state = distributed(ItemReader=reader(config))
    machine = StateMachine.from_json({"StartAt": "Rows", "States": {"Rows": state}})
    execution = machine.run({}, isolate=False)
    assert execution.error == "States.ItemReaderFailed"
    assert str(execution.cause).startswith(cause)
    assert types(execution)[-4:] == ["MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed"]
    told = diagnose(execution, machine.source)
    assert told is not None
    assert said in told.what
    assert "s3://data/set" in told.what
    assert told.pointer.startswith("/States/Rows/ItemReader")
    assert told.location is not None


@pytest.mark.parametrize(
    ("key", "bucket", "cause", "pointer", "fix"),
    [
        ("sets", "data", "The specified key does not exist.", "Key", "did you mean set;"),
        ("set", "dato", "The specified bucket does not exist", "Bucket", "did you mean data;"),
        ("zzzz", "data", "The specified key does not exist.", "Key", "there are: set;"),
    ],
)
def test_a_dataset_that_is_not_there_fails_the_run_and_the_nearest_is_named(
    s3: Any, key: str, bucket: str, cause: str, pointer: str, fix: str
) -> None:
    s3.put_object(Bucket="data", Key="set", Body=b"[]")
    state = distributed(ItemReader=reader({"InputType": "JSON"}, key, bucket))
    machine = StateMachine.from_json({"StartAt": "Rows", "States": {"Rows": state}})
    execution = machine.run({}, isolate=False)
    assert str(execution.cause).startswith(f"{cause} (Service: S3, Status Code: 404, Request ID: ")
    told = diagnose(execution, machine.source)
    assert told is not None
    assert told.pointer == f"/States/Rows/ItemReader/Parameters/{pointer}"
    assert told.fix.startswith(fix)


def test_a_negative_number_of_items_fails_the_run(s3: Any) -> None:
    config = {"InputType": "JSON", "MaxItemsPath": "$.n"}
    execution = run(distributed(ItemReader=reader(config)), {"n": -1})
    assert (execution.error, execution.cause) == ("States.ItemReaderFailed", "field MaxItems must be positive")


def test_an_error_in_the_middle_of_a_large_dataset_fails_the_run_there(s3: Any) -> None:
    body = b"[" + b"1," * 3000 + b"oops]"
    s3.put_object(Bucket="data", Key="set", Body=body)
    execution = run(distributed(ItemReader=reader({"InputType": "JSON"}), MaxConcurrency=1))
    assert execution.error == "States.ItemReaderFailed"
    assert only_run(execution).executions["SUCCEEDED"] == 3000


@pytest.mark.parametrize(
    ("body", "config", "part"),
    [
        (b"PAR1", {"InputType": "PARQUET"}, "PARQUET"),
        (b"[]", {"MaxItems": 1}, "without an InputType"),
        (b"\x28\xb5\x2f\xfd", {"InputType": "JSONL"}, "ZSTD"),
        (b'{"a": {}}', {"InputType": "JSON", "ItemsPointer": "/a"}, "object's keys"),
    ],
)
def test_what_is_not_carried_out_is_refused_by_name(s3: Any, body: bytes, config: dict[str, Any], part: str) -> None:
    with pytest.raises(UnsupportedFeatureError, match=part):
        read(s3, body, config)


def test_a_machine_that_reads_s3_alone_is_shut_in_by_itself() -> None:
    machine = StateMachine.from_json(
        {"StartAt": "Rows", "States": {"Rows": distributed(ItemReader=reader({"InputType": "JSON"}, bucket="gone"))}}
    )
    assert "The specified bucket does not exist" in str(machine.run({}).cause)


def written(s3: Any, prefix: str = "") -> dict[str, Any]:
    """Return what the bucket out holds, by the last part of the keys."""
    found = {}
    for each in s3.list_objects_v2(Bucket="out", Prefix=prefix).get("Contents", ()):
        found[each["Key"].rpartition("/")[2]] = s3.get_object(Bucket="out", Key=each["Key"])["Body"].read()
    return found


def writer(config: dict[str, str] | None = None, **parameters: str) -> dict[str, Any]:
    given: dict[str, Any] = {"Resource": PUT, "Parameters": {"Bucket": "out", **parameters}}
    return {**given, "WriterConfig": config} if config else given


def test_results_are_written_with_a_manifest(s3: Any) -> None:
    execution = run(distributed(ResultWriter=writer(Prefix="runs")), [1, {"a": 2}])
    arn = only_run(execution).arn
    folder = f"runs/{arn.rpartition(':')[2]}"
    key = f"{folder}/manifest.json"
    assert execution.result() == {"MapRunArn": arn, "ResultWriterDetails": {"Bucket": "out", "Key": key}}
    files = written(s3, "runs/")
    assert set(files) == {"SUCCEEDED_0.json", "manifest.json"}
    entries = json.loads(files["SUCCEEDED_0.json"])
    assert [(each["Input"], each["Output"], each["Status"]) for each in entries] == [
        ("1", "1", "SUCCEEDED"),
        ('{"a":2}', '{"a":2}', "SUCCEEDED"),
    ]
    assert entries[0]["StartDate"] == "2025-01-01T00:00:00.000Z"
    assert json.loads(files["manifest.json"]) == {
        "DestinationBucket": "out",
        "MapRunArn": arn,
        "ResultFiles": {
            "FAILED": [],
            "PENDING": [],
            "SUCCEEDED": [{"Key": f"{folder}/SUCCEEDED_0.json", "Size": len(files["SUCCEEDED_0.json"])}],
        },
    }
    assert (only_run(execution).results_written, only_run(execution).items_written) == (2, 2)


def test_failed_and_unstarted_children_have_files_of_their_own(s3: Any) -> None:
    execution = run(distributed(CALLS, ResultWriter=writer(), MaxConcurrency=1), [1, 2, 3, 4], f=refuses(2))
    assert execution.error == "States.ExceedToleratedFailureThreshold"
    files = {name: json.loads(body) for name, body in written(s3).items()}
    assert [each["Input"] for each in files["SUCCEEDED_0.json"]] == ["1"]
    (failed,) = files["FAILED_0.json"]
    assert (failed["Input"], failed["Error"], failed["Status"]) == ("2", "ValueError", "FAILED")
    assert "Output" not in failed
    assert [(each["Input"], each["Status"]) for each in files["PENDING_0.json"]] == [("3", "PENDING"), ("4", "PENDING")]


def test_children_that_were_cut_off_stand_with_the_failed_ones(s3: Any) -> None:
    longer = processor(
        C={"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "F"}], "Default": "W"},
        W={"Type": "Wait", "Seconds": 9, "End": True},
        F={"Type": "Fail", "Error": "E"},
    )
    run(distributed(longer, ResultWriter=writer()), [1, 2])
    entries = json.loads(written(s3)["FAILED_0.json"])
    assert [each["Status"] for each in entries] == ["FAILED", "ABORTED"]


@pytest.mark.parametrize(
    ("config", "name", "body"),
    [
        ({"Transformation": "COMPACT"}, "SUCCEEDED_0.json", b"[[1],[2,3]]"),
        ({"Transformation": "FLATTEN"}, "SUCCEEDED_0.json", b"[1,2,3]"),
        ({"Transformation": "FLATTEN", "OutputType": "JSONL"}, "SUCCEEDED_0.jsonl", b"1\n2\n3\n"),
    ],
)
def test_written_results_have_the_form_that_is_asked_for(s3: Any, config: Any, name: str, body: bytes) -> None:
    run(distributed(ResultWriter=writer(config)), [[1], [2, 3]])
    assert written(s3)[name] == body


def test_a_large_file_of_results_is_put_together_of_parts(s3: Any) -> None:
    big = processor(I=passing(Result="x" * 200_000))
    execution = run(distributed(big, ResultWriter=writer({"Transformation": "COMPACT"})), list(range(45)))
    assert execution.status == "SUCCEEDED"
    files = written(s3)
    assert json.loads(files["SUCCEEDED_0.json"]) == ["x" * 200_000] * 45
    (told,) = json.loads(files["manifest.json"])["ResultFiles"]["SUCCEEDED"]
    assert told["Size"] == len(files["SUCCEEDED_0.json"])


def test_results_that_nobody_takes_fail_the_run(s3: Any) -> None:
    state = distributed(ResultWriter={"Resource": PUT, "Parameters": {"Bucket": "outt"}})
    machine = StateMachine.from_json({"StartAt": "Rows", "States": {"Rows": state}})
    execution = machine.run([1], isolate=False)
    assert execution.error == "States.ResultWriterFailed"
    assert types(execution)[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]
    told = diagnose(execution, machine.source)
    assert told is not None
    assert told.pointer == "/States/Rows/ResultWriter/Parameters/Bucket"
    assert told.fix.startswith("did you mean out;")


def test_rows_are_read_as_the_csv_module_writes_them(s3: Any) -> None:
    rows = [{"a": 'q"', "b": "x,y"}, {"a": "line\nbreak", "b": ""}]
    text = io.StringIO()
    table = csv.DictWriter(text, ["a", "b"], lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    assert read(s3, text.getvalue().encode(), csv_config()) == rows


def test_a_failed_child_is_told_as_an_item_with_its_own_place(s3: Any) -> None:
    s3.put_object(Bucket="data", Key="set", Body=b"id,name\n1,x\n")
    wrong = {**graph(Take=passing(Parameters={"n.$": "$.Name"}))}
    wrong["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    state = distributed(wrong, ItemReader=reader(csv_config()))
    machine = StateMachine.from_json({"StartAt": "Rows", "States": {"Rows": state}})
    told = diagnose(machine.run({}, isolate=False), machine.source)
    assert told is not None
    assert told.what == "item 0 of Rows: $.Name is missing from the effective input: {id, name}"
    assert told.fix == "did you mean $.name?"
    assert told.pointer == "/States/Rows/ItemProcessor/States/Take/Parameters/n.$"
    assert 'item 0 of Rows was given {"id": "1", "name": "x"}' in told.notes


def test_a_failed_handler_of_a_child_is_told_with_its_line() -> None:
    state = distributed(CALLS)
    machine = StateMachine.from_json({"StartAt": "Rows", "States": {"Rows": state}})
    told = diagnose(machine.run([1, 2], {"f": refuses(2)}), machine.source)
    assert told is not None
    assert told.what == f"item 1 of Rows: {FUNCTION}f failed: ValueError: refused 2"
    assert "1 of 2 items failed, and the Map bears none" in told.notes[-2]


def test_an_item_that_the_selector_cannot_read_is_named() -> None:
    state = distributed(ItemSelector={"a.$": "$$.Map.Item.Value.b"})
    machine = StateMachine.from_json({"StartAt": "Rows", "States": {"Rows": state}})
    told = diagnose(machine.run([{"b": 1}, {"c": 1}]), machine.source)
    assert told is not None
    assert told.what == "$$.Map.Item.Value.b is missing from $$.Map.Item.Value: {c}"
    assert "this is item 1 of Rows" in told.notes


def test_outputs_that_are_too_large_together_are_told_to_go_to_s3() -> None:
    state = distributed(processor(I=passing(Result="x" * 100_000)))
    machine = StateMachine.from_json({"StartAt": "Rows", "States": {"Rows": state}})
    told = diagnose(machine.run([1, 2, 3]), machine.source)
    assert told is not None
    assert told.what.startswith("the result has 300,010 bytes")
    assert told.fix.startswith("give Rows a ResultWriter")
