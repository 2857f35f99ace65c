"""The sound programs that are broken: of random small nets, on small tori, for few samples."""

import dataclasses
import functools
from random import Random
from typing import Any

from golden.vectors.nets import random_net
from hw.config import TorusConfig
from hw.op_fields import LOOP, gateway_fields, pe_fields
from sw_driver.check.runs import host_actions
from sw_driver.compiler import compile
from sw_driver.plan.placement import cut_dense
from sw_driver.program.image import pack_image, unpack_image
from sw_driver.schedule.queues import build_queues
from sw_driver.schedule.scheduler import schedule
from tests.support.training_cases import random_format, random_shapes

__all__ = ["CASES", "Sound", "sound"]

CASES = 80
"""Numbers of programs."""
_LATER = 60
"""From here on those that infer have links of two words, and those that train are stale by one."""
_TORI = ("1x1", "1x2", "2x1", "2x2", "2x2", "1x3", "3x1", "2x3")


@dataclasses.dataclass(frozen=True)
class Sound:
    """A compiled program: six queues, and what the host does (None: all at once)."""

    name: str
    config: TorusConfig
    queues: list[list[dict[str, int]]]
    host: list[tuple[str, int]] | None
    compiled: Any

    def copy(self):
        """Queues and host, free to be broken."""
        return ([[dict(op) for op in queue] for queue in self.queues],
                None if self.host is None else list(self.host))


@functools.lru_cache(maxsize=CASES)
def sound(number):
    """Compile the program of a number; a third of them infer, some of these with lanes."""
    random = Random(f"sound/{number}")
    torus = random.choice(_TORI)
    samples = random.randint(2, 3)
    make = _inference if number % 3 == 0 else _training
    compiled = make(random, torus, later=number >= _LATER)
    config = compiled.config
    ops = build_queues(config, schedule(config, compiled.plan, samples))
    # Packed and unpacked again, every op has all of its fields.
    queues = [queue for fields, part in ((pe_fields(config), ops[:3]),
                                         (gateway_fields(config), ops[3:]))
              for queue in unpack_image(config, fields, pack_image(config, fields, part))]
    assert all(op["kind"] != LOOP for queue in queues for op in queue)
    training = config.training is not None
    host = list(host_actions(compiled.plan, samples)) if training else None
    does = "trains" if training else "infers"
    return Sound(f"{torus} {does} {samples}", config, queues, host, compiled)


def _inference(random, torus, *, later):
    shapes = random_shapes(random, random.randint(1, 2), 6)
    lanes = random.choice([{}, {}, {"lanes_in": 2}, {"lanes_out": 2}])
    if later:
        lanes = {"lanes_in": 2, "link_words": 2, "lanes_out": random.choice([1, 2])}
    rows, cols = map(int, torus.split("x"))
    net = random_net(list(cut_dense(shapes, rows, cols)), seed=random.randrange(1000))
    return compile(net, torus, order=random.choice(["program", "best"]), **lanes)


def _training(random, torus, *, later):
    while True:
        shapes = random_shapes(random, random.choice([1, 1, 2]), 5)
        velocity_bits = random.choice([0, 24])
        try:
            form = random_format(random, shapes, velocity_bits)
        except ValueError:
            continue
        input_gradient = random.random() < 0.6
        batches = velocity_bits > 0 and random.random() < 0.5 and not later
        return compile(form, torus, input_gradient=input_gradient, batches=batches, stale=later)
