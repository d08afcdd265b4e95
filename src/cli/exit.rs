//! How the command ends.

use std::process::ExitCode;

/// Exit codes; they are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done and holds.
    Fine = 0,
    /// The command line cannot be understood.
    Usage = 2,
    /// A scenario cannot be simulated.
    Invalid = 3,
    /// A threshold or `--assert` failed, a decision case failed or is unsupported, or a lint found
    /// an error.
    Failed = 4,
    /// A file could not be read or written.
    InputOutput = 5,
    /// A bug in this program.
    Bug = 70,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// All codes with a sentence each, for `--help`.
    pub const HELP: &str = "Exit codes:\n  \
        0  everything asked for was done and holds\n  \
        2  the command line cannot be understood\n  \
        3  a scenario cannot be simulated\n  \
        4  a threshold, an --assert, a decision case or a lint failed\n  \
        5  a file could not be read or written\n  \
        70  a bug in forescale\n  \
        130  stopped by Ctrl-C";
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command stopped early, and what to tell the user.
#[derive(Debug)]
pub struct Stop {
    /// How the process ends.
    pub exit: Exit,
    /// What to say; `None` if all was said.
    pub message: Option<String>,
}

impl Stop {
    /// A stop with a message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: Some(message.into()) }
    }

    /// A wrong command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A file that cannot be read or written.
    pub fn file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(Exit::InputOutput, format!("cannot {what} {}: {error}", path.display()))
    }
}
