"""mapping.values: values as plain ones."""

from __future__ import annotations

from dataclasses import asdict, fields

from mapping.values import Options, flat


def test_options_are_the_same_as_by_dataclasses() -> None:
    options = Options(strict=True, voices={"a": "b"}, served={"c": "d"})
    plain = options.plain()
    assert list(plain.items()) == list(asdict(options).items())
    assert plain["voices"] is not options.voices
    assert Options(**plain) == options


def test_flat_leaves_values_as_they_are() -> None:
    options = Options(voices={"a": "b"})
    assert flat(options)["voices"] is options.voices
    assert list(flat(options)) == [member.name for member in fields(options)]
