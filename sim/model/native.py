"""A Verilated host top in this process: fast enough for whole data sets.

Beats are little-endian 32-bit words in numpy arrays, low word first.
"""

import contextlib
import ctypes
import math
import os
import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import numpy as np

from sw_driver.arrays import Beats
from sw_driver.errors import StorageError

from ..errors import SimError, Unfinished
from .build import Kind, Waveforms
from .harness_functions import FUNCTIONS
from .library import Function, load_model
from .trace_file import begin_trace, check_trace, raise_trace_error
from .transfers import Probe, Stalls, Transfer
from .variables import Variable

__all__ = ["NativeModel"]

# The C code returns to Python this often, for Ctrl-C and for progress: well below a second.
_SLICE_CYCLES = 50_000
_MASK = (1 << 64) - 1


class NativeModel:
    """A host top, compiled and loaded: ports `clk`, `rst`, streams `host_in` and `host_out`.

    The model starts as configured, without a reset; `close` it, or use it as a context manager.
    Calls of several threads take turns; models run side by side.

    Parameters
    ----------
    verilog
        Source of the top.
    top
        Name of its top module.
    trace
        Write the waveforms of all signals to this file: FST if its name ends in `.fst`, else VCD.
        Slow, and large.
    probes
        What `spans` reports.
    accessible
        Names of registers and memories that `variable` finds. Such a model is slower, by half.

    Raises
    ------
    ToolMissing, BuildFailed
        As `build_model`.
    StorageError
        As `build_model`; or the trace cannot be written, at this or any later call.
    SimError
        The design has no such variable as a probe names.
    """

    _KIND: ClassVar = Kind.NATIVE
    _FUNCTIONS: ClassVar[tuple[Function, ...]] = FUNCTIONS

    def __init__(self, verilog: str, top: str, *, trace: Path | None = None,
                 probes: Sequence[Probe] = (), accessible: Sequence[str] = ()) -> None:
        readable = [name for probe in probes for name in probe.names]
        self._library = self._load(verilog, top, trace, readable, accessible)
        self.beat_words: int = self._library.model_beat_bytes() // 4
        self._trace = trace
        if trace is not None:
            begin_trace(trace)
        path = None if trace is None else os.fsencode(trace)
        self._turn = threading.RLock()
        self._advances = False
        self._handle: int | None = self._library.model_create(path)
        if self._handle is None:
            raise StorageError(f"trace {trace} cannot be written")
        self._probes = len(probes)
        for probe in probes:
            self._add(probe)

    def _load(self, verilog: str, top: str, trace: Path | None, readable: Sequence[str],
              accessible: Sequence[str]) -> ctypes.CDLL:
        """The library with the functions of `harness.cpp`."""
        return load_model(
            verilog, top, self._KIND, self._FUNCTIONS,
            waveforms=None if trace is None else Waveforms.of(trace),
            readable=readable, writable=accessible)

    def close(self) -> None:
        """Free the model, and complete the trace; it is of no use afterwards.

        Raises
        ------
        StorageError
            The trace is not complete.
        """
        with self._turn:
            if self._handle is None:
                return
            handle, self._handle = self._at_rest(), None
            error = self._library.model_destroy(handle)
        if self._trace is not None:
            check_trace(self._trace, error)

    @contextlib.contextmanager
    def untraced(self) -> Generator[None]:
        """Leave out of the trace what is done inside the block: meanwhile the waveforms stand."""
        with self._turn:
            self._library.model_pause_trace(self._open(), True)
        try:
            yield
        finally:
            with self._turn:
                if self._handle is not None:
                    self._library.model_pause_trace(self._handle, False)

    def __enter__(self) -> "NativeModel":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        # A constructor that failed has made neither.
        if getattr(self, "_handle", None) is not None:
            with contextlib.suppress(StorageError):
                self.close()

    @property
    def cycles(self) -> int:
        """Clock cycles since the creation of the model, reset included."""
        with self._turn:
            return self._library.model_cycles(self._open())

    def reset(self, cycles: int = 2) -> None:
        """Hold `rst` for `cycles` clock cycles; nothing is transferred in them."""
        with self._turn:
            self._library.model_reset(self._at_rest(), cycles)

    def run(self, beats: Beats, out_count: int, *, max_cycles: int | None = None,
            max_idle_cycles: int | None = None, stalls: Stalls = Stalls(),
            progress: Callable[[int, int], object] | None = None) -> Transfer:
        """Put all of `beats` in and take `out_count` beats out.

        Parameters
        ----------
        beats
            uint32 [count, words of a beat].
        out_count
            Beats to wait for; none beyond them is accepted.
        max_cycles
            A model that is not done by then is given up; None for no such limit.
        max_idle_cycles
            And so is one that moves no beat for so long, give or take `_SLICE_CYCLES`.
        stalls
            When the host is not ready.
        progress
            Called now and then with the beats taken and given so far.

        Raises
        ------
        Unfinished
            Given up; the message says how far it came.
        SimError
            The shape of `beats` does not fit the model, or an assertion in the design failed.
        """
        began = self.cycles
        done = self._begin(beats, out_count, max_cycles, max_idle_cycles, stalls, progress)
        if missing := done.missing(len(beats), out_count, self.cycles - began):
            raise Unfinished(f"the model {missing}, now is cycle {self.cycles}")
        return done

    def advance(self, beats: Beats, out_count: int, *, cycles: int, stalls: Stalls = Stalls(),
                progress: Callable[[int, int], object] | None = None) -> Transfer:
        """Do as `run`, but stop after `cycles` at the latest, and return what was transferred.

        A beat that is on offer in the last cycle is withdrawn by the next call: after an incomplete
        transfer the model must be reset.
        """
        return self._begin(beats, out_count, cycles, None, stalls, progress)

    def _begin(self, *asked: Any) -> Transfer:
        with self._turn:
            handle = self._at_rest()
            try:
                self._advances = True
                return self._advance(handle, *asked)
            finally:
                self._advances = False

    def _advance(self, handle: int, beats: Beats, out_count: int, cycles: int | None,
                 idle_cycles: int | None, stalls: Stalls,
                 progress: Callable[[int, int], object] | None) -> Transfer:
        beats = self._checked(beats)
        out = np.zeros((out_count, self.beat_words), np.uint32)
        in_cycles = np.zeros(len(beats), np.uint64)
        out_cycles = np.zeros(out_count, np.uint64)
        taken = given = 0
        moved_at = self.cycles
        deadline = math.inf if cycles is None else moved_at + cycles
        self._library.model_begin(handle, stalls.seed & _MASK, stalls.in_per_mille,
                                  ~stalls.seed & _MASK, stalls.out_per_mille)
        while (taken < len(beats) or given < out_count) and self.cycles < deadline:
            now_taken, now_given = ctypes.c_uint64(), ctypes.c_uint64()
            failed = self._library.model_run(
                handle,
                beats[taken:].ctypes.data, len(beats) - taken,
                in_cycles[taken:].ctypes.data, ctypes.byref(now_taken),
                out[given:].ctypes.data, out_count - given,
                out_cycles[given:].ctypes.data, ctypes.byref(now_given),
                int(min(_SLICE_CYCLES, deadline - self.cycles)))
            taken += now_taken.value
            given += now_given.value
            if failed:
                raise SimError(f"an assertion in the design failed in cycle {self.cycles - 1}")
            if self._trace is not None:
                raise_trace_error(self._trace, self._library.model_trace_error(handle))
            if progress:
                progress(taken, given)
            if now_taken.value or now_given.value:
                moved_at = self.cycles
            elif idle_cycles is not None and self.cycles - moved_at >= idle_cycles:
                break
        return Transfer(out[:given], in_cycles[:taken], out_cycles[:given])

    def spans(self) -> list[list[tuple[int, int]]]:
        """Spans of each probe that have ended since the last call.

        They are from `start` up to, not including, `end`, in cycles as those of a `Transfer`.
        """
        with self._turn:
            handle = self._open()
            ended = np.zeros((self._library.model_span_count(handle), 3), np.uint64)
            self._library.model_take_spans(handle, ended.ctypes.data)
        found: list[list[tuple[int, int]]] = [[] for _ in range(self._probes)]
        for probe, start, end in ended.tolist():
            found[probe].append((start, end))
        return found

    def variable(self, scope: str, name: str) -> Variable:
        """Find a register or a memory in the instance `scope`, which is written with dots.

        Raises
        ------
        SimError
            The design has no such variable, or the model was not built with it accessible.
        """
        words, word_bits = ctypes.c_uint64(), ctypes.c_uint32()
        with self._turn:
            address = self._library.model_find(self._open(), scope.encode(), name.encode(),
                                               ctypes.byref(words), ctypes.byref(word_bits))
        if address is None:
            raise SimError(f"the design has no variable {scope}.{name} that is accessible")
        return self._found(scope, name, address, words.value, word_bits.value)

    def _found(self, scope: str, name: str, address: int, words: int, word_bits: int) -> Variable:
        return Variable(f"{scope}.{name}", address, words, word_bits)

    def _add(self, probe: Probe) -> None:
        self._library.model_add_probe(self._handle)
        roles = [(probe.active, 0), *((name, 1) for name in probe.high),
                 *((name, 2) for name in probe.low)]
        for name, role in roles:
            if self._library.model_add_variable(self._handle, probe.scope.encode(), name.encode(),
                                                role):
                raise SimError(f"the design has no variable {probe.scope}.{name}")

    def _open(self) -> int:
        if self._handle is None:
            raise SimError("the model is closed")
        return self._handle

    def _at_rest(self) -> int:
        if self._advances:  # In this thread, which is in the progress function: others wait.
            raise SimError("a model must not be run, reset or closed from inside a run of its own: "
                           "return from the progress function first")
        return self._open()

    def _checked(self, beats: Beats) -> Beats:
        if beats.ndim != 2 or beats.shape[1] != self.beat_words or beats.dtype != np.uint32:
            raise SimError(f"beats must be uint32 of shape [count, {self.beat_words}], "
                           f"not {beats.dtype} of shape {list(beats.shape)}")
        return np.ascontiguousarray(beats)
