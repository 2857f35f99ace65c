"""The functions of `harness.cpp`, as ctypes calls them."""

import ctypes

from .library import Function

__all__ = ["FUNCTIONS"]

_ARRAY = _HANDLE = ctypes.c_void_p
_U32, _U64 = ctypes.c_uint32, ctypes.c_uint64
_COUNT = ctypes.POINTER(_U64)

FUNCTIONS: tuple[Function, ...] = (
    ("model_beat_bytes", _U32, []),
    ("model_create", _HANDLE, [ctypes.c_char_p]),
    ("model_destroy", ctypes.c_int, [_HANDLE]),
    ("model_pause_trace", None, [_HANDLE, ctypes.c_int]),
    ("model_trace_error", ctypes.c_int, [_HANDLE]),
    ("model_cycles", _U64, [_HANDLE]),
    ("model_reset", None, [_HANDLE, _U64]),
    ("model_add_probe", None, [_HANDLE]),
    ("model_add_variable", ctypes.c_int, [_HANDLE, ctypes.c_char_p, ctypes.c_char_p,
                                          ctypes.c_int]),
    ("model_find", _HANDLE, [_HANDLE, ctypes.c_char_p, ctypes.c_char_p, _COUNT,
                             ctypes.POINTER(_U32)]),
    ("model_span_count", _U64, [_HANDLE]),
    ("model_take_spans", None, [_HANDLE, _ARRAY]),
    ("model_begin", None, [_HANDLE, _U64, _U32, _U64, _U32]),
    ("model_run", ctypes.c_int, [_HANDLE, _ARRAY, _U64, _ARRAY, _COUNT,
                                 _ARRAY, _U64, _ARRAY, _COUNT, _U64]),
)
