//! The journal as lines of JSON: one decision a line, names instead of numbers.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::record::{Entry, Object, Outcome};

/// `journal.ndjson`.
pub fn journal_ndjson(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    for entry in &outcome.journal.entries {
        serde_json::to_writer(&mut *out, &line(outcome, entry))?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn line(outcome: &Outcome, entry: &Entry) -> Value {
    let (kind, name) = named(outcome, entry.object);
    let mut value = json!({
        "time_s": entry.at.as_secs_f64(),
        "actor": entry.actor.name(),
        "action": entry.action,
        "kind": kind,
        "name": name,
    });
    let mut put = |key: &str, field: Value| {
        value.as_object_mut().expect("an object").insert(key.to_owned(), field);
    };
    if let Some((from, to)) = entry.change {
        put("from", json!(from));
        put("to", json!(to));
    }
    if !entry.reason.is_empty() {
        put("reason", json!(entry.reason));
    }
    if !entry.detail.is_empty() {
        put("detail", json!(entry.detail));
    }
    value
}

/// Kind and name of what was acted on; a number where the run kept no name.
pub fn named(outcome: &Outcome, object: Object) -> (&'static str, String) {
    let pick = |names: &[String], index: u32| {
        names.get(index as usize).cloned().unwrap_or_else(|| format!("#{index}"))
    };
    match object {
        Object::Pod(id) => ("pod", pick(outcome.pod_names.as_slice(), id.0)),
        Object::Node(id) => ("node", pick(outcome.node_names.as_slice(), id.0)),
        Object::Pool(id) => ("pool", pick(&outcome.pool_names, id.0)),
        Object::Workload(id) => ("workload", pick(&outcome.workload_names, id.0)),
        Object::Queue(id) => ("queue", pick(&outcome.queue_names, id.0)),
        Object::Cluster => ("cluster", String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_line_says_who_did_what_to_whom_and_why() {
        let mut bytes = Vec::new();
        journal_ndjson(&sample::outcome(7), &mut bytes).expect("memory takes all");
        let text = String::from_utf8(bytes).expect("UTF-8");
        insta::assert_snapshot!(text);
    }
}
