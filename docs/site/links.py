"""Links of the pages to the repository: they lead to pages of the site that show it."""

import os
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from sources import README, ROOT, is_shown, source_uri

__all__ = ["RepositoryLinks"]

_DOCS = ROOT / "docs"
_AFTER_INLINE = 10  # After links have been found (20), before MkDocs looks for their pages (0).


class RepositoryLinks(Extension):
    """Follows links as a forge does; one that leads nowhere stays, and MkDocs warns of it.

    `page` is the page whose links come next, as MkDocs names it.
    """

    page = ""

    def extendMarkdown(self, md: Markdown) -> None:
        """Called by Markdown, for every page."""
        md.treeprocessors.register(_Links(md, self.page), "repository_links", _AFTER_INLINE)


class _Links(Treeprocessor):
    def __init__(self, md: Markdown, page: str) -> None:
        super().__init__(md)
        self._page = page

    def run(self, root: Element) -> None:
        for element in root.iter():
            key = {"a": "href", "img": "src"}.get(element.tag)
            if key is not None:
                element.set(key, followed(element.get(key, ""), self._page))


def followed(link: str, page: str) -> str:
    """Where a link of a page leads on the site; the link itself if that is no page of it."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not parts.path or page.startswith(("source/", "reference/")):
        return link
    folder = ROOT if page == README else (_DOCS / page).parent
    path = Path(os.path.normpath(folder / parts.path))
    if path == ROOT / "README.md":
        uri = README
    elif path == _DOCS:
        uri = "index.md"
    elif path.is_relative_to(_DOCS) and not path.is_relative_to(_DOCS / "site"):
        uri = path.relative_to(_DOCS).as_posix()
    elif path.is_relative_to(ROOT) and is_shown(path):
        uri = source_uri(path)
    else:
        return link
    return parts._replace(path=os.path.relpath(uri, os.path.dirname(page) or ".")).geturl()
