//! Records of a run's decisions: lines that say what changed are made into cases that stand alone.
//! The format is documented in `docs/decision-records.md`.

use std::io::BufRead;
use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};
use thiserror::Error;

/// Why a record cannot be read.
#[derive(Debug, Error)]
pub enum BadRecord {
    /// The file cannot be read.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// A line is not JSON.
    #[error("line {0}: {1}")]
    Line(u64, serde_json::Error),
    /// The first line is not the header of a record.
    #[error("the first line is not the header of a record of decisions (schema 1)")]
    Header,
    /// Changes without anything that they change.
    #[error("line {0}: changes before the first keyframe")]
    NoKeyframe(u64),
    /// A pod of a specification that no line before gives.
    #[error("line {0}: shape `{1}` is not in the dictionary")]
    Shape(u64, String),
}

/// Whether a text is a record: its first line is a header.
pub fn is_record(first_line: &str) -> bool {
    header_of(first_line).is_some()
}

fn header_of(line: &str) -> Option<Value> {
    let header: Value = serde_json::from_str(line).ok()?;
    let known = header["record"] == "run_once_recorded" && header["schema"] == 1;
    known.then_some(header)
}

/// The state of a record while it is read.
struct Reader {
    header: Value,
    shapes: Map<String, Value>,
    scene: Value,
    line: u64,
}

/// Gives the case of every scan in `range` to `each`, in order.
///
/// # Errors
/// [`BadRecord`] if the lines are not a record.
pub fn expand<E: From<BadRecord>>(
    lines: impl BufRead,
    range: &RangeInclusive<u64>,
    mut each: impl FnMut(Value) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader: Option<Reader> = None;
    for (number, line) in (1..).zip(lines.lines()) {
        let line = line.map_err(BadRecord::from)?;
        if line.is_empty() {
            continue;
        }
        let Some(reader) = &mut reader else {
            let header = header_of(&line).ok_or(BadRecord::Header)?;
            let (shapes, scene) = (Map::new(), Value::Null);
            reader = Some(Reader { header, shapes, scene, line: number });
            continue;
        };
        reader.line = number;
        let value = serde_json::from_str(&line).map_err(|why| BadRecord::Line(number, why))?;
        if let Some(scan) = reader.take(value)? {
            let at = scan["scan"].as_u64().unwrap_or(0);
            if at > *range.end() {
                break;
            }
            if range.contains(&at) {
                each(reader.case(&scan)?)?;
            }
        }
    }
    if reader.is_none() {
        return Err(BadRecord::Header.into());
    }
    Ok(())
}

impl Reader {
    /// Takes a line; a scan is given back without its picture, which is now [`Reader::scene`].
    fn take(&mut self, mut line: Value) -> Result<Option<Value>, BadRecord> {
        if let Some(Value::Object(shapes)) = line.get_mut("shapes").map(Value::take) {
            self.shapes.extend(shapes);
        }
        if let Some(scene) = line.get_mut("keyframe") {
            self.scene = scene.take();
        } else if let Some(changes) = line.get("changes") {
            if self.scene.is_null() {
                return Err(BadRecord::NoKeyframe(self.line));
            }
            merge(&mut self.scene, changes);
        } else {
            return Ok(None);
        }
        Ok(Some(line))
    }

    /// The case of the scan that was taken last.
    fn case(&self, scan: &Value) -> Result<Value, BadRecord> {
        let mut given = Map::new();
        given.insert("options".to_owned(), self.header["options"].clone());
        for (key, value) in self.scene.as_object().into_iter().flatten() {
            let value = match key.as_str() {
                "groups" => self.group_templates(named("id", value))?,
                "workloads" => named("name", value),
                "nodes" => named("name", value),
                "pods" => self.whole_pods(named("name", value))?,
                "memory" => self.memory(value)?,
                _ => value.clone(),
            };
            given.insert(key.clone(), value);
        }
        let scenario = self.header["scenario"].as_str().unwrap_or_default();
        Ok(json!({
            "id": format!("{scenario}/{}/scan-{}", self.header["seed"], scan["scan"]),
            "area": "run_once_recorded",
            "source_file": scenario,
            "source_case": format!("scan {} at {} s", scan["scan"], scan["at_s"]),
            "given": given,
            "expect": scan["expect"],
        }))
    }

    fn shape(&self, name: &str) -> Result<&Map<String, Value>, BadRecord> {
        let shape = self.shapes.get(name).and_then(Value::as_object);
        shape.ok_or_else(|| BadRecord::Shape(self.line, name.to_owned()))
    }

    /// Pods with what their specification says.
    fn whole_pods(&self, mut pods: Value) -> Result<Value, BadRecord> {
        for pod in pods.as_array_mut().into_iter().flatten() {
            let shape = self.shape(pod["shape"].as_str().unwrap_or_default())?;
            let Some(own) = pod.as_object_mut() else { continue };
            for (key, value) in shape.iter().filter(|(key, _)| *key != "shape") {
                own.insert(key.clone(), value.clone());
            }
        }
        Ok(pods)
    }

    fn memory(&self, memory: &Value) -> Result<Value, BadRecord> {
        let mut memory = memory.clone();
        if let Some(cache) = memory.get_mut("template_cache") {
            for template in cache.as_object_mut().into_iter().flat_map(Map::values_mut) {
                self.template_pods(template)?;
            }
        }
        Ok(memory)
    }

    fn group_templates(&self, mut groups: Value) -> Result<Value, BadRecord> {
        for group in groups.as_array_mut().into_iter().flatten() {
            if let Some(template) = group.get_mut("template") {
                self.template_pods(template)?;
            }
        }
        Ok(groups)
    }

    /// The pods of a template are names in a record, and whole in a case.
    fn template_pods(&self, template: &mut Value) -> Result<(), BadRecord> {
        for pod in template.get_mut("pods").and_then(Value::as_array_mut).into_iter().flatten() {
            let shape = self.shape(pod.as_str().unwrap_or_default())?;
            *pod = Value::Object(shape.clone());
        }
        Ok(())
    }
}

/// Entries of an object as a list, each with its key.
fn named(key: &str, value: &Value) -> Value {
    let entries = value.as_object().into_iter().flatten();
    entries
        .map(|(name, entry)| {
            let mut item = Map::from_iter([(key.to_owned(), json!(name))]);
            item.extend(entry.as_object().cloned().unwrap_or_default());
            Value::Object(item)
        })
        .collect()
}

/// A JSON merge patch (RFC 7386).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_merge_as_in_the_rfc() {
        // RFC 7386, appendix A.
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target;
            merge(&mut merged, &patch);
            assert_eq!(merged, result);
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let header = r#"{"schema": 1, "record": "run_once_recorded"}"#;
        for (text, part) in [
            (String::new(), "header"),
            ("{}".to_owned(), "header"),
            (format!("{header}\n{{"), "line 2"),
            (format!("{header}\n{{\"scan\": 1, \"changes\": {{}}}}"), "keyframe"),
            (
                format!(
                    "{header}\n{{\"keyframe\": {{\"pods\": {{\"a-1\": {{\"shape\": \"s\"}}}}}}}}"
                ),
                "`s`",
            ),
        ] {
            let all = 0..=u64::MAX;
            let done: Result<(), BadRecord> = expand(text.as_bytes(), &all, |_| Ok(()));
            let error = done.expect_err(&text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
