"""The demo town sites, described by data: who they are and which payment pages they embed."""

import json
import re
import sqlite3
import unicodedata
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from regal_sandbox.shapes import BadShape, Shape

LOOKS = ("riviere", "colline")

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_MIN_CONTRAST = 4.5


@dataclass(frozen=True)
class News:
    title: str
    date: str
    text: str


@dataclass(frozen=True)
class Product:
    title: str
    url: str
    intro: str

    @property
    def slug(self) -> str:
        plain = unicodedata.normalize("NFKD", self.title).encode("ascii", "ignore").decode().lower()
        return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "produit"


@dataclass(frozen=True, kw_only=True)
class Town:
    name: str
    tagline: str
    look: str
    main_colour: str
    accent_colour: str
    address: str
    hours: str
    news: tuple[News, ...]
    products: tuple[Product, ...]
    script: str  # what gives the frames their height; "" for a site without script

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "news": [asdict(one) for one in self.news],
            "products": [asdict(one) for one in self.products],
        }


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, as WCAG defines it."""
    parts = []
    for start in (1, 3, 5):
        value = int(colour[start : start + 2], 16) / 255
        parts.append(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast_with_white(colour: str) -> float:
    return 1.05 / (luminance(colour) + 0.05)


def _colour(shape: Shape, member: str, default: str) -> str:
    colour = shape.text(member, default)
    if _COLOUR.fullmatch(colour) is None:
        raise BadShape(f"town.{member}: a colour such as #0b5d57 is expected")
    return colour


def _address(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_one = False
    if not is_one or re.search(r"[\s;,]", url):  # a script's origin stands in a header
        raise BadShape(f"{name}: an http or https address is expected")
    return url


def _product(value: object) -> Product:
    shape = Shape(value, "product")
    product = Product(shape.text("title", max_length=80), shape.text("url"), shape.text("intro", "", lines=True))
    shape.done()
    if not product.title.strip():
        raise BadShape("product.title: a title is expected")
    _address("product.url", product.url)
    return product


def _news(value: object) -> News:
    shape = Shape(value, "news")
    news = News(
        shape.text("title", max_length=200), shape.text("date", "", max_length=60), shape.text("text", "", lines=True)
    )
    shape.done()
    return news


def town_from_json(value: object) -> Town:
    """Raises BadShape; a main colour that white text could not be read on is refused."""
    shape = Shape(value, "town")
    town = Town(
        name=shape.text("name", max_length=80),
        tagline=shape.text("tagline", "", max_length=200),
        look=shape.choice("look", LOOKS, "riviere"),
        main_colour=_colour(shape, "main_colour", "#0b5563"),
        accent_colour=_colour(shape, "accent_colour", "#f2b544"),
        address=shape.text("address", "", max_length=300, lines=True),
        hours=shape.text("hours", "", max_length=300, lines=True),
        news=tuple(_news(one) for one in shape.items("news")),
        products=tuple(_product(one) for one in shape.items("products")),
        script=shape.text("script", ""),
    )
    shape.done()
    if town.script:
        _address("town.script", town.script)
    if contrast_with_white(town.main_colour) < _MIN_CONTRAST:
        raise BadShape("town.main_colour: too light for white text to be read on it")
    slugs = [product.slug for product in town.products]
    if len(set(slugs)) != len(slugs):
        raise BadShape("town.products: titles must differ")
    return town


def write_town(db: sqlite3.Connection, position: int, town: Town) -> None:
    db.execute("INSERT OR REPLACE INTO towns VALUES (?, ?)", (position, json.dumps(town.to_json())))


def find_town(db: sqlite3.Connection, position: int) -> Town | None:
    row = db.execute("SELECT value FROM towns WHERE position = ?", (position,)).fetchone()
    return town_from_json(json.loads(row["value"])) if row else None


def list_towns(db: sqlite3.Connection) -> dict[int, Town]:
    rows = db.execute("SELECT position, value FROM towns ORDER BY position")
    return {row["position"]: town_from_json(json.loads(row["value"])) for row in rows}
