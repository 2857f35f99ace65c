"""The golden model of training as compiled code: the same words as `golden.fixed.training`, soon."""
