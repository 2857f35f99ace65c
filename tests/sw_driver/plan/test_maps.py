"""Where the words of a training state lie, and how they get there and back."""

import dataclasses

import numpy as np
import pytest
import torch

from golden.fixed.visits import weight_sizes
from hw.op_fields import MacKind, gateway_fields, pe_fields
from sw_driver.check.mac_units import mac_units
from sw_driver.check.waits import check_program
from sw_driver.compiler import compile
from sw_driver.errors import FitError, HostDataError
from sw_driver.plan.stage import StageKind
from sw_driver.program.dump import dump_program, list_dumps
from sw_driver.program.image import unpack_image
from sw_driver.program.records import join_words, split_words
from tests.support.training_cases import random_case
from tests.support.training_interpreter import TrainingInterpreter


def compiled_case(seed, **options):
    case = random_case(seed)
    return case, compile(case.form, case.torus, **{**case.options, **options})


@pytest.mark.parametrize("seed", range(25))
def test_placement_is_a_bijection_onto_pes_and_addresses(seed):
    """Every weight has one place, and is visited there when `placement` says so.

    The places and visits are those of the packed ops; the numbers of weights those of the maps.
    """
    _, compiled = compiled_case(seed, frozen=[], input_gradient=True)
    config, executable = compiled.config, compiled.executable
    image = executable.train_program(1).pe_image
    units = mac_units(config, unpack_image(config, pe_fields(config), image)[2])
    backs = iter([unit for unit in units if unit.kind is MacKind.BACK])
    index = executable.training.maps.weights.index.reshape(config.rows * config.cols, -1)
    seen = set()
    first = 0
    starts = {}
    for layer, shape in enumerate(compiled.format.shapes):
        for stage, size in enumerate(weight_sizes(shape)):
            starts[layer, stage] = first
            first += torch.Size(size).numel()
    for number in reversed(range(len(compiled.stages) - 1)):
        stage = compiled.stages[number]
        ops = compiled.plan.backs[0][number]
        addresses = [address for op in ops for _ in range(op.reps)
                     for address in next(backs).weights]
        if stage.kind is StageKind.MOVE:
            assert (index[:, addresses] < 0).all()
            continue
        position = [StageKind.INPUT, StageKind.MIDDLE, StageKind.OUTPUT].index(stage.kind)
        placed = compiled.placement.layers[stage.layer][position]
        assert len(addresses) == placed.visits == len(set(addresses))
        for weight, (pe, visit) in enumerate(zip(placed.pe.flatten().tolist(),
                                                 placed.visit.flatten().tolist(), strict=True)):
            place = pe, addresses[visit]
            assert index[place] == starts[stage.layer, position] + weight
            assert place not in seen
            seen.add(place)
    assert len(seen) == first == (index >= 0).sum()
    assert next(backs, None) is None


@pytest.mark.parametrize("seed", range(8))
def test_states_come_back_from_small_buffers(seed):
    """Records in pieces, and as many repetitions as a counter allows."""
    case = random_case(seed)
    config = compile(case.form, case.torus, **case.options).config
    used = compile(case.form, case.torus, **case.options).plan.buffers
    least = max(used.row, used.col, config.max_fan_in, 16)
    small = dataclasses.replace(config, buffer_words=1 << (least - 1).bit_length())
    options = {name: value for name, value in case.options.items() if name != "host_bits"}
    executable = compile(case.form, small, **options).executable
    state = case.state(small.rows, small.cols)
    interpreter = TrainingInterpreter(small, seed)
    load, dump = executable.load(state), executable.dump()
    interpreter.run(load.beats, load.output_beats)
    beats = interpreter.run(dump.beats, dump.output_beats)
    assert executable.read_state(beats) == state
    with pytest.raises(HostDataError, match="the memories must come in"):
        executable.read_state(beats[:-1])
    with pytest.raises(HostDataError, match="the memories must come in"):
        executable.read_state(np.concatenate([beats, beats[:1]]))


@pytest.mark.parametrize("weights, biases", [(1, 1), (40, 3), (600, 17)])
def test_dumps_read_every_record_once_and_are_safe(weights, biases):
    config = compiled_case(0)[1].config
    config = dataclasses.replace(config, buffer_words=64, max_fan_in=64, rep_bits=5,
                                 program_words=512, weight_words=1024, bias_words=64)
    found = {}
    for dump in list_dumps(config, weights, biases):
        assert dump.words * config.cols <= config.buffer_words
        assert dump.reps <= 1 << config.rep_bits
        found.setdefault(dump.memory, []).extend(
            range(dump.first, dump.first + dump.reps * dump.records))
    assert [found[memory] for memory in sorted(found)] == [
        list(range(weights)), list(range(biases)), [0]]
    program = dump_program(config, weights, biases)
    gateway = unpack_image(config, gateway_fields(config), program.gateway_image)
    outputs = sum(dump.reps for dump in list_dumps(config, weights, biases))
    check_program(config, unpack_image(config, pe_fields(config), program.pe_image),
                           gateway, [("out", outputs)])


def test_padding_that_changes_is_found():
    _, compiled = compiled_case(1)
    maps = compiled.executable.training.maps
    image = maps.weights.fill(np.arange(maps.weights.words))
    np.testing.assert_array_equal(maps.weights.read(image), np.arange(maps.weights.words))
    row, col, address = (int(place[0]) for place in np.nonzero(maps.weights.index < 0))
    image[row, col, address] += 1
    with pytest.raises(FitError, match=rf"address {address} of PE \({row}, {col}\) must hold"):
        maps.weights.read(image)


@pytest.mark.parametrize("bits, word_bits", [(4, 4), (17, 16), (36, 18), (48, 5), (53, 16)])
def test_words_are_joined_as_they_were_split(bits, word_bits):
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    values = np.array([low, low + 1, -1, 0, 1, high])
    chunks = -(-bits // word_bits)
    words = split_words(values, chunks, word_bits) & ((1 << word_bits) - 1)
    np.testing.assert_array_equal(join_words(words, bits, word_bits), values)
