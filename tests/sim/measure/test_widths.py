"""`python -m sim.measure.widths`: the table of the nets that were asked for, or one clear line."""

import pytest

from golden.system.runner import in_turn
from sim.measure import widths
from sw_driver.errors import DriverError


def test_the_program_prints_the_table_of_its_nets(monkeypatch, capsys):
    """`tests/golden/fixed/test_quantise.py` trains a net and reads the table."""
    monkeypatch.setattr(widths, "table", lambda seeds, run: f"{seeds} nets, {run is in_turn}")
    monkeypatch.setattr("sys.argv", ["widths", "--seeds", "2", "--workers", "1"])
    widths.main()
    assert capsys.readouterr().out == "2 nets, True\n"


@pytest.mark.parametrize(("options", "message"), [
    (("--seeds", "0"), "seeds must be at least 1, not 0"),
    (("--workers", "0"), "workers must be 1 to 1024, not 0"),
    (("--workers", "1", "--scheduler", "a:1"), "workers and scheduler cannot both be given"),
])
def test_what_cannot_be_is_refused(monkeypatch, options, message):
    monkeypatch.setattr("sys.argv", ["widths", *options])
    with pytest.raises(DriverError, match=message):
        widths.main()
