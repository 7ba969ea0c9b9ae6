"""Calls that Step Functions makes itself: what they answer, and that none leaves for a real account."""

from __future__ import annotations

import pytest

from sfn_sim.errors import ConfigurationError
from sfn_sim.run.effects import CallAws
from sfn_sim.services.aws import AwsClients
from sfn_sim.services.isolation import isolated

NOW_NS = 1_735_689_600 * 10**9


def test_a_call_is_refused_where_nothing_stands_for_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=r"s3:ListBuckets.*A real account is never called"):
        AwsClients().call(CallAws("s3", "ListBuckets", {}), NOW_NS)


def test_a_call_answers_with_the_operations_output() -> None:
    with isolated():
        clients = AwsClients()
        assert clients.call(CallAws("s3", "CreateBucket", {"Bucket": "bucket"}), NOW_NS).error is None
        answer = clients.call(CallAws("s3", "ListBuckets", {}), NOW_NS)
    assert [each["Name"] for each in answer.output["Buckets"]] == ["bucket"]
    assert (answer.error, answer.status) == (None, 200)


@pytest.mark.parametrize(
    ("operation", "parameters", "error"),
    [
        ("GetObject", {"Bucket": "none", "Key": "k"}, "NoSuchBucket"),
        ("GetObject", {"Bucket": "none"}, "ParamValidationError"),
    ],
)
def test_a_refusal_is_an_answer_with_the_services_code(operation: str, parameters: dict[str, str], error: str) -> None:
    with isolated():
        answer = AwsClients().call(CallAws("s3", operation, parameters), NOW_NS)
    assert answer.error == error
    assert answer.message
    assert not answer.output
