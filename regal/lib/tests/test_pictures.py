"""What somebody gives as a logo becomes a small PNG of our own making, or is refused."""

import struct
import zlib
from contextlib import suppress
from hashlib import sha512
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from regal.lib import pictures
from regal.lib.pictures import HEAVIEST, HEAVIEST_KEPT, NotAPicture, TooHeavy, TooManyPixels, small_png
from tests.pictures import opened, picture

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect width="9" height="9"/></svg>'


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def claims(width: int, height: int) -> bytes:
    """A file of a hundred bytes that says it is a huge PNG."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


class TestLogo:
    @pytest.mark.parametrize("kind", pictures.FORMATS)
    def test_becomes_a_png_of_its_pixels(self, kind):
        kept = opened(small_png(picture("#0b5563", kind=kind)))
        assert (kept.format, kept.size) == ("PNG", (40, 30))
        assert all(abs(ours - theirs) < 6 for ours, theirs in zip(kept.tobytes()[:4], (11, 85, 99, 255), strict=True))

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ((800, 320), (400, 160)),
            ((2000, 400), (400, 80)),
            ((640, 640), (160, 160)),
            ((3000, 1), (400, 1)),
            ((9, 9), (9, 9)),
        ],
    )
    def test_keeps_its_ratio_within_400_by_160_and_never_grows(self, given, kept):
        assert opened(small_png(picture(size=given))).size == kept

    def test_keeps_what_is_transparent(self):
        image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
        image.putpixel((3, 3), (255, 0, 0, 255))
        out = BytesIO()
        image.save(out, "PNG")
        seen = opened(small_png(out.getvalue())).convert("RGBA").getchannel("A").tobytes()
        assert (seen[0], seen[3 * 20 + 3]) == (0, 255)

    def test_loses_every_word_that_the_file_said(self):
        told = PngInfo()
        told.add_text("Author", "Mme Leroy")
        exif = Image.Exif()
        exif[0x010E] = "Mme Leroy"
        for file in (picture(pnginfo=told, exif=exif), picture(kind="JPEG", exif=exif, comment=b"Mme Leroy")):
            assert b"Leroy" in file
            kept = small_png(file)
            assert b"Leroy" not in kept
            assert set(opened(kept).info) == set()

    def test_stands_upright_as_its_camera_meant_it(self):
        exif = Image.Exif()
        exif[0x0112] = 6  # a quarter turn
        assert opened(small_png(picture(size=(40, 20), kind="JPEG", exif=exif))).size == (20, 40)

    def test_weighs_at_most_8_kb_whatever_it_shows(self):
        noise = Image.frombytes(
            "RGB", (400, 160), b"".join(sha512(bytes(divmod(n, 256))).digest() for n in range(3000))
        )
        out = BytesIO()
        noise.save(out, "PNG")
        assert len(out.getvalue()) > HEAVIEST_KEPT
        assert len(small_png(out.getvalue())) <= HEAVIEST_KEPT

    def test_is_the_same_when_given_again(self):
        assert small_png(picture()) == small_png(picture())


class TestRefusal:
    @pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM", "PDF"])
    def test_meets_other_formats(self, kind):
        with pytest.raises(NotAPicture):
            small_png(picture(kind=kind))

    @pytest.mark.parametrize(
        "given", [SVG, b"<?xml version='1.0'?>" + SVG, b"", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"RIFFxxxxWEBP"]
    )
    def test_meets_what_is_no_picture(self, given):
        with pytest.raises(NotAPicture):
            small_png(given)

    @pytest.mark.parametrize("kind", pictures.FORMATS)
    def test_meets_a_picture_cut_short(self, kind):
        whole = picture(size=(300, 300), kind=kind)
        with pytest.raises(NotAPicture):
            small_png(whole[: len(whole) // 2])

    def test_meets_more_than_2_mb_before_anything_is_read(self):
        with pytest.raises(TooHeavy):
            small_png(picture() + bytes(HEAVIEST))

    @pytest.mark.parametrize("size", [(5000, 5000), (20_000, 20_000), (2**31 - 1, 2**31 - 1), (10_000_001, 1)])
    def test_meets_too_many_pixels_before_any_is_decoded(self, size, monkeypatch):
        monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("decoded"))
        with pytest.raises(TooManyPixels):
            small_png(claims(*size))

    @given(st.binary(max_size=300), st.integers(0, 400), st.sampled_from(pictures.FORMATS))
    def test_is_the_only_other_answer_to_a_forged_file(self, forged, where, kind):
        whole = picture(kind=kind)
        for given_file in (forged, whole[:where] + forged + whole[where + len(forged) :]):
            with suppress(pictures.BadPicture):
                assert len(small_png(given_file)) <= HEAVIEST_KEPT
