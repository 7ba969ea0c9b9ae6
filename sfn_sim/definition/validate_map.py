"""Rules of Map: its processor's configuration, its reader and its label.

Source: Developer Guide, Map state in Distributed mode; texts measured with ValidateStateMachineDefinition
(badmintoncryer/cdk-preflight, pf-sfn-asl-map-distributed, pf-sfn-asl-name-limits, pf-sfn-express-unsupported).
"""

from __future__ import annotations

import re

from sfn_sim.definition.validate_node import Members, Node
from sfn_sim.payload import Json

_READERS = re.compile(r"arn:[^:]+:states:::s3:(getObject|listObjectsV2)")
_WRITER = re.compile(r"arn:[^:]+:states:::s3:putObject")
_CSV_ONLY = ("CSVHeaderLocation", "CSVHeaders", "CSVDelimiter")


def is_distributed(processor: Json) -> bool:
    """Tell whether an ItemProcessor runs as child executions."""
    config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    return isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED"


def is_express(processor: Members) -> bool:
    """Tell whether an ItemProcessor's child executions are Express workflows."""
    config = processor.get("ProcessorConfig")
    return is_distributed(processor) and isinstance(config, dict) and config.get("ExecutionType") == "EXPRESS"


def execution_type(node: Node) -> None:
    """Check that a distributed processor says which executions it starts, and an inline one does not."""
    mode = node.value.get("Mode")
    if mode == "DISTRIBUTED" and "ExecutionType" not in node.value:
        node.error("These fields are required: [ExecutionType]", hint='add "ExecutionType": "STANDARD" or "EXPRESS"')
    elif mode == "INLINE" and "ExecutionType" in node.value:
        hint = "an inline Map starts no executions: remove ExecutionType, or set Mode to DISTRIBUTED"
        node.error("Field 'ExecutionType' is not supported", hint=hint, at=node.at("ExecutionType"), key=True)


def express_mode(node: Node) -> None:
    """Refuse a distributed Map in an Express workflow."""
    if node.express and node.value.get("Mode") == "DISTRIBUTED":
        message = "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines"
        node.error(message, "Mode", hint="use a Standard workflow, or an inline Map")


def reader_resource(node: Node) -> None:
    """Check where an ItemReader reads from."""
    value = node.value.get("Resource")
    if isinstance(value, str) and not node.findings.left_open(value) and not _READERS.fullmatch(value):
        node.error(
            "The field 'Resource' does not match any of the allowed values. Examples: "
            "[arn:<partition>:states:::s3:getObject, arn:<partition>:states:::s3:listObjectsV2]",
            "Resource",
            hint="write arn:aws:states:::s3:getObject for a file, arn:aws:states:::s3:listObjectsV2 for the keys",
        )


def writer_resource(node: Node) -> None:
    """Check where a ResultWriter writes to.

    Source: assumed (the words are those of ItemReader).
    """
    value = node.value.get("Resource")
    if isinstance(value, str) and not node.findings.left_open(value) and not _WRITER.fullmatch(value):
        node.error(
            "The field 'Resource' does not match any of the allowed values. Examples: "
            "[arn:<partition>:states:::s3:putObject]",
            "Resource",
            hint="write arn:aws:states:::s3:putObject",
        )


def reader_csv(node: Node) -> None:
    """Check the CSV fields of a ReaderConfig against its InputType.

    Source: measured; AWS's text for a missing CSVHeaderLocation is assumed to go on like that for RoleArn.
    """
    kind = node.value.get("InputType")
    if kind == "CSV" and "CSVHeaderLocation" not in node.value:
        hint = 'add "CSVHeaderLocation": "FIRST_ROW", or "GIVEN" with "CSVHeaders"'
        node.error("The field 'CSVHeaderLocation' is required but was missing", hint=hint)
    if node.value.get("CSVHeaderLocation") == "GIVEN" and "CSVHeaders" not in node.value:
        node.error("These fields are required: [CSVHeaders]", hint='add "CSVHeaders" with the names of the columns')
    if kind in ("JSON", "JSONL", "PARQUET"):
        for name in _CSV_ONLY:
            if name in node.value:
                hint = f"it belongs to CSV; InputType is {kind}"
                node.error(f"Field '{name}' is not supported", hint=hint, at=node.at(name), key=True)
