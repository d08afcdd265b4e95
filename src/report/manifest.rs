//! What a folder of results was made from: enough to make it again.

use serde_json::{Map, Value, json};

use super::model::Report;
use crate::study::{MODEL_VERSION, hex_fingerprint};

/// What only the caller knows of how the results were made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// Version of the tool.
    pub tool_version: String,
    /// The command as it was typed.
    pub command: Vec<String>,
    /// The scenario's file as given.
    pub scenario: String,
    /// `--set` values.
    pub sets: Vec<String>,
    /// Every input read: name and SHA-256 (hex).
    pub inputs: Vec<(String, String)>,
}

/// `manifest.json`.
#[derive(Clone, Copy, Debug)]
pub struct Manifest<'a> {
    /// The result.
    pub report: &'a Report,
    /// How it was made.
    pub provenance: &'a Provenance,
}

impl Manifest<'_> {
    /// The tree. It holds nothing that differs between two equal runs: no clock, no host.
    pub fn tree(&self) -> Map<String, Value> {
        let Self { report, provenance } = *self;
        let inputs = provenance.inputs.iter();
        let inputs: Vec<Value> =
            inputs.map(|(name, hash)| json!({"name": name, "sha256": hash})).collect();
        let assumptions = report.assumptions.iter().map(|one| {
            json!({"path": one.path, "value": one.value, "source": one.source,
                "assumed": one.assumed})
        });
        let runs = report.study.runs.iter().map(|run| run.tree()["fingerprint"].clone());
        let entries = [
            ("schemaVersion", json!(1)),
            ("tool", json!("forescale")),
            ("toolVersion", json!(provenance.tool_version)),
            ("modelVersion", json!(MODEL_VERSION)),
            ("name", json!(report.name())),
            ("scenario", json!(provenance.scenario)),
            ("sets", json!(provenance.sets)),
            ("commandLine", json!(provenance.command)),
            ("inputs", Value::Array(inputs)),
            ("seeds", json!(report.seeds)),
            ("fingerprint", json!(hex_fingerprint(self.fingerprint()))),
            ("fingerprints", Value::Array(runs.collect())),
            ("assumptions", Value::Array(assumptions.collect())),
            ("notModelled", json!(report.outcome.not_modelled)),
        ];
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// That of the only run, or of all runs in the order of their seeds.
    fn fingerprint(&self) -> u64 {
        let prints =
            self.report.study.runs.iter().filter_map(|run| {
                u64::from_str_radix(run.tree()["fingerprint"].as_str()?, 16).ok()
            });
        let prints: Vec<u64> = prints.collect();
        match prints.as_slice() {
            [only] => *only,
            // FNV-1a over the words: equal only if all runs are equal, in order.
            many => many.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, print| {
                (hash ^ print).wrapping_mul(0x0000_0100_0000_01b3)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{pretty, sample};

    #[test]
    fn a_manifest_says_how_to_make_the_results_again() {
        let report = sample::report(&[7], &[]);
        let provenance = Provenance {
            tool_version: "0.1.0".to_owned(),
            command: ["forescale", "run", "a.yaml"].map(str::to_owned).to_vec(),
            scenario: "a.yaml".to_owned(),
            sets: vec!["simulation.seed=7".to_owned()],
            inputs: vec![("a.yaml".to_owned(), "00ff".to_owned())],
        };
        let manifest = Manifest { report: &report, provenance: &provenance };
        insta::assert_snapshot!(pretty(&manifest.tree()));
    }
}
