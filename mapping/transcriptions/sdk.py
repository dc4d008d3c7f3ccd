"""How programs make requests for transcripts. See `mapping.inspect.code.calls`."""

from __future__ import annotations

from mapping.inspect.code.calls import AnswerUse
from mapping.openai.sdk import OpenAISdk, words

_KNOWN = words("file model prompt response_format temperature")
_HEARD = words("chunking_strategy include language stream timestamp_granularities")
_TEXT = AnswerUse(
    ("print(answer if isinstance(answer, str) else answer.model_dump_json(indent=2))",),
    ('console.log(typeof answer === "string" ? answer : JSON.stringify(answer, null, 2));',),
)

SDKS = {
    "transcriptions": OpenAISdk(
        "client.audio.transcriptions.create", _KNOWN | _HEARD, ("file", "model"), ("file",), result=_TEXT
    ),
    "translations": OpenAISdk("client.audio.translations.create", _KNOWN, ("file", "model"), ("file",), result=_TEXT),
}
