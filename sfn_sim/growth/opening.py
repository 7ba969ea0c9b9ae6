"""What is to be varied, found by name: a machine or a broken one, its handlers, its fixture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sfn_sim import limits
from sfn_sim.config import Config, FunctionSettings, find_config
from sfn_sim.errors import ConfigurationError
from sfn_sim.growth.measuring import Growth
from sfn_sim.growth.scaling import ITEMS
from sfn_sim.growth.varying import varied
from sfn_sim.machine import StateMachine
from sfn_sim.run.execution import Options
from sfn_sim.runner import find_fixture, find_machine, handlers_of
from sfn_sim.services.lambda_functions import Handlers
from sfn_sim.source import Source
from sfn_sim.sources import machine_name, read_definition
from sfn_sim.variants import find_variant, load_variant
from sfn_sim.world import Fixture, load_fixture


def open_growth(
    *,
    machine: str | None = None,
    broken: str | None = None,
    fixture: str | None = None,
    vary: str,
    settings: Mapping[str, str] | None = None,
    substitutions: Mapping[str, str] | None = None,
    handlers: str | None = None,
    replaced: Mapping[str, Path] | None = None,
    most: int | None = ITEMS,
    limit_bytes: int | None = None,
    limit_events: int | None = None,
    seed: int | None = None,
    config: Config | None = None,
) -> Growth:
    """Return the growth of a machine, as the options of `sfn-sim growth` name it.

    Args:
        machine: its name or file.
        broken: a broken variant instead.
        fixture: the fixture's name or folder; that of the variant by default.
        vary: KEY=LOW..HIGH.
        settings: what is overridden in the fixture.
        substitutions: what fills `${Name}`.
        handlers: where handlers are.
        replaced: files by function, in the place of those.
        most: how many items of a Map are carried out; None for all.
        limit_bytes: the payload limit; AWS's by default.
        limit_events: the history limit; AWS's by default.
        seed: the seed; the fixture's by default.
        config: the project's configuration; found from the working directory by default.

    Raises:
        SfnSimError: something of it is not there, or cannot be used.
    """
    config = config or find_config()
    if (machine is None) == (broken is None):
        raise ConfigurationError("name a machine, or a broken one with --broken NAME; see sfn-sim growth --help")
    variant = load_variant(find_variant(broken, config.definitions)) if broken is not None else None
    path = variant.definition if variant is not None else find_machine(machine or "", config.definitions)
    owner = variant.machine if variant is not None else machine_name(path)
    named = fixture or (variant.fixture if variant is not None else None)
    if named is None:
        raise ConfigurationError("--vary varies a value of a fixture: name one with --fixture")
    folder = find_fixture(owner, named, config.fixtures)
    merged = {**(variant.settings if variant is not None else {}), **(settings or {})}
    quantity = varied(vary, folder, settings or {})
    merged.pop(quantity.key, None)
    first = load_fixture(folder, merged)
    found = handlers_of(handlers, config, first.environment)
    if variant is not None:
        found = variant.over(found)

    name, source = read_definition(path, {})
    machines: dict[tuple[tuple[str, str], ...], StateMachine] = {}

    def made(each: Fixture) -> StateMachine:
        known = {**config.substitutions, **each.substitutions, **(substitutions or {})}
        key = tuple(sorted(known.items()))
        if key not in machines:
            machines[key] = StateMachine.from_source(Source(source.path, source.text, known), name)
        return machines[key]

    options = Options(
        limit_bytes=limit_bytes or limits.PAYLOAD.value, limit_events=limit_events or limits.HISTORY_EVENTS.value
    )
    return Growth(
        machine=made, handlers=_over(found, replaced or {}), folder=folder, settings=merged, varied=quantity,
        seed=seed, options=options, most=most,
    )  # fmt: skip


def _over(handlers: Handlers, replaced: Mapping[str, Path]) -> Handlers:
    """Return handlers with other files in the place of some; these may import what they replace."""
    if not replaced:
        return handlers
    config = handlers.config or Config()
    path = (handlers.folder,) if handlers.folder else ()
    own = [FunctionSettings(pattern=name, file=file, path=path) for name, file in replaced.items()]
    return replace(handlers, config=replace(config, functions=(*own, *config.functions)))
