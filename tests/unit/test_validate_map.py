"""Rules of Map."""

from __future__ import annotations

from typing import Any

from seen import END, Seen, findings, machine, only

SCHEMA = "SCHEMA_VALIDATION_FAILED"
S = "arn:aws:states:::"


def map_state(**fields: Any) -> dict[str, Any]:
    return machine({"M": {"Type": "Map", "ItemProcessor": machine({"X": END}), **fields, "End": True}})


def configured(mode: str, **config: Any) -> dict[str, Any]:
    return map_state(ItemProcessor=machine({"X": END}, ProcessorConfig={"Mode": mode, **config}))


def test_a_map_without_a_processor_is_refused() -> None:
    assert only(machine({"M": {"Type": "Map", "End": True}})) == Seen(
        SCHEMA,
        "This object should have only one of the following fields: [ItemProcessor, Iterator]",
        "/States/M",
        '4:3 "M"',
        "add one of ItemProcessor, Iterator",
    )


def test_a_map_with_both_names_of_its_selector_is_refused() -> None:
    assert only(map_state(ItemSelector={}, Parameters={})) == Seen(
        SCHEMA,
        "There should only be one of the following fields: [ItemSelector, Parameters]",
        "/States/M",
        '16:4 "Parameters"',
        "keep only ItemSelector or Parameters",
    )


def test_numbers_of_a_map_out_of_range_are_refused() -> None:
    assert findings(map_state(MaxConcurrency=-1, ToleratedFailurePercentage=101)) == [
        Seen(
            SCHEMA,
            "Minimum value is 0",
            "/States/M/MaxConcurrency",
            "15:22 -1",
            "MaxConcurrency is at least 0",
        ),
        Seen(
            SCHEMA,
            "Maximum value is 100.0",
            "/States/M/ToleratedFailurePercentage",
            "16:34 101",
            "ToleratedFailurePercentage is from 0.0 to 100.0",
        ),
    ]


def test_a_number_of_a_map_from_the_context_object_is_refused() -> None:
    assert only(map_state(MaxConcurrencyPath="$$.Execution.Input.n")) == Seen(
        SCHEMA,
        "Value is not a Reference Path",
        "/States/M/MaxConcurrencyPath",
        '15:26 "$$.Execution.Input.n"',
        "this field does not read the Context Object: copy the value into the input first",
    )


def test_items_from_a_slice_are_refused() -> None:
    assert only(map_state(ItemsPath="$.a[0:2]")) == Seen(
        SCHEMA,
        "Value is not a Reference Path",
        "/States/M/ItemsPath",
        '15:17 "$.a[0:2]"',
        "a Reference Path names one place: no *, .., slice, filter or list",
    )


def test_a_distributed_processor_without_execution_type_is_refused() -> None:
    assert only(configured("DISTRIBUTED")) == Seen(
        SCHEMA,
        "These fields are required: [ExecutionType]",
        "/States/M/ItemProcessor/ProcessorConfig",
        '14:5 "ProcessorConfig"',
        'add "ExecutionType": "STANDARD" or "EXPRESS"',
    )


def test_an_execution_type_for_an_inline_processor_is_refused() -> None:
    assert only(configured("INLINE", ExecutionType="STANDARD")) == Seen(
        SCHEMA,
        "Field 'ExecutionType' is not supported",
        "/States/M/ItemProcessor/ProcessorConfig",
        '16:6 "ExecutionType"',
        "an inline Map starts no executions: remove ExecutionType, or set Mode to DISTRIBUTED",
    )


def test_an_item_reader_of_another_action_is_refused() -> None:
    assert only(map_state(ItemReader={"Resource": S + "s3:get"})) == Seen(
        SCHEMA,
        "The field 'Resource' does not match any of the allowed values. Examples: "
        "[arn:<partition>:states:::s3:getObject, arn:<partition>:states:::s3:listObjectsV2]",
        "/States/M/ItemReader/Resource",
        '16:17 "arn:aws:states:::s3:get"',
        "write arn:aws:states:::s3:getObject for a file, arn:aws:states:::s3:listObjectsV2 for the keys",
    )


def test_a_result_writer_of_another_action_is_refused() -> None:
    assert only(map_state(ResultWriter={"Resource": S + "s3:getObject"})) == Seen(
        SCHEMA,
        "The field 'Resource' does not match any of the allowed values. Examples: "
        "[arn:<partition>:states:::s3:putObject]",
        "/States/M/ResultWriter/Resource",
        '16:17 "arn:aws:states:::s3:getObject"',
        "write arn:aws:states:::s3:putObject",
    )


def test_a_csv_reader_without_the_place_of_its_headers_is_refused() -> None:
    assert only(map_state(ItemReader={"ReaderConfig": {"InputType": "CSV"}})) == Seen(
        SCHEMA,
        "The field 'CSVHeaderLocation' is required but was missing",
        "/States/M/ItemReader/ReaderConfig",
        '16:5 "ReaderConfig"',
        'add "CSVHeaderLocation": "FIRST_ROW", or "GIVEN" with "CSVHeaders"',
    )


def test_an_unknown_input_type_and_two_limits_are_refused() -> None:
    assert findings(
        map_state(ItemReader={"ReaderConfig": {"InputType": "XML", "MaxItems": 1, "MaxItemsPath": "$.n"}})
    ) == [
        Seen(
            SCHEMA,
            "There should only be one of the following fields: [MaxItems, MaxItemsPath]",
            "/States/M/ItemReader/ReaderConfig",
            '19:6 "MaxItemsPath"',
            "keep only MaxItems or MaxItemsPath",
        ),
        Seen(
            SCHEMA,
            "The field 'InputType' should have one of these values: [MANIFEST, JSON, CSV, JSONL, PARQUET]",
            "/States/M/ItemReader/ReaderConfig/InputType",
            '17:19 "XML"',
            "write MANIFEST or JSON or CSV or JSONL or PARQUET",
        ),
    ]


def test_csv_headers_of_json_are_refused() -> None:
    assert findings(map_state(ItemReader={"ReaderConfig": {"InputType": "JSON", "CSVHeaderLocation": "GIVEN"}})) == [
        Seen(
            SCHEMA,
            "These fields are required: [CSVHeaders]",
            "/States/M/ItemReader/ReaderConfig",
            '16:5 "ReaderConfig"',
            'add "CSVHeaders" with the names of the columns',
        ),
        Seen(
            SCHEMA,
            "Field 'CSVHeaderLocation' is not supported",
            "/States/M/ItemReader/ReaderConfig",
            '18:6 "CSVHeaderLocation"',
            "it belongs to CSV; InputType is JSON",
        ),
    ]


def test_a_batch_over_the_payload_limit_is_refused() -> None:
    assert only(map_state(ItemBatcher={"MaxInputBytesPerBatch": 262_145})) == Seen(
        SCHEMA,
        "Maximum value is 262144",
        "/States/M/ItemBatcher/MaxInputBytesPerBatch",
        "16:30 262145",
        "MaxInputBytesPerBatch is from 0 to 262144",
    )


def test_a_label_with_a_space_is_refused() -> None:
    assert only(map_state(Label="a b")) == Seen(
        "INVALID_LABEL_NAME",
        "Invalid Label name: a b contains invalid characters",
        "/States/M/Label",
        '15:13 "a b"',
        "leave out ' '",
    )


def test_a_label_over_40_characters_is_refused() -> None:
    assert only(map_state(Label="x" * 41)) == Seen(
        "INVALID_LABEL_NAME",
        "Invalid Label name: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx exceeds the 40-character limit "
        "allowed by the service",
        "/States/M/Label",
        '15:13 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"',
        "it has 41 characters",
    )


def test_a_label_given_twice_is_refused() -> None:
    assert only(
        machine(
            {
                "A": {"Type": "Map", "Next": "B", "Label": "l", "ItemProcessor": machine({"X": END})},
                "B": {"Type": "Map", "End": True, "Label": "l", "ItemProcessor": machine({"Y": END})},
            }
        )
    ) == Seen(
        "DUPLICATE_LABEL_NAME",
        "Duplicate Label name: l",
        "/States/B/Label",
        '21:13 "l"',
        "/States/A/Label has this label too",
    )
