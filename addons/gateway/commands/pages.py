"""`antigravity.page`: the page of an exchange as a file."""

from __future__ import annotations

import mitmproxy.types
from mitmproxy import command

from addons.gateway.commands.found import found, taken
from addons.gateway.commands.output import write


class PageCommands:
    """Pages to take along."""

    @command.command("antigravity.page")
    def page(self, flows: str, file: mitmproxy.types.Path, mask: bool = False) -> None:
        """
        Write the page of an exchange into a file: both sides of the translation, times and events, to be opened in any
        browser. It holds no credential; with mask "true" the texts are masked too.
        """
        from addons.gateway.pages import one_file  # takes its time to load

        write(file, one_file.html(taken(found(flows)), mask=mask))
