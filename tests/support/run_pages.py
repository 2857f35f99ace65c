"""Pages whose program and command lines are run, one after the other, in one folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.pages import blocks

__all__ = ["console_steps", "percentages", "run_page"]


def console_steps(page):
    """(command line, what the page shows that it prints) of all console blocks of a page."""
    texts = [one.text for one in blocks() if one.page == page and one.language == "console"]
    return [step.partition("\n")[::2] for text in texts
            for step in re.split(r"^\$ ", text, flags=re.M) if step]


def words(text):
    """The words of a text without its figures, which differ in the last place between machines."""
    return re.sub(r"\d+(\.\d+)?", "#", text).split()


def percentages(text):
    """All percentages of a text."""
    return [float(found) for found in re.findall(r"([\d.]+) %", text)]


def run_page(page, folder, most_points):
    """Run the Python block and then every command line of a page; return what the lines print.

    Each must print what the page shows, percentages within `most_points` points.
    """
    [program] = [one.text for one in blocks() if one.page == page and one.language == "python"]
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, capture_output=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    printed = []
    for line, shown in console_steps(page):
        done = subprocess.run(["bash", "-ec", line], cwd=folder, capture_output=True, text=True,
                              env=os.environ | {"PATH": path}, check=False)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        wanted = words(shown)
        assert words(done.stdout)[:len(wanted)] == wanted, line
        for found, told in zip(percentages(done.stdout), percentages(shown), strict=False):
            assert abs(found - told) < most_points, line
        printed.append(done.stdout)
    return printed
