//! Standard output is the result, standard error is what happens meanwhile.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::exit::{Exit, Stop};
use crate::report::text::Look;

/// Widest text, however wide the terminal is.
const COLUMNS: usize = 80;

fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
}

/// How text on standard output looks.
pub fn look() -> Look {
    let terminal = io::stdout().is_terminal();
    let width = terminal.then(|| comfy_table::Table::new().width()).flatten();
    Look {
        width: width.map_or(COLUMNS, |width| usize::from(width).min(COLUMNS)),
        colour: terminal && colours_wanted(),
    }
}

/// Whether findings on standard error are coloured.
pub fn colour_errors() -> bool {
    io::stderr().is_terminal() && colours_wanted()
}

/// Writes the result. A reader that has seen enough is no failure.
pub fn print(text: &str) -> Result<Exit, Stop> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Exit::Fine),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Fine),
        Err(error) => {
            Err(Stop::new(Exit::InputOutput, format!("cannot write to standard output: {error}")))
        }
    }
}

/// Says something beside the result.
pub fn note(text: &str) {
    // Nobody listens on a closed standard error, and nothing depends on it.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Says what went wrong.
pub fn complain(message: &str) {
    note(&format!("forescale: {message}\n"));
}

/// A bar that counts runs; shown only on a terminal.
pub fn progress(runs: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(runs as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} runs {bar:30} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    if io::stderr().is_terminal() {
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
    }
    bar
}
