"""What there is to say of the energy of a compiled net: as values for JSON, and as rows."""

from typing import Any

from sw_driver.compiled import Compiled
from sw_driver.predict.energy import Energy, dense_energy, dense_fits, sample_energy

__all__ = ["energy_rows", "energy_values"]


def energy_values(compiled: Compiled) -> dict[str, Any]:
    """Energies of a sample in nJ, and counts, for JSON: of the net, and of the dense one."""
    return {name: _values(energy) for name, energy in _energies(compiled).items()}


def energy_rows(compiled: Compiled) -> list[tuple[str, str]]:
    """What a sample takes, by what it is spent on: names and values."""
    energies = _energies(compiled)
    ours = energies["this net"]
    rows = [(name, _total(energy)) for name, energy in energies.items()]
    for name, energy in energies.items():
        part, most = max(energy.parts_nj.items(), key=lambda item: item[1])
        parts = ", ".join(f"{one} {nj:.3g}" for one, nj in energy.parts_nj.items())
        rows.append((f"parts of {name}, nJ", parts))
        rows.append(("  most of it", f"{part}, {100 * most / energy.total_nj:.0f} %"))
    rows += [
        (f"{name} over this net", f"{energy.total_nj / ours.total_nj:.3g} times")
        for name, energy in energies.items()
        if energy is not ours
    ]
    return rows


def _energies(compiled: Compiled) -> dict[str, Energy]:
    config, shapes = compiled.config, compiled.net.shapes
    found = {"this net": sample_energy(compiled)}
    if dense_fits(config, shapes):
        found["dense, on chip"] = dense_energy(config, shapes, dram=False)
    found["dense, weights in DRAM"] = dense_energy(config, shapes, dram=True)
    return found


def _total(energy: Energy) -> str:
    more = f" to {energy.total_nj + energy.spread_nj:.4g}" if energy.spread_nj else ""
    return f"{energy.total_nj:.4g}{more} nJ"


def _values(energy: Energy) -> dict[str, Any]:
    return {
        "total_nj": energy.total_nj,
        "spread_nj": energy.spread_nj,
        "parts_nj": dict(energy.parts_nj),
        "counts": dict(energy.counts),
    }
