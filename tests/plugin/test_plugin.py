"""The pytest plugin, used as a project uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = "from sfn_sim.testing import fail, ok\n"


def ran(project: pytest.Pytester, body: str, *options: str) -> pytest.RunResult:
    project.makepyfile(test_it=HEAD + body)
    return project.runpytest("-p", "no:cacheprovider", *options)


def test_a_test_runs_a_machine_with_mocks(project: pytest.Pytester) -> None:
    ran(project, """
def test_a_busy_gateway_is_retried_with_backoff(sfn):
    charge = sfn.mock("charge", [fail("Gateway.Busy"), ok({"receipt": "R1"}, takes=2)])
    execution = sfn.run("checkout", {"id": 7})
    assert execution.path == ["Charge", "Big", "Done"]
    assert execution.visit("Charge").retry_delays == [30]
    assert charge.calls == [{"id": 7}, {"id": 7}]
    assert execution.elapsed == 32
    assert execution.largest_payload.share < 0.01
""").assert_outcomes(passed=1)  # fmt: skip


def test_the_projects_own_handlers_answer_and_what_they_print_is_captured(project: pytest.Pytester) -> None:
    result = ran(project, """
def test_own(sfn):
    assert sfn.run("checkout", {"id": 1}).output == {"id": 1, "charged": {"receipt": "R0"}}

def test_fails(sfn):
    sfn.run("checkout", {"id": 5})
    assert False
""")  # fmt: skip
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*charging 5*"])


def test_a_failed_test_shows_states_stages_and_diagnosis(project: pytest.Pytester) -> None:
    result = ran(project, """
def test_ships(sfn):
    sfn.mock("charge", {})
    assert sfn.run("checkout", {"id": 700}).status == "SUCCEEDED"
""")  # fmt: skip
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "*execution of checkout*", "Charge *Task*", "*definitions/checkout.asl.json:*States.Runtime in Ship*",
        "*what*$.address is missing*", "*input*",
    ])  # fmt: skip


def test_a_failed_test_shows_the_states_that_it_ran_alone(project: pytest.Pytester) -> None:
    result = ran(project, """
def test_ships(sfn):
    assert sfn.state("checkout", "Ship").run({"id": 700}).status == "SUCCEEDED"

def test_charges(sfn):
    assert sfn.state("checkout", "Charge").run({"id": 7}).output == {}
""")  # fmt: skip
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([
        "*state Ship alone*", "*definitions/checkout.asl.json:*States.Runtime in Ship*", "*$.address is missing*",
        "*state Charge alone*", "afterResultPath*receipt*", "*charging 7*", "SUCCEEDED Charge, goes to Big",
    ])  # fmt: skip


def test_an_output_that_differs_is_told_with_the_state_that_made_it(project: pytest.Pytester) -> None:
    result = ran(project, """
def test_output(sfn):
    sfn.mock("charge", {"receipt": "R1"})
    execution = sfn.run("checkout", {"id": 1})
    assert execution.output == {"id": 1, "charged": {"receipt": "R2"}}
""")  # fmt: skip
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*charged*receipt*"])
    assert "Charge" in result.stdout.str()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            'sfn.mock("charge", [ok({}), ok({})])\n    sfn.run("checkout", {"id": 1})',
            "the mock of charge has 2 answers and was called 1 times",
        ),
        (
            'sfn.mock("charge", [fail("Gateway.Busy")])\n    sfn.run("checkout", {"id": 1})',
            "the mock of charge was called 2 times, and its one answer is used up",
        ),
    ],
)
def test_mocks_left_over_or_run_dry_fail_the_test_by_name(project: pytest.Pytester, body: str, words: str) -> None:
    result = ran(project, f"def test_mocks(sfn):\n    {body}\n")
    result.assert_outcomes(failed=1)
    assert words in result.stdout.str()


def test_a_spy_and_handlers_of_the_test_itself(project: pytest.Pytester) -> None:
    ran(project, """
def test_spy(sfn):
    sfn.handlers = {"charge": lambda event, context: {"receipt": "mine"}}
    spy = sfn.spy("charge")
    assert sfn.run("checkout", {"id": 3}).output["charged"] == {"receipt": "mine"}
    assert spy.calls == [{"id": 3}]
""").assert_outcomes(passed=1)  # fmt: skip


def test_the_clock_stands_where_it_is_put_and_advances(project: pytest.Pytester) -> None:
    ran(project, """
from datetime import datetime, timezone
def test_clock(sfn):
    sfn.mock("charge", ok({}, takes=10))
    first = sfn.run("checkout", {"id": 1})
    sfn.clock.advance(50)
    second = sfn.run("checkout", {"id": 1})
    assert (second.identity.start - first.identity.start).total_seconds() == 60
    sfn.clock.now = datetime(2030, 1, 1, tzinfo=timezone.utc)
    assert sfn.run("checkout", {"id": 1}).identity.start.year == 2030
""").assert_outcomes(passed=1)  # fmt: skip


def test_one_state_runs_alone(project: pytest.Pytester) -> None:
    ran(project, """
def test_state(sfn):
    result = sfn.state("checkout", "Charge").run({"id": 1}, mock={"receipt": 1})
    assert (result.status, result.next_state) == ("SUCCEEDED", "Big")
    assert result.inspection["afterResultPath"]
""").assert_outcomes(passed=1)  # fmt: skip


def test_a_test_case_of_a_mock_config_file_answers(project: pytest.Pytester) -> None:
    config = {
        "StateMachines": {"checkout": {"TestCases": {"RetryOnce": {"Charge": "busy"}}}},
        "MockedResponses": {
            "busy": {"0": {"Throw": {"Error": "Gateway.Busy", "Cause": ""}}, "1": {"Return": {"receipt": "R1"}}}
        },
    }
    (Path(project.path) / "MockConfigFile.json").write_text(json.dumps(config))
    ran(project, """
def test_case(sfn):
    execution = sfn.run("checkout", {"id": 1}, test_case="RetryOnce")
    assert execution.visit("Charge").retry_delays == [30]
""").assert_outcomes(passed=1)  # fmt: skip


def test_golden_runs_are_written_compared_and_differ_by_state(project: pytest.Pytester) -> None:
    body = """
def test_golden(sfn):
    sfn.mock("charge", {"receipt": "%s"})
    sfn.run("checkout", {"id": 1}).assert_matches_golden("small")
"""
    ran(project, body % "R1", "--sfn-update-golden").assert_outcomes(passed=1)
    ran(project, body % "R1").assert_outcomes(passed=1)
    result = ran(project, body % "R2")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Charge*", "*receipt*"])


def test_coverage_is_summed_up_and_written_in_every_format(project: pytest.Pytester) -> None:
    result = ran(
        project,
        'def test_small(sfn):\n    sfn.mock("charge", {})\n    sfn.run("checkout", {"id": 1})\n',
        "--sfn-coverage", "--sfn-coverage-json=c.json", "--sfn-coverage-xml=c.xml", "--sfn-coverage-lcov=c.info",
    )  # fmt: skip
    result.assert_outcomes(passed=1)
    assert "Ship" in result.stdout.str()
    folder = Path(project.path)
    assert json.loads((folder / "c.json").read_text())["machines"][0]["machine"] == "checkout"
    assert "checkout.asl.json" in (folder / "c.xml").read_text()
    assert "SF:" in (folder / "c.info").read_text()


def test_a_state_that_is_run_alone_is_covered_with_the_way_that_it_leads(project: pytest.Pytester) -> None:
    ran(project, """
def test_states(sfn):
    assert sfn.state("checkout", "Big").run({"id": 700}).next_state == "Ship"
    assert sfn.state("checkout", "Big").run({"id": 7}).next_state == "Done"
    assert sfn.state("checkout", "Charge").run({"id": 7}, mock=fail("Gateway.Busy")).status == "RETRIABLE"
""", "--sfn-coverage-json=c.json").assert_outcomes(passed=1)  # fmt: skip
    told = json.loads((Path(project.path) / "c.json").read_text())["machines"][0]
    never = {each["name"] for each in told["items"] if not each["count"]}
    assert never == {"Ship", "Done", "Charge → Big", "Ship → Done"}


def test_coverage_is_the_same_over_several_workers(project: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    body = "\n".join(
        f'def test_{number}(sfn):\n    sfn.mock("charge", {{}})\n    sfn.run("checkout", {{"id": {number}}})\n'
        for number in (1, 2, 3)
    )
    result = ran(project, body, "--sfn-coverage-json=c.json", "-n", "2")
    result.assert_outcomes(passed=3)
    assert json.loads((Path(project.path) / "c.json").read_text())["machines"][0]["runs"] == 3


def test_recorded_runs_are_there_for_the_commands(project: pytest.Pytester) -> None:
    body = 'def test_small(sfn):\n    sfn.mock("charge", {})\n    sfn.run("checkout", {"id": 1})\n'
    ran(project, body, "--sfn-record").assert_outcomes(passed=1)
    from sfn_sim.runs import list_runs

    assert [row.machine for row in list_runs(folder=Path(project.path))] == ["checkout"]


def test_environment_clock_and_modules_are_as_before_after_a_failed_test_too(project: pytest.Pytester) -> None:
    ran(project, """
import os, sys, time
def test_first(sfn):
    before = dict(os.environ)
    sfn.mock("charge", {})
    sfn.run("checkout", {"id": 700})
    assert dict(os.environ) == before
    assert abs(time.time() - 1735689600) > 1e6
    raise RuntimeError

def test_second():
    assert "charge" not in sys.modules
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert time.sleep.__module__ == "time"
""").assert_outcomes(passed=1, failed=1)  # fmt: skip


def test_an_unrelated_session_imports_nothing_heavy() -> None:
    code = (
        "import sys, sfn_sim.testing.plugin\n"
        "print(sorted({'moto', 'boto3', 'chromadb', 'rich', 'orjson'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_world_is_opened_run_and_checked(project: pytest.Pytester) -> None:
    folder = Path(project.path) / "fixtures" / "checkout" / "small"
    folder.mkdir(parents=True)
    (folder / "fixture.toml").write_text('input = {id = 4}\n[expect]\nstatus = "SUCCEEDED"\n')
    (folder.parent / "wrong").mkdir()
    (folder.parent / "wrong" / "fixture.toml").write_text('input = {id = 4}\n[expect]\nstatus = "FAILED"\n')
    result = ran(project, """
import pytest

def test_by_call(sfn_world):
    assert sfn_world("checkout", "small").run().output["charged"] == {"receipt": "R0"}

@pytest.mark.sfn_world("checkout", "small")
def test_by_marker(execution, world):
    assert execution.status == "SUCCEEDED"

@pytest.mark.sfn_world("checkout", "wrong")
def test_expectations(execution):
    pass

def test_expectations_by_call(sfn_world):
    sfn_world("checkout", "wrong").run()

@pytest.mark.sfn_world("checkout", "wrong", check=False)
def test_unchecked(execution):
    pass

def test_unchecked_by_call(sfn_world):
    sfn_world("checkout", "wrong", check=False).run()
    sfn_world("checkout", "wrong").run({"id": 5})  # the fixture speaks of its own input
""")  # fmt: skip
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(["*the fixture's expectation 'status' does not hold: expected 'FAILED'*"] * 2)


def test_the_mocks_of_a_fixture_are_asked_for_and_the_tests_own_are_over_them(project: pytest.Pytester) -> None:
    folder = Path(project.path) / "fixtures" / "checkout" / "mocked"
    folder.mkdir(parents=True)
    answers = '[{return = {receipt = "F"}}, {return = {receipt = "G"}}]'
    (folder / "fixture.toml").write_text(f'input = {{id = 4}}\n[mocks]\ncharge = {answers}\n')
    result = ran(project, """
def test_left_over(sfn_world):
    assert sfn_world("checkout", "mocked").run().output["charged"] == {"receipt": "F"}

def test_own(sfn, sfn_world):
    sfn.mock("charge", {"receipt": "T"})
    assert sfn_world("checkout", "mocked").run().output["charged"] == {"receipt": "T"}

def test_misspelt(sfn, sfn_world):
    sfn.mock("chrge", {})
    sfn.mock("charge", {"receipt": "T"})
    sfn_world("checkout", "mocked").run()
""")  # fmt: skip
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines([
        "*the mock of charge has 2 answers and was called 1 times: 1 was never asked for*",
        "*the mock of chrge is for nobody*did you mean charge?*",
    ])  # fmt: skip


def test_a_state_may_be_called_like_a_golden_runs_repeated_visit(project: pytest.Pytester) -> None:
    ran(project, """
import pytest
from sfn_sim.testing import ok
def test_golden(sfn, tmp_path):
    machine = {"StartAt": "Plan visit team", "States": {"Plan visit team": {"Type": "Pass", "Result": 1, "End": True}}}
    execution = sfn.run(machine, {})
    execution.golden = tmp_path
    execution.rewrite = True
    execution.assert_matches_golden("it")
    other = sfn.run({**machine, "States": {"Plan visit team": {"Type": "Pass", "Result": 2, "End": True}}}, {})
    other.golden = tmp_path
    with pytest.raises(AssertionError, match="Plan visit team"):
        other.assert_matches_golden("it")
""").assert_outcomes(passed=1)  # fmt: skip


def test_a_thousand_small_runs_are_quick_and_leave_nothing(project: pytest.Pytester) -> None:
    ran(project, """
import gc, time
def test_many(sfn):
    sfn.mock("charge", {})
    for _ in range(50):
        sfn.run("checkout", {"id": 1})
    gc.collect()
    before, taken = len(gc.get_objects()), []
    machine = sfn.machine("checkout")
    for _ in range(1000):
        started = time.process_time()
        machine.run({"id": 1}, mocks=sfn.mocks)
        taken.append(time.process_time() - started)
    sfn.mocks.found["charge"].calls.clear()
    gc.collect()
    assert len(gc.get_objects()) - before < 500
    assert sorted(taken)[100] < 0.02  # what others do on the machine is in the rest
""").assert_outcomes(passed=1)  # fmt: skip


def test_a_thousand_tests_in_one_process_are_quick_and_leave_nothing_behind_them(project: pytest.Pytester) -> None:
    ran(project, """
import gc, time
import pytest
TAKEN, LEFT = [], []

@pytest.mark.parametrize("n", range(1000))
def test_one_of_many(sfn, n):
    started = time.process_time()
    sfn.mock("charge", {"receipt": n})
    if n % 2:
        assert sfn.run("checkout", {"id": 1}).output["charged"] == {"receipt": n}
    else:
        assert sfn.state("checkout", "Charge").run({"id": 1}).output["charged"] == {"receipt": n}
    TAKEN.append(time.process_time() - started)
    if n in (99, 999):
        gc.collect()
        LEFT.append(sum(str(type(each).__module__).startswith("sfn_sim") for each in gc.get_objects()))

def test_what_they_left():
    assert LEFT[1] - LEFT[0] < 100
    assert sorted(TAKEN)[100] < 0.02  # what others do on the machine is in the rest
""").assert_outcomes(passed=1001)  # fmt: skip


@pytest.mark.parametrize("target", ["chagre", "state:Chagre", "arn:aws:lambda:us-east-1:123456789012:function:chagre"])
def test_a_mock_that_is_for_nobody_fails_the_test_with_the_nearest_name(project: pytest.Pytester, target: str) -> None:
    result = ran(project, f"""
def test_misspelled(sfn):
    sfn.mock({target!r}, {{"receipt": "R1"}})
    assert sfn.run("checkout", {{"id": 1}}).status == "SUCCEEDED"

def test_for_another_state_of_the_machine(sfn):
    sfn.mock("charge", {{}})
    assert sfn.state("checkout", "Big").run({{"id": 1}}).next_state == "Done"

def test_said_to_be_left(sfn):
    sfn.mock({target!r}, {{}}).answers_may_be_left = True
    sfn.run("checkout", {{"id": 1}})
""")  # fmt: skip
    result.assert_outcomes(passed=2, failed=1)
    name = "Charge" if "Chagre" in target else "charge"
    result.stdout.fnmatch_lines([f"*the mock of {target} is for nobody: *; did you mean {name}?*"])


def test_a_mock_of_a_service_may_not_misspell_its_answer(project: pytest.Pytester) -> None:
    put = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "End": True,
           "Parameters": {"Bucket": "b", "Key": "k"}}  # fmt: skip
    (Path(project.path) / "definitions" / "put.asl.json").write_text(json.dumps({"StartAt": "P", "States": {"P": put}}))
    result = ran(project, """
def test_misspelled(sfn):
    sfn.mock("arn:aws:states:::aws-sdk:s3:putObject", {"Etagg": "x"})
    sfn.run("put")

def test_right(sfn):
    sfn.mock("P", {"ETag": "x"})
    sfn.run("put")
""")  # fmt: skip
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*'Etagg' is not in the answer of PutObject; did you mean 'ETag'?*"])


def test_a_mock_that_its_handler_could_not_be_fails_the_test(project: pytest.Pytester) -> None:
    schema = {"result": {"type": "object", "properties": {"receipt": {"type": "string"}}, "required": ["receipt"]}}
    (Path(project.path) / "handlers" / "charge.schema.json").write_text(json.dumps(schema))
    result = ran(project, """
def test_fits(sfn):
    sfn.mock("charge", {"receipt": "R1"})
    assert sfn.run("checkout", {"id": 1}).status == "SUCCEEDED"

def test_lacks(sfn):
    sfn.mock("charge", {"reciept": "R1"})
    sfn.run("checkout", {"id": 1})
""")  # fmt: skip
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*the mock of charge answers what its handler never does*it lacks receipt*"])


def test_one_state_is_answered_by_its_own_mock_or_by_those_of_the_test(project: pytest.Pytester) -> None:
    ran(project, """
def test_its_own(sfn):
    charge = sfn.state("checkout", "Charge")
    assert charge.run({"id": 1}, mock=ok({"receipt": 1}, takes=9)).execution.elapsed_ms == 9000
    failed = charge.run({"id": 1}, mock=fail("Gateway.Busy", "later"))
    assert (failed.status, failed.error, failed.cause) == ("RETRIABLE", "Gateway.Busy", "later")

def test_those_of_the_test(sfn):
    mock = sfn.mock("charge", {"receipt": "R9"})
    assert sfn.state("checkout", "Charge").run({"id": 1}).output["charged"] == {"receipt": "R9"}
    assert mock.calls == [{"id": 1}]
""").assert_outcomes(passed=2)  # fmt: skip


def test_a_project_inside_a_larger_one_is_found_from_the_working_folder(project: pytest.Pytester) -> None:
    root = Path(project.path)
    inner = root / "services" / "orders"
    (inner / "tests").mkdir(parents=True)
    (root / "definitions").rename(inner / "definitions")
    (root / "handlers").rename(inner / "handlers")
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (inner / "sfn-sim.toml").write_text('definitions = "definitions"\n')
    (inner / "tests" / "test_it.py").write_text('def test_it(sfn):\n    assert sfn.run("checkout", {"id": 1}).path\n')
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=inner, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_an_execution_tells_its_variables_as_each_state_left_them(project: pytest.Pytester) -> None:
    ran(project, """
def test_variables(sfn):
    execution = sfn.run({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"n": 1}, "Next": "B"},
        "B": {"Type": "Pass", "Assign": {"n": 2, "m": 3}, "Next": "C"},
        "C": {"Type": "Succeed"},
    }}, {})
    assert execution.variables("A") == {"n": 1}
    assert execution.variables("B") == execution.variables("C") == {"n": 2, "m": 3}
""").assert_outcomes(passed=1)  # fmt: skip


def test_an_execution_is_shown_on_one_line(project: pytest.Pytester) -> None:
    ran(project, """
def test_repr(sfn):
    sfn.mock("charge", {"receipt": "R1"})
    execution = sfn.run("checkout", {"id": 7})
    assert repr(execution) == '<execution of checkout: SUCCEEDED, input {"id":7}>'
    assert repr(execution.visit("Charge")) == "<visit of Charge, event 2>"
""").assert_outcomes(passed=1)  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("fail('X', {'a': 1})", "*fail('X', {'a': 1}): a cause is a text; json.dumps(…) makes one of it"),
        ("fail(None)", "*fail(None): an error is named by a text, such as fail('Error.Name')"),
        ("fail(ValueError)", "*an error is named by a text, such as fail('ValueError')"),
        ("ok({}, takes=-5)", "*takes=-5: an answer takes a number of seconds, 0 or more"),
        ("ok({}, takes='5')", "*takes='5': an answer takes a number of seconds, 0 or more"),
        ("fail('X', takes=float('nan'))", "*takes=nan: an answer takes a number of seconds, 0 or more"),
    ],
)
def test_an_answer_that_no_task_could_give_is_refused_where_it_is_written(
    project: pytest.Pytester, answer: str, words: str
) -> None:
    result = ran(project, f"""
def test_refused(sfn):
    sfn.mock("charge", {answer})
    sfn.run("checkout", {{"id": 1}})
""")  # fmt: skip
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*MockError:" + words.replace("[", "[[]")])


def test_drawn_executions_have_the_projects_handlers_and_count_in_the_coverage(project: pytest.Pytester) -> None:
    result = ran(project, """
from hypothesis import given, settings, strategies as st
from sfn_sim.testing import executions

ORDERS = st.fixed_dictionaries({"id": st.integers(0, 99)})

@settings(max_examples=3, database=None)
@given(executions("definitions/checkout.asl.json", inputs=ORDERS))
def test_drawn(execution):
    assert execution.output["charged"] == {"receipt": "R0"}

@settings(max_examples=3, database=None)
@given(executions("definitions/checkout.asl.json", inputs=ORDERS, mocks={"chrge": {}, "charge": {}}))
def test_misspelt(execution):
    pass
""", "--sfn-coverage")  # fmt: skip
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([
        "*the mock of chrge is for nobody*did you mean charge?*", "checkout: *% taken by 3 runs*",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sfn.run('checkout', {'id': 1}, handlers={'charge': {'x': 1}})",
         "*ConfigurationError: the handler of charge is a dict, and no function: sfn.mock('charge', …) answers*"),
        ("sfn.clock.now = '2030-01-01'", "*TypeError: clock.now is a datetime, and not '2030-01-01'"),
        ("sfn.state('checkout', 'Charge').run({'id': 1}, variables=[[]1])",
         "*InputError: variables are an object by name, and not [[]1]"),
        ("sfn.run('checkout', {'id': 1}, environment={'A': 5})",
         "*ConfigurationError: the variable A of the environment is a text, and not 5"),
        ("sfn.state('checkout', 'Charge').run({'id': 1}, context=5)",
         "*InputError: a Context Object is an object, and not 5"),
    ],
)  # fmt: skip
def test_what_is_of_the_wrong_kind_is_told_where_it_is_given(project: pytest.Pytester, line: str, words: str) -> None:
    result = ran(project, f"def test_refused(sfn):\n    {line.replace('[[]', '[')}\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E" + words])


def test_a_state_that_was_never_entered_is_told_with_the_nearest_that_was(project: pytest.Pytester) -> None:
    result = ran(project, """
def test_visit(sfn):
    sfn.run("checkout", {"id": 1}).visit("Chrge")

def test_mock(sfn):
    sfn.mock(5, {})
""")  # fmt: skip
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([
        "*never entered a state named 'Chrge'; did you mean 'Charge'?*", "E*MockError: a mock answers for*and not 5",
    ])  # fmt: skip


def test_a_marker_of_a_world_that_runs_nothing_warns(project: pytest.Pytester) -> None:
    result = ran(project, """
import pytest
@pytest.mark.sfn_world("checkout", "small")
def test_nothing():
    pass
""")  # fmt: skip
    result.stdout.fnmatch_lines(["*asks for neither `world` nor `execution`: nothing is run*"])


def test_a_diagnosis_that_fails_does_not_end_the_session(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> list[tuple[str, str]]:
        raise ValueError("of no use")

    monkeypatch.setattr("sfn_sim.testing.failures.sections", broken)
    result = ran(project, """
def test_fails(sfn):
    sfn.run("checkout", {"id": 1})
    assert False

def test_goes_on(sfn):
    pass
""")  # fmt: skip
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*its executions could not be told: ValueError('of no use')*"])
