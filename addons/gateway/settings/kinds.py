"""What the values of settings have to be, as pydantic checks them. Loaded where there is something to check.

pydantic takes a tenth of a start and 8 MB: a gateway without a settings file does without it.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, Strict, TypeAdapter, ValidationError

from addons.gateway.settings.home import expanded
from addons.gateway.settings.secret import Secret
from addons.gateway.settings.urls import base_url
from mapping import durations


def _duration(value: Any) -> Any:
    """`"10s"`, `"500ms"`, `"2m"`, or a number of seconds -> seconds."""
    if isinstance(value, str):
        read = durations.seconds(value)
        if read is None:
            raise ValueError('a duration such as "10s", "500ms" or "2m" is expected')
        return read
    return value


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _at_home(path: Path) -> Path:
    try:
        return expanded(path)
    except OSError as e:
        raise ValueError(e.strerror) from None


def _some_path(value: Any) -> Any:
    if value == "":
        raise ValueError("a path is expected, and this is empty")  # it would be the settings file's own folder
    return value


def _some_size(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError('a size such as "256MB" is expected, or a number of bytes')
    return value


def _places(names: list[str]) -> list[str]:
    if names:
        from mapping.inspect.compare.ignored import IgnoredPlaces  # those without a cassette need none of it

        IgnoredPlaces(names)
    return names


def _own_prices[T: Mapping[str, Any]](models: dict[str, T]) -> dict[str, T]:
    for name, said in models.items():
        if "long_above" not in said and any(word.startswith("long_") for word in said):
            raise ValueError(f"{name}: without long_above nobody knows which input is long")
    return models


type Switch = Annotated[bool, Strict()]
type Whole = Annotated[int, Strict()]
type Number = Annotated[float, Strict()]
"""Or a whole one."""
type Duration = Annotated[Number, BeforeValidator(_duration), Field(ge=0)]
type Deadline = Annotated[Duration, Field(gt=0)]
type ShortDeadline = Annotated[Deadline, Field(le=2)]
type UserPath = Annotated[Path, BeforeValidator(_some_path), AfterValidator(_at_home)]
"""A path whose `~` is resolved; a relative one begins at the settings file."""
type BaseUrl = Annotated[str, AfterValidator(base_url)]
type Name = Annotated[str, Field(min_length=1)]
type KeyPrefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
type Secrets = Annotated[list[Secret], BeforeValidator(_one_or_more)]
if TYPE_CHECKING:
    type Size = int  # as which it is used
else:
    type Size = Annotated[ByteSize, BeforeValidator(_some_size)]
    """Bytes, or a text such as `256MB`."""
type AtLeastOne = Annotated[Whole, Field(ge=1)]
type Attempts = Annotated[Whole, Field(ge=1, le=20)]
type Dollars = Annotated[Number, Field(gt=0, allow_inf_nan=False)]
type Probability = Annotated[Number, Field(ge=0, le=1)]
type Turns = Annotated[list[AtLeastOne], BeforeValidator(_one_or_more)]
type IgnoredPlaces = Annotated[list[str], AfterValidator(_places)]
type _Counted = Literal[
    "input", "cached", "thinking", "output",
    "input_audio", "input_image", "input_video", "cached_audio", "cached_image", "cached_video",
    "output_audio", "output_image", "output_video",
    "long_above", "long_input", "long_cached", "long_thinking", "long_output",
    "batch", "flex", "priority",
]  # fmt: skip
type ModelPrices = Annotated[
    dict[str, dict[_Counted, Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]]], AfterValidator(_own_prices)
]


def check(kind: Any, value: object) -> tuple[Any, list[Any]]:
    """(a value that is what it has to be, the errors of it as `ValidationError.errors` has them)."""
    try:
        return TypeAdapter(kind).validate_python(value), []
    except ValidationError as e:
        return None, e.errors(include_url=False, include_input=False)
