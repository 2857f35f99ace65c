"""The C host on a torus on a bus: its loads and stores reach the RTL of `AxiTop` and Wishbone."""

import contextlib
import shutil
import subprocess

import numpy as np
import pytest
import torch

from golden import ClosNet, initial_state, softmax_cross_entropy
from golden.training.scales import propose_format
from hw.tops import TOPS, top_verilog
from sim.model.build import Kind, build_model
from sw_driver import GoldenDevice, compile
from sw_driver.c_host.header import c_header, library_header
from tests.support.boards import (
    CHECKED_CONFIG,
    CONFIG,
    TRAINING_CONFIG,
    TRAINING_SHAPES,
    faulty_memories,
    small,
)

pytestmark = pytest.mark.usefixtures("toolchain")

RATE = 0.03125
KINDS = {"axi": Kind.AXI, "wishbone": Kind.WISHBONE}

# What a processor does by its bus, the simulation of the bus does by calls.
COMMON = """
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
void *bus_create(uint32_t pauses_per_mille, uint32_t seed);
uint32_t bus_load(void *bus, uint32_t offset);
void bus_store(void *bus, uint32_t offset, uint32_t value);
uint32_t bus_errors(void *bus);
int bus_give(void *bus, const uint32_t *words, int count);
int bus_take(void *bus, uint32_t *words, int most);
static void *simulated;
static volatile uint32_t window[32]; /* Addresses, and nothing behind them. */
#define OFFSET(address) ((uint32_t)(4 * ((address) - window)))
#define CLOSTORUS_LOAD(address) bus_load(simulated, OFFSET(address))
#define CLOSTORUS_STORE(address, value) bus_store(simulated, OFFSET(address), value)
#define CLOSTORUS_STUCK_LOOKS 100000u
#define CLOSTORUS_IMPLEMENTATION
#include "net.h"
static clostorus torus;

static void check(clostorus_status status)
{
    if (status) {
        fprintf(stderr, "%s\\n", clostorus_message(status));
        exit(1);
    }
}

static void open_it(int pauses)
{
    clostorus_bus on_bus = {window, 0, 0, 0, 0};

    simulated = bus_create((uint32_t)pauses, 7);
#ifdef AXI
    on_bus = (clostorus_bus){window, simulated, bus_give, bus_take, 1};
#endif
    check(clostorus_open_bus(&torus, on_bus, &net));
    check(clostorus_open_bus(&torus, on_bus, &net)); /* A program of before is forgotten. */
}
"""

INFER = COMMON + """
static int32_t x[30 * NET_INPUTS], y[30 * NET_OUTPUTS];

int main(int count, char **words)
{
    int i;

    (void)count;
    for (i = 0; i < 30 * NET_INPUTS; ++i)
        if (scanf("%d", &x[i]) != 1)
            return 2;
    open_it(atoi(words[1]));
    check(clostorus_infer(&torus, x, y, 30));
    for (i = 0; i < 30 * NET_OUTPUTS; ++i)
        printf("%d\\n", y[i]);
    return (int)bus_errors(simulated);
}
"""

TRAIN = COMMON + """
static int32_t x[NET_TRAIN_SAMPLES * NET_INPUTS], y[NET_TRAIN_SAMPLES * NET_OUTPUTS];
static int32_t gradient[NET_OUTPUTS];
static uint32_t checkpoint[NET_CHECKPOINT_WORDS], again[NET_CHECKPOINT_WORDS];

static void gradient_of(void *context, uint32_t sample, const int32_t *outputs, int32_t *words)
{
    int i;

    (void)context;
    for (i = 0; i < NET_OUTPUTS; ++i)
        words[i] = outputs[i] / 64 - (int32_t)sample;
}

int main(int count, char **words)
{
    int i;

    (void)count;
    for (i = 0; i < NET_TRAIN_SAMPLES * NET_INPUTS; ++i)
        if (scanf("%d", &x[i]) != 1)
            return 2;
    open_it(atoi(words[1]));
    check(clostorus_train(&torus, x, y, gradient, gradient_of, 0));
    check(clostorus_checkpoint(&torus, checkpoint));
    check(clostorus_restore(&torus, checkpoint));
    check(clostorus_checkpoint(&torus, again));
    if (memcmp(checkpoint, again, sizeof again))
        return 3;
    for (i = 0; i < NET_TRAIN_SAMPLES * NET_OUTPUTS; ++i)
        printf("%d\\n", y[i]);
    for (i = 4; i < (int)NET_CHECKPOINT_WORDS - 1; ++i)
        printf("%u\\n", checkpoint[i]);
    return (int)bus_errors(simulated);
}
"""


def run(folder, top, config, header, program, given, pauses):
    """Compile a program with the simulated bus, and run it; what it printed, as numbers."""
    (folder / "clostorus.h").write_bytes(library_header())
    (folder / "net.h").write_text(header)
    (folder / "program.c").write_text(program)
    model = build_model(top_verilog(top, config), TOPS[top], KINDS[top])
    shutil.copy(model, folder / "libbus.so")
    subprocess.run(["gcc", "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror",
                    f"-D{top.upper()}", "program.c", "-o", "program", "-L.", "-lbus",
                    "-Wl,-rpath,$ORIGIN"], cwd=folder, check=True)
    done = subprocess.run([folder / "program", str(pauses)], text=True, capture_output=True,
                          input=" ".join(map(str, given.reshape(-1).tolist())), timeout=600,
                          check=False)
    return done.returncode, done.stderr, [int(word) for word in done.stdout.split()]


@pytest.mark.parametrize("top, pauses", [
    ("axi", 200), pytest.param("wishbone", 100, marks=pytest.mark.slow)])
def test_outputs_are_those_of_the_integer_model(tmp_path, top, pauses):
    compiled, words, expected = small(1)
    header = c_header(compiled, "net", samples=16)
    assert run(tmp_path, top, CONFIG, header, INFER, words, pauses) == (
        0, "", expected.reshape(-1).tolist())


@pytest.mark.parametrize("top, faulty", [
    ("axi", True), pytest.param("axi", False, marks=pytest.mark.slow),
    pytest.param("wishbone", True, marks=pytest.mark.slow)])
def test_a_torus_that_finds_faults(tmp_path, top, faulty):
    """Without one, words are as ever; with a flipped bit the library says so and gives nothing."""
    compiled, words, expected = small(1, CHECKED_CONFIG)
    header = c_header(compiled, "net", samples=16)
    with faulty_memories() if faulty else contextlib.nullcontext():
        status, said, printed = run(tmp_path, top, CHECKED_CONFIG, header, INFER, words, 50)
    if faulty:
        assert (status, printed) == (1, [])
        assert "a parity in the torus is wrong, so outputs are not to be trusted" in said
    else:
        assert (status, said, printed) == (0, "", expected.reshape(-1).tolist())


@pytest.mark.slow
@pytest.mark.parametrize("top", KINDS)
def test_training_and_checkpoints_are_those_of_the_integer_model(tmp_path, top):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(16, 12, generator=generator, dtype=torch.float64)
    labels = torch.randint(8, (16,), generator=generator)
    model = ClosNet(TRAINING_SHAPES, generator=torch.Generator().manual_seed(1))
    compiled = compile(propose_format(model, x, labels, softmax_cross_entropy, RATE),
                       TRAINING_CONFIG)
    state = initial_state(model, compiled.format, seed=1)

    def gradient(sample, y):
        return np.trunc(y / 64).astype(np.int64) - sample

    with GoldenDevice() as golden:
        golden.load(compiled, state)
        words = golden.to_words(x.numpy())
        outputs = golden.train_words(words, gradient).outputs.reshape(-1).tolist()
        last = golden.read_state()
    status, said, printed = run(tmp_path, top, TRAINING_CONFIG,
                                c_header(compiled, "net", samples=16, state=state), TRAIN,
                                words, 50)
    assert (status, said, printed[:len(outputs)]) == (0, "", outputs)
    beats = np.array(printed[len(outputs):], np.uint32).reshape(-1, TRAINING_CONFIG.host_bits // 32)
    assert compiled.executable.read_state(beats) == last


def test_another_torus_is_refused(tmp_path):
    compiled, words, _ = small(1)
    low = f"0x{compiled.config.hardware_id & 0xFFFFFFFF:08X}u"
    header = c_header(compiled, "net", samples=16)
    assert low in header
    header = header.replace(low, "0x1u")
    status, said, printed = run(tmp_path, "axi", CONFIG, header, INFER, words, 0)
    assert (status, printed) == (1, [])
    assert "the board's torus must be the one that the net was compiled for" in said
