"""A reader of QR codes in a picture: it shares nothing with what draws ours, and mends no error.

ISO/IEC 18004, model 2, versions 1 to 10, byte mode.
"""

from PIL import Image

# Error level M: blocks of the first group, their data words; of the second group, theirs; words of correction in each.
_BLOCKS_M = {
    1: (1, 16, 0, 0), 2: (1, 28, 0, 0), 3: (1, 44, 0, 0), 4: (2, 32, 0, 0), 5: (2, 43, 0, 0), 6: (4, 27, 0, 0),
    7: (4, 31, 0, 0), 8: (2, 38, 2, 39), 9: (3, 36, 2, 37), 10: (4, 43, 1, 44),
}  # fmt: skip
_ALIGNED = {
    1: (), 2: (6, 18), 3: (6, 22), 4: (6, 26), 5: (6, 30), 6: (6, 34), 7: (6, 22, 38), 8: (6, 24, 42), 9: (6, 26, 46),
    10: (6, 28, 50),
}  # fmt: skip
_MASKS = (
    lambda i, j: (i + j) % 2 == 0,
    lambda i, j: i % 2 == 0,
    lambda i, j: j % 3 == 0,
    lambda i, j: (i + j) % 3 == 0,
    lambda i, j: (i // 2 + j // 3) % 2 == 0,
    lambda i, j: i * j % 2 + i * j % 3 == 0,
    lambda i, j: (i * j % 2 + i * j % 3) % 2 == 0,
    lambda i, j: ((i + j) % 2 + i * j % 3) % 2 == 0,
)


def read_code(page: Image.Image, *, around: tuple[float, float, float, float]) -> str:
    """What the one code in a part of an A4 page says; `around` in millimetres: left, top, right, bottom."""
    scale = page.width / 210
    left, top, right, bottom = (round(side * scale) for side in around)
    part = page.crop((left, top, right, bottom)).point(lambda tone: 255 if tone < 128 else 0)
    whole = _largest_square(part)
    return decode(_modules(part.crop(whole)))


def _largest_square(part: Image.Image) -> tuple[int, int, int, int]:
    """Where the code is: its corner is the first row that begins with a dark run of seven modules."""
    width, height = part.size
    pixels = part.load()
    assert pixels is not None
    rows = [y for y in range(height) if any(pixels[x, y] for x in range(width))]
    bands: list[list[int]] = []
    for y in rows:
        if bands and y - bands[-1][-1] <= 2:
            bands[-1].append(y)
        else:
            bands.append([y])
    band = max(bands, key=len)
    columns = [x for x in range(width) if any(pixels[x, y] for y in band)]
    return columns[0], band[0], columns[-1] + 1, band[-1] + 1


def _modules(code: Image.Image) -> list[list[bool]]:
    width, height = code.size
    assert abs(width - height) <= 2, code.size
    pixels = code.load()
    assert pixels is not None
    finder = next(x for x in range(width) if not pixels[x, 1]) / 7  # the width of a module, about
    count = 17 + 4 * round((width / finder - 17) / 4)
    step = width / count
    return [[bool(pixels[int((j + 0.5) * step), int((i + 0.5) * step)]) for j in range(count)] for i in range(count)]


def decode(modules: list[list[bool]]) -> str:
    """The text that a matrix says."""
    count = len(modules)
    version = (count - 17) // 4
    told = 0
    for i, j in ((8, 0), (8, 1), (8, 2), (8, 3), (8, 4), (8, 5), (8, 7), (8, 8), (7, 8), (5, 8), (4, 8), (3, 8), (2, 8),
                 (1, 8), (0, 8)):  # fmt: skip
        told = told << 1 | modules[i][j]
    told ^= 0b101010000010010
    level, mask = told >> 13, told >> 10 & 7
    assert level == 0, "not of level M"
    bits = [modules[i][j] ^ _MASKS[mask](i, j) for i, j in _path(count, version)]
    words = [int("".join("1" if bit else "0" for bit in bits[at : at + 8]), 2) for at in range(0, len(bits) - 7, 8)]
    data = _in_order(words, version)
    text = "".join(f"{word:08b}" for word in data)
    assert text[:4] == "0100", "not of bytes"
    wide = 8 if version < 10 else 16
    length = int(text[4 : 4 + wide], 2)
    begins = 4 + wide
    return bytes(int(text[begins + 8 * n : begins + 8 * n + 8], 2) for n in range(length)).decode("ascii")


def _in_order(words: list[int], version: int) -> list[int]:
    few, short, more, long = _BLOCKS_M[version]
    sizes = [short] * few + [long] * more
    blocks: list[list[int]] = [[] for _ in sizes]
    at = 0
    for place in range(max(sizes)):
        for block, size in zip(blocks, sizes, strict=True):
            if place < size:
                block.append(words[at])
                at += 1
    return [word for block in blocks for word in block]


def _path(count: int, version: int) -> list[tuple[int, int]]:
    """The places of the data, in their order: two columns at a time from the right, up and down."""
    places = []
    column, up = count - 1, True
    while column > 0:
        if column == 6:
            column -= 1
        for i in range(count - 1, -1, -1) if up else range(count):
            places += [(i, j) for j in (column, column - 1) if not _is_fixed(i, j, count, version)]
        column, up = column - 2, not up
    return places


def _is_fixed(i: int, j: int, count: int, version: int) -> bool:
    if (i < 9 and j < 9) or (i < 9 and j >= count - 8) or (i >= count - 8 and j < 9) or 6 in (i, j):
        return True
    if version >= 7 and ((i < 6 and j >= count - 11) or (j < 6 and i >= count - 11)):
        return True
    centres = _ALIGNED[version]
    corners = {(6, 6), (6, count - 7), (count - 7, 6)}
    return any(abs(i - a) <= 2 and abs(j - b) <= 2 for a in centres for b in centres if (a, b) not in corners)
