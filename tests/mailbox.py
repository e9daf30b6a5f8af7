"""An e-mail as a test reads it."""

from django.core.mail import EmailMessage, EmailMultiAlternatives


def html_of(letter: EmailMessage) -> str:
    """Its page, of one that has one."""
    assert isinstance(letter, EmailMultiAlternatives)
    (page,) = [str(part) for part, kind in letter.alternatives if kind == "text/html"]
    return page


def file_of(letter: EmailMessage) -> tuple[str, bytes, str]:
    """The name, the bytes and the type of its one file."""
    (file,) = letter.attachments
    assert isinstance(file, tuple)
    name, content, kind = file
    assert isinstance(content, bytes)
    return str(name), content, str(kind)
