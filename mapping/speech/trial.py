"""How speech is tried. See `mapping.trial`."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Sequence

from mapping import jsonio
from mapping.openai.trial import OpenAITrial, check_error, payloads
from mapping.trial import Ask, Wrong
from mapping.values import JSON

_MODEL = "gemini-3.8-flash-tts"


class SpeechTrial(OpenAITrial):
    """A text, as a WAV file and as events."""

    def samples(self) -> Sequence[JSON]:
        """Whole, and in events; bare sound as it comes says nothing of its end."""
        said: JSON = {"model": _MODEL, "input": "Say", "instructions": "Softly.", "speed": 1.5}
        return [
            {**said, "voice": "alloy", "response_format": "wav"},
            {**said, "voice": "Puck", "response_format": "pcm", "stream_format": "sse"},
        ]

    def request(self, ask: Ask) -> JSON:
        """By a model that speaks, with the same fault."""
        model = "tts-1" if ask.model.startswith(("gpt-", "gemini-")) else ask.model
        return {
            "model": model,
            "input": ask.text,
            "voice": "alloy",
            "response_format": "wav",
            **({"stream_format": "sse"} if ask.stream else {}),
        }

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """A WAV file that is as long as it says."""
        if request.get("stream_format") == "sse":
            raise Wrong("no events, though they were asked for")
        try:
            with wave.open(io.BytesIO(answer)) as file:
                frames = file.getnframes()
                sound = file.readframes(frames)
        except (wave.Error, EOFError) as e:
            raise Wrong(f"no WAV file: {e}") from None
        if not frames or len(sound) != 2 * frames:
            raise Wrong("a WAV file of another length than it says")

    def check_stream(self, request: JSON, answer: bytes) -> bool:
        """Sound, and its end; or an error at the end."""
        *events, last = map(jsonio.loads, payloads(answer))
        if not all(base64.b64decode(event["audio"], validate=True) for event in events):
            raise Wrong("an event without sound")
        if last["type"] == "error":
            check_error(last["error"])
            return False
        if last["type"] != "speech.audio.done":
            raise Wrong("no end")
        return True


TRIALS = {"speech": SpeechTrial()}
