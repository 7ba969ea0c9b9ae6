"""What is stored beside a vector: the text and its metadata.

Every record of a database has the same metadata keys: an upsert of ChromaDB keeps old keys that the new
record lacks.
"""

from __future__ import annotations

from typing import Any

from shared.custom_ids import TextId

Record = tuple[str, dict[str, Any]]


class Receipt:
    """A receipt's lines and words by their ids."""

    def __init__(self, item: dict[str, Any]) -> None:
        self.merchant_name: str = item["merchant_name"]
        self.lines = {line["line_id"]: line for line in item["lines"]}
        self.words = {(line["line_id"], word["word_id"]): word for line in item["lines"] for word in line["words"]}

    def line_record(self, text: TextId) -> Record | None:
        """Return document and metadata of a line; None if the receipt has no such line."""
        line = self.lines.get(text.line_id)
        if line is None:
            return None
        confidences = [word["confidence"] for word in line["words"]]
        return line["text"], {
            **self._shared(text, line),
            "avg_word_confidence": sum(confidences) / len(confidences) if confidences else line["confidence"],
            "prev_line": self.lines.get(text.line_id - 1, {}).get("text", ""),
            "next_line": self.lines.get(text.line_id + 1, {}).get("text", ""),
            "source": "openai_line_embedding_batch",
        }

    def word_record(self, text: TextId) -> Record | None:
        """Return document and metadata of a word; None if the receipt has no such word."""
        if text.word_id is None:
            return None
        word = self.words.get((text.line_id, text.word_id))
        if word is None:
            return None
        labels = word.get("labels", [])
        return word["text"], {
            **self._shared(text, word),
            "word_id": text.word_id,
            "left": self.words.get((text.line_id, text.word_id - 1), {}).get("text", "<EDGE>"),
            "right": self.words.get((text.line_id, text.word_id + 1), {}).get("text", "<EDGE>"),
            "label_status": "validated" if labels else "unvalidated",
            "validated_labels": f",{','.join(labels)}," if labels else "",
            "source": "openai_word_embedding_batch",
        }

    def _shared(self, text: TextId, item: dict[str, Any]) -> dict[str, Any]:
        return {
            "image_id": text.image_id,
            "receipt_id": text.receipt_id,
            "line_id": text.line_id,
            "text": item["text"],
            "confidence": item["confidence"],
            "x": item["x"],
            "y": item["y"],
            "width": item["width"],
            "height": item["height"],
            "merchant_name": self.merchant_name,
        }
