"""What MkDocs calls while it builds the site: it adds pages, follows links and draws pictures.

MkDocs finds the functions `on_...` by their names.
"""

import hashlib
import html
import os
import re
from pathlib import Path
from typing import Any

import mermaidx
from links import RepositoryLinks
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from pymdownx.superfences import SuperFencesException
from reference import reference_page
from sources import README, readme_page, source_pages

_links = RepositoryLinks()
_pictures: dict[str, str] = {}  # The text of each, by the name of its file on the site.


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let Markdown follow links to the repository, and draw Mermaid."""
    config.markdown_extensions.append(_links)  # type: ignore[arg-type]  # Names, or extensions.
    config.mdx_configs["pymdownx.superfences"] = {
        "custom_fences": [{"name": "mermaid", "class": "mermaid", "format": _draw}]}
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add README.md, the source, and a page of the reference for each that the menu names."""
    files.append(File.generated(config, README, content=readme_page()))
    for uri in _named(config.nav or []):
        if uri.startswith("reference/"):
            name = uri.removeprefix("reference/").removesuffix(".md")
            files.append(File.generated(config, uri, content=reference_page(name)))
    for uri, text in source_pages():
        files.append(File.generated(config, uri, content=text,
                                    inclusion=InclusionLevel.NOT_IN_NAV))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Say which page's links and pictures come next."""
    _links.page = page.file.src_uri
    return markdown


def on_post_build(config: MkDocsConfig) -> None:
    """Write the pictures, which no file of docs/ holds."""
    for name, text in _pictures.items():
        path = Path(config.site_dir, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def _draw(source: str, *_: Any, **__: Any) -> str:
    """The HTML of a Mermaid block: its picture, which leads to the same in full size, and its text.

    Raises
    ------
    SuperFencesException
        Mermaid refuses the text: any other exception would be ignored.
    """
    name = f"pictures/{hashlib.sha256(source.encode()).hexdigest()[:16]}.svg"
    if name not in _pictures:
        try:
            _pictures[name] = mermaidx.render(source).svg()
        except Exception as error:
            raise SuperFencesException(f"{_links.page}: Mermaid refuses\n{source}") from error
    width = re.search(r'viewBox="\S+ \S+ ([\d.]+)', _pictures[name])
    assert width is not None
    link = os.path.relpath(name, os.path.dirname(_links.page) or ".")
    return (f'<p><a href="{link}"><img alt="The diagram of the text below" src="{link}" '
            f'width="{float(width[1]):.0f}"></a></p>'
            f"<details><summary>The diagram as text</summary>"
            f"<pre>{html.escape(source)}</pre></details>")


def _named(nav: Any) -> list[str]:
    """All pages that a menu names."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [uri for part in parts for uri in _named(part)]
