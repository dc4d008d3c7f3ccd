"""The legacy Completions dialect: `POST /v1/completions`."""

from mapping.completions.answer import CompletionsAnswer
from mapping.completions.plan import CompletionsPlan
from mapping.completions.request import translate
from mapping.completions.stream import CompletionsStream

__all__ = ["CompletionsAnswer", "CompletionsPlan", "CompletionsStream", "translate"]
