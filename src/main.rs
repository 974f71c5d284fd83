//! The squall program: hands everything to the library.

fn main() -> std::process::ExitCode {
    squall::cli::main()
}
