//! What a scenario says itself: every value with its path and its place.

use std::collections::BTreeMap;

use super::node::{Kind, Node};
use super::source::Sources;

/// Values by path, items of lists by their name, else by their position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    values: BTreeMap<String, GivenValue>,
}

/// A value that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenValue {
    /// As it was written.
    pub text: String,
    /// File and line, or the `--set` that it came with.
    pub place: String,
}

impl Given {
    /// All values of a merged tree.
    pub fn of(root: &Node, sources: &Sources) -> Self {
        let mut given = Self::default();
        given.walk(root, String::new(), sources);
        given
    }

    /// The value at a path; one of the autoscaler's profile in any spelling.
    pub fn get(&self, path: &str) -> Option<&GivenValue> {
        self.values.get(path).or_else(|| {
            let (block, key) = path.rsplit_once('.')?;
            block.ends_with("autoScalerProfile").then_some(())?;
            let start = format!("{block}.");
            let mut below = self.values.range(start.clone()..);
            below.by_ref().take_while(|(known, _)| known.starts_with(&start)).find_map(
                |(known, value)| {
                    let own = &known[start.len()..];
                    let same = crate::control::autoscaler::AutoscalerSpec::is_setting(own, key);
                    same.then_some(value)
                },
            )
        })
    }

    fn walk(&mut self, node: &Node, path: String, sources: &Sources) {
        let below =
            |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match &node.kind {
            Kind::Null => return,
            Kind::Map(entries) => {
                for (key, value) in entries {
                    self.walk(value, below(&key.text), sources);
                }
            }
            Kind::Seq(items) => {
                for (index, item) in items.iter().enumerate() {
                    let name = item.get("name").and_then(Node::as_str);
                    let step = name.map_or_else(|| index.to_string(), str::to_owned);
                    self.walk(item, below(&step), sources);
                }
            }
            Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => {}
        }
        let file = sources.file(node.span.file);
        let (line, _) = file.line_column(node.span.start);
        let place = if file.name.starts_with("--set") {
            file.name.clone()
        } else {
            format!("{}:{line}", file.name)
        };
        let text = sources.slice(node.span).split_whitespace().collect::<Vec<_>>().join(" ");
        self.values.insert(path, GivenValue { text, place });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_path() {
        let mut sources = Sources::default();
        let text = "cluster:\n  autoScalerProfile: {scanInterval: 20s}\nworkloads:\n- name: a\n  \
                    requests: {cpu: 1}\n- [7]\n";
        let file = sources.add("s.yaml", text);
        let root = sources.parse(file).expect("YAML").remove(0);
        let given = Given::of(&root, &sources);
        let get = |path: &str| given.get(path).map(|one| (one.text.as_str(), one.place.as_str()));
        assert_eq!(get("cluster.autoScalerProfile.scan-interval"), Some(("20s", "s.yaml:2")));
        assert_eq!(get("workloads.a.requests.cpu"), Some(("1", "s.yaml:5")));
        assert_eq!(get("workloads.1.0"), Some(("7", "s.yaml:6")));
        assert_eq!(get("workloads.b"), None);
    }
}
