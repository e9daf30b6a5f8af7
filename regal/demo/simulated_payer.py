"""A payer without a browser: he fills the real form, pays at the pretend gateway's, and comes back or not."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

ON_THE_WAY = ("continuer", "carte", "CB", "identifier")  # the buttons of a gateway's pages before the card
DECIDES = ("payer", "valider")
MOST_PAGES = 12
PATIENCE_SECONDS = 120.0  # of somebody who presses « Réessayer »
LOOKS, BETWEEN_LOOKS_SECONDS = 6, 3.0


class Lost(Exception):
    """A page is not what a payer expects; the text says which."""


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """The forms of a page, and its way back."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.url = str(answer.url)
        self.text = answer.text
        self.forms: list[Form] = []
        self.way_back = ""
        self._is_inside = False
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(action=urljoin(self.url, told.get("action", ""))))
            self._is_inside = True
        elif tag == "input" and self._is_inside and told.get("type") == "hidden":
            self.forms[-1].fields[told.get("name", "")] = told.get("value", "")
        elif tag == "button" and self._is_inside:
            self.forms[-1].buttons.append((told.get("name", ""), told.get("value", "")))
        if tag == "a" and "data-return" in told:
            self.way_back = urljoin(self.url, told.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False


class SimulatedPayer:
    """One payment, page after page."""

    def __init__(self, http: httpx.Client, *, wait: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._wait = wait
        self.reference = ""  # of the payment at Paybox, once its page was asked for

    def reach_gateway(self, *, form: str, typed: Mapping[str, str]) -> Page:
        """Form, recap, « Payer »: the first page of the gateway. Raises Lost."""
        recap = self._post(form, typed)
        leave = next((one for one in recap.forms if one.action.endswith("/payer/")), None)
        if leave is None:
            raise Lost("recap")
        page = self._post(leave.action, leave.fields)
        bridge = next((one for one in page.forms if "PBX_CMD" in one.fields), None)
        if bridge is None:
            return page
        self.reference = bridge.fields["PBX_CMD"]
        return self._post(bridge.action, bridge.fields)

    def go_to_card(self, page: Page) -> Page:
        """Up to the page where the card is typed. Raises Lost."""
        return self._press(page, ON_THE_WAY, until=DECIDES)

    def pay(self, page: Page) -> Page:
        """The card, and the bank's code if it asks: the gateway's last page. Raises Lost."""
        page = self._press(page, DECIDES, until=())
        if not page.way_back:
            raise Lost("paid")
        return page

    def come_back(self, page: Page) -> bool:
        """Back on REGAL's page, again and again while it does not answer; whether it says that it is paid."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        url, looks = page.way_back, 0
        while time.monotonic() < deadline:
            try:
                answer = self._http.get(url, follow_redirects=True)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code < 500:
                if 'data-regal-situation="confirmed"' in answer.text:
                    return True
                looks += 1
                if looks >= LOOKS:
                    return False
                url = str(answer.url)
            self._wait(BETWEEN_LOOKS_SECONDS)
        return False

    def _press(self, page: Page, words: tuple[str, ...], *, until: tuple[str, ...]) -> Page:
        for _ in range(MOST_PAGES):
            offered = {value: (form, name) for form in page.forms for name, value in form.buttons if name == "decision"}
            if any(word in offered for word in until):
                return page
            word = next((word for word in words if word in offered), None)
            if word is None:
                if until:
                    raise Lost("card")
                return page
            form, name = offered[word]
            page = self._post(form.action, form.fields | {name: word})
        raise Lost("too many pages")

    def _post(self, url: str, fields: Mapping[str, str]) -> Page:
        try:
            answer = self._http.post(url, data=dict(fields), follow_redirects=True)
        except httpx.TransportError as failure:
            raise Lost(type(failure).__name__) from failure
        if answer.status_code >= 400:
            raise Lost(f"{answer.status_code}")
        return Page(answer)
