"""`antigravity.page`: the page of an exchange as a file."""

from __future__ import annotations

import logging
from pathlib import Path

import mitmproxy.types
from mitmproxy import command, exceptions
from mitmproxy.log import ALERT

from addons.gateway.commands.found import family, found

logger = logging.getLogger("antigravity")


class PageCommands:
    """Pages to take along."""

    @command.command("antigravity.page")
    def page(self, flows: str, file: mitmproxy.types.Path, mask: bool = False) -> None:
        """
        Write the page of an exchange into a file: both sides of the translation, times and events, to be opened in any
        browser. It holds no credential; with mask "true" the texts are masked too.
        """
        from addons.gateway.cases import exchanges  # takes its time to load
        from addons.gateway.pages import one_file

        made = one_file.html(exchanges.from_flows(family(found(flows))), mask=mask)
        try:
            Path(file).write_bytes(made)
        except OSError as e:
            raise exceptions.CommandError(f"{file}: {e.strerror or e}") from None
        logger.log(ALERT, f"Written to {file}.")
