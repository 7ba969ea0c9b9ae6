"""Calls that Step Functions itself makes to AWS's services, through boto3 in this process.

Only moto or an endpoint of the caller's own is ever asked: a call never reaches a real account by accident.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from typing import Any

from sfn_sim import clock
from sfn_sim.errors import ConfigurationError
from sfn_sim.run.effects import AwsAnswer, CallAws

_REGION = "us-east-1"
_LARGE_BYTES = 1 << 20


class AwsClients:
    """Clients of AWS's services, each made when it is first needed."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def call(self, call: CallAws, now_ns: int) -> AwsAnswer:
        """Call an operation and return what it answers, or how it failed.

        Args:
            call: the operation.
            now_ns: the virtual moment, in ns since 1970, which the service sees.

        Raises:
            ConfigurationError: neither moto nor an endpoint stands for the service.
        """
        import boto3  # noqa: F401  # where a run is shut in, moto begins with this

        _check_is_ours(call)
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError

        with clock.working_for(clock.Invocation("Step Functions", now_ns)):
            operation = getattr(self._client(call.service), xform_name(call.operation))
            try:
                output = dict(operation(**call.parameters))
            except ClientError as error:
                return _failed(error.response)
            except BotoCoreError as error:
                return AwsAnswer({}, type(error).__name__, str(error), 0)
        if len(call.parameters.get("Body", b"")) > _LARGE_BYTES:
            # A request and its body lie in a cycle, and a run looks for such garbage rarely.
            gc.collect(1)
        metadata = output.pop("ResponseMetadata", {})
        return AwsAnswer(output, None, "", metadata.get("HTTPStatusCode", 200), metadata.get("RequestId", ""))

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                import boto3
                from botocore.config import Config

                region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _REGION
                config = Config(
                    request_checksum_calculation="when_required", response_checksum_validation="when_required"
                )
                self._clients[service] = boto3.Session().client(service, region_name=region, config=config)
            return self._clients[service]


def _failed(response: Any) -> AwsAnswer:
    error, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    return AwsAnswer(
        {},
        error.get("Code", ""),
        error.get("Message", ""),
        metadata.get("HTTPStatusCode", 0),
        metadata.get("RequestId", ""),
    )


def _check_is_ours(call: CallAws) -> None:
    name = f"AWS_ENDPOINT_URL_{call.service.upper().replace('-', '_')}"
    moto = sys.modules.get("moto.core.models")
    if os.environ.get("AWS_ENDPOINT_URL") or os.environ.get(name) or (moto and moto.MockAWS._mocks_active):
        return
    raise ConfigurationError(
        f"the machine calls {call.service}:{call.operation}, and nothing stands for that service here: start moto's "
        f"mock_aws round the run, run in a fixture, or set {name}. A real account is never called"
    )
