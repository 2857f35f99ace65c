"""What layers make of tensors: checks, types under autocast, dense matrices, tracing."""
