//! From the argument vector to the exit code.

use std::panic::{self, PanicHookInfo};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use super::args::{Args, Command};
use super::exit::{Exit, Stop};
use super::{check, conform, explain, interrupt, list, run, terminal};
use crate::{scenario, sim};

/// The whole command.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors; a closed pipe does not matter here.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Fine.into() };
        }
    };
    panic::set_hook(Box::new(report_bug));
    interrupt::listen();
    match panic::catch_unwind(|| dispatch(&args)) {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(stop)) => {
            if let Some(message) = stop.message {
                terminal::complain(&message);
            }
            stop.exit.into()
        }
        Err(_) => {
            interrupt::discard();
            Exit::Bug.into()
        }
    }
}

fn dispatch(args: &Args) -> Result<Exit, Stop> {
    match &args.command {
        Command::Run(args) => run::run(args, &sim::run),
        Command::Check(args) => check::check(args),
        Command::Explain(args) => explain::explain(args),
        Command::Conform(args) => conform::conform(args),
        Command::List(args) => list::list(args),
        Command::Schema => {
            let schema = serde_json::to_string_pretty(&scenario::schema())
                .map_err(|error| Stop::new(Exit::Bug, error.to_string()))?;
            terminal::print(&format!("{schema}\n"))
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "forescale", &mut script);
            terminal::print(&String::from_utf8_lossy(&script))
        }
    }
}

/// What a panic prints.
fn report_bug(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(String::new, |at| format!(" ({at})"));
    let what = info
        .payload()
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| info.payload().downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    terminal::complain(&format!(
        "this is a bug in forescale: {what}{place}\n\
         please report it at {}/issues with the command and the scenario",
        env!("CARGO_PKG_REPOSITORY")
    ));
}
