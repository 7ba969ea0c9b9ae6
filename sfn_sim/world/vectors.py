"""Deterministic embeddings: equal texts have equal vectors, similar texts are near.

A text's vector is the mean of its words' vectors and a little of its own, made unit length. Independent random vectors
would be far from each other in a way that texts never are, and would make an index twice as slow to build.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from typing import Any

from sfn_sim.errors import FixtureError

_WORD = re.compile(r"\w+")
_OWN_SHARE = 0.3


def _has_numpy() -> bool:
    try:
        return importlib.util.find_spec("numpy") is not None
    except ImportError:
        return False


class Vectors:
    """Makes the vectors of one model.

    Args:
        seed: the world's seed.
        model: the model's name.
        dims: the vectors' length.

    Raises:
        FixtureError: numpy is not installed.
    """

    def __init__(self, seed: int, model: str, dims: int) -> None:
        if not _has_numpy():
            raise FixtureError("the stand-in for OpenAI needs numpy: pip install 'sfn-sim[pipeline]'")
        self.dims = dims
        self._prefix = f"{seed}|{model}|{dims}|"
        self._words: dict[str, Any] = {}

    def of(self, text: str) -> Any:
        """Return the vector of a text: a numpy array of float32, of unit length."""
        import numpy as np

        words = [self._word(each) for each in _WORD.findall(text.lower())]
        vector = self._normal(f"text {text}") * np.float32(_OWN_SHARE)
        if words:
            vector = vector + np.mean(words, axis=0, dtype=np.float32)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def _word(self, word: str) -> Any:
        vector = self._words.get(word)
        if vector is None:
            vector = self._words[word] = self._normal(f"word {word}")
        return vector

    def _normal(self, name: str) -> Any:
        import numpy as np

        digest = hashlib.blake2b(f"{self._prefix}{name}".encode(), digest_size=16).digest()
        generator = np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))
        return generator.standard_normal(self.dims, dtype=np.float32)
