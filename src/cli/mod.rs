//! The command: arguments, files, terminal. One file per subcommand; each parses, calls the library
//! and prints. Only here are clocks, files, threads and the environment touched.

mod args;
mod check;
mod conform;
mod disk;
mod entry;
mod exit;
mod explain;
mod folder;
mod interrupt;
mod list;
mod record;
mod results;
mod run;
mod terminal;

pub use args::Args;
pub use disk::Disk;
pub use entry::main;
pub use exit::Exit;
