"""A mutated machine that fails names what was mutated; the page of figures says so truly."""

from __future__ import annotations

import json

import pytest

from tests.broken.conftest import NAMES

from . import table
from .material import COUNT, SOUND, Mutation, candidates, chosen, definition_of, mutated, states_of, told

PARCELS = next(each for each in SOUND if each.name == "parcels")


def _one(kind: str, state: str) -> Mutation:
    return next(each for each in candidates(PARCELS) if (each.kind, each.state) == (kind, state))


@pytest.mark.parametrize(
    ("kind", "state"),
    [("result-path", "Route"), ("removed", "Route"), ("renamed", "Route"), ("context", "Route"), ("context", "Tell")],
)
def test_a_mutation_of_somebody_elses_machine_is_named(kind: str, state: str) -> None:
    result = told(_one(kind, state))
    assert result.failed
    assert result.named, result


def test_every_mutation_changes_the_state_that_it_names_and_no_other() -> None:
    sound = states_of(definition_of(PARCELS))
    for each in candidates(PARCELS):
        changed = states_of(mutated(PARCELS, each))
        assert [name for name in sound if sound[name] != changed[name]] == [each.state]


def test_the_page_has_every_broken_definition_and_every_machine() -> None:
    text = table.PAGE.read_text(encoding="utf-8")
    assert [name for name in NAMES if f"| `{name}` |" not in table.broken_of(text)] == []
    assert list(table.machine_rows(text)) == [each.name for each in SOUND]
    assert table.page(table.broken_of(text), table.mutations_of(text)) == text


@pytest.mark.parametrize("name", ["counted-loop", "claims"])
def test_the_page_has_the_figures_of_its_machines(name: str) -> None:
    assert table.machine_rows(table.PAGE.read_text(encoding="utf-8"))[name] == table.machine_row(name)


@pytest.mark.parametrize("name", [each.name for each in SOUND if each.is_sample])
def test_nine_of_ten_mutations_of_a_sample_name_the_mutated_state_and_field(name: str) -> None:
    failed = [each for each in table.drawn(table.SEED, (name,)) if each.failed]
    missed = [json.dumps([each.mutation.name, each.why, each.fix]) for each in failed if not each.named]
    assert failed
    assert len(missed) <= len(failed) // 10, "\n".join(missed)


@pytest.mark.slow
def test_the_same_seed_draws_the_same_mutations() -> None:
    assert len(chosen()) == COUNT
    assert chosen() == chosen()
    assert chosen(seed=7) != chosen()


@pytest.mark.slow
@pytest.mark.parametrize("seed", table.SEEDS)
def test_nine_of_ten_mutations_that_fail_name_the_mutated_state_and_field(seed: int) -> None:
    failed = [each for each in table.drawn(seed) if each.failed]
    missed = [json.dumps([each.mutation.name, each.why, each.fix]) for each in failed if not each.named]
    assert len(failed) >= COUNT // 4
    assert len(missed) <= len(failed) // 10, "\n".join(missed)


@pytest.mark.slow
def test_the_page_says_what_the_runs_say() -> None:
    text = table.PAGE.read_text(encoding="utf-8")
    assert table.mutations_of(text) == table.mutations_part({seed: table.drawn(seed) for seed in table.SEEDS})
    assert table.broken_of(text) == table.broken_part()
