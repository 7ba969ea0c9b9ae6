"""Definitions found, read and checked: what `sfn-sim check` asks for, without its options' spelling."""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sfn_sim.analysis.check import Facts, Finding, Report, check_machine, not_loaded
from sfn_sim.analysis.check.codes import ERROR, NOTE, SEVERITIES
from sfn_sim.analysis.check.machine import from_diagnostic
from sfn_sim.analysis.check.silences import baseline_of, silence, without_known
from sfn_sim.analysis.check.states import function_of
from sfn_sim.config import Config, find_config
from sfn_sim.contracts import Contracts
from sfn_sim.definition.model import TaskState
from sfn_sim.definition.parse import parse
from sfn_sim.definition.plan import PlannedMachine, plan
from sfn_sim.definition.validate import validate
from sfn_sim.errors import ConfigurationError, UnsupportedFeatureError
from sfn_sim.payload import Json
from sfn_sim.query.expression import SyntaxProblem, TemplateProblems
from sfn_sim.query.shapes import ANYTHING, join_all, shape_of
from sfn_sim.source import Location, Source
from sfn_sim.sources import is_schema, read_definition, shown_path

if TYPE_CHECKING:
    from sfn_sim.world import Fixture

_OPEN = "UNRESOLVED_SUBSTITUTION"
_BASELINE_SCHEMA = 1
_NO_NAMES = ("arn:aws:states:::lambda:", "{%")
_NEVER_DEFINITIONS = {"node_modules", "__pycache__"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """What is to be checked, and how; each attribute is an option of `sfn-sim check`.

    Attributes:
        machines: names, files, folders and patterns; empty: all machines of the folder of definitions.
        broken: a broken variant instead.
        fixture: a fixture, whose input is the example and whose substitutions are filled in.
        inputs: examples of the execution's input, as `--input` of `sfn-sim run` takes them.
        substitutions: values for `${Name}`.
        baseline: a file with findings that are known; `write_baseline` where all of them are written.
        fail_on: the least severity that makes the exit code 1.
    """

    machines: tuple[str, ...] = ()
    broken: str | None = None
    fixture: str | None = None
    inputs: tuple[str, ...] = ()
    substitutions: Mapping[str, str] = field(default_factory=dict)
    baseline: Path | None = None
    write_baseline: Path | None = None
    fail_on: str = "warning"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, and the exit code that it gives."""

    reports: list[Report]
    others: list[Finding]
    exit_code: int


def carry_out(request: CheckRequest, config: Config | None = None) -> Checked:
    """Check what was asked for.

    Raises:
        SfnSimError: bad usage: no such file, a fixture or configuration that does not load.
    """
    config = config or find_config()
    files, fixture, complete = _chosen(request, config)
    known = {**config.substitutions, **(fixture.substitutions if fixture else {}), **request.substitutions}
    examples, contracts = _examples(request, fixture), Contracts(config)
    reports = [_check(file, known, examples, contracts) for file in files]
    loads = all(report.loads for report in reports)
    file = shown_path(config.file) if config.file else ""
    reports, others = silence(reports, config.silences, file, complete=complete)
    if request.write_baseline is not None:
        _write_baseline(request.write_baseline, baseline_of(reports))
    if request.baseline is not None:
        reports = without_known(reports, _read_baseline(request.baseline))
    worst = min((each.rank for each in [*others, *(e for r in reports for e in r.findings)]), default=len(SEVERITIES))
    found = worst <= SEVERITIES.index(request.fail_on)
    return Checked(reports, others, 2 if not loads else int(found))


def _chosen(request: CheckRequest, config: Config) -> tuple[list[Path], Fixture | None, bool]:
    """Return the files, the fixture, and whether these are all machines of the project."""
    if request.broken is not None:
        from sfn_sim.runner import find_fixture
        from sfn_sim.variants import find_variant, load_variant
        from sfn_sim.world import load_fixture

        if request.machines:
            raise ConfigurationError("name a machine, or a broken one with --broken NAME, not both")
        variant = load_variant(find_variant(request.broken, config.definitions))
        folder = find_fixture(variant.machine, request.fixture or variant.fixture, config.fixtures)
        return [variant.definition], load_fixture(folder, variant.settings), False
    files = definition_files(request.machines, config.definitions) if request.machines else _all(config.definitions)
    named = {Path(name).resolve() for name in request.machines}
    complete = not request.machines or config.definitions.resolve() in named
    if request.fixture is None:
        return files, None, complete
    if len(files) != 1:
        raise ConfigurationError(f"--fixture is for one machine, and these are {len(files)}")
    from sfn_sim.runner import find_fixture
    from sfn_sim.sources import machine_name
    from sfn_sim.world import load_fixture

    return files, load_fixture(find_fixture(machine_name(files[0]), request.fixture, config.fixtures)), complete


def _all(definitions: Path) -> list[Path]:
    """Return the machines of a project: the definitions in the folder itself, as their names name them."""
    files = [each for each in sorted(definitions.glob("*.json")) if _is_definition(each)]
    if not files:
        raise ConfigurationError(f"no definitions in {definitions}/: name a machine, a file or a folder")
    return files


def definition_files(names: Sequence[str], definitions: Path) -> list[Path]:
    """Return the files of definitions that names, files, folders and patterns stand for, each once.

    In a folder, every .json file below it is one that is a state machine's; a pattern leaves out the schemas beside
    definitions; what a file is named by itself is read whatever it holds.

    Raises:
        ConfigurationError: there is no such file, or none in a folder.
    """
    found: dict[Path, Path] = {}
    for name in names:
        for path in _files_of(name, definitions):
            found.setdefault(path.resolve() if str(path) != "-" else path, path)
    return list(found.values())


def _files_of(name: str, definitions: Path) -> list[Path]:
    path = Path(name)
    if name == "-" or path.is_file():
        return [path]
    if path.is_dir():
        files = [each for each in sorted(path.rglob("*.json")) if _is_definition(each)]
        if not files:
            raise ConfigurationError(f"no definition of a state machine in {name}")
        return files
    if glob.has_magic(name):
        files = [Path(each) for each in sorted(glob.glob(name, recursive=True))]
        files = [each for each in files if each.is_file() and not is_schema(each)]
        if not files:
            raise ConfigurationError(f"no file matches {name}")
        return files
    usual = definitions / f"{name}.asl.json"
    if usual.is_file():  # what runs a machine takes longer to load than a check takes
        return [usual]
    from sfn_sim.runner import find_machine

    return [find_machine(name, definitions)]


def _is_definition(path: Path) -> bool:
    hidden = any(part.startswith(".") and part != ".." for part in path.parts[:-1])
    if hidden or _NEVER_DEFINITIONS.intersection(path.parts):
        return False
    if path.name.endswith(".asl.json"):
        return True
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    if '"StartAt"' not in text:
        return False
    try:
        document = json.loads(text)
    except ValueError:
        return False
    return isinstance(document, dict) and {"StartAt", "States"} <= document.keys()


def _examples(request: CheckRequest, fixture: Fixture | None) -> list[Json]:
    if request.inputs:
        from sfn_sim.runner import read_input

        return [read_input(each) for each in request.inputs]
    return [fixture.input] if fixture is not None else []


def _check(file: Path, substitutions: Mapping[str, str], examples: Sequence[Json], contracts: Contracts) -> Report:
    name, source = read_definition(file, substitutions)
    given, learned = join_all(shape_of(each, exact=False) for each in examples) if examples else ANYTHING, ANYTHING
    if not examples:
        shape, is_learned = contracts.input_of(file)
        given, learned = (ANYTHING, shape) if is_learned else (shape, ANYTHING)

    def facts(planned: PlannedMachine) -> Facts:
        known = {name: contracts.of(name) for name in functions_of(planned)}
        shown = [shape_of(each) for each in examples]
        return Facts(given=given, examples=shown, contracts=known, learned_given=learned)

    return check_source(name, source, facts)


def functions_of(planned: PlannedMachine) -> list[str]:
    """Return the Lambda functions and other resources that a machine's Tasks call, as the definition names them."""
    tasks = [each for each in planned.states if isinstance(each.state, TaskState)]
    names = dict.fromkeys(function_of(each) for each in tasks)
    return [name for name in names if name and "${" not in name and not name.startswith(_NO_NAMES)]


def check_source(
    name: str, source: Source, facts: Facts | Callable[[PlannedMachine], Facts] | None = None
) -> Report:
    """Return the report of a definition; one that does not load says why.

    Args:
        name: the machine's name.
        source: its text.
        facts: what is known beside it, or what finds that out once the machine is known.
    """
    diagnostics = validate(source)
    left_open = [each for each in diagnostics if each.code == _OPEN]
    rest = [each for each in diagnostics if each.code != _OPEN]
    if any(each.severity == "ERROR" for each in rest):
        return not_loaded(name, source, diagnostics)
    try:
        planned = plan(parse(source))
    except UnsupportedFeatureError as problem:
        return Report(machine=name, source=source, findings=(_unsupported(name, source, problem),), loads=False)
    except (TypeError, ValueError, SyntaxProblem, TemplateProblems):
        if not left_open:
            raise
        # A ${Name} stands where a number is needed, or hides another problem.
        hidden = [each for each in validate(source, literal_placeholders=True) if each.severity == "ERROR"]
        return not_loaded(name, source, hidden or diagnostics)
    report = check_machine(name, planned, source, facts(planned) if callable(facts) else facts, rest)
    if not left_open:
        return report
    notes = [replace(from_diagnostic(name, each), severity=NOTE) for each in left_open]
    return replace(report, findings=(*report.findings, *notes))


def _unsupported(name: str, source: Source, problem: UnsupportedFeatureError) -> Finding:
    return Finding(
        code="UNSUPPORTED_FEATURE", severity=ERROR, machine=name, state="", pointer="", what=str(problem),
        location=Location(source.path, 1, 1),
    )  # fmt: skip


def _read_baseline(path: Path) -> dict[str, int]:
    try:
        document: Json = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read the baseline {path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path}: not JSON: {error}") from None
    known = document.get("findings") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(known, dict) or document.get("schema") != _BASELINE_SCHEMA:
        raise ConfigurationError(f"{path}: not a baseline of this version; write one with --write-baseline {path}")
    return {name: count for name, count in known.items() if isinstance(count, int)}


def _write_baseline(path: Path, findings: dict[str, int]) -> None:
    text = json.dumps({"schema": _BASELINE_SCHEMA, "findings": findings}, indent=2, ensure_ascii=False)
    try:
        path.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot write the baseline {path}: {error.strerror}") from None
