"""A conversation on its way to Gemini: messages of any dialect in, `systemInstruction` and `contents` out.

Rules of the Gemini API that a `Contents` keeps (Gemini API reference, guides "Function calling" and "Thought
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

from collections.abc import Sequence
from dataclasses import dataclass

from mapping.faults import bad_value
from mapping.gemini.models import Model
from mapping.notes import Notes
from mapping.request.conversation.earlier import CallsOfId, EarlierCall, EarlierTurn, call_key, sign_text
from mapping.request.conversation.remembered import (
    bare_signature,
    call_part,
    call_parts,
    same_call,
    same_text,
    sendable,
)
from mapping.request.conversation.tool_results import handed_on
from mapping.request.conversation.turns import Turns
from mapping.request.signatures import decode_call_id, family, text_key
from mapping.values import JSON, Options, Recall, nothing_remembered

_NO_RESULT = "no result was provided for this call"


@dataclass(frozen=True, slots=True)
class Wording:
    """The messages of a dialect for results and calls that do not belong together. `{id}` is the tool call id."""

    no_call: str
    no_result: str
    no_call_member: str = ""
    """Which member of the result the error names, such as `.role`."""


class Contents:
    """Builds `systemInstruction` and `contents` from messages fed in their order.

    Model turns are fed piece by piece (`text`, `part`, `call`) and go on until another side says something: some
    clients make several messages of one turn. Names of functions are Gemini's, not the client's. Paths name the
    client's parameters, for errors and notes.

    `system_stays`: where the settings leave it to the dialect, a system message behind a model turn keeps its place.
    """

    def __init__(
        self,
        model: Model,
        *,
        options: Options,
        recall: Recall,
        notes: Notes,
        wording: Wording,
        system_stays: bool = False,
    ) -> None:
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
        self._system_stays = system_stays
        self._model_spoke = False
        self._system: list[JSON] = []
        self._turns: list[EarlierTurn] = []
        self._open: EarlierTurn | None = None
        self._asked: dict[tuple[str | None, str], CallsOfId] = {}
        """Calls by id, or by name where the client gave no id. An id that is used again means the later turn."""
        self._answered: EarlierCall | None = None
        """The call whose result came last, as long as nothing but results followed its turn."""

    # what the client says

    def system(self, text: str, path: str) -> None:
        """A system or developer message. Empty text is left out."""
        self._end_turn()
        if not text:
            return
        if self._keeps_place():
            self.user([{"text": f"<system>{text}</system>"}], path)
            return
        if self._turns:
            self._notes.add("system-late", path)
        self._system.append({"text": text})

    def _keeps_place(self) -> bool:
        """Whether a system message that comes now stays behind what was said, as a text of the user's.

        One that was there before the model first spoke was there in every request of the conversation: it may move.
        Later ones would change the beginning of a conversation that Gemini has in its cache.
        """
        setting = self._options.late_system
        if setting == "auto":
            return self._system_stays and self._model_spoke
        return setting == "inline" and bool(self._turns)

    def instruct(self, text: str) -> None:
        """A sentence of the gateway's own, for the end of the system instruction."""
        self._system.append({"text": text})

    def user(self, parts: list[JSON], path: str) -> None:
        """What the user says, as Gemini parts. No parts, no turn.

        Files that the client hands on right after a result belong to the result.
        """
        self._end_turn()
        answered, self._answered = self._answered, None
        if answered is not None and handed_on(parts):
            self._hand_on(answered, parts, path)
        elif parts:
            self._turns.append(EarlierTurn("user", path, parts))
        else:
            self._notes.add("turn-dropped", path)

    def _hand_on(self, call: EarlierCall, parts: list[JSON], path: str) -> None:
        assert call.response is not None
        result = call.response["response"]
        texts = [part["text"] for part in parts if "text" in part]
        (member,) = result  # output or error
        result[member] = "\n".join(filter(None, (result[member], *texts)))
        call.attach([part for part in parts if "text" not in part], inside=self.gemini_3)
        self._answered = call
        self._notes.add("result-files", path)

    def summary(self, text: str, path: str) -> None:
        """What stands for all that was said before."""
        self.user([{"text": f"[Summary of the conversation so far]\n{text}"}], path)

    def text(self, text: str, path: str, signature: str | None = None) -> None:
        """Text of the model; `signature` is the thought signature the client gave back with it."""
        turn = self._model_turn(path)
        if text:
            turn.parts.append({"text": text})
            turn.texts.append(text)
        turn.signature = signature or turn.signature

    def leave_thoughts_out(self, path: str) -> None:
        """The client wants no thoughts of this turn of the model in the conversation any more."""
        self._model_turn(path).thoughts = False

    def part(self, part: JSON, path: str) -> None:
        """Another part of the model's turn, an image say."""
        self._model_turn(path).parts.append(part)

    def call(self, client_id: str | None, name: str, args: JSON, *, path: str, signature: str | None = None) -> None:
        """A function call of the model. `client_id` is the id the client knows it by, None in the legacy dialect."""
        turn = self._model_turn(path)
        part: JSON = {"functionCall": {"name": name, "args": args}}
        turn.parts.append(part)
        turn.calls.append(EarlierCall(client_id, part, signature, path))
        if client_id is not None:
            self.used_ids.add(client_id)

    def result(
        self,
        call_id: str | None,
        output: str,
        *,
        path: str,
        name: str | None = None,
        media: Sequence[JSON] = (),
        failed: bool = False,
    ) -> None:
        """The result of a call, wherever it stands; `media` are Gemini parts that came with the text. `failed`: the
        client says that the call has failed.

        Without `call_id` the call is found by `name`. A result without a call becomes user text; one that cannot even
        be given a name raises Fault.
        """
        self._end_turn()
        asked = self._asked.get(call_key(call_id, name or ""))
        if asked is None or asked.answered == len(asked.calls):
            name = asked.calls[0].name if asked else self._remembered_name(call_id) or name
            self._orphan(call_id, name, output, path, media)
            return
        call, turn = asked.calls[asked.answered], asked.turn
        if turn.calls[turn.answered] is not call:
            self._notes.add("result-order", path)
        asked.answered += 1
        turn.answered += 1
        call.response = {"response": {"error" if failed else "output": output}}
        call.attach(media, inside=self.gemini_3)
        if turn is self._turns[-1]:
            self._answered = call

    def _end_turn(self) -> None:
        """The model's turn is over: settle its ids and signatures."""
        turn, self._open = self._open, None
        if turn is None or not turn.parts:
            if turn is not None:
                self._notes.add("turn-dropped", turn.path)
            return
        if not turn.calls:
            self._turns.append(turn)
            self._settle_text(turn)
            return
        calls = turn.calls
        begun = self._begun(turn)
        if begun is None:
            first = calls[0].client_id
            turn.raw = self._recall(first) if first is not None else None
            self._turns.append(turn)
        else:
            begun.parts += turn.parts
            begun.texts += turn.texts
            begun.calls += calls
            begun.signature = begun.signature or turn.signature
            self._notes.add("calls-joined", turn.path)
            turn = begun
        if not self._replay_calls(turn):
            self._settle_calls(turn)
        for call in calls:
            key = call_key(call.client_id, call.name)
            asked = self._asked.get(key)
            if asked is None or asked.turn is not turn:
                asked = self._asked[key] = CallsOfId(turn)
            asked.calls.append(call)

    def _begun(self, turn: EarlierTurn) -> EarlierTurn | None:
        """The turn before, if the calls of this one are of the same answer: some clients tell them one by one, each
        with its result.

        That is so where the answer is remembered. Where it is not (after a restart), the first call of a Gemini 3
        answer is signed and its further calls are not: a call without a signature began no answer of its own.
        """
        before = self._turns[-1] if self._turns else None
        ids = [call.client_id for call in turn.calls]
        if before is None or not before.calls or not {call.client_id for call in before.calls}.isdisjoint(ids):
            return None
        if before.raw is not None:
            return before if all(id in before.raw.call_ids for id in ids) else None
        signed = self.gemini_3 and "thoughtSignature" in before.calls[0].part and turn.signature is None
        return before if signed and not turn.texts and not any(map(self._is_signed, turn.calls)) else None

    def _is_signed(self, call: EarlierCall) -> bool:
        """Whether anything is known of a signature of the call; for one without an id, too little is."""
        id = call.client_id
        return id is None or call.signature is not None or bool(decode_call_id(id) or self._recall(id))

    # model turns

    def _model_turn(self, path: str) -> EarlierTurn:
        if self._open is None:
            self._open = EarlierTurn("model", path)
            self._model_spoke = True
            self._answered = None
        return self._open

    def _replay_calls(self, turn: EarlierTurn) -> bool:
        """Put the turn as Gemini made it in the place of the client's, if the client did not change it."""
        raw = turn.raw
        if raw is None or family(raw.model) != self._family or len(raw.call_ids) != len(turn.calls):
            return False
        made = call_parts(raw)
        if len(made) != len(turn.calls) or not same_text(raw, turn.texts):
            return False
        for id, part, call in zip(raw.call_ids, made, turn.calls, strict=True):
            if id != call.client_id or not same_call(part["functionCall"], call.part["functionCall"]):
                return False
        for part, call in zip(made, turn.calls, strict=True):
            call.part = part
        turn.parts = sendable(raw, thoughts=turn.thoughts)
        self._notes.add("turn-replayed", turn.path)
        return True

    def _settle_calls(self, turn: EarlierTurn) -> None:
        """Give each call the id and the signature that belong to it, from wherever they are known."""
        foreign = False
        for call in turn.calls:
            foreign |= self._settle_call(call)
        if turn.signature is not None and not foreign:
            sign_text(turn)

    def _settle_call(self, call: EarlierCall) -> bool:
        """Returns whether the call was made by a model of another family."""
        id = call.client_id
        carried = decode_call_id(id) if id else None
        raw = self._recall(id) if id else None
        part = call_part(raw, id)
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

    def _settle_text(self, turn: EarlierTurn) -> None:
        """Replay a turn without calls, if there is more to it than its text (an image, code, a signature)."""
        raw = None
        if turn.texts and self._recall is not nothing_remembered:
            raw = self._recall(text_key("".join(turn.texts)))
        if raw is not None and family(raw.model) != self._family:
            self._notes.add("signature-foreign", turn.path)
        elif raw is not None and (signature := bare_signature(raw)):
            turn.signature = turn.signature or signature
            sign_text(turn)
        elif raw is not None and not raw.call_ids:
            turn.parts = sendable(raw, thoughts=turn.thoughts)
            self._notes.add("turn-replayed", turn.path)
        elif turn.signature is not None:
            sign_text(turn)

    # results without calls

    def _remembered_name(self, call_id: str | None) -> str | None:
        raw = self._recall(call_id) if call_id else None
        name: str | None = call_part(raw, call_id)["functionCall"].get("name")
        return name

    def _orphan(self, call_id: str | None, name: str | None, output: str, path: str, media: Sequence[JSON]) -> None:
        if name is None:
            raise bad_value(path + self._wording.no_call_member, self._wording.no_call.format(id=call_id))
        self._notes.add("result-orphan", path)
        self.user([{"text": f"[tool result] {name}: {output}"}, *media], path)

    def _complete(self, turn: EarlierTurn) -> tuple[list[JSON], list[JSON]]:
        """The responses to all calls of a turn, in the order of the calls; and the files that they do not hold."""
        for call in turn.calls:
            if call.response is None:
                if self._options.strict:
                    raise bad_value(turn.path, self._wording.no_result.format(id=call.client_id))
                self._notes.add("result-missing", call.path)
                call.response = {"response": {"error": _NO_RESULT}}
        return (
            [call.function_response() for call in turn.calls],
            [part for call in turn.calls for part in call.beside],
        )

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
                responses, files = self._complete(turn)
                turns.results(responses)
                if files:
                    turns.user(files)
        turns.finish(prefill=self._model.prefill)
        if self.gemini_3:
            turns.sign_current_turn()
        return ({"parts": system} if system else None), turns.contents
