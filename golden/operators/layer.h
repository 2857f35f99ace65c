// The sizes of a Clos layer: see `ClosShape`.

#pragma once

#include <algorithm>
#include <cstdint>

struct Split {  // As `numpy.array_split`: the first routers have one more.
    int64_t size;
    int64_t longer;

    Split(int64_t items, int64_t routers) : size(items / routers), longer(items % routers) {}
    int64_t start(int64_t router) const { return router * size + std::min(router, longer); }
    int64_t count(int64_t router) const { return size + (router < longer); }
};

struct Layer {
    int64_t inputs, outputs, ri, rm, ro;
    Split in, out;

    explicit Layer(const int64_t* shape)
        : inputs(shape[0]), outputs(shape[1]), ri(shape[2]), rm(shape[3]), ro(shape[4]),
          in(inputs, ri), out(outputs, ro) {}
};
