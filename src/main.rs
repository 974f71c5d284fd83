//! The squall program: hands everything to the library.

// `make lint` compiles the floors once more as a part of the program, where nobody outside can call them: so the compiler
// names what the program has no use for.
#[cfg(alone)]
macro_rules! floors {
    ($($floor:ident)*) => { $(mod $floor;)* };
}
#[cfg(alone)]
floors! { model scenario plan journal verify report kafka connect places runtime run cli }

// Nothing compares runs yet.
#[cfg(alone)]
#[expect(dead_code, reason = "compare, sweep and certify are to call it")]
mod stats;

#[cfg(not(alone))]
use squall::cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
