//! The command `forescale`: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    forescale::cli::main()
}
