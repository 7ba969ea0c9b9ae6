"""Why a Map failed: its own fields, its dataset, the place of its results, or one of its child executions."""

from __future__ import annotations

import json
from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sfn_sim.analysis.kept import is_imported
from sfn_sim.analysis.trace import array_fix, keys_of, kind_of, lists_in
from sfn_sim.errors import Detail
from sfn_sim.payload import Json
from sfn_sim.run.execution import Execution
from sfn_sim.run.log import Visit
from sfn_sim.run.map_run import MapRun

if TYPE_CHECKING:
    from sfn_sim.analysis.diagnosis.diagnose import Diagnosis

_NAMED = 5


def _map(diagnosis: Diagnosis, detail: Detail, visit: Visit, _: Execution) -> None:
    """A Map whose own fields are wrong."""
    if detail.field == "ItemsPath":
        diagnosis.what = f"{detail.expression} is {kind_of(detail.reached)}, and a Map needs an array"
        if detail.reached is None:
            diagnosis.fix = "let a Choice go round the Map when the value is null"
        elif isinstance(detail.reached, str) and _is_json_array(detail.reached):
            diagnosis.why = f"it is JSON text, which nobody has read: {detail.reached[:60]}"
            diagnosis.fix = "let the handler return the array itself, or read the text by States.StringToJson before"
        else:
            given = "ItemsPath" in visit.state.paths
            diagnosis.fix = array_fix(visit.name, lists_in(detail.value), jsonata=False, given=given)
        return
    diagnosis.what = detail.message


def _is_json_array(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except ValueError:
        return False


def _reader(diagnosis: Diagnosis, detail: Detail, visit: Visit, _: Execution) -> None:
    """A dataset that cannot be read."""
    given = detail.value if isinstance(detail.value, dict) else {}
    bucket, key = given.get("Bucket"), given.get("Key")
    place = f"s3://{bucket}/{key}" if key is not None else f"s3://{bucket}"
    diagnosis.expression = place
    diagnosis.what = f"the ItemReader cannot read {place}: {detail.message}"
    near = [str(each) for each in detail.reached] if isinstance(detail.reached, list) else []
    field = detail.field.removesuffix(".$").rpartition("/")[2]
    if field == "Bucket":
        diagnosis.label = "no such bucket"
        diagnosis.fix = f"{_instead(str(bucket), near, 'bucket')}; or give the fixture that bucket: [[buckets]]"
    elif field == "Key":
        diagnosis.label = "no such key"
        diagnosis.fix = f"{_instead(str(key), near, 'key')}; or put the dataset at {key}"
    elif field in ("CSVHeaders", "CSVHeaderLocation"):
        diagnosis.why = f"the columns are {', '.join(near)}"
        diagnosis.fix = 'give each column a name of its own: "CSVHeaderLocation": "GIVEN" with "CSVHeaders"'
    elif field == "ItemsPointer":
        diagnosis.why = f"there are: {', '.join(near[:_NAMED])}" if near else ""
        diagnosis.fix = "point to the array, such as /orders/lines"
    elif field == "MaxItemsPath":
        diagnosis.fix = "give a number from 1 on, or 0 for all items"
    elif "no array" in detail.message:
        diagnosis.fix = "let the file be an array, or name the one inside it by ItemsPointer"
    elif "is not CSV" in detail.message:
        diagnosis.fix = "mend the file, or name its delimiter by CSVDelimiter (COMMA, PIPE, SEMICOLON, SPACE, TAB)"
    elif "is not JSON" in detail.message:
        diagnosis.fix = "mend the file, or name its format by InputType (CSV, JSON, JSONL, MANIFEST)"
    if diagnosis.field.endswith(".$"):
        diagnosis.notes.append(f"the input of {visit.name} is {keys_of(visit.input)}")


def _instead(wanted: str, near: list[str], kind: str) -> str:
    """Say what is there in the place of what is not."""
    closest = get_close_matches(wanted, near, 1, 0.5)
    if closest:
        return f"did you mean {closest[0]}"
    if not near:
        return f"there is no {kind} at all"
    more = f", and {len(near) - _NAMED} more" if len(near) > _NAMED else ""
    return f"there are: {', '.join(near[:_NAMED])}{more}"


def _writer(diagnosis: Diagnosis, detail: Detail, _: Visit, __: Execution) -> None:
    """Results that cannot be written."""
    where = detail.value if isinstance(detail.value, list) else []
    bucket = str(where[0]) if where else ""
    diagnosis.expression = f"s3://{'/'.join(str(each) for each in where if each)}"
    diagnosis.what = f"the ResultWriter cannot write to {diagnosis.expression}: {detail.message}"
    near = [str(each) for each in detail.reached] if isinstance(detail.reached, list) else []
    diagnosis.label = "no such bucket" if near or "no bucket" in detail.message else ""
    diagnosis.fix = f"{_instead(bucket, near, 'bucket')}; or give the fixture that bucket: [[buckets]]"


def _map_run(diagnosis: Diagnosis, detail: Detail, visit: Visit, execution: Execution) -> None:
    """A Map Run of which too many items failed: the first that did tells why."""
    run = next((each for each in reversed(execution.log.map_runs) if each.visit == visit.index), None)
    if run is None:
        diagnosis.what = detail.message
        return
    failed = sorted(index for index, child in run.children.items() if child.status == "FAILED")
    if is_imported(run) and not failed:
        diagnosis.what = "too many of its children failed, and the history does not have theirs"
        diagnosis.fix = f"add the history of one that failed: sfn-sim import … --child '{visit.path}[N]=HISTORY.json'"
        return
    counted = f"{run.items['FAILED']:,} of {_total(run)} items failed, and {_borne(run)}"
    if not failed:
        diagnosis.what = counted
        return
    child = run.children[failed[0]]
    name = f"{'item' if child.items == 1 else 'batch'} {child.index} of {visit.path}"
    _take_over(diagnosis, child.execution(), name)
    if not is_imported(run):
        diagnosis.notes.append(counted)
    if len(failed) > 1:
        others = ", ".join(str(index) for index in failed[1 : _NAMED + 1])
        diagnosis.notes.append(f"the next that failed: {others}{', …' if len(failed) > _NAMED + 1 else ''}")
    diagnosis.notes.append(f"{name} was given {_short(child.input)}")


def _take_over(diagnosis: Diagnosis, child: Execution, name: str) -> None:
    """Tell of a child execution's failure as of one's own."""
    from sfn_sim.analysis.diagnosis import diagnose as whole  # which uses this module

    source = diagnosis.source
    if not child.log.visits:
        diagnosis.what = f"{name} was refused before it began: {child.error}: {child.cause}"
        if child.detail is not None and child.detail.size_bytes:
            size, most = child.detail.size_bytes, child.detail.limit_bytes
            diagnosis.why = f"its input has {size:,} bytes, and {most:,} is the most"
            diagnosis.fix = "give each child less (ItemSelector, ItemBatcher), or the key of what stands in S3"
        return
    inner = whole.diagnose(child, source) if source is not None else None
    if inner is None:
        diagnosis.what = f"{name}: {child.error}: {child.cause}"
        return
    diagnosis.state = f"{name}, in {inner.state}"
    for field in ("pointer", "location", "field", "expression", "attempt", "event", "label", "notes"):
        setattr(diagnosis, field, getattr(inner, field))
    diagnosis.what = f"{name}: {inner.what}"
    diagnosis.why = inner.why.replace("the execution's input", "the item")
    diagnosis.fix = inner.fix.replace("the execution's input", "the item")
    diagnosis.notes.insert(0, f"in the child execution: {child.error}")


def _total(run: MapRun) -> str:
    return f"{run.total_items:,}" if run.total_items is not None else "the"


def _borne(run: MapRun) -> str:
    borne = []
    if run.tolerated_count:
        borne.append(f"ToleratedFailureCount is {run.tolerated_count:,}")
    if run.tolerated_share:
        borne.append(f"ToleratedFailurePercentage is {run.tolerated_share:g}")
    return " and ".join(borne) or "the Map bears none (ToleratedFailureCount, ToleratedFailurePercentage)"


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"


KINDS: dict[str, Callable[[Diagnosis, Detail, Visit, Execution], None]] = {
    "map": _map,
    "reader": _reader,
    "writer": _writer,
    "map run": _map_run,
}
"""What is said of each kind of failure of a Map."""
