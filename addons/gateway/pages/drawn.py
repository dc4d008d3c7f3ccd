"""The page of a `Reading`, served or as a file."""

from __future__ import annotations

from dataclasses import dataclass

from addons.gateway.exchange.summary import model_words
from addons.gateway.look.making import PageForm
from addons.gateway.look.tones import tone
from addons.gateway.pages import sections
from addons.gateway.pages.sections import Reading
from mapping.inspect.printable import one_line
from mapping.inspect.transcript import string
from mapping.values import JSON

_TEMPLATE, _STYLES = "exchange.html", ("look.css", "exchange.css")


@dataclass(frozen=True, slots=True)
class Drawn:
    """How the page is made."""

    form: PageForm
    served: bool

    def render(self, reading: Reading, flow_link: str | None = None, with_id: str = "") -> bytes:
        """The page. `flow_link`: where mitmweb shows the exchange; `with_id`: what it is compared with."""
        record = reading.record
        return self.form.render(
            id=str(record.get("id") or ""),
            title=headline(record),
            tone="" if reading.running else tone(record),
            reading=reading,
            policy="" if self.served else self.form.policy(served=False),
            flow_link=flow_link,
            with_id=with_id,
            sections=sections.made(reading),
        )


SERVED = Drawn(PageForm(_TEMPLATE, _STYLES, ("live.js", "copy.js", "ways.js"), sounds=True, acts=True), served=True)
IN_FILE = Drawn(PageForm(_TEMPLATE, _STYLES, ("copy.js", "ways.js"), sounds=True), served=False)


def headline(record: JSON) -> str:
    """`gpt-4o → gemini-3.8-flash · 200`."""
    models = model_words(string(record.get("client_model")), string(record.get("model")), "→")
    status, error = record.get("status"), record.get("error")
    told = " ".join(str(one) for one in (status, error) if one)
    return one_line(" · ".join(filter(None, (models or f"{record.get('method')} {record.get('path')}", told))), 200)
