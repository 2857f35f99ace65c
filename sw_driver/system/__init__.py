"""Files, processes, terminals and endings of programs, whatever they compute."""
