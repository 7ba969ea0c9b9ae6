"""embedding-normalize-poll-batches: step 4, the results of all polls in one object."""

from __future__ import annotations

from typing import Any

from shared import objects, settings
from shared.errors import InvalidEventError


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Combine the polls' results in S3 and return the key.

    Raises:
        InvalidEventError: an entry is no reference.
    """
    references = event["poll_results"]
    if not isinstance(references, list):
        raise InvalidEventError(f"poll_results must be the list of the polls' references, not {references!r}")
    # Each entry is looked at for itself: the first says nothing about the others.
    unreferenced = [n for n, each in enumerate(references) if not each.get("result_s3_key")]
    if unreferenced:
        raise InvalidEventError(f"poll_results[{unreferenced[0]}] has no result_s3_key")
    results = [objects.read_json(each["result_s3_key"], each["result_s3_bucket"]) for each in references]
    key = f"poll_results/{event['batch_id']}/poll_results.json"
    objects.write_json(key, results)
    return {
        "batch_id": event["batch_id"],
        "poll_results": None,
        "poll_results_s3_key": key,
        "poll_results_s3_bucket": settings.BUCKET,
    }
