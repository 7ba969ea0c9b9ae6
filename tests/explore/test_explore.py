"""`sfn-sim explore`: faults one by one in a small project, with handlers that stand them and handlers that do not."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sfn_sim.cli import cli
from sfn_sim.world import load_fixture, open_world
from sfn_sim.world.snapshot import open_snapshot, restore, snapshot
from tests.explore.material import IDEMPOTENT, NOT_IDEMPOTENT, PAY_ONCE, SWALLOWS, project


def explore(*options: str) -> Result:
    return CliRunner().invoke(cli, ["explore", "orders", "--fixture", "two", *options])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def outcomes(result: Result) -> dict[str, str]:
    found = json.loads(result.stdout)["tried"]
    return {each["fault"]: each["outcome"] for each in found if each["state"] == "Each.Pay"}


@pytest.mark.slow
def test_an_idempotent_handler_survives_every_fault_in_any_order_and_with_a_second_execution_beside_it(
    folder: Path,
) -> None:
    project(folder, IDEMPOTENT)
    result = explore("--schedules", "2", "--json")
    found = outcomes(result)
    assert result.exit_code == 0, result.stdout
    assert found["killed-after"] == found["Runtime.ExitError-after"] == found["delivered-twice"] == "recovered"


def test_a_handler_that_pays_again_loses_data_when_it_is_retried_after_its_side_effects(folder: Path) -> None:
    project(folder, NOT_IDEMPOTENT)
    result = explore("--state", "Pay", "--fault", "Runtime.ExitError-after", "--json")
    assert result.exit_code == 3
    assert outcomes(result) == {"Runtime.ExitError-after": "lost data"}


def test_a_handler_that_swallows_its_errors_succeeds_wrongly(folder: Path) -> None:
    project(folder, SWALLOWS + PAY_ONCE)
    result = explore("--at", "1", "--fault", "dynamodb.TransactWriteItems#0:503")
    assert result.exit_code == 3
    assert "wrong success: dynamodb.TransactWriteItems#0:503 in Each.Pay" in result.stdout
    assert "SUCCEEDED, but paid: expected 2, actual 1" in result.stdout
    assert "sfn-sim explore orders --fixture two --at 1 --fault 'dynamodb.TransactWriteItems#0:503'" in result.stdout


def test_an_order_that_shows_a_defect_is_told_with_the_command_that_shows_it_again(folder: Path) -> None:
    project(folder, NOT_IDEMPOTENT)
    result = explore("--order", "two at once, order 0")
    assert result.exit_code == 3
    assert "two at once, order 0 in (all)" in result.stdout
    assert "sfn-sim explore orders --fixture two --order 'two at once, order 0'" in result.stdout
    assert "1 faults tried" in result.stdout
    refused = explore("--order", "backwards")
    assert "write order N or two at once, order N" in str(refused.exception)


def test_a_timeout_that_a_retrier_names_meets_the_task_before_and_after_its_work(folder: Path) -> None:
    project(folder, IDEMPOTENT)
    file = folder / "definitions" / "orders.asl.json"
    file.write_text(file.read_text().replace('"States.ALL"', '"States.Timeout"'))
    for when in ("before", "after"):
        result = explore("--at", "1", "--fault", f"States.Timeout-{when}", "--json")
        assert outcomes(result) == {f"States.Timeout-{when}": "recovered"}


def test_a_connection_reset_after_the_write_is_met_by_the_clients_own_retry(folder: Path) -> None:
    project(folder, IDEMPOTENT)
    result = explore("--at", "1", "--fault", "dynamodb.TransactWriteItems#0:reset-after", "--json")
    assert outcomes(result) == {"dynamodb.TransactWriteItems#0:reset-after": "recovered"}


def test_an_exploration_goes_on_where_its_budget_ended(folder: Path) -> None:
    project(folder, IDEMPOTENT)
    one = ("--state", "Pay", "--budget")
    first = json.loads(explore(*one, "0.2s", "--json").stdout)
    assert first["left"] > 0
    second = json.loads(explore(*one, "0.2s", "--resume", "--json").stdout)
    assert second["left"] < first["left"]
    assert second["tried"][: len(first["tried"])] == first["tried"]


def test_a_fault_that_there_is_not_is_refused_with_the_states_that_there_are(folder: Path) -> None:
    project(folder, IDEMPOTENT)
    result = explore("--at", "99")
    assert "the good run has 3 invocations, --at 0 to 2, in the states List, Pay" in str(result.exception)


def test_a_machine_whose_good_run_is_not_as_expected_is_not_explored(folder: Path) -> None:
    project(folder, "def handler(event, context):\n    return {}\n")
    result = explore()
    assert "does not even without a fault end as" in str(result.exception)


def test_what_is_written_after_a_snapshot_is_gone_when_it_is_put_back(folder: Path) -> None:
    project(folder, IDEMPOTENT)
    fixture = load_fixture(folder / "fixtures" / "orders" / "two")
    with open_world(fixture) as world:
        kept = snapshot(world)
        world.put_items("orders", [{"id": "c", "state": "PENDING"}])
        restore(world, kept)
        assert {row["id"] for row in world.scan("orders")} == {"a", "b"}
    for _ in range(2):
        with open_snapshot(kept) as world:
            assert {row["id"] for row in world.scan("orders")} == {"a", "b"}
            world.put_items("orders", [{"id": "c", "state": "PENDING"}])


def test_worlds_that_were_put_back_leave_nothing_in_memory(folder: Path) -> None:
    def left() -> int:
        gc.collect()
        return sum(str(type(each).__module__).startswith("moto.") for each in gc.get_objects())

    project(folder, IDEMPOTENT)
    with open_world(load_fixture(folder / "fixtures" / "orders" / "two")) as world:
        kept = snapshot(world)
        restore(world, kept)
        before = left()
        for _ in range(20):
            world.put_items("orders", [{"id": "c", "state": "PENDING"}])
            restore(world, kept)
        assert left() <= before


def test_a_fixtures_mocks_answer_as_in_a_run(folder: Path) -> None:
    project(folder, IDEMPOTENT)
    (folder / "handlers" / "list_orders.py").unlink()
    fixture = folder / "fixtures" / "orders" / "two" / "fixture.toml"
    fixture.write_text(fixture.read_text() + '\n[mocks]\nlist-orders = [{return = ["a", "b"]}]\n')
    result = explore("--state", "Pay", "--fault", "delivered-twice", "--json")
    assert result.exit_code == 0, (result.stdout, result.exception)
    assert outcomes(result) == {"delivered-twice": "recovered"}


def test_what_was_found_in_another_world_is_tried_again(folder: Path) -> None:
    project(folder, IDEMPOTENT)
    one = ("--state", "Pay", "--budget", "0.2s", "--json")
    assert json.loads(explore(*one).stdout)["tried"]
    fixture = folder / "fixtures" / "orders" / "two" / "fixture.toml"
    fixture.write_text(fixture.read_text() + "\n# another one\n")
    explore(*one, "--resume")
    assert len(list((folder / ".sfn-sim").glob("explore-*.json"))) == 2
    assert (folder / ".sfn-sim").stat().st_mode & 0o777 == 0o700


def test_a_file_that_holds_no_exploration_is_refused(folder: Path) -> None:
    project(folder, IDEMPOTENT)
    one = ("--state", "Pay", "--budget", "0.1s")
    explore(*one)
    (kept,) = (folder / ".sfn-sim").glob("explore-*.json")
    kept.write_text("[{")
    assert "holds no exploration" in str(explore(*one, "--resume").exception)
