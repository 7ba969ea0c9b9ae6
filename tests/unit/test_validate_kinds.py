"""Values of fields: kinds, ranges, paths, templates."""

from __future__ import annotations

from seen import Seen, findings, only, state, task

SCHEMA = "SCHEMA_VALIDATION_FAILED"


def test_a_comment_that_is_no_string_is_refused() -> None:
    assert only(state(Comment=3)) == Seen(
        SCHEMA,
        "Expected value of type [STRING]",
        "/States/A/Comment",
        "6:15 3",
        "a number stands here",
    )


def test_an_integer_below_its_least_is_refused() -> None:
    assert only(task(TimeoutSeconds=0)) == Seen(
        SCHEMA,
        "Minimum value is 1",
        "/States/A/TimeoutSeconds",
        "7:22 0",
        "TimeoutSeconds is from 1 to 99999999",
    )


def test_an_integer_above_its_greatest_is_refused() -> None:
    assert only(task(TimeoutSeconds=100_000_000)) == Seen(
        SCHEMA,
        "Maximum value is 99999999",
        "/States/A/TimeoutSeconds",
        "7:22 100000000",
        "TimeoutSeconds is from 1 to 99999999",
    )


def test_text_for_an_integer_is_refused() -> None:
    assert only(task(TimeoutSeconds="5")) == Seen(
        SCHEMA,
        "Expected value of type Integer",
        "/States/A/TimeoutSeconds",
        '7:22 "5"',
        "a string stands here",
    )


def test_a_value_and_a_path_for_one_thing_is_refused() -> None:
    assert only(task(TimeoutSeconds=1, TimeoutSecondsPath="$.t")) == Seen(
        SCHEMA,
        "There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath]",
        "/States/A",
        '8:4 "TimeoutSecondsPath"',
        "keep only TimeoutSeconds or TimeoutSecondsPath",
    )


def test_a_timestamp_without_time_is_refused() -> None:
    assert only(state("Wait", Timestamp="2026-01-01")) == Seen(
        SCHEMA,
        "String does not match RFC3339 timestamp",
        "/States/A/Timestamp",
        '6:17 "2026-01-01"',
        "write it as 2030-01-31T12:00:00Z: upper-case T, and Z or an offset such as +01:00",
    )


def test_an_input_path_without_a_dollar_is_refused() -> None:
    assert only(state(InputPath="x")) == Seen(
        SCHEMA,
        "Value must be a valid JSONPath.",
        "/States/A/InputPath",
        '6:17 "x"',
        'a path begins with $: "$.x"',
    )


def test_an_output_path_that_is_not_closed_is_underlined_where_it_breaks() -> None:
    assert only(state(OutputPath="$.a[")) == Seen(
        SCHEMA,
        "Value must be a valid JSONPath.",
        "/States/A/OutputPath",
        "6:22 [",
        "in brackets stands a quoted name, an index, a slice, * or a filter ?(…)",
    )


def test_null_is_accepted_for_the_paths_that_may_be_null() -> None:
    assert findings(state(InputPath=None, OutputPath=None, ResultPath=None)) == []


def test_a_result_path_that_names_many_places_is_refused() -> None:
    assert only(state(ResultPath="$.a[*]")) == Seen(
        SCHEMA,
        "Value is not a Reference Path",
        "/States/A/ResultPath",
        "6:22 [*]",
        "a Reference Path names one place: no *, .., slice, filter or list",
    )


def test_a_result_path_without_a_dollar_is_refused() -> None:
    assert only(state(ResultPath="a")) == Seen(
        SCHEMA,
        "Value is not a Reference Path: Reference path didn't start with '$'",
        "/States/A/ResultPath",
        '6:18 "a"',
        'a path begins with $: "$.a"',
    )


def test_a_result_path_into_the_context_object_is_refused() -> None:
    assert only(state(ResultPath="$$.x")) == Seen(
        SCHEMA,
        "Value is not a Reference Path",
        "/States/A/ResultPath",
        '6:18 "$$.x"',
        "a Reference Path begins with $, not with $$",
    )


def test_every_wrong_field_of_a_template_is_told() -> None:
    assert findings(state(Parameters={"a.$": "x", "b": {"c.$": "States.Fmt('x')"}})) == [
        Seen(
            SCHEMA,
            "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call",
            "/States/A/Parameters",
            '7:12 "x"',
            "neither a path, which begins with $, nor a call of an intrinsic function, which begins with States.",
        ),
        Seen(
            SCHEMA,
            "The value for the field 'c.$' must be a valid JSONPath or a valid intrinsic function call",
            "/States/A/Parameters/b",
            "9:13 \"States.Fmt('x')\"",
            "there is no intrinsic function States.Fmt; did you mean States.Format?",
        ),
    ]


def test_a_path_as_plain_text_in_a_template_is_warned_of() -> None:
    assert only(state(Parameters={"a": "$.x"}), severity="WARNING") == Seen(
        "NO_DOLLAR",
        "No .$ on a field that appears to be a JSONPath or Intrinsic Function.",
        "/States/A/Parameters/a",
        '7:10 "$.x"',
        '"a" gets this text as it stands; write "a.$" to get the value',
    )


def test_a_path_in_a_static_result_is_warned_of() -> None:
    assert only(state(Result={"a.$": "$.x"}), severity="WARNING") == Seen(
        "PASS_RESULT_IS_STATIC",
        "Attempt to use a path in the result of a pass state.",
        "/States/A/Result/a.$",
        '7:12 "$.x"',
        "Result is taken as it stands; write Parameters to have paths evaluated",
    )


def test_a_path_as_plain_text_in_a_field_that_has_a_path_form_is_warned_of() -> None:
    assert only(state("Fail", Error="$.e"), severity="WARNING") == Seen(
        "NO_PATH",
        "Field value looks like a path, but field name does not end with 'Path'.",
        "/States/A/Error",
        '6:13 "$.e"',
        'this is taken as plain text; to read the value write "ErrorPath"',
    )


def test_an_error_and_its_path_is_refused() -> None:
    assert only(state("Fail", Error="x", ErrorPath="$.e")) == Seen(
        SCHEMA,
        "There should only be one of the following fields: [Error, ErrorPath]",
        "/States/A",
        '7:4 "ErrorPath"',
        "keep only Error or ErrorPath",
    )


def test_an_unknown_intrinsic_function_in_an_error_path_is_refused() -> None:
    assert only(state("Fail", ErrorPath="States.Foo()")) == Seen(
        SCHEMA,
        "The value for the field 'ErrorPath' must be a valid JSONPath or a valid intrinsic function call",
        "/States/A/ErrorPath",
        '6:17 "States.Foo()"',
        "there is no intrinsic function States.Foo; did you mean States.Format?",
    )
