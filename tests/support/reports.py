"""What tests of reports share: small nets, pages read back, and a browser without a window."""

import functools
import html.parser
import re
import shutil
import subprocess

import pytest

from golden import ClosShape
from golden.layers.dense import DenseShape
from golden.vectors.nets import random_net
from sw_driver import dense_cuts
from sw_driver.compiler import compile

SMALL = (ClosShape(20, 12, 5, 3, 4), ClosShape(12, 7, 3, 4, 2))
_LIMIT_S = 60


@functools.cache
def small_net():
    """A compiled net of two Clos layers on 2x3 PEs; tests must not change it."""
    return compile(random_net(SMALL, seed=0), "2x3")


@functools.cache
def dense_net():
    """One with a dense layer at its end, on 2x2 PEs."""
    cuts, = dense_cuts((SMALL[0], DenseShape(12, 7)), 2, 2)
    return compile(random_net((SMALL[0], DenseShape(12, 7, cuts)), seed=0), "2x2")


class Read(html.parser.HTMLParser):
    """A page, read: every element has its end, and what stands in which.

    Parameters
    ----------
    text
        Of the page.
    """

    VOID = {"meta", "br", "link", "col"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.words, self._open = [], [], []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self):
        """All words of the page."""
        return " ".join(" ".join(self.words).split())

    def of(self, tag, **wanted):
        """The attributes of all elements that have these."""
        return [attributes for name, attributes in self.tags if name == tag
                and all(attributes.get(key.rstrip("_")) == value for key, value in wanted.items())]


def find_chromium():
    """Headless Chromium; skip the test where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return name
    pytest.skip("Chromium is not on PATH: apt-get install chromium")


def browse(page, folder, *options):
    """Open a file in headless Chromium without a network; return what the page became, and its log.

    `options` are more of Chromium's.
    """
    done = subprocess.run(
        [find_chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--enable-logging=stderr", "--v=0", "--host-resolver-rules=MAP * ~NOTFOUND",
         f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=4000",
         "--window-size=1200,4000", *options, page.as_uri()],
        capture_output=True, text=True, timeout=_LIMIT_S, check=True)
    # What the program itself says, such as that there is no D-Bus, is nothing of the page.
    said = [line for line in done.stderr.splitlines() if re.search(r"CONSOLE|net::", line)]
    return done.stdout, said
