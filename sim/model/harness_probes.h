// Probes of a model: when an engine of the design is at something. `sim/model/native.py` says more.

#pragma once

#include <cstdint>
#include <vector>

// A variable of the design, by its address; of 32 bits at most.
struct Variable {
    const void* data = nullptr;
    uint32_t bytes = 0;

    bool high() const {
        switch (bytes) {
            case 1: return *static_cast<const uint8_t*>(data) != 0;
            case 2: return *static_cast<const uint16_t*>(data) != 0;
            default: return *static_cast<const uint32_t*>(data) != 0;
        }
    }
};

struct Span {
    uint64_t probe;
    uint64_t start;
    uint64_t end;
};

// Finds the spans in which an engine is at a repetition: from a cycle in which it is active to the
// one in which it finishes, which is the one in which `high` all are, and `low` are not.
struct Probe {
    Variable active;
    std::vector<Variable> high;
    std::vector<Variable> low;
    bool open = false;
    uint64_t start = 0;

    // Adds `active` (role 0), one of `high` (1) or of `low` (2).
    void add(const Variable& variable, int role) {
        if (role == 0) {
            active = variable;
        } else {
            (role == 1 ? high : low).push_back(variable);
        }
    }
    void see(uint64_t number, uint64_t cycle, std::vector<Span>& spans) {
        if (!active.high()) return;
        if (!open) start = cycle;
        open = true;
        for (const Variable& variable : high)
            if (!variable.high()) return;
        for (const Variable& variable : low)
            if (variable.high()) return;
        spans.push_back({number, start, cycle + 1});
        open = false;
    }
};
