"""Whether a host of Paybox is open: its page `load.html` says so ("Health check" in `docs/protocols/paybox.md`)."""

import httpx
from lxml import etree, html

from regal.lib.http import NoAnswer, get

DEADLINE_SECONDS = 3  # the payer waits
_LARGEST_PAGE = 16 * 1024


def is_awake(client: httpx.Client, address: str) -> bool:
    """Whether the element `server_status` says OK. A host that does not answer in time is asleep."""
    try:
        answer = get(client, f"{address}load.html", largest=_LARGEST_PAGE, seconds=DEADLINE_SECONDS)
    except NoAnswer:
        return False
    return answer.status == 200 and _status_in(answer.body) == "OK"


def _status_in(page: bytes) -> str | None:
    try:
        elements = html.fromstring(page).iter(etree.Element)
    except (etree.LxmlError, ValueError):
        return None
    found = [element for element in elements if element.get("id") == "server_status"]
    return "".join(map(str, found[0].itertext())).strip() if len(found) == 1 else None
