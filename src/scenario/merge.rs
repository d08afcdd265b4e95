//! Layers of a scenario: `extends`, then `--set`. Every value keeps the place where it was written,
//! so an error in a layer points into that layer.

use std::path::{Path, PathBuf};

use super::code;
use super::diagnostic::Diagnostic;
use super::format::{Cluster, Scenario, nearest_help};
use super::node::{Key, Kind, Node};
use super::reading::Reading;
use super::source::Span;

/// Most files that extend one another.
const MAX_CHAIN: usize = 32;

/// Reads a scenario file and all it extends, merged; `None` after reporting why not.
/// `each` sees every file's tree before it is merged.
pub fn layers(
    reading: &mut Reading<'_>,
    entry: &Path,
    each: &mut dyn FnMut(&mut Reading<'_>, Node) -> Node,
) -> Option<Node> {
    let mut chain: Vec<PathBuf> = Vec::new();
    let mut layers: Vec<Node> = Vec::new();
    let mut next = Some((entry.to_owned(), None::<Span>));
    while let Some((path, named)) = next.take() {
        if chain.contains(&path) || chain.len() == MAX_CHAIN {
            let found = Diagnostic::error(
                code::EXTENDS_CYCLE,
                format!("`{}` extends itself", path.display()),
            );
            reading.report(match named {
                Some(place) => found.at(place, "this closes the circle"),
                None => found,
            });
            return None;
        }
        let node = document(reading, &path, named)?;
        chain.push(path);
        if let Some(base) = node.get("extends").filter(|base| !base.is_null()) {
            let Some(name) = base.text() else {
                reading.report(
                    Diagnostic::error(code::WRONG_TYPE, "`extends` must be a path")
                        .at(base.span, format!("this is {}", base.what())),
                );
                return None;
            };
            next = Some((reading.resolve(base.span, name), Some(base.span)));
        }
        layers.push(each(reading, node));
    }
    let mut merged = layers.pop()?;
    while let Some(over) = layers.pop() {
        merged = merge(merged, over);
    }
    Some(merged)
}

/// The only document of a file.
fn document(reading: &mut Reading<'_>, path: &Path, named: Option<Span>) -> Option<Node> {
    let mut documents = reading.documents(path, named)?;
    documents.retain(|document| !document.is_null());
    let problem = match documents.as_slice() {
        [_] => return documents.pop(),
        [] => Diagnostic::error(
            code::EMPTY_FILE,
            format!("the file `{}` has no content", path.display()),
        ),
        [_, second, ..] => Diagnostic::error(code::SYNTAX, "a scenario file is one document")
            .at(second.span, "a second one begins here")
            .help("name Kubernetes objects under `manifests:`"),
    };
    reading.report(match named {
        Some(place) if problem.labels.is_empty() => problem.at(place, "named here"),
        _ => problem,
    });
    None
}

/// `over` on top of `base`: maps merge, lists of named things merge by name, all else is replaced.
pub fn merge(base: Node, over: Node) -> Node {
    match (base.kind, over.kind) {
        (Kind::Map(mut entries), Kind::Map(changes)) => {
            for (key, value) in changes {
                match entries.iter_mut().find(|(known, _)| known.text == key.text) {
                    Some((known, old)) => {
                        let before = std::mem::replace(old, Node::new(value.span, Kind::Null));
                        *old = merge(before, value);
                        known.span = key.span;
                    }
                    None => entries.push((key, value)),
                }
            }
            Node::new(over.span, Kind::Map(entries))
        }
        (Kind::Seq(mut items), Kind::Seq(changes)) if named(&items) && named(&changes) => {
            // A name that a layer has twice stays twice, and is complained of later.
            let mut open: Vec<usize> = (0..items.len()).collect();
            for change in changes {
                let name = name_of(&change);
                match open.iter().position(|&at| name_of(&items[at]) == name) {
                    Some(found) => {
                        let old = &mut items[open.remove(found)];
                        let before = std::mem::replace(old, Node::new(change.span, Kind::Null));
                        *old = merge(before, change);
                    }
                    None => items.push(change),
                }
            }
            Node::new(over.span, Kind::Seq(items))
        }
        (_, kind) => Node { span: over.span, kind, raw: over.raw },
    }
}

fn named(items: &[Node]) -> bool {
    items.iter().all(|item| name_of(item).is_some())
}

fn name_of(node: &Node) -> Option<&str> {
    node.get("name").and_then(Node::text)
}

/// Applies a `--set path=value`; what is wrong with it is reported.
pub fn set(reading: &mut Reading<'_>, root: &mut Node, entry: &Path, text: &str) {
    let source = reading.add_named(format!("--set {text}"), entry, text.to_owned());
    let whole = Span { file: source, start: 0, end: u32::try_from(text.len()).unwrap_or(0) };
    let Some((path, value)) = text.split_once('=') else {
        reading.report(
            Diagnostic::error(code::BAD_SET, "`--set` takes path=value")
                .at(whole, "there is no `=`")
                .help("for example: --set cluster.agentPoolProfiles.spot.maxCount=60"),
        );
        return;
    };
    let place = Span { end: u32::try_from(path.len()).unwrap_or(0), ..whole };
    let Some(value) = set_value(reading, value, place) else { return };
    let mut steps: Vec<&str> = path.split('.').collect();
    if steps.iter().any(|step| step.is_empty()) {
        reading.report(
            Diagnostic::error(code::BAD_SET, "a path of `--set` has an empty part")
                .at(place, "here"),
        );
        return;
    }
    let is = |keys: &[super::format::KeySpec]| keys.iter().any(|key| key.name == steps[0]);
    if !is(Scenario::KEYS) && is(Cluster::KEYS) {
        steps.insert(0, "cluster");
    }
    if let Err((message, help)) = place_value(root, &steps, value, place) {
        reading.report(Diagnostic::error(code::BAD_SET, message).at(place, "").help_opt(help));
    }
}

/// The value of a `--set` with the place of the whole option.
fn set_value(reading: &mut Reading<'_>, text: &str, place: Span) -> Option<Node> {
    let mut sources = super::source::Sources::default();
    let file = sources.add("value", text);
    let node = match sources.parse(file) {
        Ok(mut documents) if documents.len() == 1 => documents.remove(0),
        Ok(_) => Node::new(place, Kind::Null),
        Err(found) => {
            let message = format!("the value of `--set` cannot be read: {}", found.message);
            reading.report(Diagnostic::error(code::BAD_SET, message).at(place, "set here"));
            return None;
        }
    };
    let offset = place.end + 1;
    Some(moved(node, place.file, offset))
}

fn moved(node: Node, file: super::source::FileId, offset: u32) -> Node {
    let shift = |span: Span| Span { file, start: span.start + offset, end: span.end + offset };
    let kind = match node.kind {
        Kind::Seq(items) => {
            Kind::Seq(items.into_iter().map(|item| moved(item, file, offset)).collect())
        }
        Kind::Map(entries) => Kind::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    (Key { text: key.text, span: shift(key.span) }, moved(value, file, offset))
                })
                .collect(),
        ),
        other => other,
    };
    Node { span: shift(node.span), kind, raw: node.raw }
}

type Misplaced = (String, Option<String>);

/// Puts a value at a path, making maps on the way. Keys that hold dots are found, too.
fn place_value(node: &mut Node, steps: &[&str], value: Node, place: Span) -> Result<(), Misplaced> {
    let Some((&first, rest)) = steps.split_first() else {
        *node = value;
        return Ok(());
    };
    if node.is_null() {
        node.kind = Kind::Map(Vec::new());
        node.span = place;
    }
    match &mut node.kind {
        Kind::Map(entries) => {
            for length in (1..=steps.len()).rev() {
                let key = steps[..length].join(".");
                if let Some((_, child)) = entries.iter_mut().find(|(k, _)| k.text == key) {
                    return place_value(child, &steps[length..], value, place);
                }
            }
            let mut child = Node::new(place, Kind::Null);
            place_value(&mut child, rest, value, place)?;
            entries.push((Key { text: first.to_owned(), span: place }, child));
            Ok(())
        }
        Kind::Seq(items) => {
            let by_name = items.iter().position(|item| name_of(item) == Some(first));
            let by_kind = || items.iter().position(|item| item.get(first).is_some());
            let by_number = || first.parse::<usize>().ok().filter(|&at| at < items.len());
            if let Some(at) = by_name.or_else(by_number) {
                return place_value(&mut items[at], rest, value, place);
            }
            // Sources and events are lists of one-key maps: `arrivals.poisson.rate`.
            if let Some(at) = by_kind() {
                return place_value(&mut items[at], steps, value, place);
            }
            let names: Vec<String> =
                items.iter().filter_map(|item| name_of(item).map(str::to_owned)).collect();
            let help = nearest_help(first, names.iter().map(String::as_str));
            Err((format!("no item `{first}` in this list"), Some(help)))
        }
        _ => Err((format!("`{first}` cannot be set: its parent is a single value"), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::files::MemoryFiles;

    fn layered(files: &MemoryFiles, sets: &[&str]) -> (Option<Node>, Vec<String>) {
        let mut reading = Reading::new(files);
        let mut root = layers(&mut reading, Path::new("main.yaml"), &mut |_, node| node);
        if let Some(root) = &mut root {
            for text in sets {
                set(&mut reading, root, Path::new("main.yaml"), text);
            }
        }
        let (diagnostics, _) = reading.finish();
        (root, diagnostics.list.iter().map(|found| found.message.clone()).collect())
    }

    #[test]
    fn layers_merge_by_name() {
        let files = MemoryFiles::new()
            .with("main.yaml", "extends: base/a.yaml\nworkloads: [{name: w, replicas: 3}]\n")
            .with("base/a.yaml", "extends: b.yaml\nsimulation: {seed: 7}\n")
            .with(
                "base/b.yaml",
                "simulation: {seed: 1, duration: 1h}\nworkloads: [{name: v}, {name: w, pool: p}]\n",
            );
        let (root, found) = layered(&files, &[]);
        assert!(found.is_empty(), "{found:?}");
        let mut json = root.unwrap().to_json();
        json.as_object_mut().unwrap().remove("extends");
        assert_eq!(
            json,
            serde_json::json!({
                "simulation": {"seed": 7, "duration": "1h"},
                "workloads": [{"name": "v"}, {"name": "w", "pool": "p", "replicas": 3}],
            })
        );
    }

    #[test]
    fn circles_are_found() {
        let files = MemoryFiles::new()
            .with("main.yaml", "extends: a.yaml\n")
            .with("a.yaml", "extends: ./main.yaml\n");
        let (root, found) = layered(&files, &[]);
        assert!(root.is_none());
        assert_eq!(found, ["`main.yaml` extends itself"]);
    }

    #[test]
    fn values_are_set_by_path() {
        let files = MemoryFiles::new().with(
            "main.yaml",
            "cluster: {agentPoolProfiles: [{name: spot, minCount: 0}]}\n\
             thresholds: {message.wait.p95: <1s}\n\
             queues: {q: {arrivals: [{poisson: {rate: 4/s}}]}}\n",
        );
        let sets = [
            "agentPoolProfiles.spot.minCount=2",
            "cluster.agentPoolProfiles.spot.name=cheap",
            "thresholds.message.wait.p95=<2s",
            "queues.q.arrivals.poisson.rate=8/s",
            "simulation.seed=9",
            "workloads=[{name: w}]",
        ];
        let (root, found) = layered(&files, &sets);
        assert!(found.is_empty(), "{found:?}");
        let root = root.unwrap();
        assert_eq!(
            root.to_json(),
            serde_json::json!({
                "cluster": {"agentPoolProfiles": [{"name": "cheap", "minCount": 2}]},
                "thresholds": {"message.wait.p95": "<2s"},
                "queues": {"q": {"arrivals": [{"poisson": {"rate": "8/s"}}]}},
                "simulation": {"seed": 9},
                "workloads": [{"name": "w"}],
            })
        );
        let (_, found) =
            layered(&files, &["a", "agentPoolProfiles.spit.minCount=2", "kind.x=1", "a=[1"]);
        assert_eq!(found.len(), 3 + usize::from(root.get("kind").is_some()), "{found:?}");
    }
}
