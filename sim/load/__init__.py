"""Load: boards over bad wires for a million frames; a training that is stopped over and over."""
