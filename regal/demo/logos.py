"""The invented logos of the demonstration's towns, drawn on the spot: no town's arms, no file to keep."""

from io import BytesIO

from PIL import Image, ImageDraw

from regal.demo.cast import DemoTown

SIDE = 640  # four times what is kept: the edges come out smooth


def logo_of(town: DemoTown) -> bytes:
    """A PNG: a sun over the river, or over two hills, in the town's colours."""
    scene = Image.new("RGBA", (SIDE, SIDE), town.main_colour)
    draw = ImageDraw.Draw(scene)
    if town.look == "riviere":
        draw.ellipse((330, 90, 530, 290), fill=town.accent_colour)
        for top in (330, 430, 530):
            _wave(draw, top)
    else:
        draw.ellipse((110, 100, 310, 300), fill=town.accent_colour)
        draw.ellipse((180, 330, 900, 1050), fill="#f0e6da")
        draw.ellipse((-260, 400, 420, 1080), fill=town.main_colour)
        draw.ellipse((-240, 430, 400, 1070), fill="#f0e6da")
    shape = Image.new("L", (SIDE, SIDE), 0)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, SIDE - 1, SIDE - 1), radius=120, fill=255)
    scene.putalpha(shape)
    out = BytesIO()
    scene.save(out, "PNG")
    return out.getvalue()


def _wave(draw: ImageDraw.ImageDraw, top: int) -> None:
    """Half circles, one up, one down, from edge to edge."""
    for number, left in enumerate(range(-80, SIDE, 160)):
        start = 180 if number % 2 else 0
        draw.arc((left - 17, top - 60, left + 177, top + 60), start, start + 180, fill="#ffffff", width=34)
