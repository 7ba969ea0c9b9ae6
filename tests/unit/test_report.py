from __future__ import annotations

import io
import json
import re
import time
from typing import Any

import pytest
from rich.console import Console

from sfn_sim import StateMachine, limits
from sfn_sim.report import terminal
from sfn_sim.report.summary import RunSummary, failure_json, state_rows
from sfn_sim.run.execution import Options
from sfn_sim.world import Check

LIMIT = limits.PAYLOAD.value
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:"
LONG = "AStateWhoseNameIsAsLongAsAmazonStatesLanguageLetsItBe" + "X" * 27
DEFINITION = {
    "StartAt": "Nap",
    "States": {
        "Nap": {"Type": "Wait", "Seconds": 86_400 * 3, "Next": "Charge"},
        "Charge": {
            "Type": "Task",
            "Resource": f"{FUNCTION}charge",
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 30, "MaxAttempts": 2}],
            "Next": "Each",
        },
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {"StartAt": LONG, "States": {LONG: {"Type": "Pass", "End": True}}},
            "End": True,
        },
    },
}
WORLD_BEFORE = {"batches": {"PENDING": 5}, "embeddings": 0, "objects": {}, "bytes": {}}
WORLD_AFTER = {
    "batches": {"COMPLETED": 5}, "embeddings": 40,
    "objects": {"a/very/long/prefix/that/some/bucket/may/well/have/for/its/snapshots/": 12},
    "bytes": {"a/very/long/prefix/that/some/bucket/may/well/have/for/its/snapshots/": 1_234_567_890},
}  # fmt: skip


class Busy(Exception):
    """What the handler raises at first."""


def summary(size: int = 10, limit_bytes: int = LIMIT, **more: Any) -> tuple[RunSummary, Any]:
    """Run a machine whose task hands on `size` characters."""
    calls: list[int] = []

    def charge(event: Any, context: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise Busy("try again")
        time.sleep(90)
        return {"items": [1, 2, 3], "text": "x" * size}

    machine = StateMachine.from_json(DEFINITION, "checkout")
    execution = machine.run({}, {"charge": charge}, options=Options(seed=0, limit_bytes=limit_bytes))
    return RunSummary("checkout", execution, 1234.5, **more), machine.source


def shown(made: RunSummary, source: Any, *, quiet: bool = False, **console: Any) -> str:
    file = io.StringIO()
    show = terminal.show_quietly if quiet else terminal.show
    show(Console(file=file, **{"width": 80, "highlight": False, **console}), made, source)
    return file.getvalue()


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(name))


def test_tables_fit_80_columns_whatever_states_and_prefixes_are_called() -> None:
    made, source = summary(200_000, world_before=WORLD_BEFORE, world_after=WORLD_AFTER)
    text = shown(made, source)
    assert max(len(line) for line in text.splitlines()) <= 80
    together = re.sub(r"\s", "", text)
    for number in ("200,027", "1,234,567,890", "76.3%"):
        assert number in together
    assert LONG[:16] in text


def test_a_row_tells_type_visits_retries_sizes_and_both_times() -> None:
    text = shown(*summary())
    assert row(text, "Charge").split()[:4] == ["Charge", "Task", "1", "1"]
    assert "2 min" in row(text, "Charge")
    assert "3 days" in row(text, "Nap")
    assert row(text, LONG[:8]).split()[1:4] == ["Pass", "3", "–"]


def test_the_headroom_is_that_of_the_largest_payload() -> None:
    made, source = summary(200_000)
    text = shown(made, source, width=200)
    worst = made.worst()
    assert worst is not None
    assert f"largest payload: {worst.largest_bytes:,} of {LIMIT:,} bytes (76.3%) in {worst.name}" in text
    assert f"{LIMIT - worst.largest_bytes:,} bytes of headroom" in text


def test_a_payload_over_the_limit_is_marked() -> None:
    made, source = summary()
    made.rows[1].largest_output_bytes = LIMIT + 1
    text = shown(made, source, width=200, force_terminal=True, color_system="standard", no_color=False)
    assert re.search(r"\x1b\[31m *100\.0%", row(text, "Charge"))
    assert f"largest payload: {LIMIT + 1:,} of {LIMIT:,} bytes (100.0%) in Charge, 1 bytes over" in text


def test_a_payload_near_the_limit_is_marked_too() -> None:
    text = shown(*summary(220_000), width=200, force_terminal=True, color_system="standard", no_color=False)
    assert re.search(r"\x1b\[33m8\d\.\d%", row(text, "Charge"))


def test_shares_are_of_the_limit_that_the_run_had() -> None:
    made, source = summary(10, limit_bytes=1000)
    assert "of 1,000 bytes" in shown(made, source)


def test_without_colours_the_words_are_the_same() -> None:
    checks = [Check("orders", True, 1, 1), Check("vectors", False, 5, 4, "wrong: r1")]
    given = summary(220_000, checks=checks, world_before=WORLD_BEFORE, world_after=WORLD_AFTER)
    coloured = shown(*given, force_terminal=True, color_system="truecolor", no_color=False)
    plain = shown(*given, no_color=True, force_terminal=False)
    assert "\x1b" in coloured
    assert "\x1b" not in plain
    assert without_colours(coloured) == plain


def test_in_a_pipe_there_is_no_colour_and_nothing_is_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    made, source = summary(world_before=WORLD_BEFORE, world_after=WORLD_AFTER)
    terminal.show(terminal.console(), made, source)
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "…" not in text
    assert next(iter(WORLD_AFTER["objects"])) in text


def test_the_world_is_shown_before_and_after_with_what_changed() -> None:
    text = shown(*summary(world_before=WORLD_BEFORE, world_after=WORLD_AFTER), width=120)
    assert row(text, "batches PENDING").split()[2:] == ["5", "0", "-5"]
    assert row(text, "batches COMPLETED").split()[2:] == ["0", "5", "+5"]
    assert row(text, "embeddings").split()[1:] == ["0", "40", "+40"]


def test_every_expectation_is_shown_with_both_figures() -> None:
    checks = [Check("orders", True, 5, 5, "unseen"), Check("vectors", False, {"a": 1}, None, "wrong: r1")]
    made, source = summary(checks=checks)
    text = shown(made, source)
    assert "✓ orders: expected 5, actual 5\n" in text
    assert '✗ vectors: expected {"a":1}, actual null (wrong: r1)\n' in text
    assert "not as expected: vectors" in text.replace("\n", "")


def test_quietly_only_what_is_wrong_is_shown_and_the_last_line() -> None:
    checks = [Check("orders", True, 5, 5), Check("vectors", False, 5, 4)]
    text = shown(*summary(checks=checks), quiet=True, width=200)
    assert "orders" not in text
    assert "✗ vectors: expected 5, actual 4" in text
    assert text.splitlines()[-1].startswith("SUCCEEDED · simulated 3 days in 1.2 s · ")
    assert len(shown(*summary(), quiet=True, width=200).splitlines()) == 1


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"), (0.4, "0 ms"), (1, "1 ms"), (999, "999 ms"), (1000, "1.0 s"), (99_900, "99.9 s"),
        (100_000, "100 s"), (120_000, "2 min"), (7_199_000, "120 min"), (7_200_000, "2.0 h"), (86_400_000, "24.0 h"),
        (172_800_000, "2 days"), (31_536_000_000, "365 days"),
    ],
)  # fmt: skip
def test_a_duration_is_in_the_unit_that_fits(milliseconds: float, text: str) -> None:
    assert terminal.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ([], 0),
        ([Check("status", True, "SUCCEEDED", "SUCCEEDED"), Check("orders", True, 1, 1)], 0),
        ([Check("status", False, "FAILED", "SUCCEEDED")], 1),
        ([Check("status", True, "SUCCEEDED", "SUCCEEDED"), Check("orders", False, 1, 2)], 3),
        ([Check("error", False, "Boom", None), Check("orders", False, 1, 2)], 1),
    ],
)
def test_the_exit_code_tells_how_it_ended(checks: list[Check], code: int) -> None:
    assert summary(checks=checks)[0].exit_code == code


def test_json_has_a_row_for_each_state_in_order_of_first_entry() -> None:
    made, _ = summary(checks=[Check("orders", True, 5, 5)], world_before=WORLD_BEFORE, world_after=WORLD_AFTER)
    found = json.loads(json.dumps(made.to_json()))
    assert [(each["name"], each["type"], each["visits"], each["retries"]) for each in found["states"]] == [
        ("Nap", "Wait", 1, 0), ("Charge", "Task", 1, 1), ("Each", "Map", 1, 0), (LONG, "Pass", 3, 0),
    ]  # fmt: skip
    assert set(found["states"][0]) == {
        "name", "type", "visits", "retries", "largest_input_bytes", "largest_output_bytes", "real_ms",
    }  # fmt: skip
    charge = found["states"][1]
    assert charge["largest_input_bytes"] == len("{}")
    assert charge["largest_output_bytes"] == len('{"items":[1,2,3],"text":"xxxxxxxxxx"}')
    assert (found["schema"], found["status"], found["machine"], found["seed"]) == (1, "SUCCEEDED", "checkout", 0)
    assert found["elapsed_virtual_ms"] == (3 * 86_400 + 30 + 90) * 1000
    assert found["expectations"] == [{"name": "orders", "held": True, "expected": 5, "actual": 5}]
    assert found["world"] == {"before": WORLD_BEFORE, "after": WORLD_AFTER}


def test_json_has_the_same_keys_when_nothing_could_be_run() -> None:
    made, _ = summary()
    refused = failure_json("checkout", "no such machine")
    assert set(made.to_json()) - set(refused) <= {"limit_bytes", "warnings"}
    assert (refused["error"], refused["states"], refused["diagnostics"]) == ("no such machine", [], [])


def test_the_stages_of_a_state_are_shown_visit_by_visit() -> None:
    made, _ = summary()
    file = io.StringIO()
    terminal.show_stages(Console(file=file, width=200), made.execution.visits(LONG), LONG)
    assert len(re.findall(r"^  input +\d$", file.getvalue(), re.MULTILINE)) == 3
    assert len(re.findall(r"^  output +\d$", file.getvalue(), re.MULTILINE)) == 3


def test_a_state_that_was_never_entered_is_said_to_be_so() -> None:
    file = io.StringIO()
    terminal.show_stages(Console(file=file, width=200), [], "Nowhere")
    assert file.getvalue() == "the execution never entered a state named Nowhere\n"


def test_markup_in_names_is_shown_as_it_stands() -> None:
    definition = {"StartAt": "[red]A[/red]", "States": {"[red]A[/red]": {"Type": "Pass", "End": True}}}
    machine = StateMachine.from_json(definition)
    made = RunSummary("m", machine.run({}), 1.0, [Check("[bold]x", False, "[red]", "[/]")])
    text = shown(made, machine.source, width=120)
    assert "[red]A[/red]" in text
    assert "✗ [bold]x: expected [red], actual [/]" in text


def test_rows_add_up_over_visits() -> None:
    made, _ = summary()
    (charge,) = [each for each in state_rows(made.execution.log) if each.name == "Charge"]
    assert charge.virtual_ms == 120_000
    assert charge.largest_bytes == max(charge.largest_input_bytes, charge.largest_output_bytes)
