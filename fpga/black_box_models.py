"""What the memories of `fpga.black_boxes` do, in plain Verilog for any simulator.

They know unknown values: a word that was never written is x, and so is what nobody may rely on. In
a simulator of two states these are zeros.
"""

from collections.abc import Iterable

from .black_boxes import Memory

__all__ = ["box_models"]

_MODEL = """\
module {name}(
  {ports});
  reg {word} words [0:{last}];
  integer at;
{watch}{body}endmodule
"""
_WRITE = """\
    if (write_en === 1'b1 && ^write_addr !== 1'bx) words[write_addr] <= write_data;
    else if (write_en !== 1'b0) for (at = 0; at <= {last}; at = at + 1) words[at] <= {unknown};
"""
_ASYNC = """\
  assign read_data = words[read_addr];
  always @(posedge clk) begin
{write}  end
"""
_CLOCKED = """\
  reg {word} latch;
  assign read_data = latch;
  always @(posedge clk) begin
    if (read_en !== 1'b0) begin
      latch <= words[read_addr];
{same}      if (read_en !== 1'b1) latch <= {unknown};
    end
{write}  end
"""
_SAME = "      if (write_en !== 1'b0 && (write_addr == read_addr) !== 1'b0) latch <= {value};\n"
_NEW = "write_en === 1'b1 && (write_addr == read_addr) === 1'b1 ? write_data : {unknown}"
# For the bench of sim/four_state: memories forget all, and writes that nobody can foresee end it.
_WATCH = """\
  always @(posedge {bench}.forget) for (at = 0; at <= {last}; at = at + 1) words[at] = {unknown};
  always @(posedge clk) if ({bench}.checks) begin
    if (^write_en === 1'bx) {bench}.fail_at("%m: unknown whether a word is written");
    if (write_en === 1'b1 && ^write_addr === 1'bx) {bench}.fail_at("%m: unknown which word");
  end
"""


def box_models(memories: Iterable[Memory], bench: str | None = None) -> str:
    """Return the modules of some memories, each kind once.

    Parameters
    ----------
    memories
        Any of them several times.
    bench
        The module around a design whose memories are watched, which has `forget`, `checks` and a
        task `fail_at`; None for plain models.
    """
    return "\n".join(_model(memory, bench) for memory in sorted(set(memories)))


def _model(memory: Memory, bench: str | None) -> str:
    values = {"name": memory.name, "ports": memory.ports, "last": memory.words - 1,
              "word": f"[{memory.width - 1}:0]", "unknown": f"{{{memory.width}{{1'bx}}}}",
              "bench": bench}
    write = _WRITE.format(**values)
    if memory.read == "async":
        body = _ASYNC.format(write=write)
    else:
        value = {"sync": "{unknown}", "sync_new": _NEW, "sync_old": ""}[memory.read]
        same = _SAME.format(value=value.format(**values)) if value else ""
        body = _CLOCKED.format(write=write, same=same, **values)
    watch = "" if bench is None else _WATCH.format(**values)
    return _MODEL.format(body=body, watch=watch, **values)
