"""What the environment says; read once, when a Lambda's container starts."""

from __future__ import annotations

import os

BUCKET = os.environ.get("S3_BUCKET", "chromadb-dev-shared-buckets-vectors-c239843")
TABLE = os.environ.get("DYNAMODB_TABLE_NAME", "ReceiptsTable-dev")
QUEUE_URL = os.environ.get("NOTIFICATION_QUEUE_URL", "")
DELTA_FORMAT = os.environ.get("DELTA_FORMAT", "npy")
"""How a poll stores its vectors: "npy" (fast) or "chroma" (a ChromaDB folder a delta, as at first)."""

LIST_INLINE_BYTES = int(os.environ.get("LIST_INLINE_BYTES", str(100 * 1024)))
"""Above this the list of batches goes to S3 (the document's threshold)."""

CHUNKS_INLINE_BYTES = int(os.environ.get("CHUNKS_INLINE_BYTES", str(150 * 1024)))
"""Above this the chunks go to S3 (the document's threshold)."""

GROUPS_INLINE_BYTES = int(os.environ.get("GROUPS_INLINE_BYTES", "0"))
"""Above this the groups go to S3; always, as in the document, unless it is raised."""

MAX_BATCHES_PER_RUN = int(os.environ.get("MAX_BATCHES_PER_RUN", "500"))
"""How many batches one execution takes; the payload limit bounds it further (see embedding_list_pending)."""

BATCHES_PER_TRANSACTION = int(os.environ.get("BATCHES_PER_TRANSACTION", "1"))
"""How many batches are marked in one transaction, 1 to 25; 1 means single conditional updates."""
