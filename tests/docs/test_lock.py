"""The lock names what is installed, all that it needs, and the hashes of its files."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.support.locked import FOLDER, Pin, differences, pins
from tests.support.project import ROOT


def test_what_is_installed_is_what_the_lock_names():
    assert differences() == [], "run: make"


def needed():
    """Names of all that the extra dev needs here, by way of what is installed."""
    found, todo = set(), [Requirement("clostorus[dev]")]
    while todo:
        wanted = todo.pop()
        key = canonicalize_name(wanted.name), tuple(sorted(wanted.extras))
        if key in found:
            continue
        found.add(key)
        try:
            texts = distribution(wanted.name).requires or ()
        except PackageNotFoundError:
            continue
        for one in map(Requirement, texts):
            if one.marker is None or any(one.marker.evaluate({"extra": extra})
                                         for extra in {"", *wanted.extras}):
                todo.append(one)
    return {name for name, _ in found} - {"clostorus"}


def test_it_names_all_that_is_needed():
    assert needed() - {pin.name for pin in pins() if pin.applies()} == set()


def test_the_oldest_python_of_the_project_will_do():
    """Debian 12 has 3.11.2: a package that needs 3.11.5 would end `make` there."""
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert oldest == ">=3.11"
    asked = {pin.name: distribution(pin.name).metadata.get("Requires-Python")
             for file in ("wheels.txt", "sources.txt") for pin in pins(file) if pin.applies()}
    assert {name: text for name, text in asked.items()
            if text and not SpecifierSet(text).contains("3.11.0")} == {}


def test_every_pin_has_hashes_and_no_address():
    assert len(pins("wheels.txt")) > 100
    assert [pin.name for pin in pins() if not pin.hashes] == []
    for path in FOLDER.iterdir():
        assert not re.search(r"https?:|--(find-links|(extra-)?index-url)|@", path.read_text())


def test_torch_is_apart():
    torch = {pin.name for pin in pins("torch.txt")}
    assert "torch" in torch
    assert not {name for name in torch if not re.match("torch$|triton$|cuda-|nvidia-", name)}
    [pin] = [pin for pin in pins("torch.txt") if pin.name == "torch"]
    assert f"torch=={pin.version}\n" in (ROOT / ".ci" / "constraints.txt").read_text()


def test_a_package_of_another_version_is_named(monkeypatch):
    wrong = [Pin("numpy", "0.1", None, ("0" * 64,)), Pin("no-such-package", "1", None, ())]
    monkeypatch.setattr("tests.support.locked.pins", lambda: wrong)
    first, second = differences()
    assert re.fullmatch(r"numpy must be 0\.1, but is \d.*", first)
    assert second == "no-such-package must be 1, but is not installed"


@pytest.mark.parametrize(
    "text", ["numpy>=2\n", "numpy==2.0\n", "numpy==2.0 \\\n    --hash=md5:a\n"])
def test_an_entry_without_a_version_or_hash_is_refused(tmp_path, monkeypatch, text):
    (tmp_path / "wheels.txt").write_text(text)
    monkeypatch.setattr("tests.support.locked.FOLDER", tmp_path)
    with pytest.raises(ValueError, match="an entry must be NAME==VERSION and hashes"):
        pins("wheels.txt")


def test_make_passes_the_versions_on_to_pip():
    rule = (ROOT / "Makefile").read_text().partition("\n$(STAMP): ")[2].partition("\n\n")[0]
    assert "$(LOCK)/wheels.txt $(LOCK)/sources.txt" in rule.partition("\n")[0]
    assert "-c $(VENV)/versions.txt" in rule
