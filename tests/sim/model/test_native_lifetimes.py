"""Several models in one process: made, used and freed in any order, by any thread.

Each case is a program of its own, with a time limit: what goes wrong here crashes or hangs.
"""

import subprocess
import sys
import textwrap

import pytest

import sim.model.simplify
from hw.emit import emit_verilog
from sim.model.build import Kind, Waveforms, build_model
from tests.support.toys import TOP, Claims, HostToy

pytestmark = pytest.mark.usefixtures("toolchain")

LIMIT_S = 60

PRELUDE = """
import itertools
import threading
import numpy as np
from hw.emit import emit_verilog
from sim.errors import SimError
from sw_driver.errors import StorageError
from sim.model.native import NativeModel
from tests.support.toys import TOP, Claims, HostToy

def toy(**options):
    # What is accessible is in a scope, which the model has to take out of its context.
    return NativeModel(emit_verilog(HostToy(32), TOP), TOP, accessible=["spare_full"], **options)

def claims():
    return NativeModel(emit_verilog(Claims(), TOP), TOP)

def check(model, count=5):
    beats = np.arange(count, dtype=np.uint32)[:, None]
    done = model.run(beats, count, max_cycles=100)
    assert (done.beats == ~beats).all()

def fails(model):
    try:
        model.run(np.array([[7]], np.uint32), 1, max_cycles=10)
    except SimError as error:
        assert "an assertion in the design failed" in str(error), error
        return True
    return False

def in_thread(act):
    found = []
    thread = threading.Thread(target=lambda: found.append(act()))
    thread.start()
    thread.join()
    return found[0]
"""


@pytest.fixture(autouse=True, scope="module")
def built():
    """Build what the programs use, outside their time limit."""
    for waveforms in (None, Waveforms.VCD):
        build_model(emit_verilog(HostToy(32), TOP), TOP, Kind.NATIVE, waveforms=waveforms,
                    writable=["spare_full"])
    build_model(emit_verilog(Claims(), TOP), TOP, Kind.NATIVE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sim.model.simplify, "_LEAST_SHARED_LINES", 1)
        build_model(BOARD, "pair", Kind.BOARD)


def run(program, prelude=PRELUDE):
    """Run a program to its last line; what it wrote on standard error is in the message."""
    source = textwrap.dedent(prelude) + textwrap.dedent(program) + "\nprint('the end')\n"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True,
                          timeout=LIMIT_S, check=False)
    assert done.returncode == 0 and done.stdout.endswith("the end\n"), done.stderr
    return done.stdout


@pytest.mark.slow
def test_models_are_freed_in_any_order():
    run("""
        for order in itertools.permutations(range(3)):
            models = [toy() for _ in range(3)]
            left = set(models)
            for index in order:
                for model in left:
                    check(model)
                left.discard(models[index])
                models[index].close()
        check(toy())
    """)


def test_models_with_traces_are_freed_in_any_order(tmp_path):
    said = run(f"""
        from pathlib import Path
        models = [toy(trace=Path({str(tmp_path)!r}) / f"{{index}}.vcd") for index in range(3)]
        for index in (2, 0, 1):
            for model in models[:2]:
                if model._handle is not None:
                    check(model)
            models[index].close()
    """)
    assert said == "the end\n"  # Verilator has nothing to warn of.
    assert all((tmp_path / f"{index}.vcd").stat().st_size > 100 for index in range(3))


def test_models_of_several_designs():
    run("""
        models = [toy(), claims(), toy(), claims()]
        for index in (3, 0, 2, 1):
            models[index].close()
        check(toy())
    """)


def test_a_program_may_end_with_models_open():
    run("""
        first, second, third = toy(), claims(), toy()
        check(first)
        cycle = [toy()]
        cycle.append(cycle)
    """)


def test_a_model_that_cannot_be_made_leaves_the_others(tmp_path):
    run(f"""
        from pathlib import Path
        first = toy()
        try:
            toy(trace=Path({str(tmp_path)!r}))
        except StorageError as error:
            assert "cannot be written: Is a directory" in str(error)
        check(first)
        first.close()
        check(toy())
    """)


def test_made_in_one_thread_used_and_freed_in_others():
    run("""
        models = in_thread(lambda: [toy() for _ in range(3)])
        in_thread(lambda: check(models[0]))
        in_thread(models[2].close)
        in_thread(lambda: check(models[1]))
        in_thread(models[0].close)
        check(models[1])
        models[1].close()
        check(in_thread(toy))
    """)


def test_an_assertion_is_of_the_model_that_failed():
    run("""
        first, second = claims(), claims()
        assert fails(first)
        beats = np.array([[5]], np.uint32)
        assert len(second.run(beats, 1, max_cycles=10).beats) == 1
        first.reset()
        assert len(first.run(beats, 1, max_cycles=10).beats) == 1
        assert fails(first)
    """)


def test_an_assertion_in_another_thread_is_an_error_not_the_end_of_python():
    run("""
        first = claims()
        second = claims()
        second.close()
        assert in_thread(lambda: fails(first))
    """)


# Two instances of a module whose ports stay variables, as those of the elements of a torus: these
# are in scopes.
BOARD = """
module part(input clk, input a, output reg b);
  always @(posedge clk)
    b <= ~a;
endmodule
module pair(input clk, input rst, input rx, output tx, output led);
  part first(.clk(clk), .a(rx ^ rst), .b(led));
  part second(.clk(clk), .a(led), .b(tx));
endmodule
"""
BOARD_PRELUDE = f"""{PRELUDE}
import sim.model.simplify
from sim.model.board import BoardModel

sim.model.simplify._LEAST_SHARED_LINES = 1

def board():
    return BoardModel({BOARD!r}, "pair", 4)
"""


def test_boards_are_freed_in_any_order():
    run("""
        for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
            boards = [board() for _ in range(3)]
            left = set(range(3))
            for index in order:
                for other in left:
                    boards[other].run(b"", 100)
                left.discard(index)
                boards[index].close()
        boards = in_thread(lambda: [board() for _ in range(2)])
        in_thread(boards[1].close)
        boards[0].run(b"", 100)
        last = board()
    """, BOARD_PRELUDE)
