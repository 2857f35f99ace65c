"""ONNX files of a few nodes, written by onnx's own helpers."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["node", "write_net"]

node = helper.make_node


def write_net(path, nodes, weights, *, shape=("batch", 6), opset=18, inputs=("x",), outputs=None,
              kind=TensorProto.FLOAT, external=None, domains=()):
    """Write the graph of `nodes` with `weights` by name; the output is the last node's.

    `external` names a file beside it that takes the weights.
    """
    made = [helper.make_tensor_value_info(name, kind, shape) for name in inputs]
    ends = [helper.make_tensor_value_info(name, kind, None)
            for name in outputs or [nodes[-1].output[0]]]
    tensors = [numpy_helper.from_array(np.asarray(one), name) for name, one in weights.items()]
    graph = helper.make_graph(nodes, "net", made, ends, tensors)
    versions = [helper.make_opsetid("", opset), *(helper.make_opsetid(one, 1) for one in domains)]
    model = helper.make_model(graph, opset_imports=versions)
    model.ir_version = 9
    if external:
        onnx.save_model(model, path, save_as_external_data=True, location=external,
                        size_threshold=0)
    else:
        path.write_bytes(model.SerializeToString())
    return path
