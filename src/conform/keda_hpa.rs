//! Adapter for the decision cases of KEDA, the HPA and the controllers of workloads.

mod hpa;
mod hpa_sync;
mod reader;
mod scaled;
mod scaler;
mod workload;

use serde_json::Value;

use super::case::{Case, Verdict};

/// Runs one case.
pub fn run(case: &Case) -> Verdict {
    let given = &case.given;
    let got = match case.area.split('.').next() {
        Some("hpa") => hpa::run(case).or_else(|| hpa_sync::run(case)),
        Some("keda") => scaler::run(&case.area, given).or_else(|| scaled::run(&case.area, given)),
        _ => workload::run(&case.area, given),
    };
    match got {
        None => Verdict::Unsupported,
        Some(got) if agrees(&case.expect, &got) => Verdict::Passed,
        Some(got) => Verdict::Failed { expected: case.expect.clone(), got },
    }
}

/// Whether every asserted key is answered as expected.
fn agrees(expect: &Value, got: &Value) -> bool {
    let Some(expect) = expect.as_object() else { return false };
    expect.iter().filter(|(key, _)| *key != "note").all(|(key, value)| {
        // Some cases say only that there is an error.
        let is_error = key == "error" && *value == true && got[key].is_string();
        is_error || same(value, &got[key])
    })
}

/// Equal values: numbers by their value, lists of names as sets, objects by the expected keys.
fn same(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a == b,
            _ => a.as_f64() == b.as_f64(),
        },
        (Value::Array(a), Value::Array(b)) if a.iter().all(Value::is_string) => {
            let sorted = |list: &[Value]| {
                let mut names: Vec<String> = list.iter().map(Value::to_string).collect();
                names.sort_unstable();
                names
            };
            sorted(a) == sorted(b)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            // What is expected to be null may be absent.
            a.iter().all(|(key, value)| same(value, b.get(key).unwrap_or(&Value::Null)))
        }
        _ => expected == got,
    }
}
