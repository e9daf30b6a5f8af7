"""What a town pastes into its own site: a frame, a link, a button, an optional script. Addresses in, HTML out.

All of it works without script, without cookie, and loads nothing but the guichet. The frame:

- has a `title`, which screen readers say, and a link under it, for whoever sees no frame or has new windows blocked;
- has a height for every width: a narrow page is a long one. Taller than needed is a blank, lower is a second scrollbar.
  The attribute counts where a site forbids `style`;
- has no `sandbox`, which would hold PayFiP's new tab back, and no `allow`: a frame from another origin is then given
  neither camera, nor position, nor payment, and needs none of them.
"""

from dataclasses import dataclass
from html import escape

from django.utils.translation import gettext as _
from django.utils.translation import override

from regal.lib.colours import USUAL_MAIN

# The form and its picture, measured in frames of 280 px and more, 40 px narrower than the window at most.
FRAME_STYLE = "border:0;height:max(1320px,1900px - 50vw,3090px - 223vw)"
FRAME_HEIGHT = 1400
BUTTON_STYLE = (
    "display:inline-block;padding:.7em 1.3em;border:2px solid {colour};border-radius:.5em;background:{colour};"
    "color:#fff;font-weight:600;text-decoration:none"
)


@dataclass(frozen=True, kw_only=True)
class Snippets:
    """HTML to paste, in one language."""

    frame: str
    link: str
    button: str


def frame_title(*, name: str) -> str:
    """What screen readers say of the frame, in the language of the moment; `name` says what is paid there."""
    return f"{_('Payer en ligne')} – {name}"


def snippets(*, address: str, name: str, language: str, colour: str = "") -> Snippets:
    """For the page at this address of the guichet; `name` says what is paid there.

    `colour` is the town's main one, on which white words are read (`lib/colours.py`); empty: REGAL's.
    """
    with override(language):
        title = escape(frame_title(name=name))
        whole_page = escape(_("Ouvrir le paiement sur une page entière"))
    href = f'href="{escape(address)}"'
    if language != "fr":  # the town's page is in French, and says so
        href += f' hreflang="{language}" lang="{language}"'
    return Snippets(
        frame=f'<iframe src="{escape(address)}" title="{title}" width="100%" height="{FRAME_HEIGHT}"'
        f' style="{FRAME_STYLE}" loading="lazy" referrerpolicy="no-referrer"></iframe>\n'
        f"<p><a {href}>{whole_page}</a></p>",
        link=f"<a {href}>{title}</a>",
        button=f'<a {href} style="{BUTTON_STYLE.format(colour=colour or USUAL_MAIN)}">{title}</a>',
    )


def script(*, address: str) -> str:
    """Gives the frames their exact height; `address` is that of `frame.js` at the guichet."""
    return f'<script src="{escape(address)}" async referrerpolicy="no-referrer"></script>'
