// Written by Clostorus, to be run beside the Verilog of a torus, where the .mem files lie:
//
//   iverilog -g2005 -o tb.vvp tb.v torus.v
//   vvp -n tb.vvp
//
// It sends the beats of host_in.mem to the torus, waits where host_script.mem says so, and compares
// what comes back with host_out.mem. It ends with one line that begins with PASS or with FAIL, and
// after FAIL with an error. STALLS: of 1000 cycles, so many in which the host rests, either way;
// PATIENCE: so many cycles without a beat are a FAIL.
module tb;
  parameter STALLS = 0;
  parameter PATIENCE = 0;
  localparam BITS = 0;   // of a beat
  localparam STEPS = 0;  // lines of host_script.mem
  localparam SENT = 0;   // beats of host_in.mem
  localparam GIVEN = 0;  // beats of host_out.mem

  reg [31:0] script [0:2*STEPS-1];      // 0 to send or 1 to wait for, then how many beats
  reg [BITS-1:0] host_in [0:SENT-1];
  reg [BITS-1:0] host_out [0:GIVEN-1];
  reg [BITS-1:0] host_mask [0:GIVEN-1]; // 1 where a bit is compared
  reg clk, rst, failed, in_valid, out_ready;
  reg [BITS-1:0] in_data;
  wire [BITS-1:0] out_data;
  wire in_ready, out_valid;
  integer cycle, still, step, sent, to_send, given, to_wait;

  clostorus dut(.clk(clk), .rst(rst),
    .host_in_data(in_data), .host_in_valid(in_valid), .host_in_ready(in_ready),
    .host_out_data(out_data), .host_out_valid(out_valid), .host_out_ready(out_ready));

  initial begin
    $readmemh("host_script.mem", script); $readmemh("host_in.mem", host_in);
    $readmemh("host_out.mem", host_out);  $readmemh("host_mask.mem", host_mask);
    clk = 0; rst = 1; failed = 0; in_valid = 0; out_ready = 0; in_data = 0;
    cycle = 0; still = 0; step = 0; sent = 0; to_send = 0; given = 0; to_wait = 0;
    forever #5 clk = ~clk;
  end

  always @(posedge clk) if (!failed) begin
    cycle = cycle + 1;
    still = still + 1;
    rst <= cycle < 4;
    if (in_valid && in_ready === 1'b1) begin
      sent = sent + 1;
      still = 0;
    end
    if (!rst && out_ready && out_valid !== 1'b0) begin
      if (given == GIVEN) begin
        $display("FAIL: %h comes after the last line of host_out.mem", out_data);
        failed = 1;
      end else if (((out_data ^ host_out[given]) & host_mask[given]) !== 0) begin
        $display("FAIL: line %0d of host_out.mem is %h, but %h comes; host_mask.mem compares %h",
                 given + 1, host_out[given], out_data, host_mask[given]);
        failed = 1;
      end
      given = given + 1;
      still = 0;
    end
    if (step < STEPS && sent == to_send && given >= to_wait) begin
      if (script[2*step] == 0) to_send = to_send + script[2*step+1];
      else to_wait = to_wait + script[2*step+1];
      step = step + 1;
    end
    if (!in_valid || in_ready === 1'b1) begin
      in_valid <= !rst && sent < to_send && {$random} % 1000 >= STALLS;
      if (sent < to_send) in_data <= host_in[sent];
    end
    out_ready <= {$random} % 1000 >= STALLS;
    if (!failed && still > PATIENCE) begin
      $display("FAIL: no beat for %0d cycles: %0d of %0d are sent, %0d of %0d came; ready %b, valid %b",
               PATIENCE, sent, SENT, given, GIVEN, in_ready, out_valid);
      failed = 1;
    end
    if (failed) $fatal(0);
    else if (sent == SENT && given == GIVEN && still > 100) begin
      $display("PASS: %0d beats sent, %0d came as they must, in %0d cycles", sent, given,
               cycle - still);
      $finish;
    end
  end
endmodule
