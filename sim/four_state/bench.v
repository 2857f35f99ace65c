// Written by Clostorus: a host of a torus in which nothing is known at the start, four-state.
//
// Run 0 begins at a reset of one cycle, with all registers and memories unknown. After it come
// resets in the middle of a run, at parts of its length, and after each of them the run begins
// anew; the last one goes to its end. With each reset the memories forget all. It fails at the first
// bit that is x or z: in a beat, in a ready or valid after the reset, or where a memory is written.
// It ends with a line that begins with PASS or FAIL.
module bench;
  parameter STALLS = 0;  // Of 1000 cycles, so many in which the host rests, either way.
  localparam PATIENCE = 0;
  localparam BITS = 0;   // of a beat
  localparam STEPS = 0;  // lines of host_script.mem
  localparam SENT = 0;   // beats of host_in.mem
  localparam GIVEN = 0;  // beats of host_out.mem
  localparam BREAKS = 0; // resets in the middle of a run
  localparam BREAK_MILLE = 0; // of 1000 cycles of run 0, 16 bits for each of them

  reg [31:0] script [0:2*STEPS-1];      // 0 to send or 1 to wait for, then how many beats
  reg [BITS-1:0] host_in [0:SENT-1];
  reg [BITS-1:0] host_out [0:GIVEN-1];
  reg [BITS-1:0] host_mask [0:GIVEN-1]; // 1 where a bit is compared
  reg clk, rst, forget, checks, failed, in_valid, out_ready;
  reg [BITS-1:0] in_data;
  wire [BITS-1:0] out_data;
  wire in_ready, out_valid;
  integer run, cycle, still, step, sent, to_send, given, to_wait, length, total;

  clostorus dut(.clk(clk), .rst(rst),
    .host_in_data(in_data), .host_in_valid(in_valid), .host_in_ready(in_ready),
    .host_out_data(out_data), .host_out_valid(out_valid), .host_out_ready(out_ready));

  task begin_run; begin
    cycle = 0; still = 0; step = 0; sent = 0; to_send = 0; given = 0; to_wait = 0;
    rst <= 1; checks <= 0; forget <= 1; in_valid <= 0; out_ready <= 0; in_data <= {BITS{1'bx}};
  end endtask

  task fail_at(input [8*64-1:0] what); begin
    if (!failed) $display("FAIL: run %0d, cycle %0d: %0s", run, cycle, what);
    failed = 1;
    $finish;
  end endtask

  initial begin
    $readmemh("host_script.mem", script); $readmemh("host_in.mem", host_in);
    $readmemh("host_out.mem", host_out);  $readmemh("host_mask.mem", host_mask);
    run = 0; failed = 0; checks = 0; length = 0; total = 0; clk = 0; forget = 0;
    begin_run;
    forever #5 clk = ~clk;
  end

  always @(posedge clk) if (!failed) begin
    cycle = cycle + 1;
    total = total + 1;
    still = still + 1;
    if (rst) begin
      rst <= 0; forget <= 0; checks <= 1;
    end else begin
      if (in_ready !== 1'b0 && in_ready !== 1'b1) fail_at("host_in_ready is unknown");
      if (out_valid !== 1'b0 && out_valid !== 1'b1) fail_at("host_out_valid is unknown");
      if (in_valid && in_ready === 1'b1) begin
        sent = sent + 1;
        still = 0;
      end
      if (out_valid === 1'b1 && ^out_data === 1'bx) begin
        $display("beat %0d is %b", given + 1, out_data);
        fail_at("a bit of host_out_data is unknown");
      end
      if (out_ready && out_valid === 1'b1) begin
        if (given == GIVEN) fail_at("a beat comes after the last");
        else if (((out_data ^ host_out[given]) & host_mask[given]) !== 0) begin
          $display("line %0d of host_out.mem is %h, but %h comes", given + 1, host_out[given],
                   out_data);
          fail_at("a beat is another one");
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
        in_data <= {BITS{1'bx}};
        if (sent < to_send && {$random} % 1000 >= STALLS) begin
          in_valid <= 1;
          in_data <= host_in[sent];
        end else in_valid <= 0;
      end
      out_ready <= {$random} % 1000 >= STALLS;
      if (still > PATIENCE) fail_at("no beat for long");
      else if (run > 0 && run <= BREAKS && cycle >= length * BREAK_MILLE[16*run-16 +: 16] / 1000)
      begin
        run = run + 1;
        begin_run;
      end else if (sent == SENT && given == GIVEN && still > 100) begin
        if (run > 0 || BREAKS == 0) begin
          $display("PASS: %0d beats sent, %0d came as they must, %0d resets, %0d cycles", sent,
                   given, run + 1, total);
          $finish;
        end
        length = cycle;
        run = 1;
        begin_run;
      end
    end
  end
endmodule
