//! What is wrong with a table.

use std::fmt;

/// One problem of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError {
    /// Line of the file, from 1; 0 for the whole file.
    pub line: u64,
    /// Column name, if the problem is in one.
    pub column: String,
    /// What was found and what was expected.
    pub message: String,
    /// How to mend it.
    pub help: String,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column.as_str()) {
            (0, "") => write!(f, "{}", self.message),
            (0, column) => write!(f, "column `{column}`: {}", self.message),
            (line, "") => write!(f, "line {line}: {}", self.message),
            (line, column) => write!(f, "line {line}, column `{column}`: {}", self.message),
        }
    }
}

/// Problems kept; the rest is counted.
const KEPT: usize = 5;

/// All problems of a table: the first few, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableErrors {
    /// The first few, in order of line.
    pub first: Vec<TableError>,
    /// How many more.
    pub more: usize,
}

impl TableErrors {
    /// A single problem of the whole file.
    pub fn of_file(message: impl Into<String>, help: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.add(0, "", message, help);
        errors
    }

    /// Adds a problem.
    pub fn add(
        &mut self,
        line: u64,
        column: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        if self.first.len() == KEPT {
            self.more += 1;
            return;
        }
        let (column, message, help) = (column.to_owned(), message.into(), help.into());
        self.first.push(TableError { line, column, message, help });
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The value, if nothing was wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}
