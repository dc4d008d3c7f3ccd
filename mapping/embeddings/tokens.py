"""Token arrays: inputs that a client has made tokens of already, as LangChain does unasked, and which have to become
texts again: the tokens of OpenAI's models mean nothing to Gemini.

Rules of this module:

* It wants tiktoken, an extra of the project (`pip install tiktoken`), and tiktoken's table of the encoding on this
  machine. tiktoken would fetch it from the network, and all clients would wait for that: without the table it is not
  asked. It is read once.
* Only OpenAI's embedding models have an encoding that is known: what a token of any other stands for, nobody knows.
* What can't be read is a 400 that says what to do.

Source: tiktoken 0.14 (`tiktoken/load.py`: where its tables are kept, `tiktoken/model.py`: which model has which).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mapping import faults
from mapping.faults import Fault
from mapping.gemini.models import strip_prefixes

ENCODINGS = {
    "text-embedding-3-small": "cl100k_base",
    "text-embedding-3-large": "cl100k_base",
    "text-embedding-ada-002": "cl100k_base",
}
"""OpenAI's embedding models -> the encoding of their tokens."""

_TABLE = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
_AS_TEXT = "Send the text instead: with LangChain, OpenAIEmbeddings(check_embedding_ctx_length=False)"

type Decode = Callable[[Sequence[int], str], str]
"""The text of some tokens; `path` is where they stand. Raises Fault for what is none."""


def decoder(client_model: str, path: str) -> Decode:
    """What makes texts of the tokens of a model, as the client named it. Raises Fault (400) where nothing can."""
    name = ENCODINGS.get(strip_prefixes(client_model))
    if name is None:
        raise _unreadable(
            path,
            f"only those of {', '.join(ENCODINGS)} can be read, and not those of '{client_model[:100]}'. {_AS_TEXT}, "
            "or name one of these models",
        )
    try:
        import tiktoken
    except ImportError:
        raise _unreadable(
            path, f"to read them, the gateway needs the package tiktoken (pip install tiktoken). {_AS_TEXT}"
        ) from None
    if not table_of(name).is_file():
        raise _unreadable(
            path,
            f"tiktoken has no table of {name} on the gateway's machine. Fetch it once with "
            f"python -c 'import tiktoken; tiktoken.get_encoding(\"{name}\")' (TIKTOKEN_CACHE_DIR says where it is "
            f"kept), or: {_AS_TEXT[0].lower()}{_AS_TEXT[1:]}",
        )
    encoding = tiktoken.get_encoding(name)

    def decode(tokens: Sequence[int], path: str) -> str:
        try:
            return encoding.decode(tokens)  # half a character, at the end of a piece, becomes U+FFFD
        except (KeyError, OverflowError, ValueError):
            raise faults.bad_value(path, f"Invalid '{path}': it holds a number that is no token of {name}.") from None

    return decode


def table_of(encoding: str) -> Path:
    """Where tiktoken keeps the table of an encoding."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    name = hashlib.sha1(_TABLE.format(encoding).encode(), usedforsecurity=False).hexdigest()
    return Path(Path(tempfile.gettempdir(), "data-gym-cache") if folder is None else folder, name)


def _unreadable(path: str, why: str) -> Fault:
    return faults.unsupported_value(path, f"Unsupported value: '{path}' holds tokens; {why}.")
