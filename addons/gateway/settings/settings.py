"""The settings file: TOML, checked by pydantic, with secrets that never show in an error or a log.

* A string `env:NAME` in a secret's place is read from the environment.
* A key that is not known is an error: a misspelt setting would otherwise be silently without effect.
* A value is of the kind that is expected: `true` is no number of attempts, and `"yes"` is not `true`.
* Without accounts in the file, `GEMINI_API_KEYS` (comma separated), `GEMINI_API_KEY` or `GOOGLE_API_KEY` make them.
* What is made here without a file is not checked, and pydantic not loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from addons.gateway.settings.secret import Secret
from mapping.late import late
from mapping.values import Options

if TYPE_CHECKING:
    from addons.gateway.settings import kinds
    from mapping.prices import cost, own
    from mapping.prices.cost import PriceBook
else:
    kinds = late("addons.gateway.settings.kinds")
    cost, own = late("mapping.prices.cost"), late("mapping.prices.own")


class SettingsError(Exception):
    """The settings cannot be used; the message says where and why, and holds no secret."""


class _Section:
    """A table of the file."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "hide_input_in_errors": True}


@dataclass(frozen=True, kw_only=True)
class ProxySettings(_Section):
    """`[proxy]`: who may call, and what they are told."""

    auth_mode: Literal["off", "strict", "all_except_health", "auto"] = "auto"
    api_key: kinds.Secrets = field(default_factory=list)
    allow_lan_access: kinds.Switch = False
    expose_account: kinds.Switch = True
    allowed_origins: list[str] = field(default_factory=list)
    allowed_hosts: list[str] = field(default_factory=list)
    keep_alive: kinds.Duration = 15.0
    """0: no signs of life."""

    @property
    def effective_auth_mode(self) -> str:
        """`auto` resolved: with LAN access everything but the health check needs a key, without it nothing does."""
        if self.auth_mode == "auto":
            return "all_except_health" if self.allow_lan_access else "off"
        return self.auth_mode


@dataclass(frozen=True, kw_only=True)
class RetrySettings(_Section):
    """`[retry]`: how often a request is tried, and how long it may wait in between."""

    max_attempts: kinds.Attempts = 3
    max_wait: kinds.Duration = 10.0
    cooldown: kinds.Switch = True

    def once(self) -> Self:
        """The same for what must not be tried again."""
        return replace(self, max_attempts=1)


@dataclass(frozen=True, kw_only=True)
class RoutingSettings(_Section):
    """`[routing]`: which account serves."""

    strategy: Literal["round_robin", "fill_first", "sticky"] = "round_robin"


@dataclass(frozen=True, kw_only=True)
class ModelSettings(_Section):
    """`[models]`: which Gemini model stands in for which name."""

    default: str | None = None
    mapping: dict[str, str] = field(default_factory=dict)
    map_gemini_paths: kinds.Switch = True


@dataclass(frozen=True, kw_only=True)
class TranslationSettings(_Section):
    """`[translation]`: where the translation has a choice."""

    strict: kinds.Switch = False
    late_system: Literal["auto", "hoist", "inline"] = "auto"
    thoughts: Literal["auto", "always", "never"] = "auto"
    signature_in_call_id: kinds.Switch = False
    blocked_prompt: Literal["answer", "error"] = "answer"
    voices: dict[str, str] = field(default_factory=dict)

    def options(self) -> Options:
        """The same as the translation takes it."""
        return Options(**vars(self))


@dataclass(frozen=True, kw_only=True)
class ResponsesSettings(_Section):
    """`[responses]`: the Responses API, and where its responses are kept."""

    choices: kinds.Switch = True
    store: kinds.UserPath | None = None
    max_age: kinds.Duration = 30 * 86400.0
    max_size: kinds.Size = 2**30


@dataclass(frozen=True, kw_only=True)
class UpstreamSettings(_Section):
    """`[upstream]`: how upstreams and token servers are reached."""

    proxy: Secret | None = None
    proxy_loopback: kinds.Switch = False


@dataclass(frozen=True, kw_only=True)
class LimitSettings(_Section):
    """`[limits]`: what one gateway takes on."""

    in_flight: kinds.AtLeastOne = 1000
    deadline: kinds.Deadline = 600.0
    drain: kinds.Duration = 0.0
    budget_per_day: kinds.Dollars | None = None
    """US dollars; None: as much as is asked for."""


@dataclass(frozen=True, kw_only=True)
class PriceSettings(_Section):
    """`[prices]`: what exchanges cost."""

    enabled: kinds.Switch = True
    header: kinds.Switch = False
    models: kinds.ModelPrices = field(default_factory=dict)
    """Names of models -> what their tokens cost, see `mapping.prices.own`."""

    @cached_property
    def book(self) -> PriceBook:
        """All prices."""
        return cost.PriceBook(own.OwnPrices({name: own.own_price(said) for name, said in self.models.items()}))


@dataclass(frozen=True, kw_only=True)
class StateSettings(_Section):
    """`[state]`: what gateways on several machines share."""

    url: Secret | None = None
    """May hold a password."""
    key: Secret | None = None
    prefix: kinds.KeyPrefix = "antigravity"
    answer_within: kinds.ShortDeadline = 0.05
    """How long a request waits for what is shared, be that by `url` or among the workers of a machine."""


@dataclass(frozen=True, kw_only=True)
class TraceSettings(_Section):
    """`[trace]`: the record of exchanges in mitmweb, in mitmproxy and on the gateway's own pages."""

    keep: kinds.AtLeastOne = 1000
    keep_bytes: kinds.Size = 2**28


@dataclass(frozen=True, kw_only=True)
class ConversationSettings(_Section):
    """`[conversations]`: which exchanges belong together."""

    find: Literal["recorded", "always", "never"] = "recorded"


@dataclass(frozen=True, kw_only=True)
class LogSettings(_Section):
    """`[log]`: a line for each exchange."""

    format: Literal["text", "json"] = "text"
    file: kinds.UserPath | None = None


@dataclass(frozen=True, kw_only=True)
class TelemetrySettings(_Section):
    """`[telemetry]`: spans and metrics for an OpenTelemetry collector."""

    enabled: kinds.Switch = False
    endpoint: kinds.BaseUrl | None = None
    headers: dict[str, Secret] = field(default_factory=dict)
    service_name: kinds.Name | None = None
    contents: kinds.Switch = False
    conventions: Literal["1.41", "0.1"] = "1.41"


@dataclass(frozen=True, kw_only=True)
class CassetteSettings(_Section):
    """`[cassette]`: a folder of recorded calls that answer in Gemini's place."""

    folder: kinds.UserPath | None = None
    record: Literal["once", "none", "new", "all"] = "once"
    ignore: kinds.IgnoredPlaces = field(default_factory=list)
    repeat: Literal["last", "never"] = "last"
    speed: Literal["at once", "recorded"] = "at once"
    mask: kinds.Switch = False


@dataclass(frozen=True, kw_only=True)
class FaultRuleSettings(_Section):
    """`[[faults.rules]]`: requests that meet a fault."""

    fault: str
    """See `fault_injection.grammar`."""
    probability: kinds.Probability = 1.0
    path: str = "*"
    model: str = "*"
    nth: kinds.Turns = field(default_factory=list)
    """Which of the requests that it concerns, counted from 1; empty: all."""


@dataclass(frozen=True, kw_only=True)
class FaultSettings(_Section):
    """`[faults]`: faults on demand, to see what a client does."""

    enabled: kinds.Switch = False
    seed: kinds.Whole = 0
    rules: list[FaultRuleSettings] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class AccountSettings(_Section):
    """`[[accounts]]`: one account of the person who runs the gateway."""

    email: kinds.Name
    api_key: Secret | None = None
    upstream: Literal["gemini", "vertex", "code-assist"] = "gemini"
    credentials: str | None = None
    access_token: Secret | None = None
    project: str | None = None
    location: str | None = None
    base_url: kinds.BaseUrl | None = None
    models: list[str] = field(default_factory=lambda: ["*"])
    weight: kinds.AtLeastOne = 1


@dataclass(frozen=True, kw_only=True)
class Settings(_Section):
    """The whole file."""

    proxy: ProxySettings = field(default_factory=ProxySettings)
    retry: RetrySettings = field(default_factory=RetrySettings)
    routing: RoutingSettings = field(default_factory=RoutingSettings)
    models: ModelSettings = field(default_factory=ModelSettings)
    translation: TranslationSettings = field(default_factory=TranslationSettings)
    responses: ResponsesSettings = field(default_factory=ResponsesSettings)
    upstream: UpstreamSettings = field(default_factory=UpstreamSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    state: StateSettings = field(default_factory=StateSettings)
    trace: TraceSettings = field(default_factory=TraceSettings)
    conversations: ConversationSettings = field(default_factory=ConversationSettings)
    log: LogSettings = field(default_factory=LogSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    cassette: CassetteSettings = field(default_factory=CassetteSettings)
    prices: PriceSettings = field(default_factory=PriceSettings)
    faults: FaultSettings = field(default_factory=FaultSettings)
    accounts: list[AccountSettings] = field(default_factory=list)


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read and check the settings. Raises SettingsError.

    `path` None: no file, everything at its default.
    """
    try:
        settings = checked(_read(path) if path else {})
    except SettingsError as e:
        raise SettingsError(f"{path}: {e}") from None
    labels = [account.email for account in settings.accounts]
    if doubled := sorted({label for label in labels if labels.count(label) > 1}):
        raise SettingsError(f"{path}: accounts: the label {doubled[0]!r} is used twice")
    if settings.limits.budget_per_day is not None and not settings.prices.enabled:
        raise SettingsError(f"{path}: limits.budget_per_day: without prices.enabled nobody knows what was spent")
    if not settings.accounts:
        settings = replace(settings, accounts=_accounts_from(environ))
    return settings


def checked(raw: Mapping[str, Any]) -> Settings:
    """The settings that a file says, as TOML has it. Raises SettingsError, which names each fault."""
    made: dict[str, Any] = {}
    faults: list[str] = []
    for name, told in raw.items():
        if name in SECTIONS:
            made[name], errors = kinds.check(list[AccountSettings] if name == "accounts" else SECTIONS[name], told)
            faults += [_readable(error, name) for error in errors]
        else:
            faults.append(f"{name}: no such setting{_meant((name,))}")
    if faults:
        raise SettingsError("; ".join(faults))
    return Settings(**made)


def section[T](kind: type[T], raw: object) -> T:
    """A table of the settings, as TOML has it. Raises SettingsError, which names each fault."""
    made, errors = kinds.check(kind, raw)
    if errors:
        raise SettingsError("; ".join(_readable(error) for error in errors))
    good: T = made
    return good


def secret(value: Secret | None, environ: Mapping[str, str]) -> str | None:
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
    import tomllib  # those without a file need it as little as pydantic

    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a byte order mark
    except OSError as e:
        raise SettingsError(e.strerror or str(e)) from None
    except tomllib.TOMLDecodeError as e:
        raise SettingsError(f"not valid TOML: {e}") from None
    except UnicodeDecodeError:
        raise SettingsError("not UTF-8 text") from None


def _readable(error: Any, *table: str) -> str:
    """What is wrong, and where. `table`: where the value that was checked stands in the file."""
    place = (*table, *error["loc"])
    where = ".".join(str(part) for part in place)
    if error["type"] == "unexpected_keyword_argument":
        return f"{where}: no such setting{_meant(place)}"
    if error["type"] == "dataclass_type":
        return f"{where}: a table is expected"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"


def _meant(where: tuple[int | str, ...]) -> str:
    """What a setting that does not exist may have been meant for: a like name beside it, or its name elsewhere."""
    import difflib

    *tables, name = where
    inner = [table for table in tables if isinstance(table, str)]
    beside: Any = Settings
    if inner:
        beside = FaultRuleSettings if inner == ["faults", "rules"] else SECTIONS[inner[0]]
    if like := difflib.get_close_matches(str(name).replace("-", "_"), _names(beside), n=1):
        return f"; did you mean {like[0]!r}?"
    for table, kind in SECTIONS.items():
        if str(name) in _names(kind):
            return f"; it belongs to {'[[accounts]]' if table == 'accounts' else f'[{table}]'}"
    return ""


def _names(kind: Any) -> list[str]:
    """The settings of a table."""
    return [one.name for one in fields(kind)]


SECTIONS: dict[str, Any] = {
    one.name: AccountSettings if one.name == "accounts" else one.default_factory for one in fields(Settings)
}
"""Name in the file -> what it holds, or holds a list of."""


def _accounts_from(environ: Mapping[str, str]) -> list[AccountSettings]:
    """Accounts from the environment, so that a person with one key needs no file."""
    for name in ("GEMINI_API_KEYS", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        keys = [key for part in environ.get(name, "").split(",") if (key := part.strip())]
        if name != "GEMINI_API_KEYS":
            keys = keys[:1]
        if keys:
            return [AccountSettings(email=f"{name}-{i}", api_key=Secret(key)) for i, key in enumerate(keys, 1)]
    return []
