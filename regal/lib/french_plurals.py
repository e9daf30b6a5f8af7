"""French counts « 0 ligne, 1 ligne, 2 lignes »; Django, which finds no catalogue of French, counts as English does."""

from gettext import NullTranslations

from django.utils.translation import trans_real


class French(NullTranslations):
    """The sentences as they are written, plural from two on."""

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return msgid2 if abs(n) >= 2 else msgid1

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return self.ngettext(msgid1, msgid2, n)


def install() -> None:
    """Once, when the application starts."""
    trans_real.translation("fr").add_fallback(French())
