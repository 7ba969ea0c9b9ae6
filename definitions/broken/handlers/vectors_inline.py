"""A poll returns the vectors themselves beside its reference."""

from __future__ import annotations

import json
from typing import Any

import embedding_line_poll as healthy
from shared import delta

_saved: dict[str, Any] = {}
_save = delta.save


def _kept(prefix: str, collection: str, batch_id: str, rows: dict[str, Any], form: str) -> None:
    _saved[batch_id] = {custom_id: row[0] for custom_id, row in rows.items()}
    _save(prefix, collection, batch_id, rows, form)


delta.save = _kept


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    reference = healthy.handler(event, context)
    return {**reference, "embeddings": json.loads(json.dumps(_saved.pop(reference["batch_id"], {})))}
