//! From the value tree to a typed object and back: type errors with their places, and fields that
//! the type does not have.
//!
//! One deserialiser only (`&serde_json::Value`) is instantiated for the many types of
//! `k8s-openapi`. Its errors have no path, so on an error each value is tried alone: what fails
//! alone is to blame.

use serde::Serialize;
use serde::de::Deserialize;
use serde_json::{Map, Value};

use crate::scenario::Node;
use crate::scenario::foreign::{Findings, Trail, code};

/// An object as `T`, and the fields that `T` does not have (paths without list positions). `None`
/// after complaining about every wrong type.
pub(super) fn typed<T>(node: &Node, object: &str, found: &mut Findings) -> Option<(T, Vec<String>)>
where
    T: for<'de> Deserialize<'de> + Serialize,
{
    let value = without_nulls(node.to_json());
    match T::deserialize(&value) {
        Ok(typed) => {
            let mut unknown = Vec::new();
            let back = serde_json::to_value(&typed).unwrap_or_default();
            list_unknown(&value, &back, "", &mut unknown);
            Some((typed, unknown))
        }
        Err(error) => {
            let search = Search { whole: &value, node, object, fails: &fails::<T> };
            let mut steps = Vec::new();
            if !search.blame(&value, &mut steps, &Trail::ROOT, found) {
                found.error(code::FIELD, Some(node.span), format!("{object}: {error}"));
            }
            None
        }
    }
}

/// `null` means absent.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let given = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(given.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn fails<T: for<'de> Deserialize<'de>>(value: &Value) -> Option<String> {
    T::deserialize(value).err().map(|error| error.to_string())
}

fn list_unknown(given: &Value, known: &Value, path: &str, unknown: &mut Vec<String>) {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            for (key, value) in given {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{key}");
                match known.get(key) {
                    Some(known) => list_unknown(value, known, &path, unknown),
                    // An empty list or map may be left out when it is written back.
                    None if is_empty(value) => {}
                    None => unknown.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(known)) => {
            let path = format!("{path}[]");
            for (given, known) in given.iter().zip(known) {
                list_unknown(given, known, &path, unknown);
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The search for the values that have the wrong type.
struct Search<'a> {
    whole: &'a Value,
    node: &'a Node,
    object: &'a str,
    fails: &'a dyn Fn(&Value) -> Option<String>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Item,
}

impl Search<'_> {
    /// Complains about the values at or below `value` that fail alone; whether there was one.
    fn blame<'v>(
        &self,
        value: &'v Value,
        steps: &mut Vec<Step<'v>>,
        at: &Trail<'_>,
        found: &mut Findings,
    ) -> bool {
        let Some(error) = (self.fails)(&self.alone(value, steps)) else { return false };
        let mut below = false;
        match value {
            Value::Object(map) => {
                for (key, child) in map {
                    steps.push(Step::Key(key));
                    below |= self.blame(child, steps, &at.key(key), found);
                    steps.pop();
                }
            }
            Value::Array(items) => {
                for (index, child) in items.iter().enumerate() {
                    steps.push(Step::Item);
                    below |= self.blame(child, steps, &at.index(index), found);
                    steps.pop();
                }
            }
            _ => {}
        }
        if !below {
            let text = format!("{}: `{at}` {}", self.object, in_words(&error));
            found.error(code::FIELD, Some(at.place(self.node)), text);
        }
        true
    }

    /// The object with nothing but `value` at its path (and what says which type it is).
    fn alone(&self, value: &Value, steps: &[Step<'_>]) -> Value {
        let mut built = value.clone();
        for step in steps.iter().rev() {
            built = match step {
                Step::Item => Value::Array(vec![built]),
                Step::Key(key) => Value::Object(Map::from_iter([((*key).to_owned(), built)])),
            };
        }
        if let Value::Object(map) = &mut built {
            for key in ["apiVersion", "kind"] {
                if let Some(value) = self.whole.get(key) {
                    map.insert(key.to_owned(), value.clone());
                }
            }
        }
        built
    }
}

/// serde's message in the words of the manifest's author.
fn in_words(error: &str) -> String {
    let Some((given, expected)) = error.split_once(", expected ") else {
        return format!("cannot be read: {error}");
    };
    let given = given.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ");
    let given = given.replacen("string \"", "the string \"", 1).replace("integer", "the number");
    let given = match given.as_str() {
        "map" => "a map".to_owned(),
        "sequence" => "a list".to_owned(),
        _ => given.replace("floating point", "the number").replace("boolean ", ""),
    };
    let expected = match expected {
        "i32" | "i64" | "u32" | "u16" | "a 32-bit integer" => "a whole number",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "IntOrString" => "a whole number or a percentage",
        "Quantity" => "a quantity such as `500m` or `2Gi`",
        "a string" | "a map" => expected,
        _ => "a map",
    };
    format!("must be {expected}, not {given}")
}
