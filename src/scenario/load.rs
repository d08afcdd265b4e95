//! The way in: a path and some settings become a plan and all findings.

use std::path::Path;

use super::check;
use super::code;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::files::{Files, normal};
use super::foreign::{Findings, az};
use super::format::{Read, Reader, Scenario};
use super::given::Given;
use super::lower;
use super::merge;
use super::node::{Key, Kind, Node};
use super::reading::Reading;
use crate::plan::Plan;

/// What a scenario file gave.
#[derive(Debug)]
pub struct Loaded {
    /// The plan, if there is no error that refuses one.
    pub plan: Option<Plan>,
    /// Errors, warnings and notes, with the texts they point into.
    pub diagnostics: Diagnostics,
    /// Every file read, with its SHA-256 (empty where the build has none).
    pub inputs: Vec<(String, String)>,
    /// What the scenario says itself, value by value.
    pub given: Given,
}

/// Reads, merges, checks and lowers a scenario. `sets` are `path=value`, applied in order after
/// `extends`.
pub fn load(entry: &str, sets: &[String], files: &dyn Files) -> Loaded {
    let mut reading = Reading::new(files);
    let mut given = Given::default();
    let plan = plan(&mut reading, &normal(Path::new(entry)), sets, &mut given);
    let (diagnostics, inputs) = reading.finish();
    let plan = plan.filter(|_| !diagnostics.refuse()).map(|mut plan| {
        plan.inputs.clone_from(&inputs);
        plan
    });
    Loaded { plan, diagnostics, inputs, given }
}

fn plan(
    reading: &mut Reading<'_>,
    entry: &Path,
    sets: &[String],
    given: &mut Given,
) -> Option<Plan> {
    let mut findings = Findings::default();
    let mut unread = false;
    let mut foreign = |reading: &mut Reading<'_>, node: Node| {
        let given = node.get("cluster").is_some_and(|cluster| !cluster.is_null());
        let root = cluster_of_az(reading, node, &mut findings);
        unread |= given && root.get("cluster").is_some_and(Node::is_null);
        root
    };
    let mut root = merge::layers(reading, entry, &mut foreign)?;
    for text in sets {
        merge::set(reading, &mut root, entry, text);
    }
    if let Some(cluster) = root.get("cluster") {
        az::warn_of_unknown_subnets(cluster, &mut findings);
    }
    *given = Given::of(&root, &reading.sources);
    let mut reader = Reader::default();
    let scenario = Scenario::read(&root, &mut reader);
    for found in reader.found {
        reading.report(found);
    }
    if unread {
        for found in findings.into_list() {
            reading.report(found);
        }
        return None;
    }
    let mut scenario = scenario?;
    name_after_file(&mut scenario, entry, &root);
    check::header(reading, &scenario);
    let plan = lower::lower(reading, &scenario, reader.assumptions, findings)?;
    check::plan(reading, &scenario, &plan);
    Some(plan)
}

/// A scenario without a name is called as its file.
fn name_after_file(scenario: &mut Scenario, entry: &Path, root: &Node) {
    use super::format::{At, Text};
    let metadata = scenario
        .metadata
        .get_or_insert_with(|| At { value: super::format::Metadata::default(), span: root.span });
    if metadata.value.name.is_none() {
        let stem = entry.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = stem.unwrap_or_else(|| "scenario".to_owned());
        metadata.value.name = Some(At { value: Text(name), span: root.span });
    }
}

/// Replaces `cluster: aks.json` and `cluster: {from: aks.json, …}` by what the file says, with the
/// other keys on top.
fn cluster_of_az(reading: &mut Reading<'_>, mut root: Node, findings: &mut Findings) -> Node {
    let Kind::Map(entries) = &mut root.kind else { return root };
    let Some((_, cluster)) = entries.iter_mut().find(|(key, _)| key.text == "cluster") else {
        return root;
    };
    let (name, mut rest) = match &cluster.kind {
        Kind::Str(_) => (cluster.clone(), Vec::new()),
        Kind::Map(entries) => match cluster.get("from") {
            Some(from) => (from.clone(), entries.clone()),
            None => return root,
        },
        _ => return root,
    };
    rest.retain(|(key, _): &(Key, Node)| key.text != "from");
    let Some(path) = name.as_str() else {
        reading.report(
            Diagnostic::error(code::WRONG_TYPE, "`cluster.from` must be a path")
                .at(name.span, format!("this is {}", name.what())),
        );
        cluster.kind = Kind::Null;
        return root;
    };
    let path = reading.resolve(name.span, path);
    let documents = reading.documents(&path, Some(name.span));
    let base = documents.and_then(|documents| az::cluster(&documents, findings));
    let over = Node::new(cluster.span, Kind::Map(rest));
    *cluster = match base {
        Some(base) => merge::merge(base, over),
        // What is wrong with the file is said; that there are no pools now need not be.
        None => Node::new(cluster.span, Kind::Null),
    };
    root
}
