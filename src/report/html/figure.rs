//! What all figures of the page share.

use crate::record::Outcome;
use crate::report::svg::SERIES;

/// A colour of the palette, round and round.
pub fn colour(index: usize) -> String {
    let plotters::style::RGBColor(red, green, blue) = SERIES[index % SERIES.len()];
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Instants of rows of the series, milliseconds since the epoch.
pub fn instants(outcome: &Outcome, rows: &[usize]) -> Vec<f64> {
    let start = outcome.start_epoch as f64;
    let at = |row: &usize| outcome.series.time_s.get(*row).copied().unwrap_or(0.0);
    rows.iter().map(|row| ((start + at(row)) * 1e3).round()).collect()
}

/// JSON that may stand inside a `<script>`: nothing in it can end the script.
pub fn embedded(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_data_ends_its_script() {
        let text = embedded(&serde_json::json!({"name": "</script><b>&"}));
        assert!(!text.contains(['<', '>', '&']), "{text}");
        let back: serde_json::Value = serde_json::from_str(&text).expect("still JSON");
        assert_eq!(back["name"], "</script><b>&");
    }
}
