"""Where a distributed Map's items come from: an ItemReader's dataset in S3, item by item.

A dataset is a generator that yields items, and between them the calls of S3 that it needs; so no more of a file is
held than the piece that is being read, as far as its format allows (a JSON array is held as text).

Source: Developer Guide, ItemReader (formats, escapes in CSV, Amazon S3 inventory); recorded: map_item_reader_*.
"""

from __future__ import annotations

import codecs
import csv
import re
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, TypeAlias

from sfn_sim import limits
from sfn_sim.definition.model import ItemReader
from sfn_sim.errors import UnsupportedFeatureError
from sfn_sim.payload import Json, loads, read_one
from sfn_sim.run.effects import AwsAnswer, CallAws

# What a dataset yields: a call to be answered, or an item. (An item is any JSON; a CallAws is none.)
Dataset: TypeAlias = "Generator[Any, AwsAnswer, None]"
_Read: TypeAlias = "Callable[[int], bytes]"
_CHUNK = 1 << 18
_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_SPACE = re.compile(r"[ \t\n\r]*")
_S3_URI = re.compile(r"s3://([^/]+)/(.+)")
_NEAR = 1000


class Unreadable(Exception):
    """A dataset that cannot be read.

    Args:
        cause: AWS's words.
        what: what is wrong, in ours.
        field: the field of the ItemReader to look at, as a pointer below it.
        near: what is there instead: keys, buckets or columns.
    """

    def __init__(self, cause: str, what: str, field: str, near: Iterable[str] = ()) -> None:
        super().__init__(cause)
        self.cause = cause
        self.what = what
        self.field = field
        self.near = list(near)


def source_of(reader: ItemReader, arguments: Json) -> str:
    """Return what `$$.Map.Item.Source` says of a dataset's items.

    Source: Developer Guide, Context object data for Map states.
    """
    given = arguments if isinstance(arguments, dict) else {}
    bucket = f"S3://{given.get('Bucket')}"
    return bucket if reader.resource.endswith(":listObjectsV2") else f"{bucket}/{given.get('Key')}"


def dataset(reader: ItemReader, arguments: Json, request_id: Callable[[], str]) -> Dataset:
    """Yield the items of a dataset.

    Args:
        reader: the ItemReader.
        arguments: what its Parameters (or Arguments) gave.
        request_id: draws the id of a request to S3.

    Raises:
        Unreadable: there is no such dataset, or it is not what the ItemReader says.
        UnsupportedFeatureError: its format is not carried out.
    """
    field = reader.arguments_field
    given: dict[str, Any] = arguments if isinstance(arguments, dict) else {}
    for name in ("Bucket",) if reader.resource.endswith(":listObjectsV2") else ("Bucket", "Key"):
        if not isinstance(given.get(name), str):
            what = f"{field} needs {name}, a string, and has {_shown(given.get(name))}"
            raise Unreadable(f"The field '{name}' is required but was missing", what, field)  # Source: assumed
    return _Reading(reader, given, request_id).items()


class _Reading:
    """One reading of a dataset."""

    def __init__(self, reader: ItemReader, arguments: dict[str, Any], request_id: Callable[[], str]) -> None:
        self._reader = reader
        self._arguments = arguments
        self._request_id = request_id
        self._field = reader.arguments_field

    def items(self) -> Dataset:
        reader = self._reader
        if reader.resource.endswith(":listObjectsV2"):
            if reader.transformation == "LOAD_AND_FLATTEN":
                return self._listed_content()
            return self._listing()
        if reader.manifest_type == "ATHENA_DATA":
            return self._athena()
        if reader.input_type == "MANIFEST" or reader.manifest_type == "S3_INVENTORY":
            return self._inventory()
        return self._file(self._arguments)

    def _call(self, operation: str, parameters: dict[str, Any]) -> Generator[CallAws, AwsAnswer, AwsAnswer]:
        answer = yield CallAws("s3", operation, parameters)
        if answer.error is not None:
            raise (yield from self._failed(answer, parameters))
        return answer

    def _failed(
        self, answer: AwsAnswer, parameters: dict[str, Any]
    ) -> Generator[CallAws, AwsAnswer, Unreadable]:
        """Return why S3 refused, with what is there instead."""
        bucket, key = parameters.get("Bucket"), parameters.get("Key", "")
        cause = s3_cause(answer, self._request_id())
        if answer.error == "NoSuchBucket":
            there = yield CallAws("s3", "ListBuckets", {})
            names = [each["Name"] for each in there.output.get("Buckets", ())]
            return Unreadable(cause, f"there is no bucket {bucket!r}", f"{self._field}/Bucket", names)
        if answer.error == "NoSuchKey":
            there = yield CallAws("s3", "ListObjectsV2", {"Bucket": bucket, "MaxKeys": _NEAR})
            keys = [each["Key"] for each in there.output.get("Contents", ())]
            return Unreadable(cause, f"the bucket {bucket} has no key {key!r}", f"{self._field}/Key", keys)
        return Unreadable(cause, f"S3 answered {answer.error}: {answer.message}", self._field)

    def _open(self, where: dict[str, Any]) -> Generator[CallAws, AwsAnswer, _Read]:
        answer = yield from self._call("GetObject", where)
        return _plain(answer.output["Body"].read, where["Key"])

    def _file(self, where: dict[str, Any]) -> Dataset:
        """Yield the items of one object, by its InputType."""
        kind = self._reader.input_type
        if kind not in ("CSV", "JSON", "JSONL"):
            said = "InputType PARQUET" if kind == "PARQUET" else "an object without an InputType (CSV, JSON, JSONL, …)"
            raise UnsupportedFeatureError(f"{self._reader.pointer}/ReaderConfig: {said} is not carried out yet")
        read = yield from self._open(where)
        if kind == "CSV":
            yield from self._rows(read)
        elif kind == "JSONL":
            yield from _json_lines(read)
        else:
            yield from _json_items(read, self._reader)

    def _rows(self, read: _Read, header: tuple[str, ...] | None = None) -> Iterator[dict[str, str]]:
        reader = self._reader
        if csv.field_size_limit() < limits.DATASET_ITEM.value:
            csv.field_size_limit(limits.DATASET_ITEM.value)
        # Source: Developer Guide, ItemReader: a backslash escapes, and goes before anything else.
        delimiter = _DELIMITERS[reader.csv_delimiter]
        rows = csv.reader(lines(read), delimiter=delimiter, escapechar="\\", strict=True)
        try:
            if header is None:
                given = reader.csv_header_location == "GIVEN"
                header = reader.csv_headers if given else tuple(next(rows, ()))
            _check_header(header, reader)
            width = len(header)
            for row in rows:
                if len(row) == width:
                    yield dict(zip(header, row, strict=True))
                elif row:
                    # Missing values are empty, additional ones are skipped.
                    yield dict(zip(header, row + [""] * (width - len(row)), strict=False))
        except csv.Error as error:
            what = f"line {rows.line_num} is not CSV: {error}"
            # Source: assumed
            raise Unreadable(f"Failed to parse the CSV file: {error}", what, "ReaderConfig") from None

    def _listing(self) -> Dataset:
        parameters = dict(self._arguments)
        while True:
            answer = yield from self._call("ListObjectsV2", parameters)
            for each in answer.output.get("Contents", ()):
                # Source: Developer Guide, ItemReader, a list of Amazon S3 objects (the fields and their order).
                yield {
                    "Etag": each["ETag"],
                    "Key": each["Key"],
                    "LastModified": int(each["LastModified"].timestamp()),
                    "Size": each["Size"],
                    "StorageClass": each.get("StorageClass", "STANDARD"),
                }
            if not answer.output.get("IsTruncated"):
                return
            parameters["ContinuationToken"] = answer.output["NextContinuationToken"]

    def _listed_content(self) -> Dataset:
        listing = self._listing()
        answer: AwsAnswer | None = None
        while True:
            try:
                step = next(listing) if answer is None else listing.send(answer)
            except StopIteration:
                return
            answer = None
            if isinstance(step, CallAws):
                answer = yield step
            elif not step["Key"].endswith("/"):
                yield from self._file({"Bucket": self._arguments["Bucket"], "Key": step["Key"]})

    def _inventory(self) -> Dataset:
        """Yield the objects that an S3 inventory's manifest leads to."""
        read = yield from self._open(self._arguments)
        manifest = _document(_text(read), "the inventory's manifest")
        files = manifest.get("files") if isinstance(manifest, dict) else None
        if not isinstance(manifest, dict) or not isinstance(files, list):
            raise Unreadable("Invalid S3 inventory manifest.", 'it has no "files"', self._field)  # Source: assumed
        if manifest.get("fileFormat", "CSV") != "CSV":
            what = f"its fileFormat is {_shown(manifest.get('fileFormat'))}; Step Functions reads CSV inventories only"
            raise Unreadable("Invalid S3 inventory manifest.", what, self._field)  # Source: assumed
        columns = tuple(each.strip() for each in str(manifest.get("fileSchema", "")).split(","))
        bucket = str(manifest.get("destinationBucket", "")).removeprefix("arn:aws:s3:::")
        for each in files:
            key = each.get("key") if isinstance(each, dict) else None
            rows = yield from self._open({"Bucket": bucket, "Key": str(key)})
            yield from self._rows(rows, columns)

    def _athena(self) -> Dataset:
        """Yield the items of the files that an Athena UNLOAD's manifest lists."""
        read = yield from self._open(self._arguments)
        for line in lines(read):
            uri = line.strip().strip('"')
            match = _S3_URI.fullmatch(uri)
            if match is not None:
                yield from self._file({"Bucket": match[1], "Key": match[2]})
            elif uri:
                what = f"its manifest lists {uri!r}, which is no s3://BUCKET/KEY"
                raise Unreadable("Invalid Athena manifest.", what, self._field)  # Source: assumed


def s3_cause(answer: AwsAnswer, request_id: str) -> str:
    """Return how AWS words a call of S3 that failed.

    Source: assumed, after the words of the SDK for Java as they stand in recorded causes of aws-sdk tasks.
    """
    return f"{answer.message} (Service: S3, Status Code: {answer.status}, Request ID: {request_id})"


def _check_header(header: tuple[str, ...], reader: ItemReader) -> None:
    """Refuse a header that has a name twice.

    Source: recorded: map_item_reader_csv_headers_decl_duplicate_headers.
    """
    twice = next((name for number, name in enumerate(header) if name in header[:number]), None)
    if twice is not None:
        given = reader.csv_header_location == "GIVEN"
        what = f"{'CSVHeaders has' if given else 'its first row has'} the column {twice!r} twice"
        field = "ReaderConfig/CSVHeaders" if given else "ReaderConfig/CSVHeaderLocation"
        raise Unreadable("CSV headers cannot contain duplicates.", what, field, header)


def _plain(read: _Read, key: str) -> _Read:
    """Return what reads an object's content, decompressed where it is compressed."""
    head = read(_CHUNK)
    if head.startswith(_ZSTD):
        raise UnsupportedFeatureError(f"the object {key} is compressed with ZSTD, which is not carried out yet")
    chunks = _unzipped(head, read) if head.startswith(_GZIP) else _chunks(head, read)
    return lambda _: next(chunks, b"")


def _chunks(head: bytes, read: _Read) -> Iterator[bytes]:
    while head:
        yield head
        head = read(_CHUNK)


def _unzipped(head: bytes, read: _Read) -> Iterator[bytes]:
    zipped = zlib.decompressobj(31)
    for chunk in _chunks(head, read):
        rest = chunk
        while rest:
            try:
                data = zipped.decompress(rest)
            except zlib.error as error:
                what = f"it begins as GZIP does, and goes on otherwise: {error}"
                raise Unreadable("Failed to decompress the file.", what, "") from None  # Source: assumed
            if data:
                yield data
            rest = zipped.unused_data
            if rest:
                zipped = zlib.decompressobj(31)


def lines(read: _Read) -> Iterator[str]:
    """Yield the lines of a text in UTF-8, each with its newline.

    Raises:
        Unreadable: it is not UTF-8.
    """
    decode = codecs.getincrementaldecoder("utf-8")().decode
    rest = ""
    try:
        while chunk := read(_CHUNK):
            pieces = (rest + decode(chunk)).split("\n")
            rest = pieces.pop()
            for piece in pieces:
                yield f"{piece}\n"
        rest += decode(b"", True)
    except UnicodeDecodeError as error:
        raise Unreadable("Failed to parse the file.", f"it is not UTF-8: {error}", "") from None  # Source: assumed
    if rest:
        yield rest


def _text(read: _Read) -> str:
    return "".join(lines(read))


def _document(text: str, what: str) -> Json:
    try:
        return loads(text)
    except ValueError as error:
        raise Unreadable(f"Failed to parse the JSON file: {error}", f"{what} is not JSON: {error}", "") from None


def _json_lines(read: _Read) -> Iterator[Json]:
    for number, line in enumerate(lines(read), 1):
        if line.strip():
            yield _document(line, f"line {number}")


def _json_items(read: _Read, reader: ItemReader) -> Iterator[Json]:
    """Yield the items of a JSON array; only its text is held.

    Source: recorded: map_item_reader_json_no_json_list_object (an object).
    """
    text = _text(read)
    if reader.items_pointer:
        yield from _pointed(_document(text, "the file"), reader.items_pointer, reader)
        return
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        _document(text, "the file")
        words = "Attempting to map over non-iterable node."
        hint = "the file holds no array; name one inside it with ItemsPointer" if text[at : at + 1] == "{" else ""
        raise Unreadable(words, hint or "the file holds no array", "ReaderConfig")
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        return
    while True:
        try:
            item, at = read_one(text, at)
        except ValueError as error:
            raise Unreadable(f"Failed to parse the JSON file: {error}", f"the file is not JSON: {error}", "") from None
        at = _skip(text, at)
        sign = text[at : at + 1]
        if sign not in (",", "]"):
            what = f"the file is not JSON: expecting ',' or ']' at character {at}"
            raise Unreadable("Failed to parse the JSON file: expecting ',' or ']'", what, "")
        yield item
        if sign == "]":
            return
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _pointed(value: Json, pointer: str, reader: ItemReader) -> Iterator[Json]:
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            near = value if isinstance(value, dict) else ()
            what = f"ItemsPointer {pointer} leads nowhere: there is no {name!r}"
            raise Unreadable("Attempting to map over non-iterable node.", what, "ReaderConfig/ItemsPointer", near)
    if isinstance(value, dict):
        raise UnsupportedFeatureError(
            f"{reader.pointer}/ReaderConfig/ItemsPointer leads to an object, and a Map over an object's keys is not "
            "carried out yet"
        )
    if not isinstance(value, list):
        what = f"ItemsPointer {pointer} leads to {_shown(value)}, which is no array"
        raise Unreadable("Attempting to map over non-iterable node.", what, "ReaderConfig/ItemsPointer")
    yield from value


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)[:60]
