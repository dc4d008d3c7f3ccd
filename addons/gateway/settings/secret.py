"""A text of the settings that is shown to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, override

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


class Secret:
    """The text of a key or a password. It compares like the text, and shows nothing of it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        """The text itself, which may be `env:NAME`."""
        return self._text

    @override
    def __repr__(self) -> str:
        return "Secret('**********')" if self._text else "Secret('')"

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    @override
    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """How pydantic makes one of a text."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
