"""Files that agents send: no larger than the route's policy allows, and from nobody unknown.

Django has a bound for everything that a form holds but its files; this is theirs. A file is kept in memory; what is
larger than `LARGEST_IN_MEMORY` goes to a temporary file without a name, which ends with the request.
"""

import tempfile
from typing import Any

from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from regal.lib.policy import policy_of

LARGEST_PAYMENTS_FILE = 20 * 1024 * 1024
LARGEST_LOGO = 2 * 1024 * 1024
LARGEST_IN_MEMORY = LARGEST_PAYMENTS_FILE


def is_too_large(request: HttpRequest) -> bool:
    """Whether a file of this request was larger than its route allows; the view then sees no file."""
    return bool(getattr(request, "file_was_too_large", False))


class BoundedUpload(FileUploadHandler):
    """Reads no more of a request's files than its route's policy allows, then stops.

    A file where none is taken, or from whoever is not signed in, raises TooManyFilesSent: Django answers 400.
    """

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        match = getattr(request, "resolver_match", None)
        declared = policy_of(match.func) if match else None
        is_known = getattr(getattr(request, "user", None), "is_authenticated", False)
        self.largest = declared.largest_file if declared and is_known else 0
        self.content = _spool()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """A file begins. Raises TooManyFilesSent."""
        if not self.largest:
            raise TooManyFilesSent
        super().new_file(*args, **kwargs)
        self.content = _spool()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Some bytes of it. Raises StopUpload."""
        if self.content.tell() + len(raw_data) > self.largest:
            if self.request is not None:
                self.request.file_was_too_large = True  # type: ignore[attr-defined]
            raise StopUpload
        self.content.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        """The whole file."""
        self.content.seek(0)
        return UploadedFile(
            file=self.content,
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )


def _spool() -> Any:
    return tempfile.SpooledTemporaryFile(max_size=LARGEST_IN_MEMORY)
