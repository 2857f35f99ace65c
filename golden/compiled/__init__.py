"""The golden model of training as compiled code: the words of `golden.fixed.training`, faster."""
