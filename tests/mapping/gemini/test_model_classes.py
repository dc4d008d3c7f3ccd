"""mapping.gemini.model_classes: the class of a model, and which model stands for a class on a day."""

from __future__ import annotations

from datetime import date

import pytest

from mapping.gemini.catalogue import AS_OF, BY_NAME, KNOWN, RETIREMENTS, SHORT
from mapping.gemini.model_classes import CLASSES, class_of, fallback, is_retired, newest, retiring

TODAY = date(2026, 11, 29)
LATER = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gemini-2.5-pro", "pro"),
        ("gemini-2.5-flash-lite", "flash-lite"),
        ("gemini-2.5-flash-preview-09-2025", "flash"),
        ("gemini-3.1-pro-preview", "pro"),
        ("gemini-9.12-flash", "flash"),
        ("gemini-2.0-flash-001", "flash"),
        ("gemini-4-argon", "pro"),
        ("gemini-4-carbon", "pro"),
        ("gemini-4-hydrogen", "flash"),
        ("gemini-3.1-flash-image", "image"),
        ("gemini-3-pro-image-preview", "image"),
        ("gemini-2.5-flash-preview-tts", "speech"),
        ("gemini-3.1-flash-tts-preview", "speech"),
        ("gemini-3.8-flash-lite-tts", "speech"),
        ("gemini-embedding-2", "embedding"),
        ("gemini-embedding-001", "embedding"),
        # For a special purpose, or nobody knows for what.
        ("gemini-3.1-pro-preview-customtools", None),
        ("gemini-live-2.5-flash", None),
        ("gemini-2.5-flash-native-audio-preview-12-2025", None),
        ("gemini-flash-latest", None),
        ("gemini-5-neon", None),
        ("gemma-4-31b-it", None),
        ("nano-banana-2.1", None),
        ("", None),
    ],
)
def test_class(name: str, kind: str | None) -> None:
    assert class_of(name) == kind


@pytest.mark.parametrize(
    ("kind", "names", "day", "model"),
    [
        ("flash", "gemini-3.6-flash gemini-3.8-flash gemini-3.8-flash-lite", TODAY, "gemini-3.8-flash"),
        ("flash", "gemini-3.8-flash gemini-3.10-flash", TODAY, "gemini-3.10-flash"),
        ("flash", "gemini-3.8-flash-001 gemini-3.8-flash", TODAY, "gemini-3.8-flash"),
        ("flash", "gemini-3.8-flash gemini-5-flash-preview", TODAY, "gemini-3.8-flash"),
        ("flash", "gemini-5-flash-preview gemini-4-flash-preview", TODAY, "gemini-5-flash-preview"),
        # What retires soon comes last, also after a preview; what is retired does not come at all.
        ("pro", "gemini-2.5-pro gemini-3.1-pro-preview", TODAY, "gemini-3.1-pro-preview"),
        ("pro", "gemini-2.5-pro gemini-3.1-pro-preview", date(2026, 10, 1), "gemini-2.5-pro"),
        ("pro", "gemini-2.5-pro", TODAY, "gemini-2.5-pro"),
        ("pro", "gemini-2.5-pro", LATER, None),
        ("flash", "gemini-3.7-flash gemini-3.6-flash", TODAY, "gemini-3.6-flash"),
        ("flash-lite", "gemini-2.5-flash-lite gemini-3.5-flash-lite", LATER, "gemini-3.5-flash-lite"),
        (
            "image",
            "gemini-3.1-flash-image gemini-3-pro-image",
            TODAY,
            "gemini-3.1-flash-image",
        ),
        ("transcription", "gemini-3.8-flash gemini-3-pro-image", TODAY, "gemini-3.8-flash"),
        ("transcription", "gemini-3.8-flash gemini-3.5-transcribe", TODAY, "gemini-3.5-transcribe"),
        ("transcription", "gemini-3.5-transcribe-preview gemini-3.5-transcribe", TODAY, "gemini-3.5-transcribe"),
        ("transcription", "gemini-3.8-flash gemini-3.5-transcribe-live", TODAY, "gemini-3.8-flash"),
        ("flash", "gemini-3.5-transcribe", TODAY, None),
        ("embedding", "gemini-embedding-001 gemini-embedding-2", TODAY, "gemini-embedding-2"),
        ("pro", "gemini-3.1-pro-preview gemini-3.1-pro-preview-customtools", TODAY, "gemini-3.1-pro-preview"),
        ("pro", "gemini-3.8-flash", TODAY, None),
    ],
)
def test_newest(kind: str, names: str, day: date, model: str | None) -> None:
    assert newest(kind, names.split(), day) == model


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("day", [date(2026, 10, 1), TODAY, LATER, date(2028, 1, 1)])
def test_fallback_is_alive(kind: str, day: date) -> None:
    assert not is_retired(fallback(kind, day), day)
    assert retiring(fallback(kind, day), day) is None


def test_fallback_when_all_are_retired(monkeypatch: pytest.MonkeyPatch) -> None:
    retirement = RETIREMENTS["gemini-2.5-pro"]
    monkeypatch.setattr("mapping.gemini.model_classes.RETIREMENTS", {model.name: retirement for model in KNOWN})
    assert fallback("flash", LATER) == "gemini-4-hydrogen"


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (TODAY, "gemini-2.5-pro retires on 2026-12-01; Google then serves gemini-3.8-flash under its name"),
        (LATER, "gemini-2.5-pro was retired on 2026-12-01; Google serves gemini-3.8-flash under its name"),
    ],
)
def test_words(day: date, words: str) -> None:
    assert RETIREMENTS["gemini-2.5-pro"].words("gemini-2.5-pro", day) == words


@pytest.mark.parametrize(
    ("day", "told"),
    [(date(2026, 10, 31), False), (date(2026, 11, 1), True), (LATER, True), (date(2027, 6, 1), True)],
)
def test_notice(day: date, told: bool) -> None:
    assert (retiring("gemini-2.5-flash", day) is not None) is told


def test_the_catalogue_fits_together() -> None:
    assert len(BY_NAME) == len(KNOWN)
    assert all(model.released <= AS_OF for model in KNOWN)
    assert set(SHORT.values()) <= set(BY_NAME)
    assert {r.then for r in RETIREMENTS.values()} - {None} <= set(BY_NAME)
