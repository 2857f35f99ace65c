"""The checks of training programs: sound ones pass, and each wait that is left out is missed."""

import copy
import dataclasses
import itertools

import pytest

from golden import ClosShape
from hw.op_fields import LOOP, GatherKind, MacKind, RingKind, gateway_fields, pe_fields
from sw_driver.check.runs import check_training_runs, host_actions
from sw_driver.check.waits import check_program
from sw_driver.compiler import compile
from sw_driver.errors import ProgramError
from sw_driver.program.image import unpack_image
from tests.support.training_cases import random_case

SAMPLES = 4


@dataclasses.dataclass
class Checked:
    """A program that passes, unpacked, for changes."""

    config: object
    pe: list
    gateway: list
    host: list

    def check(self):
        check_program(self.config, self.pe, self.gateway, self.host)

    def changed(self, queue, index, **fields):
        other = dataclasses.replace(self, pe=copy.deepcopy(self.pe))
        other.pe[queue][index].update(fields)
        return other

    def ops(self, queue, kind):
        return [(index, op) for index, op in enumerate(self.pe[queue]) if op["kind"] == kind]


def program(torus, shape=(12, 8, 3, 2, 2), samples=SAMPLES, **options):
    """Of a small net, whatever its words."""
    case = random_case(2, depth=1, torus=torus)
    layer = dataclasses.replace(case.form.layers[0], shape=ClosShape(*shape))
    form = dataclasses.replace(case.form, layers=(layer,), velocity_bits=36)
    compiled = compile(form, torus, **options)
    made = compiled.executable.train_program(samples)
    config = compiled.config
    return Checked(config, unpack_image(config, pe_fields(config), made.pe_image),
                   unpack_image(config, gateway_fields(config), made.gateway_image),
                   list(host_actions(compiled.plan, samples)))


@pytest.mark.parametrize("seed", range(0, 60, 4))
def test_compiled_programs_are_safe(seed):
    """And the compiler has checked them: that is the same once more, for runs of more turns."""
    case = random_case(seed)
    compiled = compile(case.form, case.torus, **case.options)
    check_training_runs(compiled.config, compiled.plan, compiled.executable.training.loops)


WAITS = [
    (0, "need_first", GatherKind.GATHER), (0, "need_first", GatherKind.PASS),
    (0, "need_read", GatherKind.GATHER),
    (1, "need_first", GatherKind.GATHER), (1, "need_read", GatherKind.GATHER),
    (2, "need_free", MacKind.BACK), (2, "need_step", MacKind.BACK),
]


@pytest.mark.parametrize("options", [
    {}, {"batches": True, "input_gradient": True}, {"stale": True}], ids=str)
@pytest.mark.parametrize("queue, field, kind", WAITS, ids=str)
def test_a_wait_that_is_left_out_is_found(queue, field, kind, options):
    checked = program("2x2", **options)
    checked.check()
    found = [(index, op) for index, op in checked.ops(queue, kind)
             if op[field] and (field != "need_step" or op["reps"])]
    if not found:
        pytest.skip("nothing in this program asks for it")
    for index, op in found:
        with pytest.raises(ProgramError, match=r"either may come first|before they are there"):
            checked.changed(queue, index, **{field: op[field] - 1}).check()


def test_every_kind_of_wait_is_tried():
    asked = set()
    for options in ({}, {"batches": True, "input_gradient": True}):
        checked = program("2x2", **options)
        asked |= {wait for wait in WAITS if any(op[wait[1]] for _, op in checked.ops(wait[0],
                                                                                     wait[2]))}
    assert asked == set(WAITS)


@pytest.mark.parametrize("queue, field, kind", [*WAITS, (2, "need_free", MacKind.RUN)], ids=str)
def test_a_wait_that_nothing_ends_is_found(queue, field, kind):
    checked = program("2x2")
    index = [index for index, op in checked.ops(queue, kind)
             if field != "need_step" or op["reps"]][-1]
    most = (1 << checked.config.rep_bits) - 1
    with pytest.raises(ProgramError, match="waits for|would lock up"):
        checked.changed(queue, index, **{field: most}).check()


def test_a_fence_that_is_left_out_is_found():
    found = 0
    for torus, options in (("1x1", {}), ("2x2", {}), ("1x1", {"stale": True})):
        checked = program(torus, **options)
        for index, op in enumerate(checked.pe[2]):
            if op["kind"] != LOOP and op["fence"]:
                found += 1
                with pytest.raises(ProgramError, match="needs a fence: it visits"):
                    checked.changed(2, index, fence=0).check()
    assert found


def test_a_host_that_does_things_in_another_order_locks_up():
    checked = program("2x2")
    # The first outputs are asked for before the inputs are there.
    checked.host[:2] = checked.host[1::-1]
    with pytest.raises(ProgramError, match="would lock up"):
        checked.check()


def test_blocks_must_fit_the_fifos_of_the_reduce_engines():
    checked = program("2x2", input_gradient=True)
    index, _ = next((index, op) for index, op in checked.ops(2, MacKind.BACK) if op["reduce"])
    words = checked.config.training.reduce_words
    with pytest.raises(ProgramError, match=f"reduce_words of at least {words + 1}"):
        checked.changed(2, index, last_word=words).check()


def test_gateways_must_take_the_sums_that_are_given():
    for change in ({"recv": 1}, {"kind": RingKind.SEND.value}):
        checked = program("2x2", input_gradient=True)
        ring = checked.gateway[0]
        index = next(index for index, op in enumerate(ring) if op["kind"] == RingKind.GRADIENT)
        ring[index].update(change)
        with pytest.raises(ProgramError, match="gateways"):
            checked.check()


@pytest.mark.parametrize("field, least", [
    ("buffer_words", 40), ("weight_words", 64), ("bias_words", 8), ("rep_bits", 4),
    ("result_words", 8),
])
def test_a_torus_that_is_too_small_is_refused(field, least):
    checked = program("1x1", shape=(24, 16, 6, 3, 4), batches=True)
    config, training = checked.config, checked.config.training
    if field == "result_words":
        small = {"training": dataclasses.replace(training, result_words=least)}
    else:
        small = {field: least, "max_fan_in": 16, "program_words": 256}
    checked.config = dataclasses.replace(config, **small)
    with pytest.raises(ProgramError, match=f"{field} of at least|{field} must be at least"):
        checked.check()


def test_addresses_of_changes_are_those_of_the_words():
    """Moving an op's words on by one is found, or makes it use others' words."""
    checked = program("2x2", input_gradient=True)
    for index, op in itertools.islice(checked.ops(2, MacKind.BACK), 3):
        with pytest.raises(ProgramError):
            checked.changed(2, index, x_base=op["x_base"] + 1).check()
