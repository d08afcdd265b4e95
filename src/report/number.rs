//! Numbers as people read them: three figures that matter, thousands apart, the unit beside them.

/// Groups the digits of a whole number: `12,345`.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with as many decimals as its size deserves: `0.021`, `4.2`, `412`, `12,345`.
pub fn plain(value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "-" } else { "" };
    if !value.is_finite() {
        return "–".to_owned();
    }
    if size == 0.0 {
        return "0".to_owned();
    }
    if size >= 99.95 {
        return format!("{sign}{}", grouped(size.round() as u64));
    }
    let text = match size {
        size if size >= 9.995 => format!("{size:.1}"),
        size if size >= 0.9995 => format!("{size:.2}"),
        size if size >= 0.01 => format!("{size:.3}"),
        size => format!("{size:.5}"),
    };
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    format!("{sign}{trimmed}")
}

/// Seconds in a table: one decimal below ten, none above.
pub fn seconds(value: f64) -> String {
    if value < 9.95 && value > 0.0 {
        let text = format!("{value:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    } else {
        grouped(value.round().max(0.0) as u64)
    }
}

/// A length of time in words: `42 s`, `18 min`, `1 h 24 min`, `2 d 3 h`.
pub fn length(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    let pair = |large: u64, large_name: &str, small: u64, small_name: &str| {
        if small == 0 {
            format!("{large} {large_name}")
        } else {
            format!("{large} {large_name} {small} {small_name}")
        }
    };
    match whole {
        0 if seconds >= 0.05 => format!("{seconds:.1} s"),
        0 if seconds > 0.0 => "<0.1 s".to_owned(),
        0..=119 => format!("{whole} s"),
        120..=3_599 => format!("{} min", (whole + 30) / 60),
        3_600..=86_399 => pair(whole / 3_600, "h", whole % 3_600 / 60, "min"),
        _ => pair(whole / 86_400, "d", whole % 86_400 / 3_600, "h"),
    }
}

/// A share of one: `46 %`, `3.2 %`, `<0.1 %`.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value {
        value if !value.is_finite() => "–".to_owned(),
        value if value > 0.0 && value < 0.1 => "<0.1 %".to_owned(),
        value if value > 0.0 && value < 9.95 => format!("{value:.1} %"),
        value => format!("{value:.0} %"),
    }
}

/// A change relative to a base: `+12 %`, `-3.4 %`, `±0 %`, `×33`; nothing where the base is zero.
pub fn relative(value: f64, base: f64) -> String {
    if base == 0.0 {
        return if value == 0.0 { "±0 %".to_owned() } else { "–".to_owned() };
    }
    let change = (value - base) / base;
    let sign = match change {
        change if change.abs() < 0.0005 => return "±0 %".to_owned(),
        // From ten times on a percentage says less than the factor.
        change if change >= 9.0 => return format!("×{}", plain(value / base)),
        change if change > 0.0 => "+",
        _ => "-",
    };
    format!("{sign}{}", percent(change.abs()))
}

/// An amount of money: `$1,407`, `€0.021`, `12.50 SEK`.
pub fn money(value: f64, currency: &str) -> String {
    let size = value.abs();
    let digits = match size {
        size if !size.is_finite() => return "–".to_owned(),
        size if size >= 999.5 => grouped(size.round() as u64),
        size if !(5e-7..1.0).contains(&size) => format!("{size:.2}"),
        size if size >= 0.1 => format!("{size:.3}"),
        size if size >= 0.001 => format!("{size:.4}"),
        size => format!("{size:.6}"),
    };
    let sign = if value < 0.0 { "-" } else { "" };
    match currency {
        "USD" => format!("{sign}${digits}"),
        "EUR" => format!("{sign}€{digits}"),
        "GBP" => format!("{sign}£{digits}"),
        "" => format!("{sign}{digits}"),
        code => format!("{sign}{digits} {code}"),
    }
}

/// `1 pod`, `2 pods`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (got, expected) in [
            (grouped(0), "0"),
            (grouped(999), "999"),
            (grouped(1_000), "1,000"),
            (grouped(12_345_678), "12,345,678"),
            (plain(0.0214), "0.021"),
            (plain(4.2), "4.2"),
            (plain(1_407.4), "1,407"),
            (seconds(4.25), "4.2"),
            (seconds(9.0), "9"),
            (seconds(1_180.4), "1,180"),
            (length(0.25), "0.2 s"),
            (length(0.001), "<0.1 s"),
            (length(42.0), "42 s"),
            (length(1_080.0), "18 min"),
            (length(5_040.0), "1 h 24 min"),
            (length(7_200.0), "2 h"),
            (length(183_600.0), "2 d 3 h"),
            (percent(0.463), "46 %"),
            (percent(0.0321), "3.2 %"),
            (percent(0.0002), "<0.1 %"),
            (percent(0.0), "0 %"),
            (relative(112.0, 100.0), "+12 %"),
            (relative(96.6, 100.0), "-3.4 %"),
            (relative(100.0, 100.0), "±0 %"),
            (relative(1.0, 0.0), "–"),
            (money(1_406.7, "USD"), "$1,407"),
            (money(0.0214, "EUR"), "€0.0214"),
            (money(12.5, "SEK"), "12.50 SEK"),
            (money(0.0, "USD"), "$0.00"),
        ] {
            assert_eq!(got, expected);
        }
    }
}
