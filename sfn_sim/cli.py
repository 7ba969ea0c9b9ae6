"""The command line: options in, library calls, tables or JSON out.

Exit codes: 0 as expected · 1 the execution ended otherwise · 2 bad usage, definition, configuration or fixture ·
3 an expectation did not hold · 70 a bug of sfn-sim · 130 interrupted.

Everything heavy is imported inside the command that needs it, so that `sfn-sim --help` answers at once.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from sfn_sim import __version__
from sfn_sim.commands.check import check, explain_code
from sfn_sim.commands.convert import convert
from sfn_sim.commands.coverage import coverage
from sfn_sim.commands.diff import diff
from sfn_sim.commands.explain import explain
from sfn_sim.commands.explore import explore
from sfn_sim.commands.growth import growth
from sfn_sim.commands.importing import import_run
from sfn_sim.commands.init import init
from sfn_sim.commands.learn import learn
from sfn_sim.commands.lineage import lineage
from sfn_sim.commands.path import path
from sfn_sim.commands.replay import replay
from sfn_sim.commands.runs import runs
from sfn_sim.commands.state import one_state
from sfn_sim.errors import DefinitionError, HandlerWallLimitError, SfnSimError

if TYPE_CHECKING:
    from sfn_sim.runner import Request

_BAD_USAGE = 2
_OUR_BUG = 70
_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sfn-sim")
def cli() -> None:
    """Run AWS Step Functions state machines here, and learn why they fail."""


cli.add_command(check)
cli.add_command(explain_code)
cli.add_command(runs)
cli.add_command(replay)
cli.add_command(import_run)
cli.add_command(diff)
cli.add_command(explain)
cli.add_command(learn)
cli.add_command(lineage)
cli.add_command(path)
cli.add_command(convert)
cli.add_command(init)
cli.add_command(coverage)
cli.add_command(one_state)
cli.add_command(explore)
cli.add_command(growth)


def _events(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Read --limit-events: a number, or off (-1)."""
    if value is None:
        return None
    if value == "off":
        return -1
    if not value.isdigit() or int(value) < 2:
        raise click.BadParameter("a number of at least 2, or off")
    return int(value)


def _executor(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Read --executor."""
    if value is None:
        return None
    from sfn_sim.services.executors import check_executor

    return check_executor(value)


@cli.command()
@click.argument("machine", required=False)
@click.option("--broken", metavar="NAME", help="Run a definition of definitions/broken, with its world and handlers.")
@click.option("--fixture", metavar="NAME|PATH", help="World, input and expectations to run it with.")
@click.option("--world-from", metavar="FOLDER", help="Start from a world that --save-world left.")
@click.option("--save-world", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Write what the run left into a folder.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Override a value of the fixture.")
@click.option("--input", "given", metavar="JSON|FILE|-", help="The execution's input.")
@click.option("--handlers", metavar="DIR|MODULE", help="Where the Lambda functions' Python handlers are.")
@click.option("--substitute", "substitutions", metavar="NAME=VALUE", multiple=True, help="Fill ${NAME}.")
@click.option("--cold", is_flag=False, flag_value="cold", type=click.Choice(["cold", "both"]), metavar="[both]",
              help="A fresh container for every invocation; both: compare with warm ones.")
@click.option("--logs", is_flag=False, flag_value="*", metavar="[STATE]", help="Print what handlers wrote.")
@click.option("--times", type=click.IntRange(1), default=1, help="Run it that often over one world.")
@click.option("--at-once", is_flag=True, help="With --times: all at once, on one clock.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Handlers at once.")
@click.option("--executor", metavar="NAME", callback=_executor,
              help="inline (for one worker), threads, processes or dask://HOST:PORT.")
@click.option("--limit-events", metavar="N|off", callback=_events, help="History limit.  [default: 25000]")
@click.option("--limit-bytes", type=click.IntRange(1), metavar="N", help="Payload limit.  [default: 262144]")
@click.option("--handler-wall-limit", type=click.FloatRange(0, min_open=True), default=900, show_default=True,
              metavar="S", help="Real seconds one handler may run.")
@click.option("--seed", type=int, help="Seed of all randomness.  [default: the fixture's, or 0]")
@click.option("--clock", type=click.Choice(["virtual", "real"]), default="virtual", show_default=True)
@click.option("--allow-network", metavar="HOST", multiple=True, help="A host that handlers may reach.")
@click.option("--mock-config", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="A MockConfigFile.json of Step Functions Local, which answers for tasks.")
@click.option("--test-case", metavar="NAME", help="The test case of --mock-config.")
@click.option("--serve-world", metavar="[HOST:]PORT", help="Serve the fixture's AWS services over HTTP meanwhile.")
@click.option("--show", metavar="STATE", multiple=True, help="Print the stages of a state.")
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), help="Add the run to an SQLite file.")
@click.option("--keep", type=click.IntRange(0), metavar="N",
              help="Keep the newest N runs of the project; 0: not this one.  [default: as configured]")
@click.option("--keep-children", type=click.IntRange(0), metavar="N",
              help="Keep the first N children of each Map Run, and those that failed.  [default: 10]")
@click.option("--learn", is_flag=True, help="Widen contracts/ by the shapes that functions were given and gave.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--quiet", is_flag=True, help="Print the last line and failures only.")
def run(machine: str | None, as_json: bool, **options: Any) -> None:
    """Run MACHINE: a name in definitions/, a path to a definition, or - for standard input."""
    from sfn_sim.runner import Request

    request = Request.from_options(machine, **options)
    sys.exit(_run_json(request) if as_json else _run_shown(request))


def _run_json(request: Request) -> int:
    from sfn_sim.runner import carry_out

    with _nobody_elses_stdout():
        result = carry_out(request, tell=_tell)
    _print_json(result.to_json())
    return result.exit_code


def _tell(words: str) -> None:
    click.echo(f"sfn-sim: {words}", err=True)


@contextlib.contextmanager
def _nobody_elses_stdout() -> Iterator[None]:
    """Send to stderr what handlers' programs and libraries below Python write to stdout."""
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _print_json(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value)
    click.echo(text)


# Signs of ours that a terminal without UTF-8 may not have, in signs that every terminal has.
_PLAIN = {"✓": "+", "✗": "x", "…": "...", "–": "-", "·": "|", "×": "x"}


def _plain_signs(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace what an encoding cannot write."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


def _run_shown(request: Request) -> int:
    from sfn_sim.report import terminal
    from sfn_sim.runner import carry_out

    out = terminal.console()
    if request.quiet or not out.is_terminal:
        result = carry_out(request, tell=_tell)
    else:
        with terminal.MapProgress(out) as progress:
            result = carry_out(request, progress, _tell)
    for summary in result.summaries:
        if len(result.summaries) > 1:
            terminal.show_name(out, summary)
        if request.logs is not None:
            terminal.show_logs(out, summary.execution.log.visits, request.logs)
        for state in request.show:
            terminal.show_stages(out, summary.execution.visits(state), state)
        (terminal.show_quietly if request.quiet else terminal.show)(out, summary, result.source)
    return result.exit_code


def main() -> NoReturn:
    """Run the command line and exit; no outcome of it is a traceback."""
    as_json = "--json" in sys.argv[1:]
    codecs.register_error("sfn-sim", _plain_signs)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="sfn-sim")
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; handlers, servers and temporary folders are closed", err=True)
        code = _INTERRUPTED
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        command = context.command_path if context is not None else "sfn-sim"
        code = _refused(error.format_message(), as_json, hint=f"see {command} --help")
    except DefinitionError as error:
        code = _definition_refused(error, as_json)
    except HandlerWallLimitError as error:
        code = _refused(str(error), as_json, code=1)
    except SfnSimError as error:
        code = _refused(str(error), as_json)
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except Exception as error:
        code = _our_bug(error, as_json)
    sys.exit(code or 0)


def _refused(message: str, as_json: bool, *, hint: str = "", code: int = _BAD_USAGE) -> int:
    if as_json:
        from sfn_sim.report.summary import failure_json

        _print_json(failure_json(None, message))
    else:
        click.echo(f"sfn-sim: {message}{f' ({hint})' if hint else ''}", err=True)
    return code


def _definition_refused(error: DefinitionError, as_json: bool) -> int:
    if as_json:
        from sfn_sim.report.summary import failure_json

        first = error.diagnostics[0]
        text = f"{first.code}: {first.message}"
        _print_json(failure_json(None, text, error.diagnostics))
        return _BAD_USAGE
    from sfn_sim.report import terminal

    terminal.show_diagnostics(terminal.console(stderr=True), error.diagnostics, error.source)
    count = len(error.diagnostics)
    click.echo(f"sfn-sim: {count} finding{'s' * (count != 1)} in the definition; nothing was run", err=True)
    return _BAD_USAGE


def _our_bug(error: Exception, as_json: bool) -> int:
    from sfn_sim.report.crash import write_report

    path = write_report(error)
    return _refused(
        f"a bug of sfn-sim: {type(error).__name__}. {path} tells where, without any payload; please report it",
        as_json,
        code=_OUR_BUG,
    )

if __name__ == "__main__":
    main()
