"""What a distributed Map has beside other Maps, as the model.

Source: Developer Guide, Map state in Distributed mode, ItemReader, ItemBatcher, ResultWriter.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from sfn_sim.definition.model import ABSENT, Distribution, ItemBatcher, ItemReader, Number, ResultWriter

Document: TypeAlias = "dict[str, Any]"
FIELDS = ("ItemReader", "ItemBatcher", "ResultWriter", "Label")
"""The fields that only a distributed Map carries out."""


def distribution(doc: Document, processor: Document, pointer: str) -> Distribution | None:
    """Return what makes a Map distributed; None for one whose items run inside its own execution."""
    config = processor.get("ProcessorConfig", {})
    if config.get("Mode", "INLINE") != "DISTRIBUTED":
        return None
    return Distribution(
        execution_type=config["ExecutionType"],
        label=doc.get("Label"),
        reader=_reader(doc["ItemReader"], f"{pointer}/ItemReader") if "ItemReader" in doc else None,
        batcher=_batcher(doc["ItemBatcher"], f"{pointer}/ItemBatcher") if "ItemBatcher" in doc else None,
        writer=_writer(doc["ResultWriter"], f"{pointer}/ResultWriter") if "ResultWriter" in doc else None,
    )


def _number(doc: Document, name: str) -> Number:
    value = doc.get(name)
    return Number(value=None if isinstance(value, str) else value, path=doc.get(f"{name}Path"))


def _arguments(doc: Document) -> dict[str, Any]:
    name = "Arguments" if "Arguments" in doc else "Parameters"
    return {"arguments": doc.get(name, ABSENT), "arguments_field": name}


def _reader(doc: Document, pointer: str) -> ItemReader:
    config = doc.get("ReaderConfig", {})
    return ItemReader(
        resource=doc.get("Resource", ""),
        pointer=pointer,
        **_arguments(doc),
        input_type=config.get("InputType"),
        csv_header_location=config.get("CSVHeaderLocation"),
        csv_headers=tuple(config.get("CSVHeaders", ())),
        csv_delimiter=config.get("CSVDelimiter", "COMMA"),
        manifest_type=config.get("ManifestType"),
        transformation=config.get("Transformation", "NONE"),
        items_pointer=config.get("ItemsPointer"),
        max_items=_number(config, "MaxItems"),
    )


def _batcher(doc: Document, pointer: str) -> ItemBatcher:
    return ItemBatcher(
        pointer=pointer,
        batch_input=doc.get("BatchInput", ABSENT),
        max_items=_number(doc, "MaxItemsPerBatch"),
        max_bytes=_number(doc, "MaxInputBytesPerBatch"),
    )


def _writer(doc: Document, pointer: str) -> ResultWriter:
    config = doc.get("WriterConfig", {})
    return ResultWriter(
        pointer=pointer,
        resource=doc.get("Resource"),
        **_arguments(doc),
        transformation=config.get("Transformation"),
        output_type=config.get("OutputType"),
    )
