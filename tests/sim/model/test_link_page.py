"""The exchange in bytes of docs/host_link.md is what a simulated board says to these bytes."""

import re

import pytest

from tests.support.link_bench import SMALL_LINK, loop_model
from tests.support.pages import section
from tests.support.project import ROOT

pytestmark = pytest.mark.usefixtures("toolchain")

PAGE = ROOT / "docs" / "host_link.md"
BYTES_OF_A_STEP = 200  # As long as a wire needs for them, the board may answer.


def test_the_exchange_of_the_page():
    text = section(PAGE, "an-exchange-in-bytes")
    rows = re.findall(r"^\| (host|board) \| `([0-9a-f ]+)` \|", text, re.M)
    assert [who for who, _ in rows].count("host") == 3
    said = [(who, bytes.fromhex(text)) for who, text in rows]
    with loop_model(SMALL_LINK) as board:
        while said:
            _, asked = said.pop(0)
            answer = b""
            while said and said[0][0] == "board":
                answer += said.pop(0)[1]
            taken, given, _, _ = board.run(asked, BYTES_OF_A_STEP * board.byte_cycles)
            assert taken == len(asked)
            assert given.hex(" ") == answer.hex(" ")
