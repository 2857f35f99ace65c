// A host for the torus `clostorus`, in Verilog for any simulator: it sends the beats of host.hex and
// writes those that come back to back.hex, a line of hex digits for each, the highest first.
//
// +out_beats=N    how many come back: all in host.hex are sent, then it ends with "done"
// HOST_BITS       a parameter: the width of a beat
//
// It ends with "stuck" if no beat moves for long, and with "unknown" if a handshake is x or z.
// Neither this file nor the design has a time scale: the design has no delays.

module host_stream;
  parameter HOST_BITS = 64;
  parameter PATIENCE_CYCLES = 20000;

  reg clk = 0, rst = 1;
  reg [HOST_BITS-1:0] in_data, beat;
  reg in_valid = 0;
  wire in_ready, out_valid;
  wire [HOST_BITS-1:0] out_data;
  integer host, back, out_beats, cycles, still, sent, got;

  clostorus dut(
    .clk(clk), .rst(rst),
    .host_in_data(in_data), .host_in_valid(in_valid), .host_in_ready(in_ready),
    .host_out_data(out_data), .host_out_valid(out_valid), .host_out_ready(1'b1)
  );

  always #5 clk = ~clk;

  initial begin
    cycles = 0;
    still = 0;
    sent = 0;
    got = 0;
    if (!$value$plusargs("out_beats=%d", out_beats)) out_beats = 0;
    host = $fopen("host.hex", "r");
    back = $fopen("back.hex", "w");
  end

  always @(posedge clk) begin
    cycles = cycles + 1;
    still = still + 1;
    rst <= cycles < 4;
    if (!rst) begin
      // 0 of what is known, in simulators with two states as well.
      if ((in_ready ^ in_ready) !== 1'b0 || (out_valid ^ out_valid) !== 1'b0) begin
        $display("unknown in cycle %0d", cycles);
        $finish;
      end
      if (out_valid) begin
        $fdisplay(back, "%h", out_data);
        got = got + 1;
        still = 0;
      end
      if (!in_valid || in_ready) begin
        if (in_valid) begin
          sent = sent + 1;
          still = 0;
        end
        if ($fscanf(host, "%h", beat) == 1) begin
          in_valid <= 1;
          in_data <= beat;
        end else begin
          in_valid <= 0;
          if (got >= out_beats) begin
            $display("done in cycle %0d", cycles);
            $finish;
          end
        end
      end
      if (still > PATIENCE_CYCLES) begin
        $display("stuck in cycle %0d: %0d beats sent, %0d came back", cycles, sent, got);
        $finish;
      end
    end
  end
endmodule
