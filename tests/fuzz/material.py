"""What the fuzzer starts from: definitions of this project and recorded ones, and the words of the language."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from sfn_sim.definition.fields import OBJECTS, OPERATORS, STATES
from sfn_sim.query.intrinsics import INTRINSICS
from tests.conformance import corpus

FOLDERS = ("examples", "definitions", "definitions/broken", "tests/golden")
FIELDS = sorted({name for table in (*STATES.values(), *OBJECTS.values()) for name in table.fields})
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
RESOURCES = (
    FUNCTION,
    "arn:aws:states:::lambda:invoke",
    "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "arn:aws:states:us-east-1:123456789012:activity:a",
    "arn:aws:states:::states:startExecution.sync:2",
    "arn:aws:states:::s3:getObject",
    "arn:aws:states:::aws-sdk:s3:listBuckets",
    "arn:aws:states:::",
    "arn:aws:lambda:::function:",
    "f",
)
SINGLE_PATHS = (
    "$", "$.a", "$.a.b", "$.list", "$.list[0]", "$.list[-1]", "$.list[5]", "$.ü", "$['a b']", "$$.State.RetryCount",
    "$$.Map.Item.Value", "$$.Map.Item.Index", "$$.Execution.Input", "$$.Task.Token", "$$",
)  # fmt: skip
VALID_PATHS = (
    *SINGLE_PATHS, "$.list[*]", "$.list[1:]", "$..a", "$['a','b']", "$.list[?(@.a > 1)]", "$.list[?(@.a)].a",
    "$.a.length()", "$.*", "$..*", "$.list[0,1]", "$v", "$v.a",
)  # fmt: skip
PLACES = ("$", "$.a", "$.a.b", "$.list", "$.list[0]", "$.list[5]", "$.ü", "$['a b']", "$.a.b.c.d")
PATHS = (
    *VALID_PATHS, "$.", "$[", "$.a[0:1:2]", "$.a[(@.b)]", "$..", "$['", "a", "", "$states.input", "$.list[?(@.a > )]",
    "$.list[?(@.a in [1])]",
)  # fmt: skip
VALID_CALLS = (
    "States.UUID()", "States.Format('{}', $.a)", "States.Array($.a, 1, null, 'x')", "States.ArrayRange(0, 9, 2)",
    "States.ArrayRange(1, 9, 0)", "States.ArrayGetItem($.list, 0)", "States.JsonToString($)",
    "States.StringToJson($.a)",
    "States.MathAdd($.a, 1)", "States.MathRandom(1, $.a, 3)", "States.Hash($.a, 'MD5')", "States.ArrayLength($.list)",
    "States.ArrayPartition($.list, 2)", "States.JsonMerge($, $.a, false)", "States.StringSplit('a,b', ',')",
    "States.Base64Decode('x')", "States.Base64Encode($.a)", "States.Format('{', 1)",
    "States.ArrayContains($.list, $.a)",
    "States.ArrayUnique($.list)", "States.Format(States.Format('{}', 1))", "States.MathAdd(1e308, $$.State.RetryCount)",
    "States.ArrayRange(-2147483648, 2147483647, 1)", "States.StringToJson('[1')",
)  # fmt: skip
CALLS = (*VALID_CALLS, "States.Nope()", "States.Array(", "States.MathAdd(1)", "States.Format('{}', $.)")
EXPRESSIONS = (
    "{% 1 + 1 %}", "{% $states.input %}", "{% $states.context.State.Name %}", "{% $states.result.a %}", "{% $v %}",
    "{% [1..3] %}", "{% $nope %}", "{% 1 + %}", "{% $sum([1,'a']) %}", "{% $states.input.list %}",
    "{% function(){1} %}",
    "{%%}", "{% %}", "{%", "{% $uuid() %}", "{% $f := function($x){$f($x)}; $f(1) %}", "{% 'a' = 1 %}",
)  # fmt: skip
ERRORS = ("States.ALL", "States.TaskFailed", "States.Timeout", "States.Runtime", "Odd", "States.DataLimitExceeded", "")
TIMES = ("2025-01-01T00:00:01Z", "2024-01-01T00:00:00+01:00", "9999-12-31T23:59:59Z", "2025-01-01 00:00:00Z", "")
WORDS = (
    *FIELDS, *OPERATORS, *INTRINSICS, *STATES, *RESOURCES, *PATHS, *CALLS, *EXPRESSIONS, *ERRORS, *TIMES,
    "JSONPath", "JSONata", "FULL", "NONE", "INLINE", "DISTRIBUTED", "STANDARD", "EXPRESS", "JSON", "CSV", "1.0", "END",
    "${Name}", "x", "ü", "\ud800", "\u0000", "a/b~c", "a.$", ".$", "$$.$", "", " ",
)  # fmt: skip
NUMBERS = (0, 1, 2, 3, -1, 1.5, 0.0, -0.0, 1e308, 100, 99_999_999, 100_000_000, 2**31, 2**53 + 1, 2**64, 10**400)


@functools.cache
def definitions() -> list[tuple[dict[str, Any], Any]]:
    """Every definition at hand that is a JSON object, with an input that belongs to it."""
    found: list[tuple[dict[str, Any], Any]] = []
    for folder in FOLDERS:
        for path in sorted((corpus.PROJECT / folder).rglob("*.asl.json")):
            document = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(document, dict):
                found.append((document, _input_beside(path)))
    # The recorded cases are there for those who have them; small ones alone, so that an example stays fast.
    for case in corpus.cases().values():
        document = case.get("definition")
        if isinstance(document, dict) and len(json.dumps(document)) < 8_000:
            found.append((document, case.get("input", {})))
    return found


def _input_beside(path: Path) -> Any:
    beside = path.parent / "input.json"
    return json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
