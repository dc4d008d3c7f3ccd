"""Google's part of the table of genai-prices, as the file that the gateway reads: mapping/prices/google.json.

    .venv/bin/python -m scripts.commands.price_table            write it; constraints.txt says which version counts
    .venv/bin/python -m scripts.commands.price_table --check    only say whether it is what that version says

It needs what the tests need, which scripts/test.py installs.
The members and their meaning are those of that project's own data.json; prices are texts, so that they stay exact.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Any

import orjson
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, TieredPrices

from addons.gateway.log.terminal import say
from mapping.prices.table import PATH

_CLAUSES = ("starts_with", "ends_with", "contains", "regex", "equals")
_OURS = ("gemini", "gemma")
"""How the names of models begin that this gateway can ask."""


def text() -> str:
    """The whole file; a line for each model."""
    google = next(provider for provider in get_snapshot().providers if provider.id == "google")
    lines = [_json(_model(model)) for model in google.models if model.id.startswith(_OURS)]
    head = {
        "from": f"https://github.com/pydantic/genai-prices, version {version('genai-prices')}, provider google",
        "licence": "MIT, Copyright (c) Pydantic Services Inc. 2025 to present",
    }
    return f'{_json(head)[:-1]},\n"models":[\n' + ",\n".join(lines) + "\n]}\n"


def run(*, check: bool) -> int:
    """Write it, or say whether it would change; returns the exit status."""
    made, there = text(), PATH.read_text(encoding="utf-8") if PATH.exists() else ""
    if made == there:
        say(f"{PATH.name} is what genai-prices {version('genai-prices')} says.")
        return 0
    if check:
        say(f"{PATH.name} is not what genai-prices {version('genai-prices')} says: write it anew", sys.stderr)
        return 1
    PATH.write_text(made, encoding="utf-8")
    say(f"{PATH.name} is written anew, from genai-prices {version('genai-prices')}.")
    return 0


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _model(model: ModelInfo) -> dict[str, Any]:
    given = model.prices
    prices = _prices(given) if isinstance(given, ModelPrice) else [_conditional(one) for one in given]
    made = {"id": model.id, "match": _clause(model.match), "prices": prices}
    if model.price_variants:
        made["price_variants"] = [
            {"when": variant.when, **_since(variant.constraint), "prices": _prices(variant.prices)}
            for variant in model.price_variants
        ]
    return made


def _conditional(one: ConditionalPrice) -> dict[str, Any]:
    return {**_since(one.constraint), "prices": _prices(one.prices)}


def _since(constraint: Any) -> dict[str, Any]:
    return {} if constraint is None else {"constraint": {"start_date": constraint.start_date.isoformat()}}


def _prices(prices: ModelPrice) -> dict[str, Any]:
    return {name: _price(price) for name, price in vars(prices).items() if price is not None}


def _price(price: Any) -> Any:
    if not isinstance(price, TieredPrices):
        return str(price)
    tiers = [{"start": tier.start, "price": str(tier.price)} for tier in price.tiers]
    return {"base": str(price.base), "tiers": tiers}


def _clause(clause: Any) -> dict[str, Any]:
    for kind in ("or", "and"):
        if hasattr(clause, f"{kind}_"):
            return {kind: [_clause(one) for one in getattr(clause, f"{kind}_")]}
    return {kind: getattr(clause, kind) for kind in _CLAUSES if hasattr(clause, kind)}


if __name__ == "__main__":
    sys.exit(run(check="--check" in sys.argv[1:]))
