"""How a page is examined: axe with the WCAG 2.2 tags, and what axe does not measure (`measures.js`).

Every examination gives sentences, so that a failing test reads as a list of what to mend.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Frame, Page, ViewportSize

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MEASURES = (Path(__file__).parent / "measures.js").read_text(encoding="utf-8")

DESKTOP = ViewportSize(width=1280, height=900)
TELEPHONE = ViewportSize(width=360, height=740)
ZOOMED = ViewportSize(width=320, height=256)  # a window of 1280 × 1024 at 400 %
MOST_STOPS = 400

# As text, and only what we read: Playwright takes seconds to bring a large answer over, member by member.
RUN_AXE = """async (options) => {
    const found = await axe.run(document, options);
    const said = (node, checks) => node[checks].map(({ message }) => ({ message }));
    const brief = (results) => results.map(({ id, nodes }) => ({
        id,
        nodes: nodes.map((node) => ({
            html: node.html, any: said(node, "any"), all: said(node, "all"), none: said(node, "none"),
        })),
    }));
    return JSON.stringify({ violations: brief(found.violations), incomplete: brief(found.incomplete) });
}"""

# What axe cannot decide by itself, looked at by a person: (rule, part of its message, part of the element): why it is
# good.
REVIEWED = {
    ("color-contrast", "partially obscured", "<td"): "a cell that its table, which scrolls by itself, shows in part",
    ("color-contrast", "partially obscured", "<th"): "the same",
    ("color-contrast", "image node", 'class="chart-'): "ink in the chart, with a halo of paper around each letter",
}


def axe(frame: Frame, *, colours: bool = True) -> list[str]:
    """What axe finds wrong, or cannot decide and nobody has reviewed; inner frames are examined by themselves.

    Without `colours`, contrast is left out: the longest of its rules, and another language has the same colours.
    """
    if frame.evaluate("typeof axe") == "undefined":
        frame.evaluate(AXE_SCRIPT)
    options = {
        "runOnly": {"type": "tag", "values": TAGS},
        "resultTypes": ["violations", "incomplete"],
        "iframes": False,
        "rules": {"frame-tested": {"enabled": False}, "color-contrast": {"enabled": colours}},
    }
    results = json.loads(frame.evaluate(RUN_AXE, options))
    return [*_sentences(results["violations"]), *_sentences(results["incomplete"], reviewed=REVIEWED)]


def _sentences(
    results: list[dict[str, Any]], reviewed: Mapping[tuple[str, str, str], str] | None = None
) -> Iterator[str]:
    for result in results:
        for node in result["nodes"]:
            why = "; ".join(check["message"] for checks in ("any", "all", "none") for check in node[checks])
            known = [
                key for key in reviewed or {} if key[0] == result["id"] and key[1] in why and key[2] in node["html"]
            ]
            if not known:
                undecided = "undecided " if reviewed is not None else ""
                yield f"axe: {undecided}{result['id']}: {node['html'][:160]} ({why[:240]})"


def measure(frame: Frame, *questions: str) -> list[str]:
    """The answers of `measures.js` to these questions."""
    ask = "(questions) => typeof measure === 'undefined' ? null : questions.map((question) => measure[question]())"
    answers = frame.evaluate(ask, list(questions))
    if answers is None:
        frame.evaluate(MEASURES)
        answers = frame.evaluate(ask, list(questions))
    return [f"{question}: {found}" for question, answer in zip(questions, answers, strict=True) for found in answer]


def tab_stops(page: Page) -> tuple[list[str], list[str]]:
    """Tab from the top of the page to its end: the names of the stops, and what is wrong with them.

    Each stop shows its focus and is in view, in the order of reading, and no control is passed over.
    """
    measure(page.main_frame)
    names: list[str] = []
    wrong: list[str] = []
    before = first = -1
    page.evaluate("measure.top()")
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate("measure.focus()")
        if stop is None or (names and stop["order"] == first):
            break
        if stop["order"] == before:  # the parts of a date, to which the browser gives its own marks
            continue
        if stop["order"] >= 0:  # not inside a frame, whose stops are its own
            first = first if names else stop["order"]
            if stop["order"] < before:
                wrong.append(f"out of order: {stop['name']}")
            before = stop["order"]
            names.append(stop["name"])
        wrong += stop["found"]
    else:
        wrong.append("the focus never leaves the page")
    page.evaluate("document.activeElement.blur()")
    if len(names) < page.evaluate("measure.controls()"):
        wrong.append(f"some controls are passed over: only {names}")
    return names, wrong


def examine(page: Page, *, at_360: bool = True) -> list[str]:
    """Everything, at every size; axe at 1280 pixels, and at 360 unless it is run there elsewhere."""
    frame, found = page.main_frame, []
    page.set_viewport_size(DESKTOP)
    found += _at("1280", [*axe(frame), *measure(frame, "words", "reflow")])
    page.evaluate("measure.enlarge(2)")
    found += _at("text 200 %", measure(frame, "reflow", "cut"))
    page.evaluate("measure.space()")
    page.evaluate("document.documentElement.style.fontSize = ''")
    found += _at("spacing", measure(frame, "reflow", "cut"))
    page.set_viewport_size(ZOOMED)
    found += _at("zoomed, spacing", measure(frame, "reflow", "cut"))
    page.evaluate("measure.usual()")
    found += _at("zoomed", measure(frame, "reflow", "cut"))
    found += _at("keyboard, zoomed", tab_stops(page)[1])
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    found += measure(frame, "forced", "motion")
    page.emulate_media(forced_colors="none", reduced_motion="no-preference")
    if at_360:
        found += examine_at_360(frame)
    page.set_viewport_size(DESKTOP)
    return list(dict.fromkeys(found))


def examine_at_360(frame: Frame, *, colours: bool = True) -> list[str]:
    """What a telephone changes, or another language, or a frame."""
    frame.page.set_viewport_size(TELEPHONE)
    return _at("360", [*axe(frame, colours=colours), *measure(frame, "words", "reflow", "cut", "targets")])


def _at(where: str, found: list[str]) -> list[str]:
    return [f"{where}: {one}" for one in found]
