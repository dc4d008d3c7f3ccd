"""What the demo keeps for a credential: files and their upload, cached contents, interactions. In memory, bounded.

Each belongs to the credential that made it; to others it is as if it did not exist, as at Google's.

Sources: the Gemini API reference (files, caching, interactions), and what google-genai sends and wants.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from addons.demo import models
from addons.demo.answer.answer import compose, count_prompt
from addons.demo.refusal import Refusal, invalid, no_model
from addons.demo.request import proto
from addons.demo.request.proto import JSON

_MOST = 200
"""Things of a kind that are kept; the oldest go first."""
_UPLOAD = re.compile(r"/upload/v1\w*/files")
_ONE = re.compile(r"/v1\w*/(files|cachedContents|interactions)(?:/([\w.-]+)(:download|/cancel)?)?")
_FILE_URI = re.compile(r"/(files/[\w-]+)$")
_TTL = re.compile(r"(\d+(?:\.\d+)?)s")


@dataclass(frozen=True, slots=True)
class DemoCall:
    """A request, as far as it counts here."""

    verb: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    key: str
    """The credential."""

    def json(self) -> JSON:
        """The body. Raises Refusal."""
        try:
            value = json.loads(self.content or b"{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise invalid("Invalid JSON payload received. Expected an object.")
        return value


@dataclass(slots=True)
class Reply:
    """An answer of 200: a JSON value, bytes, or the events of a stream."""

    value: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    content_type: str = ""
    events: list[JSON] | None = None


@dataclass(slots=True)
class _Upload:
    key: str
    about: JSON
    mime: str
    data: bytearray = field(default_factory=bytearray)


class Stored:
    """See the module. `url` is the demo's own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._uploads: OrderedDict[str, _Upload] = OrderedDict()
        self._kept: dict[str, OrderedDict[tuple[str, str], JSON]] = {
            kind: OrderedDict() for kind in ("files", "cachedContents", "interactions")
        }
        """Kind -> (credential, id) -> what is shown of it."""
        self._data: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    @staticmethod
    def serves(path: str) -> bool:
        """Whether a path is one of these."""
        return bool(_UPLOAD.fullmatch(path) or _ONE.fullmatch(path))

    def answer(self, call: DemoCall) -> Reply:
        """The answer to a request. Raises Refusal."""
        if _UPLOAD.fullmatch(call.path):
            return self._upload(call)
        match = _ONE.fullmatch(call.path)
        assert match is not None
        kind, name, action = match[1], match[2], match[3] or ""
        serve = _METHODS.get((call.verb, kind if name is None else f"{kind}/", action))
        if serve is None:
            raise Refusal(404, "NOT_FOUND", "Method not found.")
        return serve(self, call, kind, name or "")

    def filled(self, request: JSON, key: str) -> JSON:
        """A request to generate, with what it refers to in the place of the references. Raises Refusal."""
        contents = [
            {**content, "parts": [self._filled(part, key) for part in content.get("parts", ())]}
            for content in request.get("contents", ())
        ]
        filled = {**request, "contents": contents} if "contents" in request else request
        if cached := request.get("cachedContent"):
            kept = self._find("cachedContents", cached.removeprefix("cachedContents/"), key)
            return {**filled, "contents": [*kept.get("_contents", ()), *contents]}
        return filled

    def _filled(self, part: JSON, key: str) -> JSON:
        uri = part.get("fileData", {}).get("fileUri", "")
        if not uri.startswith(self._url) or not (match := _FILE_URI.search(uri)):
            return part
        id = match[1].removeprefix("files/")
        file, data = self._find("files", id, key), self._data[key, id]
        if file["mimeType"].startswith("text/"):
            return {"text": data.decode("utf-8", "replace")}
        return {"inlineData": {"mimeType": file["mimeType"], "data": base64.b64encode(data).decode()}}

    # --- what all have in common

    def _find(self, kind: str, id: str, key: str) -> JSON:
        found = self._kept[kind].get((key, id))
        if found is None:
            raise _unknown(kind, id)
        return found

    def _keep(self, kind: str, id: str, key: str, value: JSON) -> None:
        kept = self._kept[kind]
        kept[key, id] = value
        while len(kept) > _MOST:
            kept.popitem(last=False)

    def _get(self, call: DemoCall, kind: str, id: str) -> Reply:
        return Reply(_shown(self._find(kind, id, call.key)))

    def _list(self, call: DemoCall, kind: str, id: str) -> Reply:
        found = [_shown(value) for (key, _), value in self._kept[kind].items() if key == call.key]
        return Reply({kind: found} if found else {})

    def _delete(self, call: DemoCall, kind: str, id: str) -> Reply:
        self._find(kind, id, call.key)
        del self._kept[kind][call.key, id]
        return Reply({})

    # --- files

    def _upload(self, call: DemoCall) -> Reply:
        upload = self._uploads.get(call.query.get("upload_id", ""))
        command = [word.strip() for word in call.headers.get("x-goog-upload-command", "").split(",")]
        if upload is None:
            if "start" not in command or call.headers.get("x-goog-upload-protocol") != "resumable":
                raise invalid("The demo upstream takes resumable uploads.")
            return self._begin(call)
        if upload.key != call.key:
            raise Refusal(403, "PERMISSION_DENIED", "This upload is another's.")
        if "query" in command:
            return Reply({}, {"X-Goog-Upload-Status": "active", "X-Goog-Upload-Size-Received": str(len(upload.data))})
        if call.headers.get("x-goog-upload-offset") != str(len(upload.data)):
            raise invalid(f"Upload offset must be {len(upload.data)}.")
        upload.data += call.content
        if "finalize" not in command:
            return Reply({}, {"X-Goog-Upload-Status": "active", "X-Goog-Upload-Size-Received": str(len(upload.data))})
        del self._uploads[call.query["upload_id"]]
        return Reply({"file": self._made(upload)}, {"X-Goog-Upload-Status": "final"})

    def _begin(self, call: DemoCall) -> Reply:
        id = secrets.token_urlsafe(16)
        about = call.json().get("file") or {}
        mime = call.headers.get("x-goog-upload-header-content-type") or "application/octet-stream"
        self._uploads[id] = _Upload(call.key, about, about.get("mimeType") or about.get("mime_type") or mime)
        while len(self._uploads) > _MOST:
            self._uploads.popitem(last=False)
        address = f"{self._url}{call.path}?upload_id={id}&upload_protocol=resumable"
        return Reply({}, {"X-Goog-Upload-Status": "active", "X-Goog-Upload-URL": address})

    def _made(self, upload: _Upload) -> JSON:
        named = str(upload.about.get("name") or "").removeprefix("files/")
        id = named or secrets.token_hex(6)
        now = datetime.now(UTC)
        data = bytes(upload.data)
        file: JSON = {
            "name": f"files/{id}",
            "mimeType": upload.mime,
            "sizeBytes": str(len(data)),
            "createTime": _time(now),
            "updateTime": _time(now),
            "expirationTime": _time(now + timedelta(hours=48)),
            "sha256Hash": base64.b64encode(hashlib.sha256(data).hexdigest().encode()).decode(),
            "uri": f"{self._url}/v1beta/files/{id}",
            "state": "ACTIVE",
            "source": "UPLOADED",
        }
        if shown := upload.about.get("displayName") or upload.about.get("display_name"):
            file["displayName"] = shown
        self._keep("files", id, upload.key, file)
        self._data[upload.key, id] = data
        while len(self._data) > _MOST:
            self._data.popitem(last=False)
        return file

    def _download(self, call: DemoCall, kind: str, id: str) -> Reply:
        self._find(kind, id, call.key)
        return Reply(content=self._data[call.key, id], content_type="application/octet-stream")

    # --- cached contents

    def _cache(self, call: DemoCall, kind: str, id: str) -> Reply:
        body = proto.PUBLIC.read("GenerateContentRequest", _generating(call.json()))
        name = str(call.json().get("model", "")).removeprefix("models/")
        if models.find(name) is None:
            raise no_model(name, "createCachedContent", "v1beta")
        contents = self.filled(body, call.key).get("contents", [])
        id, now = secrets.token_hex(10), datetime.now(UTC)
        cached = {
            "name": f"cachedContents/{id}",
            "model": f"models/{name}",
            "createTime": _time(now),
            "updateTime": _time(now),
            "expireTime": _time(now + _ttl(call.json())),
            "usageMetadata": {"totalTokenCount": sum(count_prompt(body).values())},
            "_contents": contents,
        }
        if shown := call.json().get("displayName") or call.json().get("display_name"):
            cached["displayName"] = shown
        self._keep(kind, id, call.key, cached)
        return Reply(_shown(cached))

    def _prolong(self, call: DemoCall, kind: str, id: str) -> Reply:
        cached = self._find(kind, id, call.key)
        cached["expireTime"] = _time(datetime.now(UTC) + _ttl(call.json()))
        return Reply(_shown(cached))

    # --- interactions

    def _interact(self, call: DemoCall, kind: str, id: str) -> Reply:
        body = call.json()
        name = str(body.get("model", "")).removeprefix("models/")
        model = models.find(name)
        if model is None:
            raise no_model(name, "createInteraction", "v1beta")
        if previous := body.get("previous_interaction_id"):
            if not isinstance(previous, str):
                raise invalid("Invalid value at 'previous_interaction_id' (TYPE_STRING)")
            self._find(kind, previous, call.key)
        said = body.get("input")
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
        answer = compose({"contents": [{"role": "user", "parts": [{"text": text}]}]}, model)
        text = "".join(part.get("text", "") for part in answer.candidates[0].parts)
        id = f"v1_{secrets.token_hex(12)}"
        made: JSON = {
            "id": id,
            "object": "interaction",
            "model": name,
            "status": "completed",
            "created": _time(datetime.now(UTC)),
            "steps": [{"type": "model_output", "content": [{"type": "text", "text": text}]}],
            "usage": _usage(answer.whole()["usageMetadata"]),
        }
        self._keep(kind, id, call.key, made)
        if not body.get("stream"):
            return Reply(made)
        begun = {**made, "status": "in_progress", "steps": []}
        return Reply(
            events=[
                {"event_type": "interaction.created", "interaction": begun},
                {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}},
                {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": text}},
                {"event_type": "step.stop", "index": 0},
                {"event_type": "interaction.completed", "interaction": made},
            ]
        )


_METHODS: dict[tuple[str, str, str], Callable[[Stored, DemoCall, str, str], Reply]] = {
    **{("GET", kind, ""): Stored._list for kind in ("files", "cachedContents")},
    **{("GET", f"{kind}/", ""): Stored._get for kind in ("files", "cachedContents", "interactions")},
    **{("DELETE", f"{kind}/", ""): Stored._delete for kind in ("files", "cachedContents", "interactions")},
    ("GET", "files/", ":download"): Stored._download,
    ("POST", "cachedContents", ""): Stored._cache,
    ("PATCH", "cachedContents/", ""): Stored._prolong,
    ("POST", "interactions", ""): Stored._interact,
    ("POST", "interactions/", "/cancel"): Stored._get,
}
"""(verb, kind, with a slash behind it for one of it, what is done with it) -> what serves it."""


def _unknown(kind: str, id: str) -> Refusal:
    if kind == "files":
        said = f"You do not have permission to access the File {id} or it may not exist."
        return Refusal(403, "PERMISSION_DENIED", said)
    if kind == "cachedContents":
        return Refusal(403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)")
    return Refusal(404, "NOT_FOUND", f"Interaction {id} not found.")


def _generating(body: JSON) -> JSON:
    """What a cached content has of a request to generate."""
    names = ("contents", "systemInstruction", "system_instruction", "tools", "toolConfig", "tool_config")
    return {name: body[name] for name in names if name in body}


def _usage(metadata: JSON) -> JSON:
    """Counts in the words of interactions."""
    counts = {
        "total_input_tokens": "promptTokenCount",
        "total_output_tokens": "candidatesTokenCount",
        "total_thought_tokens": "thoughtsTokenCount",
        "total_tokens": "totalTokenCount",
    }
    told: JSON = {name: metadata.get(member, 0) for name, member in counts.items()}
    details = metadata["promptTokensDetails"]
    told["input_tokens_by_modality"] = [
        {"modality": one["modality"].lower(), "tokens": one["tokenCount"]} for one in details
    ]
    return told


def _ttl(body: JSON) -> timedelta:
    match = _TTL.fullmatch(str(body.get("ttl") or "3600s"))
    if match is None:
        raise invalid("Invalid value at 'cached_content.ttl'")
    return timedelta(seconds=float(match[1]))


def _shown(value: JSON) -> JSON:
    return {name: member for name, member in value.items() if not name.startswith("_")}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
