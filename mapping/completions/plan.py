"""What the way back has to know of a completions request, beside what every dialect has to (`mapping.values.Plan`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from types import MappingProxyType
from typing import ClassVar, override

from mapping.openai.settings import WORDS
from mapping.request.plan import Plan
from mapping.totals import Totals, add_up, combine


@dataclass(slots=True)
class CompletionsPlan(Plan):
    """The plan of a completions request. Its upstream answers come in the order of the calls: prompt by prompt, for
    each prompt `copies`. `n` is the number of choices for each prompt; choices are numbered `prompt * n + j`."""

    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            **WORDS,
            "contents": "prompt",
            "systemInstruction": "suffix",
            "generationConfig.logprobs": "logprobs",
            "generationConfig.responseLogprobs": "logprobs",
        }
    )
    prompts: tuple[str, ...] = ("",)
    """At least one."""
    echo: bool = False
    """Every text begins with its prompt."""
    copies: int = 1
    """How many upstream calls there are for each prompt; divides `n`."""

    @override
    def one_choice_per_call(self) -> None:
        self.copies = self.n

    @property
    def per_call(self) -> int:
        """How many choices one upstream call makes."""
        return self.n // self.copies

    def prompt(self, choice: int) -> str:
        """The prompt of a choice, by the index of the choice."""
        at = choice // self.n
        return self.prompts[at] if at < len(self.prompts) else ""

    def totals(self, answers: Sequence[Totals]) -> Totals:
        """The numbers of the whole answer: a prompt counts once, however many copies it has."""
        return add_up(combine(copies) for copies in batched(answers, self.copies))
