"""The page that joins sections: one file, which asks nobody for anything.

Its policy (a Content-Security-Policy) lets a browser run the script and use the style that stand
here, by their digests, and nothing else: no request leaves the page, and a script that a name of a
net smuggled in would not run.
"""

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

from sw_driver.report.markup import Markup, tag

__all__ = ["MOST_BYTES", "Section", "page"]

MOST_BYTES = 2_000_000
"""A page is smaller than that."""


class Section(NamedTuple):
    """One part of a page.

    Attributes
    ----------
    name
        Of its anchor: letters and hyphens.
    title
        Its heading.
    content
        What follows the heading.
    """

    name: str
    title: str
    content: Markup


def page(title: str, lead: Markup, sections: Sequence[Section]) -> str:
    """Return the text of a page; the same sections make the same text.

    Parameters
    ----------
    title
        Of the page.
    lead
        What stands between the title and the list of sections.
    sections
        In order.
    """
    style, script = _text("page.css"), _text("timeline.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    links = (tag("li", tag("a", one.title, href=f"#{one.name}")) for one in sections)
    parts = (
        tag("section", tag("h2", one.title), one.content, id=one.name, aria_label=one.title)
        for one in sections
    )
    body = tag(
        "body",
        tag("header", tag("h1", title), lead),
        tag("nav", tag("ol", *links), aria_label="sections"),
        tag("main", *parts),
        tag("footer", tag("p", "Written by clostorus report. This page needs no network.")),
        tag("script", Markup(script)),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _text(name: str) -> str:
    return resources.files("sw_driver.report").joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
