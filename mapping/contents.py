"""A conversation on its way to Gemini: messages of any dialect in, `systemInstruction` and `contents` out.

Rules of the Gemini API that a `Conversation` keeps (Gemini API reference, guides "Function calling" and "Thought
signatures", and the errors that Gemini answers when they are broken):

* user and model alternate, a user speaks first, and no turn is empty;
* a model turn with function calls is followed at once by one user turn with as many function responses, in their
  order; call and response agree in name and id, or both have no id;
* a model turn that Gemini made comes back as it was, where it is remembered and the client did not change it;
  otherwise thought signatures are put back one by one;
* from Gemini 3 on, the first function call of every step of the current turn has a thought signature, if need be
  the documented placeholder; signatures of another model are dropped.

The builder works in one pass over the messages and copies no text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mapping.errors import bad_value
from mapping.gemini import JSON, Options, RawTurn, Recall, nothing_remembered
from mapping.models import Model
from mapping.notes import Notes
from mapping.signatures import decode_call_id, family, text_key
from mapping.turns import Turns

_NO_RESULT = "no result was provided for this call"

_SHOWN = frozenset({"executableCode", "codeExecutionResult", "fileData"})
"""Members of parts that answers show within their text."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The messages of a dialect for results and calls that do not belong together. `{id}` is the tool call id."""

    no_call: str
    no_result: str
    no_call_member: str = ""
    """Which member of the result the error names, such as `.role`."""


@dataclass(slots=True)
class _Call:
    """A function call of a model turn."""

    client_id: str | None
    part: JSON
    signature: str | None
    path: str
    response: list[JSON] | None = None
    """The functionResponse part, and after it what can only stand beside it."""

    @property
    def name(self) -> str:
        name: str = self.part["functionCall"]["name"]
        return name

    def respond(self, response: JSON, beside: Iterable[JSON] = ()) -> None:
        """Answer the call; the response gets the call's own id and name."""
        call = self.part["functionCall"]
        head = {"name": call["name"]} if call.get("id") is None else {"id": call["id"], "name": call["name"]}
        self.response = [{"functionResponse": head | response}, *beside]


@dataclass(slots=True)
class _Turn:
    """What one side said, as the client has it."""

    role: str
    path: str
    parts: list[JSON] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """The visible text of a model turn."""
    calls: list[_Call] = field(default_factory=list)
    signature: str | None = None
    """The signature that belongs to the text."""
    answered: int = 0
    """How many of the calls have their result."""


@dataclass(slots=True)
class _Asked:
    """The calls of one turn that go by the same id: one, unless the client is careless."""

    turn: _Turn
    calls: list[_Call] = field(default_factory=list)
    answered: int = 0


class Conversation:
    """Builds `systemInstruction` and `contents` from messages fed in their order.

    Model turns are fed piece by piece (`text`, `part`, `call`) and go on until another side says something: some
    clients make several messages of one turn. Names of functions are Gemini's, not the client's. Paths name the
    client's parameters, for errors and notes.
    """

    def __init__(self, model: Model, *, options: Options, recall: Recall, notes: Notes, wording: Wording) -> None:
        self.used_ids: set[str] = set()
        """The tool call ids that the client used."""
        self._model = model
        self.gemini_3 = model.generation >= (3, 0) and model.system_instruction
        """Ids on calls, signatures that are checked, media inside function responses: all came with Gemini 3.

        Gemma, which takes no system instruction, has none of it.
        """
        self._family = family(model.id)
        self._options = options
        self._recall = recall
        self._notes = notes
        self._wording = wording
        self._system: list[JSON] = []
        self._turns: list[_Turn] = []
        self._open: _Turn | None = None
        self._asked: dict[tuple[str | None, str], _Asked] = {}
        """Calls by id, or by name where the client gave no id. An id that is used again means the later turn."""

    # what the client says

    def system(self, text: str, path: str) -> None:
        """A system or developer message. Empty text is left out."""
        self._end_turn()
        if not text:
            return
        late = bool(self._turns)
        if late and self._options.late_system == "inline":
            self.user([{"text": f"<system>{text}</system>"}], path)
            return
        if late:
            self._notes.add("system-late", path)
        self._system.append({"text": text})

    def instruct(self, text: str) -> None:
        """A sentence of the gateway's own, for the end of the system instruction."""
        self._system.append({"text": text})

    def user(self, parts: list[JSON], path: str) -> None:
        """What the user says, as Gemini parts. No parts, no turn."""
        self._end_turn()
        if parts:
            self._turns.append(_Turn("user", path, parts))
        else:
            self._notes.add("turn-dropped", path)

    def text(self, text: str, path: str, signature: str | None = None) -> None:
        """Text of the model; `signature` is the thought signature the client gave back with it."""
        turn = self._model_turn(path)
        if text:
            turn.parts.append({"text": text})
            turn.texts.append(text)
        turn.signature = signature or turn.signature

    def part(self, part: JSON, path: str) -> None:
        """Another part of the model's turn, an image say."""
        self._model_turn(path).parts.append(part)

    def call(self, client_id: str | None, name: str, args: JSON, *, path: str, signature: str | None = None) -> None:
        """A function call of the model. `client_id` is the id the client knows it by, None in the legacy dialect."""
        turn = self._model_turn(path)
        part: JSON = {"functionCall": {"name": name, "args": args}}
        turn.parts.append(part)
        turn.calls.append(_Call(client_id, part, signature, path))
        if client_id is not None:
            self.used_ids.add(client_id)

    def result(
        self, call_id: str | None, output: str, *, path: str, name: str | None = None, media: Sequence[JSON] = ()
    ) -> None:
        """The result of a call, wherever it stands; `media` are Gemini parts that came with the text.

        Without `call_id` the call is found by `name`. A result without a call becomes user text; one that cannot even
        be given a name raises OpenAIError.
        """
        self._end_turn()
        asked = self._asked.get(_key(call_id, name or ""))
        if asked is None or asked.answered == len(asked.calls):
            name = asked.calls[0].name if asked else self._remembered_name(call_id) or name
            self._orphan(call_id, name, output, path, media)
            return
        call, turn = asked.calls[asked.answered], asked.turn
        if turn.calls[turn.answered] is not call:
            self._notes.add("result-order", path)
        asked.answered += 1
        turn.answered += 1
        response: JSON = {"response": {"output": output}}
        if not media:
            call.respond(response)
            return
        beside = list(media)
        if self.gemini_3:
            response["parts"] = [{"inlineData": part["inlineData"]} for part in media if "inlineData" in part]
            beside = [part for part in media if "inlineData" not in part]
        if beside:
            beside.insert(0, {"text": f"[files of the result of {call.name}]"})
        call.respond(response, beside)

    def _end_turn(self) -> None:
        """The model's turn is over: settle its ids and signatures."""
        turn, self._open = self._open, None
        if turn is None or not turn.parts:
            if turn is not None:
                self._notes.add("turn-dropped", turn.path)
            return
        self._turns.append(turn)
        if not turn.calls:
            self._settle_text(turn)
            return
        if not self._replay_calls(turn):
            self._settle_calls(turn)
        for call in turn.calls:
            key = _key(call.client_id, call.name)
            asked = self._asked.get(key)
            if asked is None or asked.turn is not turn:
                asked = self._asked[key] = _Asked(turn)
            asked.calls.append(call)

    # model turns

    def _model_turn(self, path: str) -> _Turn:
        if self._open is None:
            self._open = _Turn("model", path)
        return self._open

    def _replay_calls(self, turn: _Turn) -> bool:
        """Put the turn as Gemini made it in the place of the client's, if the client did not change it."""
        first = turn.calls[0].client_id
        raw = self._recall(first) if first is not None else None
        if raw is None or family(raw.model) != self._family or len(raw.call_ids) != len(turn.calls):
            return False
        made = [part for part in raw.parts if "functionCall" in part]
        if len(made) != len(turn.calls) or not _same_text(raw, turn.texts):
            return False
        for id, part, call in zip(raw.call_ids, made, turn.calls, strict=True):
            if id != call.client_id or not _same_call(part["functionCall"], call.part["functionCall"]):
                return False
        for part, call in zip(made, turn.calls, strict=True):
            call.part = part
        turn.parts = _sendable(raw)
        self._notes.add("turn-replayed", turn.path)
        return True

    def _settle_calls(self, turn: _Turn) -> None:
        """Give each call the id and the signature that belong to it, from wherever they are known."""
        foreign = False
        for call in turn.calls:
            foreign |= self._settle_call(call)
        if turn.signature is not None and not foreign:
            _sign_text(turn)

    def _settle_call(self, call: _Call) -> bool:
        """Returns whether the call was made by a model of another family."""
        id = call.client_id
        carried = decode_call_id(id) if id else None
        raw = self._recall(id) if id else None
        part = _call_part(raw, id)
        made_by = carried.family if carried else family(raw.model) if raw else self._family
        foreign = made_by != self._family
        issued = carried.upstream_id if carried else part["functionCall"].get("id")
        signature = call.signature or (carried.signature if carried else part.get("thoughtSignature"))
        if self.gemini_3:
            issued = issued or (carried and carried.nonce_id) or id
        elif foreign:
            issued = None
        if issued:
            call.part["functionCall"] = {"id": issued, **call.part["functionCall"]}
        if signature and foreign:
            self._notes.add("signature-foreign", call.path)
        elif signature:
            call.part["thoughtSignature"] = signature
        return foreign

    def _settle_text(self, turn: _Turn) -> None:
        """Replay a turn without calls, if there is more to it than its text (an image, code, a signature)."""
        raw = None
        if turn.texts and self._recall is not nothing_remembered:
            raw = self._recall(text_key("".join(turn.texts)))
        if raw is not None and family(raw.model) != self._family:
            self._notes.add("signature-foreign", turn.path)
        elif raw is not None and not raw.call_ids:
            turn.parts = _sendable(raw)
            self._notes.add("turn-replayed", turn.path)
        elif turn.signature is not None:
            _sign_text(turn)

    # results without calls

    def _remembered_name(self, call_id: str | None) -> str | None:
        raw = self._recall(call_id) if call_id else None
        name: str | None = _call_part(raw, call_id)["functionCall"].get("name")
        return name

    def _orphan(self, call_id: str | None, name: str | None, output: str, path: str, media: Sequence[JSON]) -> None:
        if name is None:
            raise bad_value(path + self._wording.no_call_member, self._wording.no_call.format(id=call_id))
        self._notes.add("result-orphan", path)
        self.user([{"text": f"[tool result] {name}: {output}"}, *media], path)

    def _complete(self, turn: _Turn) -> list[JSON]:
        """The responses to all calls of a turn, in the order of the calls."""
        parts: list[JSON] = []
        beside: list[JSON] = []
        for call in turn.calls:
            if call.response is None:
                if self._options.strict:
                    raise bad_value(turn.path, self._wording.no_result.format(id=call.client_id))
                self._notes.add("result-missing", call.path)
                call.respond({"response": {"error": _NO_RESULT}})
            assert call.response is not None
            parts.append(call.response[0])
            beside += call.response[1:]
        return parts + beside

    # the end

    def build(self) -> tuple[JSON | None, list[JSON]]:
        """`systemInstruction` (None: leave it out) and `contents`. Call it once, after everything is fed."""
        self._end_turn()
        turns = Turns(self.gemini_3, self._notes)
        system = self._system
        if system and (not self._model.system_instruction or not self._turns):
            turns.user(system)
            system = []
        for turn in self._turns:
            if turn.role == "user":
                turns.user(turn.parts)
                continue
            turns.model(turn.parts, turn.path)
            if turn.calls:
                turns.results(self._complete(turn))
        turns.finish(prefill=self._model.prefill)
        if self.gemini_3:
            turns.sign_current_turn()
        return ({"parts": system} if system else None), turns.contents


def _key(call_id: str | None, name: str) -> tuple[str | None, str]:
    return (call_id, "") if call_id is not None else (None, name)


def _call_part(raw: RawTurn | None, call_id: str | None) -> JSON:
    """The remembered functionCall part of that id; an empty one if there is none."""
    if raw is not None and call_id in raw.call_ids:
        made = [part for part in raw.parts if "functionCall" in part]
        at = raw.call_ids.index(call_id)
        if at < len(made):
            return made[at]
    return {"functionCall": {}}


def _same_call(made: JSON, told: JSON) -> bool:
    return bool(made.get("name") == told["name"] and (made.get("args") or {}) == told["args"])


def _same_text(raw: RawTurn, texts: list[str]) -> bool:
    """Clients may leave out the text beside calls, and trim it; anything else is a change.

    Where the answer showed other parts within the text (code that was run, say), the pieces have to be there in order.
    """
    told = "".join(texts).strip()
    made = [part["text"] for part in raw.parts if part.get("text") and not part.get("thought")]
    if not told or told == "".join(made).strip():
        return True
    if not any(not _SHOWN.isdisjoint(part) for part in raw.parts):
        return False
    at = 0
    for piece in map(str.strip, made):
        found = told.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _sendable(raw: RawTurn) -> list[JSON]:
    """The remembered parts, without the empty texts that end a stream; a signed one stays."""
    return [part for part in raw.parts if part.get("text") != "" or "thoughtSignature" in part]


def _sign_text(turn: _Turn) -> None:
    """The signature of a text goes onto its last part (Gemini puts it there)."""
    for part in reversed(turn.parts):
        if "text" in part:
            part["thoughtSignature"] = turn.signature
            return
