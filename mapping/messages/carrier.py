"""What travels inside the `signature` of a thinking block: the thought signatures of the turn that it is a part of.

Clients give thinking blocks back unchanged, with those of finished turns too. Here are only the JSON values that are
sealed into them; they are those of `encrypted_content` in the Responses API, and serve the same ends
(`mapping.responses.carrier`). A thinking block that carries nothing has the model alone: it says that it is the
gateway's own.
"""

from __future__ import annotations

from mapping.responses.carrier import Carrier, pack, unpack

__all__ = ["Carrier", "pack", "unpack"]
