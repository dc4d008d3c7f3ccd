"""`antigravity.copy`: an exchange as a command, a program, a transcript or a line of JSON."""

from __future__ import annotations

from collections.abc import Sequence

import mitmproxy.types
from mitmproxy import command, exceptions

from addons.gateway.commands.found import clients, found, taken
from addons.gateway.commands.output import write

FORM = mitmproxy.types.Choice("antigravity.copy.forms")


class CopyCommands:
    """Exchanges to take along, in several forms."""

    @command.command("antigravity.copy.forms")
    def forms(self) -> Sequence[str]:
        """
        The forms that an exchange can be copied in, for completion.
        """
        from addons.gateway.cases import copies

        return list(copies.FORMS)

    @command.command("antigravity.copy")
    @command.argument("form", type=FORM)
    def copy(self, flows: str, form: str, mask: bool = False) -> Sequence[str]:
        """
        Show an exchange as a command or a program that asks again, as a transcript, or as a line of JSON. It holds no
        credential; with mask "true" the texts are masked too.
        """
        return _copied(flows, form, mask).removesuffix("\n").split("\n")

    @command.command("antigravity.copy.file")
    @command.argument("form", type=FORM)
    def copy_file(self, flows: str, form: str, file: mitmproxy.types.Path, mask: bool = False) -> None:
        """
        Write what antigravity.copy shows into a file. As markdown, html and jsonl several exchanges.
        """
        write(file, _copied(flows, form, mask).encode())


def _copied(spec: str, form: str, mask: bool) -> str:
    """The exchanges that flows are of, in a form. Raises CommandError."""
    from addons.gateway.cases import copies
    from addons.gateway.cases.files import CaseError

    try:
        return copies.copied([taken([client]) for client in clients(found(spec))], form, mask=mask)
    except CaseError as e:
        raise exceptions.CommandError(str(e)) from None
