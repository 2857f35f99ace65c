"""The exchange in bytes of docs/host_link.md is what a simulated board says to these bytes."""

import dataclasses
import re

import pytest

from tests.support.link_bench import SMALL_LINK, loop_model
from tests.support.pages import section
from tests.support.project import ROOT

pytestmark = pytest.mark.usefixtures("toolchain")

PAGE = ROOT / "docs" / "host_link.md"
BYTES_OF_A_STEP = 200  # As long as a wire needs for them, the board may answer.


@pytest.mark.parametrize("name, input_bits", [
    ("an-exchange-in-bytes", 0), ("an-exchange-with-packed-beats", 8)])
def test_the_exchange_of_the_page(name, input_bits):
    text = section(PAGE, name)
    rows = re.findall(r"^\| (host|board) \| `([0-9a-f ]+)` \|", text, re.M)
    assert [who for who, _ in rows].count("host") == 3
    said = [(who, bytes.fromhex(text)) for who, text in rows]
    link = dataclasses.replace(SMALL_LINK, input_bits=input_bits)
    with loop_model(link) as board:
        while said:
            _, asked = said.pop(0)
            answer = b""
            while said and said[0][0] == "board":
                answer += said.pop(0)[1]
            taken, given, _, _ = board.run(asked, BYTES_OF_A_STEP * board.byte_cycles)
            assert taken == len(asked)
            assert given.hex(" ") == answer.hex(" ")
