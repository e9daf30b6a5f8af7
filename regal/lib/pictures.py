"""A picture that somebody gives us becomes a small PNG of our own making: its pixels, and nothing else of the file.

PNG, JPEG and WebP only: an SVG is a programme. Size in bytes and in pixels is bounded before anything is decoded.
"""

from io import BytesIO

from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP")
HEAVIEST = 2_000_000  # bytes given
MOST_PIXELS = 10_000_000  # 40 MB of memory once decoded
LARGEST = (400, 160)  # of what we keep
HEAVIEST_KEPT = 8_000  # of each first page that a payer loads: flat colours fit, a photograph gets smaller


class BadPicture(ValueError):
    """
    ├── NotAPicture      neither PNG, JPEG nor WebP, or broken
    ├── TooHeavy         more bytes than HEAVIEST
    └── TooManyPixels
    """


class NotAPicture(BadPicture):
    pass


class TooHeavy(BadPicture):
    pass


class TooManyPixels(BadPicture):
    pass


def small_png(given: bytes) -> bytes:
    """At most 400 × 160 pixels, its ratio kept, and 8 KB. Raises BadPicture."""
    if len(given) > HEAVIEST:
        raise TooHeavy
    try:
        with Image.open(BytesIO(given), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise TooManyPixels
            pixels = ImageOps.exif_transpose(image).convert("RGBA")
    except BadPicture:
        raise
    except Image.DecompressionBombError:
        raise TooManyPixels from None
    except Exception:  # the decoders raise a dozen kinds on what is broken or forged
        raise NotAPicture from None
    pixels.thumbnail(LARGEST, Image.Resampling.LANCZOS)
    kept = _png(pixels)
    while len(kept) > HEAVIEST_KEPT:
        kept = _png(pixels.quantize(255, method=Image.Quantize.FASTOCTREE))
        pixels = pixels.resize((max(1, pixels.width * 7 // 8), max(1, pixels.height * 7 // 8)))
    return kept


def _png(pixels: Image.Image) -> bytes:
    """The file, without a word of metadata."""
    bare = pixels.copy()
    bare.info = {}
    out = BytesIO()
    bare.save(out, "PNG", optimize=True)
    return out.getvalue()
