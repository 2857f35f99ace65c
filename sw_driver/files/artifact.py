"""model.ctz: a compiled net in one file, the same bytes for the same net.

The file is an archive (`sw_driver.files.archive`). It holds the quantised net by itself
("layer..."), and apart from that what the torus runs: memory images ("image..."), what host words
mean ("map...") and the queues of ops of a run ("loop..."). The contents of the images are taken as
they are, so that a device that runs them can be held against one that computes the net.

Where the blocks of the net lie follows from the layers' shapes and the size of the torus and is not
stored; what is stored is checked against it when it is first asked for. A digest says that a file
is as it was written; that its parts belong together, compiling the net again says: `load_artifact`
with `check`, `clostorus verify`.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

from golden import GoldenError
from golden.data.preparation import Preparation
from hw.config import ConfigError, TorusConfig
from sw_driver.check.runs import check_runs
from sw_driver.compiled import Compiled
from sw_driver.compiler import place_net
from sw_driver.errors import DriverError
from sw_driver.files.archive import ArchiveError, read_archive, write_archive
from sw_driver.files.artifact_checks import (
    FORMAT,
    VERSION,
    WITHOUT_EXTRA_TURNS,
    check_images,
    check_version,
    ops_difference,
)
from sw_driver.files.artifact_parts import (
    loop_arrays,
    loop_fields,
    read_extra_turns,
    read_images,
    read_loops,
    read_origin,
)
from sw_driver.files.members import Members
from sw_driver.files.net_parts import net_arrays, net_fields, read_net
from sw_driver.plan.fit import check_fit, measure
from sw_driver.plan.forward import reordered
from sw_driver.plan.images import Images
from sw_driver.plan.mac_lanes import MacLanes
from sw_driver.plan.order import ExtraTurns, Order
from sw_driver.plan.placement import Placed
from sw_driver.plan.plan import Plan
from sw_driver.program.executable import Executable
from sw_driver.schedule.loops import schedule_loops
from sw_driver.system.files import as_path
from sw_driver.torus import check_infers

__all__ = ["VERSION", "Artifact", "load_artifact", "save_artifact"]

class _Placed(NamedTuple):
    """What follows from a net and the size of its torus."""

    layers: tuple[Placed, ...]
    plan: Plan
    images: Images


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Artifact(Compiled):
    """A compiled net that was read from a file.

    `layers` and `plan` are not in the file: the net is placed again when one of them, or
    `image_difference`, is first asked for. That raises `DriverError` if the file holds parts that
    are not those of its net.

    Parameters
    ----------
    path
        Of the file, which errors name.
    stored_order, stored_extra_turns
        The stages in the order of the steady state, and the extra turns before each.
    digest
        The SHA-256 that the file carries of its contents; None if it is of an earlier version.
    baked
        Whether the torus holds the weights and biases when it is configured, so that they are not
        loaded.
    data, preparation
        Name of the data that set the scales, and how samples become inputs, where that is known.
    """

    layers: tuple[Placed, ...] = dataclasses.field(init=False)
    plan: Plan = dataclasses.field(init=False)
    path: Path
    stored_order: Order
    stored_extra_turns: ExtraTurns
    digest: str | None = None
    baked: bool = False
    data: str | None = None
    preparation: Preparation | None = None

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return a field that nobody asked for before."""
            if name in ("layers", "plan"):
                return getattr(self._placed, name)
            return self.__getattribute__(name)  # Says what is missing.

    @property
    def order(self) -> Order:
        """The stages in the order of the steady state."""
        return self.stored_order

    @property
    def extra_turns(self) -> ExtraTurns:
        """For each stage, the turns that it starts later than its place in the order asks for."""
        return self.stored_extra_turns

    @functools.cached_property
    def image_difference(self) -> str | None:
        """How the memory images differ from those of the net, padding too; None if not."""
        return self.executable.images.difference(self._placed.images)

    @functools.cached_property
    def ops_difference(self) -> str | None:
        """Where the ops differ from those that this compiler makes of the net; None if nowhere."""
        with _named(self.path):
            wanted = schedule_loops(self.config, self.plan)
        return ops_difference(self.executable.loop, wanted)

    @functools.cached_property
    def _placed(self) -> _Placed:
        config, images = self.config, self.executable.images
        lanes = MacLanes.of(config)
        with _named(self.path):
            layers, plan, expected, _ = place_net(
                self.net, config.rows, config.cols, skips=bool(config.word_steps), lanes=lanes
            )
            stages = len(plan.stages)
            for name, found in (("order", self.order), ("extra_turns", self.extra_turns)):
                if len(found) != stages:
                    raise DriverError(f"{name} must be {stages} whole numbers, not {list(found)}")
            check_images(images, expected)
            plan = reordered(plan, self.order, self.extra_turns)
            check_fit(config, measure(self.net, plan, expected))
        return _Placed(layers, plan, expected)

    def check(self) -> None:
        """Place the net again, and see that no run locks up or depends on timing.

        Neither of the differences is an error here.

        Raises
        ------
        DriverError
            If the parts of the file do not belong together, or a run could do so.
        """
        with _named(self.path):
            _ = self.plan
            check_runs(self.config, self.executable.loop)


def save_artifact(
    path: Path | str,
    compiled: Compiled,
    *,
    baked: bool = False,
    data: str | None = None,
    preparation: Preparation | None = None,
) -> None:
    """Write a compiled net to `path`, which is replaced only when all is written.

    Parameters
    ----------
    path, compiled
        Of the file, by custom ending in `.ctz`; and the net.
    baked, data, preparation
        See `Artifact`.

    Raises
    ------
    DriverError
        If an argument is something else, or the file cannot be written.
    """
    if isinstance(path, Compiled):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DriverError("path must come first, then the net: save_artifact(path, compiled)")
    if not isinstance(compiled, Compiled):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DriverError(
            f"compiled must be what compile() or load_artifact() returns, not a "
            f"{type(compiled).__name__}"
        )
    net, executable = compiled.net, compiled.executable
    config, images, loops = executable.config, executable.images, executable.loop
    first, *more = (loop_fields(loop, config) for loop in loops.loops)
    extra = compiled.extra_turns
    deeper = {"extra_turns": list(extra), "more_loops": more} if any(extra) else {}
    manifest = {
        "format": FORMAT,
        "version": VERSION if deeper else WITHOUT_EXTRA_TURNS,
        "baked": baked,
        "data": data,
        "preparation": None if preparation is None else preparation.as_dict(),
        "config": dataclasses.asdict(config),
        "hardware_id": _id_text(config),
        "net": net_fields(net),
        "order": list(compiled.order),
        "loop": first,
        **deeper,
    }
    arrays: dict[str, NDArray[Any]] = {
        "image.weights": images.weights,
        "image.biases": images.biases,
        "map.inputs": images.input_map,
        "map.outputs": images.output_map,
    }
    write_archive(as_path(path), manifest, arrays | net_arrays(net) | loop_arrays(loops, config))


def load_artifact(path: Path | str, *, check: bool = False) -> Artifact:
    """Read what `save_artifact` wrote.

    The digest of the file is compared, and every part is held against the sizes and ranges that it
    must have; nothing is compiled. Nothing that a file says is executed, and no memory is taken for
    more than it holds.

    Parameters
    ----------
    path
        Of the file.
    check
        Whether the net is compiled again, too, and its runs are checked (`Artifact.check`), which
        takes about ten times as long. Files without a digest, of earlier versions, always are.

    Raises
    ------
    DriverError
        If the file is missing, truncated, altered, of another version or no artifact, if its
        configuration has another id than it says, or if its parts do not fit together; the message
        names the file and the member or field.
    """
    path = as_path(path)
    manifest, arrays = read_archive(path)
    check_version(path, manifest)
    members = Members(path, arrays)
    with _named(path):
        artifact = _assemble(members, manifest, path)
    members.refuse_rest()
    if check or artifact.digest is None:
        artifact.check()
    return artifact


def _assemble(members: Members, manifest: dict[str, Any], path: Path) -> Artifact:
    """Put an artifact together of parts that each can be used."""
    config = TorusConfig.from_dict(manifest["config"])  # pyright: ignore[reportUnknownMemberType]
    if manifest["hardware_id"] != _id_text(config):
        members.fail(
            f"hardware_id must be {_id_text(config)}, that of its configuration, "
            f"not {manifest['hardware_id']!r}"
        )
    check_infers(config)
    net = read_net(members, manifest["net"])
    order = members.integers("order", manifest, len(manifest["order"]))
    if sorted(order) != list(range(len(order))):
        members.fail(f"order must hold each of 0 to {len(order) - 1} once, not {list(order)}")
    images = read_images(members, config, net)
    extra = read_extra_turns(members, manifest, len(order))
    loops = read_loops(members, config, manifest)
    if not isinstance(manifest["baked"], bool):
        members.fail(f"baked must be true or false, not {manifest['baked']!r}")
    return Artifact(
        source=net,
        executable=Executable.of_images(config, images, loops),
        stored_order=order,
        stored_extra_turns=extra,
        path=path,
        digest=manifest.get("digest"),
        baked=manifest["baked"],
        **read_origin(members, manifest, net),
    )


@contextlib.contextmanager
def _named(path: Path) -> Generator[None]:
    """Name the file in errors about what it holds."""
    try:
        yield
    except ArchiveError:
        raise
    except (KeyError, TypeError, AttributeError) as error:
        raise ArchiveError(f"{path}: the manifest is not that of an artifact: {error!r}") from error
    except (ConfigError, DriverError, GoldenError) as error:
        raise ArchiveError(f"{path}: {error}") from error


def _id_text(config: TorusConfig) -> str:
    return f"{config.hardware_id:016x}"
