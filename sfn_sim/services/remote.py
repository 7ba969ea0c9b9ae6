"""Functions that run elsewhere: invoked by Lambda's own Invoke API.

The Runtime Interface Emulator in AWS's base images and `sam local start-lambda` answer it, so that functions in a
container, in Node or in Java run too.

Source: Lambda API reference, Invoke (the path, X-Amz-Function-Error, the status codes).
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request

from sfn_sim import clock
from sfn_sim.run.effects import Outcome
from sfn_sim.services.lambda_functions import Function

_PATH = "/2015-03-31/functions/{name}/invocations"


def invoke_remote(function: Function, payload: bytes, invocation: clock.Invocation) -> Outcome:
    """Invoke a function at its url; an answer that is no answer of Lambda's is a Lambda.ServiceException."""
    url = f"{(function.settings.url or '').rstrip('/')}{_PATH.format(name=function.name)}"
    request = urllib.request.Request(url, payload, {"Content-Type": "application/json"}, method="POST")
    # Neither a proxy of the environment nor a redirect has a part in this.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=function.timeout_s) as answer:
            body = answer.read()
            failed = answer.headers.get("X-Amz-Function-Error")
    except urllib.error.HTTPError as error:
        said = error.read(500).decode(errors="replace")
        return _unavailable(invocation, f"{url} answered with status {error.code}: {said}")
    except (OSError, ValueError) as error:
        return _unavailable(invocation, f"nothing answers at {url}: {error}")
    real_ns = time.perf_counter_ns() - invocation.real_start
    try:
        value = json.loads(body or b"null")
    except ValueError:
        return _unavailable(invocation, f"{url} answered with something that is not JSON")
    # The Runtime Interface Emulator leaves the header out: an envelope of an error tells it too.
    envelope = isinstance(value, dict) and {"errorMessage", "errorType"} <= value.keys()
    if failed or (envelope and "stackTrace" in value):
        name = str(value.get("errorType", failed)) if isinstance(value, dict) else str(failed)
        return Outcome(None, name, body.decode("utf-8", "replace"), 0, real_ns)
    return Outcome(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), real_ns=real_ns)


def _unavailable(invocation: clock.Invocation, what: str) -> Outcome:
    return Outcome(
        None,
        "Lambda.ServiceException",
        f"{what} (Service: AWSLambda; Status Code: 500; Error Code: ServiceException; "
        f"Request ID: {invocation.request_id()}; Proxy: null)",
        real_ns=time.perf_counter_ns() - invocation.real_start,
        printed=f"sfn-sim: {what}\n",
    )
