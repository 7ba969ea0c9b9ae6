"""Which run a command looks at: a recorded one, or one that is made for it.

RUN is a recorded run (its name, `last`, or a file that `--record` wrote); with `--fixture`, `--input` or `--broken` the
machine is run first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sfn_sim.run.execution import Execution
    from sfn_sim.source import Source

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--fixture", metavar="NAME|PATH", help="Run the machine RUN in this world first."),
    click.option("--input", "given", metavar="JSON|FILE|-", help="Run the machine RUN with this input first."),
    click.option("--broken", metavar="NAME", help="Run a definition of definitions/broken first; RUN is left out."),
    click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Override a value of the fixture."),
    click.option("--handlers", metavar="DIR|MODULE", help="Where the Lambda functions' Python handlers are."),
    click.option("--substitute", "substitutions", metavar="NAME=VALUE", multiple=True, help="Fill ${NAME}."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."),
)
_MADE_OF = ("fixture", "given", "broken", "settings", "handlers", "substitutions")


@dataclass(frozen=True, slots=True)
class ChosenRun:
    """A run and its definition's text."""

    execution: Execution
    source: Source


def run_options(command: Command) -> Command:
    """Add the options that make a run, and --json."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def make_it(options: dict[str, Any]) -> dict[str, Any] | None:
    """Return the options of a run that is to be made; None if a recorded one is meant."""
    wanted = {name: options.pop(name) for name in _MADE_OF}
    return wanted if any(wanted[name] is not None for name in _MADE_OF[:3]) else None


def choose(run: str | None, wanted: dict[str, Any] | None) -> ChosenRun:
    """Return the run that is meant.

    Raises:
        SfnSimError: there is none, or it could not be run.
    """
    return _recorded(run or "last") if wanted is None else made(run, **wanted)


def made(
    machine: str | None, *, settings: tuple[str, ...] = (), substitutions: tuple[str, ...] = (), **options: Any
) -> ChosenRun:
    """Run a machine and return its last execution.

    Raises:
        SfnSimError: it could not be run.
    """
    from sfn_sim.errors import ConfigurationError
    from sfn_sim.runner import Request, carry_out, pairs

    if (machine is None) == (options.get("broken") is None):
        raise ConfigurationError("name a machine, or a broken one with --broken NAME")
    request = Request(
        machine=machine or "",
        settings=pairs("--set", settings),
        substitutions=pairs("--substitute", substitutions),
        **options,
    )
    result = carry_out(request)
    return ChosenRun(result.summaries[-1].execution, result.source)


def _recorded(name: str) -> ChosenRun:
    from sfn_sim.runs import find_run

    found = find_run(name)
    return ChosenRun(found.execution, found.source)
