#!/usr/bin/env bash
# hls4ml 1.3.0: a MatMul of an ONNX file with a constant of three dimensions, one matrix for each
# block, is converted, compiled and run without an error, and its results are of another number and
# have other values.
#
# Blocks are what grouped, block-diagonal, butterfly and Monarch layers multiply by. The file is
# valid: the checker of onnx passes it, and ONNX Runtime computes it. A constant of two dimensions is
# right in the same script.
#
# Seen: "2-D: 2 numbers, right; 2 blocks: 8 numbers instead of 4; 2 blocks on one row: the first
# block's 2 numbers instead of 4".
# To do: export a product for each block, or one block-diagonal matrix, before hls4ml reads the model.
# Needs g++, for hls4ml's C simulation.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -qq hls4ml==1.3.0 numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0

cat > product.py <<'PY'
import hls4ml
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def run(name, x, weight):
    result = x @ weight
    value = [
        helper.make_tensor_value_info(tensor, TensorProto.FLOAT, shape)
        for tensor, shape in (("x", x.shape), ("y", result.shape), ("w", weight.shape))
    ]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")], "graph",
        value[:1], value[1:2], [numpy_helper.from_array(weight, "w")], value_info=value[2:],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    np.testing.assert_allclose(session.run(None, {"x": x})[0], result, atol=1e-5)
    config = hls4ml.utils.config_from_onnx_model(model, default_precision="fixed<32,12>")
    converted = hls4ml.converters.convert_from_onnx_model(
        model, output_dir=name, hls_config=config, backend="Vivado"
    )
    converted.compile()
    return converted.predict(x).flatten(), result.flatten()


rng = np.random.default_rng(0)
weight = rng.normal(size=(2, 3, 2)).astype(np.float32)
plain, wanted = run("plain", rng.random((1, 3), dtype=np.float32), weight[0])
right = plain.size == wanted.size and np.allclose(plain, wanted, atol=1e-3)
blocks, of_blocks = run("blocks", rng.random((1, 2, 1, 3), dtype=np.float32), weight)
row, of_row = run("row", rng.random((1, 1, 3), dtype=np.float32), weight)
first = row.size == 2 and np.allclose(row, of_row[:2], atol=1e-3)
print(f"2-D: {plain.size} numbers, {'right' if right else 'wrong'}; 2 blocks: {blocks.size} "
      f"numbers instead of {of_blocks.size}; 2 blocks on one row: "
      f"{'the first block' if first else 'not the first block'}'s {row.size} numbers instead of "
      f"{of_row.size}")
PY
if ! venv/bin/python product.py > log.txt 2>&1; then
    echo "changed: the conversion fails now" >&2
    tail -3 log.txt >&2
    exit 1
fi
said=$(tail -n 1 log.txt)
wanted="2-D: 2 numbers, right; 2 blocks: 8 numbers instead of 4; 2 blocks on one row: the first\
 block's 2 numbers instead of 4"
if [ "$said" != "$wanted" ]; then
    echo "changed: $said" >&2
    exit 1
fi
echo "$said"
