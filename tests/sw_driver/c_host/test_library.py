"""The library by itself: words of reals, its size, and what a header of a net may be."""

import ctypes
import dataclasses
import re
import subprocess

import numpy as np
import pytest
import torch

from golden.fixed.words import from_words, to_words
from hw.config import TrainingConfig
from sw_driver import compile
from sw_driver.c_host.header import c_header, library_header
from sw_driver.c_host.names import c_name, check_c_name
from sw_driver.errors import DriverError, ProgramError
from tests.support.boards import TRAINING_CONFIG, TRAINING_SHAPES, small
from tests.support.project import ROOT
from tests.support.training_nets import random_format, random_state
from tests.support.training_runs import widths


@pytest.fixture
def build(tmp_path):
    """Compile the library with flags; return the object's path."""
    (tmp_path / "clostorus.h").write_bytes(library_header())

    def build(*flags, output="library.o"):
        subprocess.run(["gcc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-x", "c",
                        "-DCLOSTORUS_IMPLEMENTATION", *flags, "clostorus.h", "-o", output],
                       cwd=tmp_path, check=True)
        return tmp_path / output

    return build


def test_words_of_reals_are_golden(build):
    library = ctypes.CDLL(str(build("-shared", "-fPIC", "-O2", output="library.so")))
    word, real = library.clostorus_to_word, library.clostorus_to_real
    word.argtypes, word.restype = [ctypes.c_double, ctypes.c_int, ctypes.c_int], ctypes.c_int32
    real.argtypes, real.restype = [ctypes.c_int32, ctypes.c_int], ctypes.c_double
    random = np.random.default_rng(0)
    for fraction, bits in ((0, 4), (3, 8), (14, 16), (-2, 9), (20, 18), (-7, 4)):
        # Ties, the ends of the range, and beyond them.
        halves = np.arange(-(2 << bits), 2 << bits) / 2 if bits < 12 else np.arange(-50.5, 50.5)
        values = np.concatenate([halves, [2.0 ** (bits - 1) - 0.5, -(2.0 ** (bits - 1)) - 0.5],
                                 random.normal(0, 2.0 ** (bits - 2), 1000)]) * 2.0 ** -fraction
        expected = to_words(torch.as_tensor(values), fraction, bits)
        found = [word(value, fraction, bits) for value in values]
        assert found == expected.tolist()
        assert [real(one, fraction) for one in found] == from_words(expected, fraction).tolist()
    assert word(float("nan"), 3, 8) == 0
    assert (word(float("inf"), 3, 8), word(float("-inf"), 3, 8)) == (127, -128)


def test_it_is_as_small_as_its_page_says(build):
    built = build("-c", "-Os", "-fstack-usage")
    text, data, bss = map(int, subprocess.run(
        ["size", str(built)], capture_output=True, text=True, check=True
    ).stdout.splitlines()[1].split()[:3])
    assert 1000 < text < 11_000 and data == bss == 0
    frames = [int(size) for size in re.findall(r"\t(\d+)\tstatic", built.with_suffix(".su")
                                               .read_text())]
    assert 500 < sum(frames) < 2500
    undefined = subprocess.run(["nm", "-u", str(built)], capture_output=True, text=True, check=True)
    # What a compiler itself may call, where no operating system is.
    assert set(undefined.stdout.split()) <= {
        "U", "__stack_chk_fail", "memset", "memcpy", "_GLOBAL_OFFSET_TABLE_"}


def test_a_window_that_is_no_power_of_two_is_refused(build):
    with pytest.raises(subprocess.CalledProcessError):
        build("-c", "-DCLOSTORUS_WINDOW_WORDS=100u")


@pytest.mark.parametrize("text, name", [
    ("net", "net"), ("My Model-2.1", "my_model_2_1"), ("2x2", "net_2x2"), ("--", "net"),
    ("clostorus", "my_clostorus"), ("größe", "gr_e"), ("int", "my_int"),
])
def test_names(text, name):
    assert c_name(text) == name
    check_c_name(name)


def test_errors():
    compiled, _, _ = small(1)
    for name in ("2x", "a-b", "", "clostorus_net", "a b", "class", "main"):
        with pytest.raises(DriverError, match="name must be an identifier of C"):
            c_header(compiled, name, samples=1)
    with pytest.raises(ProgramError, match="samples must be"):
        c_header(compiled, "net", samples=0)
    with pytest.raises(DriverError, match="state must be None for a net for inference, not int"):
        c_header(compiled, "net", samples=1, state=1)


def test_one_sample_has_one_program():
    compiled, _, _ = small(1)
    assert "net_infer_1[]" in c_header(compiled, "net", samples=1)
    assert ".infer_count = 1," in c_header(compiled, "net", samples=1)


def test_the_page_has_every_function_and_macro():
    page = (ROOT / "docs" / "c_host.md").read_text()
    functions = re.findall(r"^\w[\w ]*[ *](clostorus_[a-z]\w*)\([^)]*\);",
                           library_header().decode(), re.M)
    assert len(functions) == 10 and not [one for one in functions if f"`{one}(" not in page]
    config = dataclasses.replace(
        TRAINING_CONFIG, act_bits=8, weight_bits=8, max_fan_in=64, buffer_words=64,
        training=TrainingConfig(master_bits=12, grad_bits=10, result_words=16, reduce_words=4))
    compiled = compile(random_format(TRAINING_SHAPES, seed=1, **widths(config)), config)
    state = random_state(compiled.format, 1, 1, seed=1)
    macros = re.findall(r"^#define (NET_[A-Z_]+) ",
                        c_header(compiled, "net", samples=2, state=state), re.M)
    assert len(macros) == 9 and not [name for name in macros if f"`{name}`" not in page]
