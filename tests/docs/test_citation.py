"""CITATION.cff says of the project what pyproject.toml says."""

import re
import tomllib

from tests.support.project import ROOT

CITATION = (ROOT / "CITATION.cff").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_two_agree():
    said = dict(re.findall(r"^([\w-]+): (.+)$", CITATION, re.M))
    assert said["title"].lower() == PROJECT["name"]
    assert said["abstract"] == PROJECT["description"]
    assert (said["version"], said["license"]) == (PROJECT["version"], PROJECT["license"])
    authors = CITATION.split("\nauthors:\n")[1].split("\nversion")[0]
    assert re.findall(r"name: (.+)", authors) == [one["name"] for one in PROJECT["authors"]]


def test_the_papers_are_those_of_docs_papers():
    titles = re.findall(r'^    title: "?(.+?)"?$', CITATION, re.M)
    pages = " ".join((ROOT / "docs" / "papers.md").read_text().split())
    assert titles and all(
        title.partition(":")[0].removesuffix(" Convolutional Neural Networks") in
        pages.replace("CNNs", "") for title in titles)
