"""Functions that run elsewhere: invoked by Lambda's own Invoke API.

The Runtime Interface Emulator in AWS's base images and `sam local start-lambda` answer it, so that functions in a
container, in Node or in Java run too.

Source: Lambda API reference, Invoke (the path, X-Amz-Function-Error, the status codes).
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request

from sfn_sim import clock, limits
from sfn_sim.payload import loads
from sfn_sim.run.effects import Outcome
from sfn_sim.services.lambda_functions import Function
from sfn_sim.services.moto_server import MOMENT

_PATH = "/2015-03-31/functions/{name}/invocations"
_ENVELOPE = frozenset(("errorMessage", "errorType"))
_OF_ENVELOPES = _ENVELOPE | {"requestId", "stackTrace", "trace", "cause"}
_TIMED_OUT = b"Task timed out after "


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow none."""


def invoke_remote(function: Function, payload: bytes, invocation: clock.Invocation) -> Outcome:
    """Invoke a function at its url; an answer that is no answer of Lambda's is a Lambda.ServiceException."""
    MOMENT.set(invocation)
    url = f"{(function.settings.url or '').rstrip('/')}{_PATH.format(name=function.name)}"
    request = urllib.request.Request(url, payload, {"Content-Type": "application/json"}, method="POST")
    # Neither a proxy of the environment nor a redirect has a part in this.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(request, timeout=function.timeout_s) as answer:
            body = answer.read()
            failed = answer.headers.get("X-Amz-Function-Error")
    except urllib.error.HTTPError as error:
        body = error.read(limits.LAMBDA_PAYLOAD.value)
        # So does the Runtime Interface Emulator say that the function's process has ended.
        if _is_envelope(_value(body)):
            return _failed(body, _value(body), "Unhandled", invocation)
        said = body[:500].decode(errors="replace")
        return _unavailable(invocation, f"{url} answered with status {error.code}: {said}")
    except (OSError, ValueError, http.client.HTTPException) as error:
        where = f"url of [functions.{function.settings.pattern!r}] in sfn-sim.toml"
        what = f"nothing answers at {url} as Lambda's Invoke API does: {error!r}"
        return _unavailable(invocation, f"{what}. Start it, or change {where}")
    if body.startswith(_TIMED_OUT):
        message = f"RequestId: {invocation.request_id()} Error: {body.decode(errors='replace')}"
        value: object = {"errorType": "Sandbox.Timedout", "errorMessage": message}
        return _failed(json.dumps(value).encode(), value, "", invocation)
    value = _value(body or b"null")
    if value is _NOT_JSON:
        return _unavailable(invocation, f"{url} answered with something that is not JSON: {body[:100]!r}")
    # The Runtime Interface Emulator leaves the header out: what can be nothing but an error's envelope tells it too.
    if failed or _is_envelope(value):
        return _failed(body, value, str(failed), invocation)
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Outcome(text.encode("utf-8", "surrogatepass"), real_ns=time.perf_counter_ns() - invocation.real_start)


_NOT_JSON = object()


def _value(body: bytes) -> object:
    try:
        return loads(body)
    except ValueError:
        return _NOT_JSON


def _is_envelope(value: object) -> bool:
    return isinstance(value, dict) and _ENVELOPE <= value.keys() <= _OF_ENVELOPES


def _failed(body: bytes, value: object, otherwise: str, invocation: clock.Invocation) -> Outcome:
    name = str(value.get("errorType", otherwise)) if isinstance(value, dict) else otherwise
    real_ns = time.perf_counter_ns() - invocation.real_start
    return Outcome(None, name, body.decode("utf-8", "replace"), 0, real_ns)


def _unavailable(invocation: clock.Invocation, what: str) -> Outcome:
    return Outcome(
        None,
        "Lambda.ServiceException",
        f"{what} (Service: AWSLambda; Status Code: 500; Error Code: ServiceException; "
        f"Request ID: {invocation.request_id()}; Proxy: null)",
        real_ns=time.perf_counter_ns() - invocation.real_start,
        printed=f"sfn-sim: {what}\n",
    )
