//! A real, breakable cluster: what `run` may ask of it, whatever it is made of.
