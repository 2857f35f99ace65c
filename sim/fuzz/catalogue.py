"""All targets, by name."""

from sim.fuzz.archives import ArtifactTarget, ManifestTarget, NpzTarget
from sim.fuzz.frames import FrameTarget, ProgramTarget
from sim.fuzz.rtl import RtlTarget
from sim.fuzz.tables import CsvTarget, IdxTarget, ModelTarget, OnnxTarget
from sim.fuzz.target import Target

__all__ = ["TARGETS"]

_ALL: tuple[Target, ...] = (
    ArtifactTarget(), ManifestTarget(), ModelTarget(), ProgramTarget(), FrameTarget(), IdxTarget(),
    NpzTarget(), CsvTarget(), OnnxTarget(), RtlTarget(),
)
TARGETS: dict[str, Target] = {target.name: target for target in _ALL}
