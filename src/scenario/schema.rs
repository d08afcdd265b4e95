//! The JSON schema of scenario files, from the tables of the format.

use schemars::generate::SchemaSettings;

use super::format::Scenario;

/// The schema, as editors read it.
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<Scenario>().to_value();
    // `cluster` may be a path or name a file to start from.
    if let Some(cluster) = schema.pointer_mut("/properties/cluster") {
        let inline = cluster.take();
        let from = serde_json::json!({
            "type": "object",
            "properties": {"from": {"type": "string"}},
            "required": ["from"],
        });
        *cluster = serde_json::json!({
            "description": inline.get("description"),
            "anyOf": [{"type": "string"}, from, inline],
        });
    }
    schema
}
