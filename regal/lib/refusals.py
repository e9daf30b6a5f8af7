"""What people can mend: a sentence of ours and a short code, which support can search for.

Each room draws its own tree from here, so that it is caught by room.
"""

from django.utils.functional import Promise


class Refusal(Exception):
    """`values` fill the sentence in."""

    code: str
    sentence: Promise | str = ""

    def __init__(self, **values: object) -> None:
        super().__init__(self.code)
        self.values = values

    def __str__(self) -> str:
        return str(self.sentence) % self.values
