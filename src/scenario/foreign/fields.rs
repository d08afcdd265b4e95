//! A map of a real file, read field by field: what nobody asked for is noted at the end.

use super::code;
use super::findings::Findings;
use crate::scenario::{Kind, Node, Span};
use crate::unit::{Duration, Quantity};

/// The fields of one map. Keys are found without regard to case if the file is one of Azure's.
pub struct Fields<'n> {
    node: &'n Node,
    path: String,
    any_case: bool,
    asked: Vec<&'n str>,
}

impl<'n> Fields<'n> {
    /// The fields of `node`, which `path` names in messages. `None` after complaining if it is not
    /// a map.
    pub fn open(node: &'n Node, path: &str, found: &mut Findings) -> Option<Self> {
        if !matches!(node.kind, Kind::Map(_)) {
            let text = format!("`{path}` must be a map, not {}", node.what());
            found.error(code::FIELD, Some(node.span), text);
            return None;
        }
        Some(Self { node, path: path.to_owned(), any_case: false, asked: Vec::new() })
    }

    /// Finds keys without regard to case, hyphens and underscores from here on.
    #[must_use]
    pub fn any_case(mut self) -> Self {
        self.any_case = true;
        self
    }

    /// Where the map stands.
    pub fn place(&self) -> Span {
        self.node.span
    }

    /// The path of a field, for messages.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a field; `null` counts as absent.
    pub fn get(&mut self, key: &str) -> Option<&'n Node> {
        let any_case = self.any_case;
        let same = |k: &str| k == key || (any_case && plain(k).eq(plain(key)));
        let (key, value) = self.node.entries().iter().find(|(k, _)| same(&k.text))?;
        self.asked.push(&key.text);
        Some(value).filter(|value| !value.is_null())
    }

    /// Marks fields as known although they have no effect and need no note.
    pub fn skip(&mut self, keys: &[&str]) {
        for key in keys {
            self.get(key);
        }
    }

    fn wrong(&self, key: &str, node: &Node, expected: &str, found: &mut Findings) {
        let given = node.text().map_or(node.what().to_owned(), |text| format!("`{text}`"));
        let text = format!("`{}` must be {expected}, not {given}", self.path(key));
        found.error(code::FIELD, Some(node.span), text);
    }

    /// Complains that a field is missing.
    pub fn missing(&self, key: &str, found: &mut Findings) {
        let text = format!("`{}` is missing", self.path(key));
        found.error(code::REQUIRED, Some(self.node.span), text);
    }

    /// A value that `read` understands; otherwise a complaint that says what was expected.
    pub fn read<T>(
        &mut self,
        key: &str,
        expected: &str,
        found: &mut Findings,
        read: impl FnOnce(&'n Node) -> Option<T>,
    ) -> Option<T> {
        let node = self.get(key)?;
        let value = read(node);
        if value.is_none() {
            self.wrong(key, node, expected, found);
        }
        value
    }

    /// A whole number that is not negative.
    pub fn count(&mut self, key: &str, found: &mut Findings) -> Option<u32> {
        self.read(key, "a whole number, 0 or more", found, |node| match node.kind {
            Kind::Int(value) => u32::try_from(value).ok(),
            _ => None,
        })
    }

    /// A whole number of seconds, 0 or more.
    pub fn seconds(&mut self, key: &str, found: &mut Findings) -> Option<Duration> {
        self.read(key, "a whole number of seconds, 0 or more", found, |node| match node.kind {
            Kind::Int(value) => u64::try_from(value).ok().map(Duration::from_secs),
            _ => None,
        })
    }

    /// A string.
    pub fn text(&mut self, key: &str, found: &mut Findings) -> Option<&'n str> {
        self.read(key, "a string", found, Node::as_str)
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, key: &str, found: &mut Findings) -> Option<bool> {
        self.read(key, "`true` or `false`", found, |node| match node.kind {
            Kind::Bool(value) => Some(value),
            _ => None,
        })
    }

    /// One of a few words.
    pub fn word<T: Copy>(
        &mut self,
        key: &str,
        words: &[(&str, T)],
        found: &mut Findings,
    ) -> Option<T> {
        let known: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        self.read(key, &format!("one of {}", known.join(", ")), found, |node| {
            let text = node.as_str()?;
            words.iter().find(|(word, _)| *word == text).map(|&(_, value)| value)
        })
    }

    /// A Kubernetes quantity in thousandths, 0 or more; numbers count as their spelling.
    pub fn quantity_milli(&mut self, key: &str, found: &mut Findings) -> Option<i64> {
        self.read(key, "a quantity such as `5`, `500m` or `2Gi`", found, |node| {
            Quantity::parse(node.text()?).ok()?.milli().ok().filter(|&milli| milli >= 0)
        })
    }

    /// The fields of a map below; `None` if it is absent or not a map.
    pub fn below(&mut self, key: &str, found: &mut Findings) -> Option<Fields<'n>> {
        let node = self.get(key)?;
        let path = self.path(key);
        let fields = Fields::open(node, &path, found)?;
        Some(if self.any_case { fields.any_case() } else { fields })
    }

    /// The items of a list with their paths; none if it is absent or not a list.
    pub fn list(&mut self, key: &str, found: &mut Findings) -> Vec<(String, &'n Node)> {
        let items = self.read(key, "a list", found, |node| match &node.kind {
            Kind::Seq(items) => Some(items),
            _ => None,
        });
        let path = self.path(key);
        let items = items.into_iter().flatten().enumerate();
        items.map(|(index, item)| (format!("{path}[{index}]"), item)).collect()
    }

    /// Notes the fields that nobody asked for.
    pub fn finish(self, found: &mut Findings) {
        for (key, value) in self.node.entries() {
            if !self.asked.contains(&&*key.text) && !value.is_null() {
                let field = without_positions(&self.path(&key.text));
                found.ignore(field, Some(key.span), "has no effect in the simulation");
            }
        }
    }
}

/// A key without case, hyphens and underscores.
fn plain(key: &str) -> impl Iterator<Item = char> + '_ {
    key.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase())
}

/// `a[0].b[12]` as `a[].b[]`.
fn without_positions(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|&c| {
            inside = (inside || c == '[') && c != ']';
            !inside || !c.is_ascii_digit()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Sources;

    fn parse(text: &str) -> Node {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", text);
        sources.parse(file).unwrap().remove(0)
    }

    #[test]
    fn fields_are_found_whatever_azure_calls_them() {
        let node = parse("{osDiskSizeGB: 7, scan-interval: 10s, vnet_subnet_id: null}");
        let mut found = Findings::default();
        let mut fields = Fields::open(&node, "", &mut found).unwrap().any_case();
        assert_eq!(fields.count("osDiskSizeGb", &mut found), Some(7));
        assert_eq!(fields.text("scanInterval", &mut found), Some("10s"));
        assert!(fields.get("vnetSubnetId").is_none());
        fields.finish(&mut found);
        assert!(found.into_list().is_empty());
    }

    #[test]
    fn wrong_types_are_errors_and_unknown_fields_are_notes() {
        let node = parse("{a: x, b: -1, c: {d: 1}, e: 7}");
        let mut found = Findings::default();
        let mut fields = Fields::open(&node, "spec.list[3]", &mut found).unwrap();
        assert_eq!(fields.count("a", &mut found), None);
        assert_eq!(fields.count("b", &mut found), None);
        fields.below("c", &mut found).unwrap().finish(&mut found);
        fields.finish(&mut found);
        let texts: Vec<String> = found.into_list().into_iter().map(|d| d.message).collect();
        assert_eq!(
            texts,
            [
                "`spec.list[3].a` must be a whole number, 0 or more, not `x`",
                "`spec.list[3].b` must be a whole number, 0 or more, not `-1`",
                "not modelled: spec.list[].c.d",
                "not modelled: spec.list[].e",
            ]
        );
    }
}
