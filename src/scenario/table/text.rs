//! The text of a table: header, rows, fields.

use super::error::TableErrors;
use crate::unit::Quantity;

/// A CSV file in memory.
#[derive(Clone, Debug)]
pub struct Table {
    headers: Vec<String>,
    records: Vec<(u64, csv::StringRecord)>,
}

impl Table {
    /// Reads a CSV file: UTF-8, comma separated, with a header row if `header`. Without one the
    /// columns are called `1`, `2`, …
    ///
    /// # Errors
    /// The file is empty, is not UTF-8, has rows of different lengths, or has no rows.
    pub fn read(bytes: &[u8], header: bool) -> Result<Self, TableErrors> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(TableErrors::of_file(
                "the file is empty",
                "a CSV file has a header row and one row a line",
            ));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader =
            csv::ReaderBuilder::new().has_headers(header).trim(csv::Trim::All).from_reader(bytes);
        let mut errors = TableErrors::default();
        let mut records = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    records.push((line, record));
                }
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    errors.add(line, "", csv_problem(&error), "");
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        if records.is_empty() {
            return Err(TableErrors::of_file(
                "the file has a header and no rows",
                "add at least one row",
            ));
        }
        let headers = if header {
            reader
                .headers()
                .map_or_else(|_| Vec::new(), |headers| headers.iter().map(str::to_owned).collect())
        } else {
            (1..=records[0].1.len()).map(|number| number.to_string()).collect()
        };
        Ok(Self { headers, records })
    }

    /// Index of a column.
    pub(super) fn column(&self, name: &str, errors: &mut TableErrors) -> Option<usize> {
        let found = self.headers.iter().position(|header| header == name);
        if found.is_none() {
            let nearest = self
                .headers
                .iter()
                .map(|header| (strsim::jaro_winkler(header, name), header))
                .max_by(|one, other| one.0.total_cmp(&other.0))
                .filter(|(likeness, _)| *likeness > 0.7);
            let help = match nearest {
                Some((_, header)) => format!("did you mean `{header}`?"),
                None => format!("the columns are: {}", self.headers.join(", ")),
            };
            errors.add(0, "", format!("there is no column `{name}`"), help);
        }
        found
    }

    /// Name of a column.
    pub(super) fn header(&self, column: usize) -> &str {
        &self.headers[column]
    }

    /// Rows: line number and fields.
    pub(super) fn rows(&self) -> impl Iterator<Item = (u64, &csv::StringRecord)> {
        self.records.iter().map(|(line, record)| (*line, record))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no rows (never: such a file is refused).
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// A non-negative whole number; spelled `12`, `12.0` or `1e3`.
    pub(super) fn whole(
        &self,
        line: u64,
        record: &csv::StringRecord,
        column: usize,
        errors: &mut TableErrors,
    ) -> Option<u64> {
        let text = record.get(column).unwrap_or("");
        let value = text.parse::<u64>().ok().or_else(|| {
            let value: f64 = text.parse().ok()?;
            (value >= 0.0 && value.fract() == 0.0 && value < 1e18).then_some(value as u64)
        });
        if value.is_none() {
            errors.add(
                line,
                self.header(column),
                format!("`{text}` is not a non-negative whole number"),
                "",
            );
        }
        value
    }

    /// A finite number.
    pub(super) fn number(
        &self,
        line: u64,
        record: &csv::StringRecord,
        column: usize,
        errors: &mut TableErrors,
    ) -> Option<f64> {
        let text = record.get(column).unwrap_or("");
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
        if value.is_none() {
            errors.add(line, self.header(column), format!("`{text}` is not a number"), "");
        }
        value
    }

    /// An amount of a resource in its base unit (millicores or bytes). A column whose name ends in
    /// `_milli`, `_mib` or `_gib` holds plain numbers of that unit, any other Kubernetes
    /// quantities.
    pub(super) fn amount(
        &self,
        line: u64,
        record: &csv::StringRecord,
        column: usize,
        milli: bool,
        errors: &mut TableErrors,
    ) -> Option<i64> {
        let text = record.get(column).unwrap_or("");
        let header = self.header(column).to_ascii_lowercase();
        let quantity = if header.ends_with("_mib") {
            Quantity::parse(&format!("{text}Mi"))
        } else if header.ends_with("_gib") {
            Quantity::parse(&format!("{text}Gi"))
        } else if header.ends_with("_milli") {
            Quantity::parse(&format!("{text}m"))
        } else {
            Quantity::parse(text)
        };
        let value = quantity.and_then(|q| if milli { q.milli() } else { q.units() });
        match value {
            Ok(value) if value >= 0 => Some(value),
            Ok(_) => {
                errors.add(line, self.header(column), format!("`{text}` is negative"), "");
                None
            }
            Err(why) => {
                errors.add(line, self.header(column), format!("`{text}` is {why}"), "");
                None
            }
        }
    }
}

fn csv_problem(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "not UTF-8 text".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields where the rows above have {expected_len}")
        }
        _ => "not a CSV row".to_owned(),
    }
}
