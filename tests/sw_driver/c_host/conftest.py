"""The programs of docs/c_host.md, compiled for nets of tests."""

import re
import subprocess

import pytest

from sw_driver.c_host.header import library_header
from tests.support.pages import blocks

# Whatever is wrong with memory or arithmetic ends a program with status 99.
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


class Programs:
    """A folder with the C of the page, and what is compiled from it."""

    def __init__(self, folder):
        self.folder = folder
        self.headers = {"clostorus.h": library_header().decode()}
        for block in blocks():
            if block.page == "docs/c_host.md" and block.language == "c":
                [name] = re.findall(r"^/\* (\w+)(?:\.h:| PORT)", block.text)
                suffix = ".h" if ".h:" in block.text.splitlines()[0] else ".c"
                self.headers[f"{name}{suffix}"] = block.text
        for name, text in self.headers.items():
            (folder / name).write_text(text)

    def compile(self, name, header, text, *flags):
        """Compile a program with the header of its net; return its path."""
        (self.folder / header).write_text(text)
        program = self.folder / name
        done = subprocess.run(
            ["gcc", "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror",
             *(flags or SANITIZERS), f"{name}.c", "-o", name],
            cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return program

    def run(self, program, *arguments, given="", before=()):
        """Run a program on what is given to its standard input; return what it ended with."""
        return subprocess.run(
            [*before, str(program), *map(str, arguments)], cwd=self.folder, input=given, text=True,
            capture_output=True, timeout=300, check=False,
            env={"ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "exitcode=99"})


@pytest.fixture
def programs(tmp_path):
    return Programs(tmp_path)
