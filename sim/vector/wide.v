// What Yosys makes of a shift whose result has more bits than a word: a multiplexer for each bit of
// the distance, which can be cut.

(* techmap_celltype = "$shl $sshl" *)
module wide_shift_left (A, B, Y);
    parameter A_SIGNED = 0;
    parameter B_SIGNED = 0;
    parameter A_WIDTH = 1;
    parameter B_WIDTH = 1;
    parameter Y_WIDTH = 1;
    input [A_WIDTH-1:0] A;
    input [B_WIDTH-1:0] B;
    output [Y_WIDTH-1:0] Y;

    // Operand, then what each step makes of it.
    wire [(B_WIDTH+1)*Y_WIDTH-1:0] steps;
    wire sign = A_SIGNED ? A[A_WIDTH-1] : 1'b0;
    genvar i;
    generate
        if (Y_WIDTH > A_WIDTH)
            assign steps[Y_WIDTH-1:0] = {{(Y_WIDTH-A_WIDTH){sign}}, A};
        else
            assign steps[Y_WIDTH-1:0] = A[Y_WIDTH-1:0];
        for (i = 0; i < B_WIDTH; i = i + 1) begin : step
            wire [Y_WIDTH-1:0] before = steps[i*Y_WIDTH +: Y_WIDTH];
            wire [Y_WIDTH-1:0] moved;
            if (i < 31 && (1 << i) < Y_WIDTH)
                assign moved = {before[Y_WIDTH-1-(1<<i):0], {(1<<i){1'b0}}};
            else
                assign moved = {Y_WIDTH{1'b0}};
            assign steps[(i+1)*Y_WIDTH +: Y_WIDTH] = B[i] ? moved : before;
        end
    endgenerate
    assign Y = steps[B_WIDTH*Y_WIDTH +: Y_WIDTH];
endmodule
