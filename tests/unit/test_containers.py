from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from handler_files import chain, each, result, run, write

from sfn_sim.errors import HandlerImportError
from sfn_sim.services.containers import CONTAINERS
from sfn_sim.services.surroundings import surroundings

COUNTER = """
    count = 0

    def handler(event, context):
        global count
        count += 1
        return count
"""


def messages(raised: pytest.ExceptionInfo[HandlerImportError], *words: str) -> None:
    for each_word in words:
        assert each_word in str(raised.value)


def test_two_functions_whose_files_are_both_called_handler_share_nothing(tmp_path: Path) -> None:
    handler = """
        import names
        seen = []

        def handler(event, context):
            seen.append(1)
            return [names.NAME, len(seen)]
    """
    write(
        tmp_path,
        {
            "one/handler.py": handler,
            "one/names.py": "NAME = 'one'\n",
            "two/handler.py": handler,
            "two/names.py": "NAME = 'two'\n",
        },
    )
    output = run(tmp_path, chain("one", "two", "one")).result()
    assert output == {"s0": ["one", 1], "s1": ["two", 1], "s2": ["one", 2]}


def test_an_import_inside_a_function_finds_its_own_neighbour(tmp_path: Path) -> None:
    handler = """
        import importlib

        def handler(event, context):
            import names
            from names import NAME
            assert importlib.import_module("names") is names
            return NAME
    """
    write(
        tmp_path,
        {
            "one/handler.py": handler,
            "one/names.py": "NAME = 'one'\n",
            "two/handler.py": handler,
            "two/names.py": "NAME = 'two'\n",
        },
    )
    assert run(tmp_path, chain("one", "two")).result() == {"s0": "one", "s1": "two"}


def test_packages_beside_the_handler_use_relative_imports(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "fn/handler.py": "import lib.deep.leaf as leaf\ndef handler(event, context):\n    return leaf.value()\n",
            "fn/lib/__init__.py": "from . import root\n",
            "fn/lib/root.py": "NUMBER = 7\n",
            "fn/lib/deep/__init__.py": "",
            "fn/lib/deep/leaf.py": "def value():\n    from ..root import NUMBER\n    return NUMBER\n",
        },
    )
    assert result(tmp_path, "fn") == 7


def test_a_handler_inside_a_package_uses_relative_imports_too(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "app/__init__.py": "",
            "app/common.py": "A = 1\n",
            "app/fn/__init__.py": "",
            "app/fn/handler.py": (
                "import near\nfrom . import near as same\nfrom ..common import A\nfrom app.common import A as B\n"
                "def handler(event, context):\n    return [near.N, same.N, A, B]\n"
            ),
            "app/fn/near.py": "N = 2\n",
        },
    )
    assert result(tmp_path / "app", "fn") == [2, 2, 1, 1]


def test_a_vendored_dependency_wins_over_an_installed_one_and_stays_apart(tmp_path: Path) -> None:
    import click

    version = "import click\ndef handler(event, context):\n    return getattr(click, 'VENDORED', 'installed')\n"
    write(
        tmp_path,
        {
            "vendoring/handler.py": version,
            "vendoring/click/__init__.py": "from click.inner import VENDORED\n",
            "vendoring/click/inner.py": "VENDORED = 'beside the handler'\n",
            "plain/handler.py": version,
        },
    )
    output = run(tmp_path, chain("vendoring", "plain", "vendoring")).result()
    assert output == {"s0": "beside the handler", "s1": "installed", "s2": "beside the handler"}
    assert sys.modules["click"] is click


def test_an_installed_library_never_sees_what_a_handler_vendors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = {"a_library.py": "import a_leaf\nNAME = a_leaf.NAME\n", "a_leaf.py": "NAME = 'site'\n"}
    installed = write(tmp_path / "site", library)
    monkeypatch.syspath_prepend(str(installed))
    handler = """
        import a_leaf
        import a_library

        def handler(event, context):
            return [a_leaf.NAME, a_library.NAME]
    """
    write(tmp_path, {"handlers/fn/handler.py": handler, "handlers/fn/a_leaf.py": "NAME = 'vendored'\n"})
    assert result(tmp_path / "handlers", "fn") == ["vendored", "site"]


def test_a_folder_that_a_handler_puts_on_the_path_is_its_own(tmp_path: Path) -> None:
    handler = """
        import os, sys
        sys.path.insert(0, os.path.join(os.environ["LAMBDA_TASK_ROOT"], "vendor"))
        import dep

        def handler(event, context):
            import dep as later
            return [dep.NAME, later.NAME]
    """
    before = list(sys.path)
    write(
        tmp_path,
        {
            "one/handler.py": handler,
            "one/vendor/dep.py": "NAME = 1\n",
            "two/handler.py": handler,
            "two/vendor/dep.py": "NAME = 2\n",
        },
    )
    assert run(tmp_path, chain("one", "two", "one")).result() == {"s0": [1, 1], "s1": [2, 2], "s2": [1, 1]}
    assert sys.path == before
    assert "dep" not in sys.modules


def test_path_of_the_configuration_gives_a_function_modules_of_its_own(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "infra/a/handler.py": "import layer\ndef handler(event, context):\n    return layer.add()\n",
            "infra/b/handler.py": "import layer\ndef handler(event, context):\n    return layer.add()\n",
            "layer/layer.py": "n = 0\ndef add():\n    global n\n    n += 1\n    return n\n",
            "sfn-sim.toml": """
                [functions.a]
                handler = "infra/a/handler.py"
                path = ["layer"]
                [functions.b]
                handler = "infra/b/handler.py"
                path = ["layer"]
            """,
        },
    )
    assert run(tmp_path, chain("a", "a", "b")).result() == {"s0": 1, "s1": 2, "s2": 1}


def test_a_module_named_like_one_of_pythons_library_is_the_handlers_own(tmp_path: Path) -> None:
    import calendar

    write(tmp_path, {"calendar.py": "import datetime\ndef handler(event, context):\n    return 'mine'\n"})
    assert result(tmp_path, "calendar") == "mine"
    assert sys.modules["calendar"] is calendar


def test_a_file_with_a_hyphen_is_a_handler_of_containers_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"charge-card.py": COUNTER, "sfn-sim.toml": '[functions.charge]\nhandler = "charge-card.py"\n'})
    assert [result(tmp_path, "charge") for _ in range(2)] == [1, 1]


def test_code_finds_its_own_module_by_name_while_it_runs(tmp_path: Path) -> None:
    handler = """
        from __future__ import annotations
        import dataclasses, pickle, sys, typing

        @dataclasses.dataclass
        class Tree:
            child: Tree | None = None

        def handler(event, context):
            assert typing.get_type_hints(Tree)["child"] == Tree | None
            assert sys.modules[__name__].Tree is Tree
            return pickle.loads(pickle.dumps(Tree(Tree()))) == Tree(Tree())
    """
    write(tmp_path, {"fn.py": handler})
    assert run(tmp_path, each("fn"), [1, 2, 3], workers=3).result() == [True] * 3
    assert "fn" not in sys.modules


def test_a_container_stays_warm_and_is_fresh_for_the_next_run(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": COUNTER})
    for _ in range(2):
        assert run(tmp_path, chain("fn", "fn", "fn")).result() == {"s0": 1, "s1": 2, "s2": 3}


def test_cold_containers_are_fresh_for_every_call(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": COUNTER})
    assert run(tmp_path, chain("fn", "fn"), cold=True).result() == {"s0": 1, "s1": 1}


@pytest.mark.parametrize("workers", [1, 2, 4, 16])
def test_of_calls_at_one_instant_call_k_goes_to_container_k_modulo_their_number(tmp_path: Path, workers: int) -> None:
    handler = "seen = []\ndef handler(event, context):\n    seen.append(event)\n    return list(seen)\n"
    write(tmp_path, {"fn.py": handler})
    output = run(tmp_path, each("fn"), list(range(10)), workers=workers).result()
    assert output == [[n for n in range(10) if n % CONTAINERS == k % CONTAINERS and n <= k] for k in range(10)]


def test_the_log_is_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    handler = """
        import time
        state = []

        def handler(event, context):
            state.append(event)
            time.sleep(event % 3)
            if event == 5:
                raise ValueError(f"{state} {context.aws_request_id} {context.log_stream_name}")
            return [len(state), time.time()]
    """
    write(tmp_path, {"fn.py": handler})
    runs = [run(tmp_path, each("fn", 6), list(range(20)), workers=workers) for workers in (1, 4, 16)]
    assert runs[0].status == "FAILED"
    assert [each_run.log.events for each_run in runs[1:]] == [runs[0].log.events] * 2


def test_a_container_serves_one_invocation_at_a_time(tmp_path: Path) -> None:
    handler = """
        import threading
        inside = 0
        most = 0
        gate = threading.Event()

        def handler(event, context):
            global inside, most
            inside += 1
            most = max(most, inside)
            gate.wait(0.005)
            inside -= 1
            return most
    """
    write(tmp_path, {"fn.py": handler})
    assert set(run(tmp_path, each("fn"), list(range(16)), workers=8).result()) == {1}  # type: ignore[arg-type]


def test_threads_that_code_starts_while_it_is_imported_may_import_as_well(tmp_path: Path) -> None:
    handler = """
        from concurrent.futures import ThreadPoolExecutor

        def load(_):
            import near
            import xml.dom.minidom
            return near.N

        with ThreadPoolExecutor(2) as pool:
            LOADED = list(pool.map(load, range(2)))

        def handler(event, context):
            return LOADED
    """
    write(tmp_path, {"fn.py": handler, "near.py": "N = 3\n"})
    assert result(tmp_path, "fn") == [3, 3]


@pytest.mark.parametrize("workers", [1, 4])
def test_a_compiled_package_beside_the_handler_is_loaded_once(tmp_path: Path, workers: int) -> None:
    orjson = Path(pytest.importorskip("orjson").__file__).parent
    if not list(orjson.glob("orjson*.so")):
        pytest.skip("no compiled package that can be copied")
    write(tmp_path, {"fn/handler.py": "import orjson\ndef handler(event, context):\n    return orjson.__file__\n"})
    (tmp_path / "fn" / "orjson").mkdir()
    for file in orjson.iterdir():
        if file.is_file():
            (tmp_path / "fn" / "orjson" / file.name).write_bytes(file.read_bytes())
    output = run(tmp_path, each("fn"), [1, 2, 3, 4, 5], workers=workers).result()
    assert set(output) == {str(tmp_path / "fn" / "orjson" / "__init__.py")}  # type: ignore[arg-type]


def test_boto3_beside_a_handler_gives_way_to_the_one_that_moto_answers(tmp_path: Path) -> None:
    pytest.importorskip("boto3")
    write(
        tmp_path,
        {
            "fn/handler.py": (
                "import boto3\ndef handler(event, context):\n"
                "    return boto3.client('s3').list_buckets()['Buckets']\n"
            ),
            "fn/boto3/__init__.py": "raise ImportError('the vendored one')\n",
        },
    )
    assert result(tmp_path, "fn") == []


def test_an_import_error_names_handler_line_module_and_remedy(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": "import json\nimport near\n", "near.py": "x = 1\n\nimport no_such_module\n"})
    with pytest.raises(HandlerImportError) as raised:
        result(tmp_path, "fn")
    messages(
        raised, f"{tmp_path / 'fn.py'}:2, at {tmp_path / 'near.py'}:3: fails when it is imported",
        "ModuleNotFoundError: No module named 'no_such_module'", "name its folder as path of the function",
    )  # fmt: skip


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": "x = 1\ndef handler(event, context)\n    return 1\n"})
    with pytest.raises(HandlerImportError) as raised:
        result(tmp_path, "fn")
    messages(raised, f"{tmp_path / 'fn.py'}:2: fails when it is imported: SyntaxError")


def test_a_variable_missing_at_import_says_where_and_how_to_set_it(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": "import os\nTABLE = os.environ['TABLE']\n"})
    with pytest.raises(HandlerImportError) as raised:
        result(tmp_path, "fn")
    messages(
        raised, f"{tmp_path / 'fn.py'}:2: fails when it is imported: KeyError: 'TABLE'",
        "The environment has no TABLE: set it in the fixture's [environment], or as env of the function",
    )  # fmt: skip


def test_a_key_error_of_another_mapping_is_not_taken_for_a_variable(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": "import environment\n", "environment.py": "def f():\n    return {}['TABLE']\nf()\n"})
    with pytest.raises(HandlerImportError) as raised:
        result(tmp_path, "fn")
    assert "sfn-sim.toml" not in str(raised.value)


def test_a_handler_without_the_function_names_those_that_it_has(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": "def main(event, context): ...\n"})
    with pytest.raises(HandlerImportError) as raised:
        result(tmp_path, "fn")
    words = "has no function named 'handler' or 'lambda_handler'; it has: main"
    messages(raised, str(tmp_path / "fn.py"), words, 'handler = "fn.py:FUNCTION"')


@pytest.mark.parametrize("file", ["fn.py", "fn/handler.py", "fn/lambda_function.py"])
def test_a_handler_may_have_the_name_of_lambdas_own_examples(tmp_path: Path, file: str) -> None:
    write(tmp_path, {file: "def lambda_handler(event, context):\n    return 'it'\n"})
    assert result(tmp_path, "fn") == "it"


def test_of_both_names_handler_is_meant(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": "def lambda_handler(e, c):\n    return 1\ndef handler(e, c):\n    return 2\n"})
    assert result(tmp_path, "fn") == 2


@pytest.mark.parametrize(
    ("line", "how"),
    [("sys.exit(3)", "sys.exit(3)"), ("os._exit(1)", "exit status 1"), ("os.abort()", "signal: aborted")],
)
def test_a_module_that_ends_its_process_is_told_of(tmp_path: Path, line: str, how: str) -> None:
    write(tmp_path, {"fn.py": f"import os, sys\n{line}\n"})
    with pytest.raises(HandlerImportError) as raised:
        result(tmp_path, "fn")
    messages(raised, f"{tmp_path / 'fn.py'}:2: ends its process when it is imported", how)


def test_a_handler_cannot_have_the_name_of_a_module_of_the_interpreter(tmp_path: Path) -> None:
    write(tmp_path, {"time.py": COUNTER})
    with pytest.raises(HandlerImportError, match="is a module of Python's own"):
        result(tmp_path, "time")


def test_a_module_that_sleeps_too_long_while_it_is_imported_times_out(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": "import time\ntime.sleep(2000)\n" + "def handler(event, context): ...\n"})
    execution = run(tmp_path, {"TimeoutSeconds": 5000, **each("fn")}, [1])
    assert (execution.status, execution.error) == ("FAILED", "Sandbox.Timedout")


def test_runs_that_overlap_leave_everything_as_it_was(tmp_path: Path) -> None:
    import builtins
    import importlib
    import os

    def state() -> list[Any]:
        return [sys.stdout, sys.stderr, builtins.__import__, importlib.import_module, os._exit, type(os.environ)]

    before = state()
    first, second = surroundings(), surroundings()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert state() != before
    second.__exit__(None, None, None)
    assert state() == before


def test_two_runs_at_once_in_one_process_do_not_meet(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": "import near\ndef handler(event, context):\n    return near.add()\n",
                     "near.py": "n = 0\ndef add():\n    global n\n    n += 1\n    return n\n"})  # fmt: skip
    outputs: list[Any] = []

    def work() -> None:
        outputs.append(run(tmp_path, chain(*["fn"] * 5)).result())

    threads: list[threading.Thread] = [threading.Thread(target=work) for _ in range(4)]
    start: Callable[[threading.Thread], None] = threading.Thread.start
    for thread in threads:
        start(thread)
    for thread in threads:
        thread.join()
    assert outputs == [{f"s{n}": n + 1 for n in range(5)}] * 4


def test_a_function_has_the_same_containers_under_its_name_and_its_arn_and_an_alias_has_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": COUNTER})
    output = run(tmp_path, chain("fn", "fn:$LATEST", "fn:live", "fn", "fn:live")).result()
    assert output == {"s0": 1, "s1": 2, "s2": 1, "s3": 3, "s4": 2}


def test_the_context_has_the_arn_and_the_version_that_were_invoked(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "fn.py": """
                import os

                def handler(event, context):
                    return [context.invoked_function_arn[15:], context.function_version,
                            os.environ["AWS_LAMBDA_FUNCTION_VERSION"]]
            """
        },
    )
    output = run(tmp_path, chain("fn", "fn:live", "fn:3")).result()
    assert output == {
        "s0": ["us-east-1:123456789012:function:fn", "$LATEST", "$LATEST"],
        "s1": ["us-east-1:123456789012:function:fn:live", "$LATEST", "$LATEST"],
        "s2": ["us-east-1:123456789012:function:fn:3", "3", "3"],
    }
