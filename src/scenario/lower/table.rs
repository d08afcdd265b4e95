//! CSV files: columns by name, numbers and times with the line to blame.

use super::lowering::Lowering;
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::{Align, At, Text, date, decimal, nearest_help};
use crate::scenario::source::Span;
use crate::unit::SimTime;

/// A CSV file in memory.
pub struct Table {
    /// Name, for messages.
    pub name: String,
    /// Where the scenario names it.
    pub named: Span,
    /// Names of the columns; empty without a header.
    pub header: Vec<String>,
    /// Rows.
    pub rows: Vec<csv::StringRecord>,
}

impl Table {
    /// Reads a file; `None` after reporting why not. A table without rows is an error.
    pub fn open(lowering: &mut Lowering<'_, '_>, file: &At<Text>, header: bool) -> Option<Self> {
        let path = lowering.reading.resolve(file.span, &file.value.0);
        let name = path.display().to_string();
        let bytes = lowering.reading.bytes(&path, Some(file.span))?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(header)
            .trim(csv::Trim::All)
            .comment(Some(b'#'))
            .from_reader(bytes);
        let mut rows = Vec::new();
        for row in reader.records() {
            match row {
                Ok(row) => rows.push(row),
                Err(error) => {
                    let message = format!("`{name}` is not a table: {error}");
                    lowering.error(code::BAD_TABLE, message, file.span, "named here");
                    return None;
                }
            }
        }
        let header = match header.then(|| reader.headers()) {
            Some(Ok(header)) => header.iter().map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        if rows.is_empty() {
            let message = format!("`{name}` has no rows");
            lowering.report(
                Diagnostic::error(code::EMPTY_FILE, message)
                    .at(file.span, "named here")
                    .help("a table has a header line and at least one row"),
            );
            return None;
        }
        Some(Self { name, named: file.span, header, rows })
    }

    /// The column of this name; `None` after reporting that there is none.
    pub fn column(&self, lowering: &mut Lowering<'_, '_>, name: &At<Text>) -> Option<usize> {
        let found = self.header.iter().position(|column| *column == name.value.0);
        if found.is_none() {
            let names = self.header.iter().map(String::as_str);
            lowering.report(
                Diagnostic::error(
                    code::NO_COLUMN,
                    format!("`{}` has no column `{}`", self.name, name.value.0),
                )
                .at(name.span, "named here")
                .help(nearest_help(&name.value.0, names)),
            );
        }
        found
    }

    /// The column of this name, if there is one.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// A cell.
    pub fn text(&self, row: usize, column: usize) -> &str {
        self.rows[row].get(column).unwrap_or("")
    }

    /// A number, not negative; `None` after reporting.
    pub fn number(
        &self,
        lowering: &mut Lowering<'_, '_>,
        row: usize,
        column: usize,
    ) -> Option<f64> {
        let text = self.text(row, column);
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Some(number),
            Ok(_) => self.blame(lowering, row, &format!("`{text}` must be 0 or more")),
            Err(_) => self.blame(lowering, row, &format!("`{text}` is not a number")),
        }
    }

    /// Reports a row.
    pub fn blame<T>(&self, lowering: &mut Lowering<'_, '_>, row: usize, why: &str) -> Option<T> {
        let line = self.rows[row].position().map_or(row as u64 + 1, csv::Position::line);
        let message = format!("{}:{line}: {why}", self.name);
        lowering.error(code::BAD_TABLE, message, self.named, "named here");
        None
    }

    /// All times of a column, ascending, as instants of the run (negative before its start) in
    /// microseconds.
    pub fn times(
        &self,
        lowering: &mut Lowering<'_, '_>,
        column: usize,
        align: Option<&Align>,
    ) -> Option<Vec<i64>> {
        let mut times = Vec::with_capacity(self.rows.len());
        for row in 0..self.rows.len() {
            let text = self.text(row, column);
            let Some(at) = instant(text) else {
                let why = format!("`{text}` is not a time: a date and time, or epoch s or ms");
                return self.blame(lowering, row, &why);
            };
            if times.last().is_some_and(|&before| at < before) {
                let why = format!("times must ascend, but `{text}` is before the row above it");
                return self.blame(lowering, row, &why);
            }
            times.push(at);
        }
        let origin = match align {
            Some(Align::Absolute) => lowering.calendar.start * 1_000_000,
            _ => times.first().copied().unwrap_or(0),
        };
        Some(times.into_iter().map(|at| at - origin).collect())
    }
}

/// An instant in microseconds since the epoch: a date, or a number of seconds (milliseconds from
/// 10^11 on: as seconds that would be the year 5138).
pub fn instant(text: &str) -> Option<i64> {
    if let Some(at) = date(text) {
        return Some(at);
    }
    let micros = i64::try_from(decimal(text, 6)?).ok()?;
    Some(if micros >= 100_000_000_000_000_000 { micros / 1_000 } else { micros })
}

/// An instant of the run; before its start is its start.
pub fn sim_time(micros: i64) -> SimTime {
    SimTime::from_micros(u64::try_from(micros).unwrap_or(0))
}
