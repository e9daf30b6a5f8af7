"""The beginning of a body, whatever its sender announces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal.lib.request_body import announced_length, beginning_of_body
from tests.door import Body

LONGEST = 8


def beginning(body: Body, length: str | None = None, **more: str) -> tuple[bytes, bool]:
    environ = {"wsgi.input": body, **more}
    if length is not None:
        environ["CONTENT_LENGTH"] = length
    return beginning_of_body(environ, longest=LONGEST)


class TestAnnouncedLength:
    @pytest.mark.parametrize(
        ("text", "length"),
        [
            (None, 0),
            ("", 0),
            ("0", 0),
            ("12", 12),
            ("9" * 18, 10**18 - 1),
            ("9" * 5000, 10**18),
            ("-1", None),
            ("x", None),
            ("²", None),
            ("１", None),
            ("1 ", None),
        ],
    )
    def test_is_a_number_of_reasonable_size_or_none(self, text: str | None, length: int | None) -> None:
        assert announced_length({} if text is None else {"CONTENT_LENGTH": text}) == length


class TestBeginning:
    @pytest.mark.parametrize(
        ("sent", "length", "came", "is_cut"),
        [
            (b"", None, b"", False),
            (b"", "0", b"", False),
            (b"abc", "3", b"abc", False),
            (b"12345678", "8", b"12345678", False),
            (b"123456789", "9", b"12345678", True),
            (b"1234567890", "10", b"12345678", True),
            (b"abc", "7", b"abc", True),  # less came than was announced
            (b"abc", "9" * 5000, b"abc", True),
            (b"abc", "2", b"ab", False),  # what follows is another request's
            (b"abc", "x", b"", True),
            (b"abc", "-1", b"", True),
        ],
    )
    def test_is_what_was_announced_and_no_more(self, sent: bytes, length: str, came: bytes, is_cut: bool) -> None:
        assert beginning(Body(sent), length) == (came, is_cut)

    @pytest.mark.parametrize(
        ("sent", "came", "is_cut"),
        [
            (b"", b"", False),
            (b"abc", b"abc", False),
            (b"12345678", b"12345678", False),
            (b"123456789", b"12345678", True),
        ],
    )
    @pytest.mark.parametrize("length", [None, "1", "x"])
    def test_in_chunks_goes_on_to_its_end(self, sent: bytes, came: bytes, is_cut: bool, length: str | None) -> None:
        assert beginning(Body(sent), length, HTTP_TRANSFER_ENCODING="Chunked") == (came, is_cut)

    def test_of_a_sender_who_hangs_up_is_what_came(self) -> None:
        assert beginning(Body(b"abc", breaks_off=True), "7") == (b"abc", True)
        assert beginning(Body(b"abc", breaks_off=True), HTTP_TRANSFER_ENCODING="chunked") == (b"abc", True)

    @given(
        st.binary(max_size=40), st.one_of(st.none(), st.integers(0, 60).map(str), st.text(max_size=5)), st.booleans()
    )
    def test_never_takes_more_than_one_byte_too_many(self, sent: bytes, length: str | None, in_chunks: bool) -> None:
        body = Body(sent)
        came, is_cut = beginning(body, length, HTTP_TRANSFER_ENCODING="chunked" if in_chunks else "")
        assert sent.startswith(came)
        assert body.taken <= LONGEST + 1
        assert len(came) == min(body.taken, LONGEST)
        assert is_cut or in_chunks or len(came) == int(length or "0")
