from __future__ import annotations

import http.client
import io
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import openai
import pytest

from sfn_sim import clock
from sfn_sim.world import Fixture, World, open_world
from sfn_sim.world.fixture import Fault, OpenAI

DIMS = 16
START = 1_735_689_600  # 2025-01-01T00:00:00Z
STATUSES = (
    "validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled",
)  # fmt: skip


def opened(path: Path, *faults: Fault, seed: int = 0) -> Any:
    return open_world(Fixture(name="ai", path=path, openai=OpenAI(dims=DIMS, faults=faults)), seed=seed)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def transport() -> Iterator[Any]:
    """Return what a client sends with: its TLS settings take longer to load than any test here."""
    with openai.DefaultHttpxClient() as made:
        yield made


@pytest.fixture
def client(world: World, transport: Any) -> openai.OpenAI:
    return openai.OpenAI(max_retries=0, http_client=transport)


def stand_in(world: World) -> Any:
    assert world.openai is not None
    return world.openai


def request_line(custom_id: str, text: Any = "milk 1.29", **changes: Any) -> str:
    body = {"input": text, "model": "text-embedding-3-small"}
    line = {"custom_id": custom_id, "method": "POST", "url": "/v1/embeddings", "body": body}
    return json.dumps({**line, **changes})


def upload(client: openai.OpenAI, *lines: str) -> str:
    content = "\n".join(lines).encode()
    return client.files.create(file=("in.jsonl", io.BytesIO(content)), purpose="batch").id


def create(client: openai.OpenAI, *lines: str, **more: Any) -> Any:
    file = upload(client, *lines)
    return client.batches.create(
        input_file_id=file, endpoint="/v1/embeddings", completion_window="24h", **more
    )


def lines_of(client: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    assert file_id is not None
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


def asked(world: World, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
    """Ask without the client, which sends only what OpenAI would understand."""
    place = urlsplit(stand_in(world).base_url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


# Files


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"a": 1}\n{"a": 2}\n', id="lines"),
        pytest.param(b"without an end of line", id="no last newline"),
        pytest.param(b"", id="empty"),
        pytest.param("größer\r\n€\u2028\n".encode(), id="beyond ascii"),
        pytest.param(bytes(range(256)), id="every byte"),
        pytest.param(b"\r\n\r\n--\r\n", id="like a boundary"),
    ],
)
def test_a_file_comes_back_byte_for_byte(client: openai.OpenAI, content: bytes) -> None:
    made = client.files.create(file=("in.jsonl", io.BytesIO(content)), purpose="batch")
    assert client.files.content(made.id).read() == content
    assert (made.bytes, made.filename, made.purpose) == (len(content), "in.jsonl", "batch")


def test_a_file_can_be_looked_up_until_it_is_deleted(client: openai.OpenAI) -> None:
    name = upload(client, request_line("a"))
    assert client.files.retrieve(name).id == name
    deleted = client.files.delete(name)
    assert (deleted.id, deleted.deleted) == (name, True)
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        client.files.retrieve(name)
    with pytest.raises(openai.NotFoundError):
        client.files.delete(name)


def test_a_file_after_a_deleted_one_takes_no_other_files_id(client: openai.OpenAI) -> None:
    first, second = upload(client, "1"), upload(client, "2")
    client.files.delete(first)
    third = upload(client, "3")
    assert len({first, second, third}) == 3
    assert client.files.content(second).text == "2"


def test_files_are_listed_newest_first_page_by_page(client: openai.OpenAI) -> None:
    made = [upload(client, str(n)) for n in range(5)]
    assert [each.id for each in client.files.list()] == made[::-1]
    assert [each.id for each in client.files.list(limit=2, order="asc")] == made
    page = client.files.list(limit=2)
    assert ([each.id for each in page.data], page.has_more) == (made[:2:-1], True)


def test_files_are_listed_by_purpose(world: World, client: openai.OpenAI) -> None:
    given = stand_in(world).add_batch([("a", "x")])
    batch = client.batches.retrieve(given)
    assert [each.id for each in client.files.list(purpose="batch_output")] == [batch.output_file_id]
    assert [each.id for each in client.files.list(purpose="batch")] == [batch.input_file_id]


def test_the_size_of_an_output_file_is_that_of_its_content(world: World, client: openai.OpenAI) -> None:
    output = client.batches.retrieve(stand_in(world).add_batch([("a", "x"), ("b", "y")])).output_file_id
    assert output is not None
    assert client.files.retrieve(output).bytes == len(client.files.content(output).read())


# Batches through the API


def test_a_batch_is_validating_at_first_and_completed_when_it_is_asked_for(client: openai.OpenAI) -> None:
    made = create(client, request_line("a"), request_line("b", "bread"), metadata={"kind": "lines"})
    assert (made.status, made.output_file_id, made.metadata) == ("validating", None, {"kind": "lines"})
    ended = client.batches.retrieve(made.id)
    assert (ended.status, ended.error_file_id, ended.metadata) == ("completed", None, {"kind": "lines"})
    assert {line["custom_id"] for line in lines_of(client, ended.output_file_id)} == {"a", "b"}
    assert client.batches.retrieve(made.id) == ended


def test_a_batch_request_may_have_several_texts(world: World, client: openai.OpenAI) -> None:
    ended = client.batches.retrieve(create(client, request_line("a", ["milk", "bread"])).id)
    (line,) = lines_of(client, ended.output_file_id)
    data = line["response"]["body"]["data"]
    assert [each["index"] for each in data] == [0, 1]
    for each, text in zip(data, ["milk", "bread"], strict=True):
        assert np.float32(each["embedding"]).tolist() == stand_in(world).vector(text)


@pytest.mark.parametrize(
    ("lines", "code", "number"),
    [
        ((request_line("a"), "not json"), "invalid_json_line", 2),
        (('{"custom_id": "a"}',), "invalid_json_line", 1),
        (("[1]",), "invalid_json_line", 1),
        ((request_line("a"), request_line("a")), "duplicate_custom_id", 2),
        ((request_line("a", url="/v1/chat/completions"),), "mismatched_url", 1),
        ((), "empty_file", None),
    ],
)  # fmt: skip
def test_a_batch_with_a_bad_line_fails_and_says_which(
    client: openai.OpenAI, lines: tuple[str, ...], code: str, number: int | None
) -> None:
    ended = client.batches.retrieve(create(client, *lines).id)
    assert (ended.status, ended.output_file_id, ended.error_file_id) == ("failed", None, None)
    assert ended.errors is not None
    assert ended.errors.data is not None
    assert [(each.code, each.line) for each in ended.errors.data] == [(code, number)]


@pytest.mark.parametrize("given", [17, [], [1, 2], ""], ids=str)
def test_a_request_without_a_text_is_an_error_line(client: openai.OpenAI, given: Any) -> None:
    ended = client.batches.retrieve(create(client, request_line("good"), request_line("bad", given)).id)
    assert ended.status == "completed"
    (line,) = lines_of(client, ended.error_file_id)
    assert (line["custom_id"], line["response"]["status_code"]) == ("bad", 400)
    assert [each["custom_id"] for each in lines_of(client, ended.output_file_id)] == ["good"]


def test_a_batch_of_a_missing_file_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="No such File object: file-none"):
        client.batches.create(input_file_id="file-none", endpoint="/v1/embeddings", completion_window="24h")


@pytest.mark.parametrize(
    ("key", "value"), [("endpoint", "/v1/chat/completions"), ("completion_window", "1h")]
)
def test_what_the_stand_in_does_not_carry_out_is_refused(client: openai.OpenAI, key: str, value: str) -> None:
    given: dict[str, Any] = {"endpoint": "/v1/embeddings", "completion_window": "24h", key: value}
    with pytest.raises(openai.BadRequestError, match=value):
        client.batches.create(input_file_id=upload(client, request_line("a")), **given)


def test_a_cancelled_batch_is_cancelling_and_then_cancelled_with_nothing_run(
    world: World, client: openai.OpenAI
) -> None:
    for name in (create(client, request_line("a")).id, stand_in(world).add_batch([("a", "x")], status="in_progress")):
        cancelled = client.batches.cancel(name)
        assert (cancelled.status, cancelled.cancelling_at) == ("cancelling", START)
        ended = client.batches.retrieve(name)
        assert (ended.status, ended.cancelled_at, ended.output_file_id) == ("cancelled", START, None)
        (line,) = lines_of(client, ended.error_file_id)
        assert (line["response"], line["error"]["code"]) == (None, "batch_cancelled")


def test_a_batch_that_has_ended_cannot_be_cancelled(world: World, client: openai.OpenAI) -> None:
    name = stand_in(world).add_batch([("a", "x")])
    with pytest.raises(openai.ConflictError, match="completed"):
        client.batches.cancel(name)


def test_an_unknown_batch_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="No batch found with id 'batch_none'"):
        client.batches.retrieve("batch_none")
    with pytest.raises(openai.NotFoundError):
        client.batches.cancel("batch_none")


def test_batches_are_listed_newest_first_page_by_page(world: World, client: openai.OpenAI) -> None:
    made = [stand_in(world).add_batch([("a", "x")], batch_id=f"batch_{n}") for n in range(25)]
    first = client.batches.list()
    assert ([each.id for each in first.data], first.has_more) == (made[:4:-1], True)
    assert [each.id for each in client.batches.list(limit=10)] == made[::-1]
    assert [each.id for each in client.batches.list(after="batch_1")] == ["batch_0"]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many"])
def test_a_page_of_a_wrong_length_is_refused(world: World, limit: str) -> None:
    status, answer = asked(world, "GET", f"/v1/batches?limit={limit}")
    assert (status, limit in answer["error"]["message"]) == (400, True)


def test_a_page_after_something_unknown_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="batch_none"):
        client.batches.list(after="batch_none")


# Batches of a fixture


@pytest.mark.parametrize("status", STATUSES)
def test_a_batch_of_a_fixture_has_its_status_and_keeps_it(world: World, client: openai.OpenAI, status: str) -> None:
    name = stand_in(world).add_batch([("a", "x"), ("b", "y")], status=status, metadata={"n": "1"})
    batch = client.batches.retrieve(name)
    assert (batch.status, batch.created_at, batch.metadata) == (status, START, {"n": "1"})
    has_output = status in ("completed", "expired", "cancelled")
    assert (batch.output_file_id is not None, batch.error_file_id) == (has_output, None)
    assert (batch.errors is not None) == (status == "failed")
    ends = {each: getattr(batch, f"{each}_at") for each in ("completed", "failed", "expired", "cancelled")}
    assert {each for each, moment in ends.items() if moment} == ({status} & set(ends))
    assert batch.request_counts is not None
    assert batch.request_counts.total == 2
    assert batch.request_counts.completed == (2 if has_output else 0)
    assert client.batches.retrieve(name) == batch


def test_error_lines_stand_beside_good_lines(world: World, client: openai.OpenAI) -> None:
    requests = [(f"r{n}", f"text {n}") for n in range(5)]
    name = stand_in(world).add_batch(requests, error_lines={"r1": "too long", "r3": "no"})
    batch = client.batches.retrieve(name)
    assert {line["custom_id"] for line in lines_of(client, batch.output_file_id)} == {"r0", "r2", "r4"}
    errors = {line["custom_id"]: line["response"]["body"]["error"] for line in lines_of(client, batch.error_file_id)}
    assert {name: error["message"] for name, error in errors.items()} == {"r1": "too long", "r3": "no"}
    assert batch.request_counts is not None
    assert batch.request_counts.to_dict() == {"total": 5, "completed": 3, "failed": 2}


def test_there_is_no_output_file_when_every_line_failed(world: World, client: openai.OpenAI) -> None:
    batch = client.batches.retrieve(stand_in(world).add_batch([("a", "x")], error_lines={"a": "no"}))
    assert (batch.status, batch.output_file_id) == ("completed", None)
    assert [line["custom_id"] for line in lines_of(client, batch.error_file_id)] == ["a"]


@pytest.mark.parametrize(("status", "code"), [("expired", "batch_expired"), ("cancelled", "batch_cancelled")])
def test_a_batch_that_was_cut_off_has_partial_results(
    world: World, client: openai.OpenAI, status: str, code: str
) -> None:
    name = stand_in(world).add_batch([("a", "x"), ("b", "y")], status=status, error_lines={"b": "never run"})
    batch = client.batches.retrieve(name)
    assert [line["custom_id"] for line in lines_of(client, batch.output_file_id)] == ["a"]
    (line,) = lines_of(client, batch.error_file_id)
    assert (line["custom_id"], line["response"]) == ("b", None)
    assert line["error"] == {"code": code, "message": "never run"}


def test_the_input_file_of_a_fixtures_batch_has_its_requests(world: World, client: openai.OpenAI) -> None:
    batch = client.batches.retrieve(stand_in(world).add_batch([("a", "x"), ("b", "y")]))
    lines = lines_of(client, batch.input_file_id)
    assert [(line["custom_id"], line["body"]["input"]) for line in lines] == [("a", "x"), ("b", "y")]


def test_output_lines_are_complete_in_an_order_of_their_own(world: World, client: openai.OpenAI) -> None:
    names = [f"r{n:02}" for n in range(40)]
    name = stand_in(world).add_batch([(each, f"text {each}") for each in names])
    output = client.batches.retrieve(name).output_file_id
    found = [line["custom_id"] for line in lines_of(client, output)]
    assert found != names
    assert sorted(found) == names
    assert found == [line["custom_id"] for line in lines_of(client, output)]


def test_the_seed_decides_ids_order_and_vectors(tmp_path: Path) -> None:
    def made(seed: int) -> tuple[Any, ...]:
        with opened(tmp_path, seed=seed) as world, openai.OpenAI(max_retries=0) as client:
            name = stand_in(world).add_batch([(f"r{n}", "milk") for n in range(9)])
            batch = client.batches.retrieve(name)
            return name, batch.output_file_id, client.files.content(str(batch.output_file_id)).text

    assert made(1) == made(1)
    assert all(one != other for one, other in zip(made(1), made(2), strict=True))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"status": "done"}, "cannot be 'done'"),
        ({"batch_id": "batch_1"}, "'batch_1' already"),
        ({"error_lines": {"z": "no"}}, "no request 'z'"),
    ],
)
def test_a_batch_that_cannot_be_is_refused_where_it_is_made(world: World, more: dict[str, Any], words: str) -> None:
    stand_in(world).add_batch([("a", "x")], batch_id="batch_1")
    with pytest.raises(ValueError, match=words):
        stand_in(world).add_batch([("a", "x")], **more)


# Embeddings


def test_embeddings_are_the_vectors_of_their_texts_in_every_encoding(world: World, client: openai.OpenAI) -> None:
    texts = ["milk 1.29", "Brötchen", "milk 1.29"]
    for encoding in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
        answer = client.embeddings.create(input=texts, model="text-embedding-3-small", **encoding)  # type: ignore[call-overload]
        found = [each.embedding for each in answer.data]
        if encoding.get("encoding_format") == "base64":
            import base64

            found = [np.frombuffer(base64.b64decode(each), "<f4").tolist() for each in found]
        assert found == [stand_in(world).vector(text) for text in texts]
        assert [each.index for each in answer.data] == [0, 1, 2]
        assert answer.usage.total_tokens == 5


def test_one_text_needs_no_list(world: World, client: openai.OpenAI) -> None:
    answer = client.embeddings.create(input="milk", model="text-embedding-3-small")
    assert [each.embedding for each in answer.data] == [stand_in(world).vector("milk")]


@pytest.mark.parametrize("more", [{"input": []}, {"input": [[1, 2]]}, {"input": "a", "dimensions": 8}], ids=str)
def test_embeddings_that_cannot_be_made_are_refused(client: openai.OpenAI, more: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="text-embedding-3-small", **more)


def test_vectors_are_of_unit_length_and_the_same_each_time(tmp_path: Path) -> None:
    def vectors() -> list[list[float]]:
        with opened(tmp_path) as world:
            return [stand_in(world).vector(text) for text in ("milk", "milk 1.29", "", "§§")]

    found = vectors()
    assert found == vectors()
    assert {len(each) for each in found} == {DIMS}
    assert [math.hypot(*each) for each in found] == pytest.approx([1.0] * 4, abs=1e-6)


def test_similar_texts_are_nearer_than_unrelated_ones(tmp_path: Path) -> None:
    with open_world(Fixture(name="ai", path=tmp_path, openai=OpenAI(dims=256))) as world:
        milk, dearer, bread = (
            np.array(stand_in(world).vector(text))
            for text in ("organic whole milk one litre 1.29", "organic whole milk one litre 1.49", "rye bread sliced")
        )
    assert milk @ dearer > 0.4
    assert abs(milk @ bread) < 0.2


def test_vectors_come_through_jsonl_exact_to_the_float32(world: World, client: openai.OpenAI) -> None:
    texts = {f"r{n}": f"text number {n}" for n in range(50)}
    batch = client.batches.retrieve(stand_in(world).add_batch(texts.items()))
    for line in lines_of(client, batch.output_file_id):
        (data,) = line["response"]["body"]["data"]
        assert np.float32(data["embedding"]).tolist() == stand_in(world).vector(texts[line["custom_id"]])


# Faults, and requests that nobody should send


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, openai.RateLimitError), (500, openai.InternalServerError), ("timeout", openai.APIConnectionError),
    ],
)  # fmt: skip
def test_a_fault_is_given_so_many_times_to_requests_that_match(
    world: World, client: openai.OpenAI, status: int | str, error: type[Exception]
) -> None:
    name = stand_in(world).add_batch([("a", "x")])
    stand_in(world).fault("GET /v1/batches/", status=status, times=2)
    for _ in range(2):
        with pytest.raises(error):
            client.batches.retrieve(name)
        assert client.batches.list().data
    assert client.batches.retrieve(name).status == "completed"


def test_a_fixtures_faults_are_there_from_the_start(tmp_path: Path) -> None:
    fault = Fault(match="POST /v1/embeddings", status=429)
    with opened(tmp_path, fault), openai.OpenAI(max_retries=0) as client:
        with pytest.raises(openai.RateLimitError):
            client.embeddings.create(input="a", model="m")
        assert client.embeddings.create(input="a", model="m").data


@pytest.mark.parametrize("status", [429, 500, "timeout"])
def test_the_clients_retries_take_virtual_time_only(world: World, status: int | str) -> None:
    name = stand_in(world).add_batch([("a", "x")])
    stand_in(world).fault("GET /v1/batches/", status=status, times=2)
    began = time.monotonic()
    with openai.OpenAI() as client, clock.working_for(clock.Invocation("poll", START * 10**9)):
        assert client.batches.retrieve(name).status == "completed"
        assert time.time() > START + 0.5
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("GET", "/")])
def test_an_unknown_route_is_answered_as_openai_would(world: World, method: str, path: str) -> None:
    status, answer = asked(world, method, path)
    assert (status, answer["error"]["code"]) == (404, "unknown_url")


@pytest.mark.parametrize("path", ["/v1/batches", "/v1/embeddings"])
@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(world: World, path: str, body: bytes) -> None:
    status, answer = asked(world, "POST", path, body)
    assert (status, "JSON" in answer["error"]["message"]) == (400, True)


def test_an_upload_that_is_no_form_is_refused(world: World) -> None:
    status, answer = asked(world, "POST", "/v1/files", b"hello", {"Content-Type": "text/plain"})
    assert (status, "required" in answer["error"]["message"]) == (400, True)


def test_a_body_may_come_in_chunks(world: World) -> None:
    place = urlsplit(stand_in(world).base_url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port)
    connection.request("POST", "/v1/embeddings", iter([b'{"input": ', b'"a"}']), encode_chunked=True)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert answer["data"][0]["embedding"] == stand_in(world).vector("a")


def every_object(client: openai.OpenAI, world: World) -> Iterator[Any]:
    yield client.files.retrieve(upload(client, request_line("a")))
    for status in STATUSES:
        name = stand_in(world).add_batch([("a", "x"), ("b", "y")], status=status, error_lines={"a": "no"})
        yield client.batches.retrieve(name)
    yield client.files.list().data[0]
    yield client.batches.list().data[0]
    yield client.embeddings.create(input="a", model="m", encoding_format="float")


def test_every_object_is_what_the_clients_models_say(
    world: World, client: openai.OpenAI, recwarn: pytest.WarningsRecorder
) -> None:
    checked = 0
    for each in every_object(client, world):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            type(each).model_validate(each.to_dict(mode="python"), strict=True)
        assert not each.model_extra
        checked += 1
    assert checked == 12


def test_a_closed_world_leaves_no_thread_that_serves_it(tmp_path: Path, threads: Callable[[], set[str]]) -> None:
    before = threads()
    with openai.OpenAI(api_key="x", base_url="http://127.0.0.1:9") as _, opened(tmp_path), openai.OpenAI() as client:
        client.files.list()
    assert threads() == before


@pytest.fixture
def threads() -> Callable[[], set[str]]:
    import threading

    def names() -> set[str]:
        for each in threading.enumerate():
            if "process_request_thread" in each.name:
                each.join(2)
        return {each.name for each in threading.enumerate()}

    return names
