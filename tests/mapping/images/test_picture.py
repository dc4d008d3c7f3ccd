"""What the first bytes of an image tell."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from mapping.images.picture import format_of, size_of
from tests.mapping.images.samples import picture


@pytest.mark.parametrize(("form", "name"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp"), ("GIF", "gif")])
@pytest.mark.parametrize("size", [(1, 1), (300, 20), (17, 4000)])
def test_formats_and_sizes(form: str, name: str, size: tuple[int, int]) -> None:
    data = picture(form, *size)
    assert format_of("image/x", data) == name
    assert size_of(data) == (None if form == "GIF" else size)


@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": Image.Exif().tobytes()}, {"icc_profile": b"x" * 999}])
@pytest.mark.parametrize("form", ["WEBP", "JPEG"])
def test_other_forms_of_them(form: str, options: dict[str, object]) -> None:
    out = io.BytesIO()
    Image.new("RGB", (33, 44)).save(out, form, **options)
    assert size_of(base64.b64encode(out.getvalue()).decode()) == (33, 44)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_cut_off_anywhere(form: str) -> None:
    raw = base64.b64decode(picture(form, 5, 6))
    for end in range(len(raw)):
        assert size_of(base64.b64encode(raw[:end]).decode()) in (None, (5, 6), (5, 0), (0, 0))


@pytest.mark.parametrize("data", ["", "?", "AAAAA", "/9j/AAAA"])
def test_no_image(data: str) -> None:
    assert size_of(data) is None
    assert format_of("image/png", data if data != "/9j/AAAA" else "") == "png"
