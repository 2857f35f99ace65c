// The waveforms of a model, in the format that it was built for: VCD, FST or none.

#ifndef HARNESS_TRACE_H
#define HARNESS_TRACE_H

#include <cerrno>
#include <cstdint>
#include <exception>
#include <memory>

#include "Vtop.h"
#if VM_TRACE_VCD
#include "verilated_vcd_c.h"
#elif VM_TRACE_FST
#include "verilated_fst_c.h"
#endif

#if VM_TRACE_VCD
// Verilator ends the process when it cannot write. This file remembers why, and drops the rest.
class TraceFile final : public VerilatedVcdFile {
  public:
    ssize_t write(const char* data, ssize_t size) override {
        if (error_) return size;
        const ssize_t done = VerilatedVcdFile::write(data, size);
        if (done < 0 && errno != EINTR && errno != EAGAIN) {
            error_ = errno;
            return size;
        }
        return done;
    }
    int error() const { return error_; }

  private:
    int error_ = 0;
};
#endif

class Trace {
  public:
    // Returns whether the file can be written.
    bool open([[maybe_unused]] Vtop& top, [[maybe_unused]] const char* path) {
#if VM_TRACE_VCD
        writer_ = std::make_unique<VerilatedVcdC>(&file_);
#elif VM_TRACE_FST
        writer_ = std::make_unique<VerilatedFstC>();
#endif
#if VM_TRACE
        top.trace(writer_.get(), 99);
        writer_->open(path);
        return writer_->isOpen();
#else
        return true;
#endif
    }
    void dump([[maybe_unused]] uint64_t time) {
#if VM_TRACE
        if (writer_ && !paused) guarded([&] { writer_->dump(time); });
#endif
    }
    // Returns the number of the error by which it could not be written; 0 if none is known.
    int close() {
#if VM_TRACE
        if (writer_) guarded([&] { writer_->close(); });
        writer_.reset();
#endif
        return error();
    }
    int error() const {
#if VM_TRACE_VCD
        return file_.error();
#else
        return error_;
#endif
    }

    bool paused = false;

  private:
#if VM_TRACE
    // The FST writer throws where a file is not what it should be (`sim/model/fst_libraries.py`). To free
    // it would be to close it, and to throw again.
    template <typename Act>
    void guarded(Act act) {
        try {
            act();
        } catch (const std::exception&) {
            error_ = EIO;
            static_cast<void>(writer_.release());
        }
    }
#endif
    int error_ = 0;
#if VM_TRACE_VCD
    TraceFile file_;  // Before the writer, which uses it to its end.
    std::unique_ptr<VerilatedVcdC> writer_;
#elif VM_TRACE_FST
    std::unique_ptr<VerilatedFstC> writer_;
#endif
};

#endif
