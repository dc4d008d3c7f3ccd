"""The settings file: TOML, checked by pydantic, with secrets that never show in an error or a log.

* A string `env:NAME` in a secret's place is read from the environment.
* A key that is not known is an error: a misspelt setting would otherwise be silently without effect.
* Without accounts in the file, `GEMINI_API_KEYS` (comma separated), `GEMINI_API_KEY` or `GOOGLE_API_KEY` make them.
"""

import difflib
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, SecretStr, ValidationError

from addons.gateway.settings.home import expanded
from addons.gateway.settings.urls import base_url
from mapping import durations
from mapping.late import late
from mapping.values import Options

if TYPE_CHECKING:
    from mapping.prices import cost, own
    from mapping.prices.cost import PriceBook
else:
    cost, own = late("mapping.prices.cost"), late("mapping.prices.own")


class SettingsError(Exception):
    """The settings cannot be used; the message says where and why, and holds no secret."""


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


type Duration = Annotated[float, BeforeValidator(_duration), Field(ge=0)]
type UserPath = Annotated[Path, BeforeValidator(_some_path), AfterValidator(_at_home)]
"""A path whose `~` is resolved; a relative one begins at the settings file."""
type _BaseUrl = Annotated[str, AfterValidator(base_url)]
type _Counted = Literal[
    "input", "cached", "thinking", "output",
    "input_audio", "input_image", "input_video", "cached_audio", "cached_image", "cached_video",
    "output_audio", "output_image", "output_video",
    "long_above", "long_input", "long_cached", "long_thinking", "long_output",
    "batch", "flex", "priority",
]  # fmt: skip


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


def _table() -> Any:
    """A table that the file may leave out: then it is read as an empty one.

    So only the whole file's model is built (13 models take 10 ms longer), and a section's by itself where one is made.
    """
    return Field(default={}, validate_default=True)


class ProxySettings(_Section):
    """`[proxy]`: who may call, and what they are told."""

    auth_mode: Literal["off", "strict", "all_except_health", "auto"] = "auto"
    api_key: Annotated[list[SecretStr], BeforeValidator(_one_or_more)] = []
    allow_lan_access: bool = False
    expose_account: bool = True
    allowed_origins: list[str] = []
    allowed_hosts: list[str] = []
    keep_alive: Duration = 15.0
    """0: no signs of life."""

    @property
    def effective_auth_mode(self) -> str:
        """`auto` resolved: with LAN access everything but the health check needs a key, without it nothing does."""
        if self.auth_mode == "auto":
            return "all_except_health" if self.allow_lan_access else "off"
        return self.auth_mode


class RetrySettings(_Section):
    """`[retry]`: how often a request is tried, and how long it may wait in between."""

    max_attempts: int = Field(default=3, ge=1, le=20)
    max_wait: Duration = 10.0
    cooldown: bool = True

    def once(self) -> Self:
        """The same for what must not be tried again."""
        return self.model_copy(update={"max_attempts": 1})


class RoutingSettings(_Section):
    """`[routing]`: which account serves."""

    strategy: Literal["round_robin", "fill_first", "sticky"] = "round_robin"


class ModelSettings(_Section):
    """`[models]`: which Gemini model stands in for which name."""

    default: str | None = None
    mapping: dict[str, str] = {}
    map_gemini_paths: bool = True


class TranslationSettings(_Section):
    """`[translation]`: where the translation has a choice."""

    strict: bool = False
    late_system: Literal["auto", "hoist", "inline"] = "auto"
    thoughts: Literal["auto", "always", "never"] = "auto"
    signature_in_call_id: bool = False
    blocked_prompt: Literal["answer", "error"] = "answer"
    voices: dict[str, str] = {}

    def options(self) -> Options:
        """The same as the translation takes it."""
        return Options(**dict(self))


class ResponsesSettings(_Section):
    """`[responses]`: the Responses API, and where its responses are kept."""

    choices: bool = True
    store: UserPath | None = None
    max_age: Duration = 30 * 86400.0
    max_size: ByteSize = ByteSize(2**30)


class UpstreamSettings(_Section):
    """`[upstream]`: how upstreams and token servers are reached."""

    proxy: SecretStr | None = None
    proxy_loopback: bool = False


class LimitSettings(_Section):
    """`[limits]`: what one gateway takes on."""

    in_flight: int = Field(default=1000, ge=1)
    deadline: Annotated[Duration, Field(gt=0)] = 600.0
    drain: Duration = 0.0
    budget_per_day: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """US dollars; None: as much as is asked for."""


class PriceSettings(_Section):
    """`[prices]`: what exchanges cost."""

    enabled: bool = True
    header: bool = False
    models: Annotated[
        dict[str, dict[_Counted, Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]]], AfterValidator(_own_prices)
    ] = {}
    """Names of models -> what their tokens cost, see `mapping.prices.own`."""

    @cached_property
    def book(self) -> "PriceBook":
        """All prices."""
        return cost.PriceBook(own.OwnPrices({name: own.own_price(said) for name, said in self.models.items()}))


class StateSettings(_Section):
    """`[state]`: what gateways on several machines share."""

    url: SecretStr | None = None
    """May hold a password."""
    key: SecretStr | None = None
    prefix: str = Field(default="antigravity", pattern=r"^[A-Za-z0-9_.:-]{1,64}$")


class TraceSettings(_Section):
    """`[trace]`: the record of exchanges in mitmweb, in mitmproxy and on the gateway's own pages."""

    keep: int = Field(default=1000, ge=1)
    keep_bytes: ByteSize = ByteSize(2**28)


class ConversationSettings(_Section):
    """`[conversations]`: which exchanges belong together."""

    find: Literal["recorded", "always", "never"] = "recorded"


class LogSettings(_Section):
    """`[log]`: a line for each exchange."""

    format: Literal["text", "json"] = "text"
    file: UserPath | None = None


class TelemetrySettings(_Section):
    """`[telemetry]`: spans and metrics for an OpenTelemetry collector."""

    enabled: bool = False
    endpoint: _BaseUrl | None = None
    headers: dict[str, SecretStr] = {}
    service_name: str | None = Field(default=None, min_length=1)
    contents: bool = False
    conventions: Literal["1.41", "0.1"] = "1.41"


class CassetteSettings(_Section):
    """`[cassette]`: a folder of recorded calls that answer in Gemini's place."""

    folder: UserPath | None = None
    record: Literal["once", "none", "new", "all"] = "once"
    ignore: Annotated[list[str], AfterValidator(_places)] = []
    repeat: Literal["last", "never"] = "last"
    speed: Literal["at once", "recorded"] = "at once"
    mask: bool = False


class FaultRuleSettings(_Section):
    """`[[faults.rules]]`: requests that meet a fault."""

    fault: str
    """See `fault_injection.grammar`."""
    probability: float = Field(default=1.0, ge=0, le=1)
    path: str = "*"
    model: str = "*"
    nth: Annotated[list[Annotated[int, Field(ge=1)]], BeforeValidator(_one_or_more)] = []
    """Which of the requests that it concerns, counted from 1; empty: all."""


class FaultSettings(_Section):
    """`[faults]`: faults on demand, to see what a client does."""

    enabled: bool = False
    seed: int = 0
    rules: list[FaultRuleSettings] = []


class AccountSettings(_Section):
    """`[[accounts]]`: one account of the person who runs the gateway."""

    email: str = Field(min_length=1)
    api_key: SecretStr | None = None
    upstream: Literal["gemini", "vertex", "code-assist"] = "gemini"
    credentials: str | None = None
    access_token: SecretStr | None = None
    project: str | None = None
    location: str | None = None
    base_url: _BaseUrl | None = None
    models: list[str] = ["*"]
    weight: int = Field(default=1, ge=1)


class Settings(_Section):
    """The whole file."""

    proxy: ProxySettings = _table()
    retry: RetrySettings = _table()
    routing: RoutingSettings = _table()
    models: ModelSettings = _table()
    translation: TranslationSettings = _table()
    responses: ResponsesSettings = _table()
    upstream: UpstreamSettings = _table()
    limits: LimitSettings = _table()
    state: StateSettings = _table()
    trace: TraceSettings = _table()
    conversations: ConversationSettings = _table()
    log: LogSettings = _table()
    telemetry: TelemetrySettings = _table()
    cassette: CassetteSettings = _table()
    prices: PriceSettings = _table()
    faults: FaultSettings = _table()
    accounts: list[AccountSettings] = []


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read and check the settings. Raises SettingsError.

    `path` None: no file, everything at its default.
    """
    raw = _read(path) if path else {}
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as e:
        raise SettingsError(f"{path}: " + "; ".join(_readable(error) for error in e.errors())) from None
    labels = [account.email for account in settings.accounts]
    if doubled := sorted({label for label in labels if labels.count(label) > 1}):
        raise SettingsError(f"{path}: accounts: the label {doubled[0]!r} is used twice")
    if settings.limits.budget_per_day is not None and not settings.prices.enabled:
        raise SettingsError(f"{path}: limits.budget_per_day: without prices.enabled nobody knows what was spent")
    if not settings.accounts:
        settings = settings.model_copy(update={"accounts": _accounts_from(environ)})
    return settings


def secret(value: SecretStr | None, environ: Mapping[str, str]) -> str | None:
    """The text of a secret, `env:NAME` looked up. None when there is none or the variable is empty."""
    if value is None:
        return None
    text = value.get_secret_value().strip()
    if text.startswith("env:"):
        text = environ.get(text[4:].strip(), "").strip()
    return text or None


def proxy_keys(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """The keys that clients may present."""
    return [key for value in settings.proxy.api_key if (key := secret(value, environ))]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a byte order mark
    except OSError as e:
        raise SettingsError(f"{path}: {e.strerror or e}") from None
    except tomllib.TOMLDecodeError as e:
        raise SettingsError(f"{path}: not valid TOML: {e}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: not UTF-8 text") from None


def _readable(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{where}: no such setting{_meant(error['loc'])}"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"


def _meant(where: tuple[int | str, ...]) -> str:
    """What a setting that does not exist may have been meant for: a like name beside it, or its name elsewhere."""
    *tables, name = where
    section: Any = Settings
    for table in tables:
        if isinstance(table, str):
            section = _section(section.model_fields[table].annotation)
    if like := difflib.get_close_matches(str(name).replace("-", "_"), section.model_fields, n=1):
        return f"; did you mean {like[0]!r}?"
    for table, field in Settings.model_fields.items():
        if str(name) in _section(field.annotation).model_fields:
            return f"; it belongs to {'[[accounts]]' if table == 'accounts' else f'[{table}]'}"
    return ""


def _section(annotation: Any) -> Any:
    """The section that a field holds, or holds a list of."""
    inner = get_args(annotation)
    return inner[0] if inner else annotation


def _accounts_from(environ: Mapping[str, str]) -> list[AccountSettings]:
    """Accounts from the environment, so that a person with one key needs no file."""
    for name in ("GEMINI_API_KEYS", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        keys = [key for part in environ.get(name, "").split(",") if (key := part.strip())]
        if name != "GEMINI_API_KEYS":
            keys = keys[:1]
        if keys:
            return [AccountSettings(email=f"{name}-{i}", api_key=SecretStr(key)) for i, key in enumerate(keys, 1)]
    return []
