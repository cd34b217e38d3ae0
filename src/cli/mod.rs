//! The command line.

pub mod inspect;

pub fn run() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
