// Whose call it is: the model that Verilator's runtime works for, for the harnesses.

#pragma once

#include "verilated.h"

namespace {

// Verilator's runtime finds the context of what it does by the thread that does it: where a model
// removes its scopes from, and whose assertion has failed. It keeps that of the model that was made
// last, so each call makes its own current, and leaves none behind that may be freed by then.
class Current {
  public:
    explicit Current(VerilatedContext& context) { Verilated::threadContextp(&context); }
    ~Current() { Verilated::threadContextp(nullptr); }
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;
};

}  // namespace
