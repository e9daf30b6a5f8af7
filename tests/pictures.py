"""Pictures that somebody gives us as a logo."""

from io import BytesIO
from typing import Any

from PIL import Image


def picture(colour: str = "#0b5563", *, size: tuple[int, int] = (40, 30), kind: str = "PNG", **saved: Any) -> bytes:
    """One plain colour, in the format asked for."""
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **saved)
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image
