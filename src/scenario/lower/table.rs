//! Opens the tables that a scenario names; their problems are blamed on the name.

use super::lowering::Lowering;
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{Align, At, Text};
use crate::scenario::table::{self, Clock, Table, TableErrors};

impl Lowering<'_, '_> {
    /// A table; `None` after reporting why not.
    pub fn table(&mut self, file: &At<Text>, header: bool) -> Option<Table> {
        let path = self.reading.resolve(file.span, &file.value.0);
        let bytes = self.reading.bytes(&path, Some(file.span))?;
        let table = Table::read(&bytes, header);
        self.checked(file, table)
    }

    /// What was read of a table; `None` after reporting all its problems.
    pub fn checked<T>(&mut self, file: &At<Text>, read: Result<T, TableErrors>) -> Option<T> {
        let errors = match read {
            Ok(value) => return Some(value),
            Err(errors) => errors,
        };
        let name = self.reading.resolve(file.span, &file.value.0).display().to_string();
        for error in errors.first {
            let help = Some(error.help.clone()).filter(|help| !help.is_empty());
            self.report(
                Diagnostic::error(code::BAD_TABLE, format!("{name}: {error}"))
                    .at(file.span, "in this file")
                    .help_opt(help),
            );
        }
        if errors.more > 0 {
            let message = format!("{name}: {} more problems", errors.more);
            self.error(code::BAD_TABLE, message, file.span, "in this file");
        }
        None
    }

    /// How times of a table become times of the run.
    pub fn clock(&self, align: Option<&Align>) -> Clock {
        let align = match align {
            Some(Align::Absolute) => table::Align::Absolute,
            Some(Align::Start) | None => table::Align::FirstRow,
        };
        Clock { align, start_epoch: self.calendar.start }
    }
}
