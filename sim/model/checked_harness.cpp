// The harness of a torus with `checks`: that of `sim/model/harness.cpp`, and the port `faults`.

#include "harness.cpp"

EXPORT uint32_t model_fault_bytes() { return sizeof(Vtop::faults); }

// Copies the port as it is after the latest clock edge, lowest bits first.
EXPORT void model_faults(const Model* model, uint8_t* bytes) {
    std::memcpy(bytes, &model->top->faults, sizeof(Vtop::faults));
}
