"""Presets are what they were when something was measured with them, and make hardware."""

import pytest

from hw.presets import PRESETS
from hw.tops import PE_MODULE, top_verilog
from tests.support.knobs import mostly_slow

# A change here is a change of the rows of docs/area.md, docs/fpga.md and docs/benchmarks.md.
IDS = {
    "proof": 0x7bd3516b40bab80a,
    "smallest": 0x77663609e7ad4aa4,
    "test": 0xe293082717355dbc,
    "large": 0x1c24181260c510ff,
    "fitted": 0xb8c535e3ef3f66a8,
    "fitted-training": 0x017665e8c443eae3,
    "fitted-batches": 0x83780f844e9a29a6,
    "board-large": 0x13186dd9a0784a75,
    "board-small": 0x729dcceb2173ef47,
}


def test_every_preset_is_what_it_was():
    assert {name: config.hardware_id for name, config in PRESETS.items()} == IDS


@pytest.mark.parametrize("name", mostly_slow(PRESETS, (0, 5)))
def test_every_preset_makes_a_processing_element(name):
    assert f"module {PE_MODULE}(" in top_verilog("pe", PRESETS[name])
