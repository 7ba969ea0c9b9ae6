from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from handler_files import chain, each, result, run, write

from sfn_sim import clock
from sfn_sim.services.environment import layered_environment


@pytest.fixture
def inside() -> clock.Invocation:
    invocation = clock.Invocation("fn", 0)
    invocation.environment = {"MINE": "1"}
    return invocation


def test_a_container_sees_its_own_variables_above_the_processs(
    inside: clock.Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTER", "outer")
    with layered_environment(), clock.working_for(inside):
        assert (os.environ["MINE"], os.environ["OUTER"], os.getenv("NONE", "default")) == ("1", "outer", "default")
        os.environ["OUTER"] = "changed"
        assert os.environ.get("OUTER") == "changed"
        assert os.environ.setdefault("NEW", "new") == os.environ["NEW"] == "new"
        with clock.working_for(None):
            assert os.environ["OUTER"] == "outer"
            assert "NEW" not in os.environ
            assert "MINE" not in os.environ
    assert os.environ["OUTER"] == "outer"


def test_a_variable_that_is_deleted_is_gone_for_that_container_alone(
    inside: clock.Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTER", "outer")
    with layered_environment(), clock.working_for(inside):
        del os.environ["OUTER"]
        assert os.environ.pop("MINE") == "1"
        for name in ("OUTER", "MINE"):
            assert name not in os.environ
            with pytest.raises(KeyError, match=name):
                os.environ[name]
            with pytest.raises(KeyError, match=name):
                del os.environ[name]
    assert os.environ["OUTER"] == "outer"


def test_iteration_length_copy_and_union_see_the_same_variables(
    inside: clock.Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTER", "outer")
    with layered_environment(), clock.working_for(inside):
        os.environ["OUTER"] = "changed"
        os.environ["NEW"] = "new"
        seen = dict(os.environ)
        assert seen == os.environ.copy() == {**os.environ} == os.environ | {}
        assert set(seen) == set(os.environ) == set(os.environ.keys())
        assert len(seen) == len(os.environ)
        assert {"MINE": "1", "OUTER": "changed", "NEW": "new"}.items() <= seen.items()
        assert "'NEW': 'new'" in repr(os.environ)
        assert "PATH" in seen


@pytest.mark.parametrize(("name", "value"), [("A", 1), (1, "a"), ("A", None)])
def test_variables_are_texts(inside: clock.Invocation, name: object, value: object) -> None:
    with layered_environment(), clock.working_for(inside), pytest.raises(TypeError, match="str expected"):
        os.environ[name] = value  # type: ignore[index, assignment]


def test_the_environment_is_the_same_object_and_class_again_afterwards() -> None:
    before, kind = os.environ, type(os.environ)
    with layered_environment():
        assert os.environ is before
    assert type(os.environ) is kind


def test_each_container_of_each_function_has_an_environment_of_its_own(tmp_path: Path) -> None:
    handler = """
        from os import environ, getenv

        def handler(event, context):
            environ["SEEN"] = getenv("SEEN", "") + str(event["n"])
            return [environ["TABLE"], environ["SEEN"]]
    """
    write(
        tmp_path,
        {
            "a.py": handler,
            "b.py": handler,
            "sfn-sim.toml": """
                [functions.a]
                handler = "a.py"
                env = { TABLE = "of-a" }
                [functions.b]
                handler = "b.py"
                env = { TABLE = "of-b" }
            """,
        },
    )
    assert run(tmp_path, chain("a", "b", "a"), {"n": 1}).result() == {
        "n": 1, "s0": ["of-a", "1"], "s1": ["of-b", "1"], "s2": ["of-a", "11"],
    }  # fmt: skip
    items = [{"n": n} for n in range(6)]
    seen = [run(tmp_path, each("a"), items, workers=workers).result() for workers in (1, 4)]
    assert seen[0] == seen[1] == [["of-a", text] for text in ("0", "1", "2", "3", "04", "15")]
    assert "SEEN" not in os.environ


def test_the_variables_of_lambda_are_set(tmp_path: Path) -> None:
    code = """
        import os

        def handler(event, context):
            return {name: value for name, value in os.environ.items() if "LAMBDA" in name or name == "_HANDLER"}
    """
    write(tmp_path, {"fn.py": code, "sfn-sim.toml": '[functions.fn]\nhandler = "fn.py"\nmemory = 256\n'})
    seen = result(tmp_path, "fn")
    assert seen == {
        "AWS_LAMBDA_FUNCTION_NAME": "fn",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/fn",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2025/01/01/[$LATEST]" + "0" * 32,
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": "fn.handler",
    }


def test_the_execution_environment_names_the_python(tmp_path: Path) -> None:
    write(tmp_path, {"fn.py": "import os\ndef handler(e, c):\n    return os.environ['AWS_EXECUTION_ENV']\n"})
    assert result(tmp_path, "fn") == f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}"


def test_the_configuration_wins_over_the_run_and_the_run_over_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "process")
    monkeypatch.setenv("B", "process")
    code = "import os\ndef handler(e, c):\n    return [os.environ[n] for n in 'ABC']\n"
    config = '[functions.fn]\nhandler = "fn.py"\nenv = { C = "config" }\n'
    write(tmp_path, {"fn.py": code, "sfn-sim.toml": config})
    given = {"B": "run", "C": "run"}
    assert result(tmp_path, "fn", environment=given) == ["process", "run", "config"]
