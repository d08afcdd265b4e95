//! Reading a tree into typed sections: every mistake is reported with its place, none stops the
//! rest.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::plan::Assumption;
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::source::Span;

/// Something that can be read from a node, and described in the schema.
pub trait Read: Sized + JsonSchema {
    /// Reads; what is wrong is reported and gives `None`.
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>;

    /// Notes the defaults that hold where nothing is given.
    fn absent(_: &mut Reader) {}
}

/// Where reading stands and what it found.
#[derive(Debug, Default)]
pub struct Reader {
    /// What is wrong so far.
    pub found: Vec<Diagnostic>,
    /// Keys that were absent and have a documented default.
    pub assumptions: Vec<Assumption>,
    path: Vec<String>,
}

/// A value and the place to blame for it.
#[derive(Clone, Debug, PartialEq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

/// A key of a section, as the macro declares it.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// The key.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// Default as the user would write it, and where it comes from.
    pub default: Option<(&'static str, &'static str)>,
}

impl Reader {
    /// Reports an error at a node.
    pub fn error(&mut self, code: &'static str, message: impl Into<String>, at: Span, label: &str) {
        self.found.push(Diagnostic::error(code, message).at(at, label));
    }

    /// Reports a value of the wrong type.
    pub fn wrong_type(&mut self, node: &Node, expected: &str) {
        let name = self.path.last().map_or("the file", String::as_str);
        let mut found = Diagnostic::error(code::WRONG_TYPE, format!("`{name}` must be {expected}"))
            .at(node.span, format!("this is {}", node.what()));
        if let Some(text) = node.as_str() {
            found = found.help_opt(spelling_help(text, expected));
        }
        self.found.push(found);
    }

    /// Reports a value that no scenario can have.
    pub fn bad_value(&mut self, node: &Node, why: &str) {
        let name = self.path.last().map_or("the file", String::as_str);
        self.error(code::BAD_VALUE, format!("`{name}` {why}"), node.span, "");
    }

    /// Where reading stands.
    pub fn path(&self) -> String {
        self.path.join(".")
    }

    /// Reads `node` as the value of `key`.
    pub fn under<T: Read>(&mut self, key: &str, node: &Node) -> Option<At<T>> {
        self.path.push(key.to_owned());
        let value = T::read(node, self);
        self.path.pop();
        value.map(|value| At { value, span: node.span })
    }

    /// Checks that `node` is a map with none but the declared keys, and that all required ones are
    /// there. An empty value counts as an empty map.
    pub fn section(&mut self, node: &Node, keys: &[KeySpec]) -> Option<()> {
        if !matches!(node.kind, Kind::Map(_) | Kind::Null) {
            self.wrong_type(node, "a map of keys");
            return None;
        }
        for (key, value) in node.entries() {
            if let Some(spec) = keys.iter().find(|spec| spec.name == key.text) {
                if value.is_null() && spec.required {
                    self.error(
                        code::MISSING_KEY,
                        format!("`{}` has no value", key.text),
                        key.span,
                        "write a value",
                    );
                }
                continue;
            }
            let names = keys.iter().map(|spec| spec.name);
            let place = match self.path.is_empty() {
                true => "at the top of a scenario".to_owned(),
                false => format!("in `{}`", self.here()),
            };
            let found =
                Diagnostic::error(code::UNKNOWN_KEY, format!("no key `{}` {place}", key.text))
                    .at(key.span, "unknown key")
                    .help(unknown_key_help(&key.text, value, names));
            self.found.push(found);
        }
        for spec in keys.iter().filter(|spec| node.get(spec.name).is_none()) {
            if spec.required {
                let place = self.here();
                self.error(
                    code::MISSING_KEY,
                    format!("`{}` is missing in `{place}`", spec.name),
                    node.span,
                    "it belongs here",
                );
            } else if let Some((value, source)) = spec.default {
                self.assume(spec.name, value, source);
            }
        }
        Some(())
    }

    /// Does something one level deeper in the path.
    pub fn section_name<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(name.to_owned());
        let result = read(self);
        self.path.pop();
        result
    }

    /// The only key of a map that names a kind; anything else is reported.
    pub fn only_key<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        kinds: &[&str],
    ) -> Option<(&'n Key, &'n Node)> {
        let Kind::Map(entries) = &node.kind else {
            self.wrong_type(node, &format!("a map with one key, the kind of {what}"));
            return None;
        };
        let [(key, value)] = entries.as_slice() else {
            let known: Vec<_> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
            let found = Diagnostic::error(
                code::BAD_VALUE,
                format!("{what} has exactly one key, its kind; this one has {}", entries.len()),
            );
            let help = format!("one of {}", known.join(", "));
            self.found.push(found.at(node.span, "").help(help));
            return None;
        };
        if kinds.contains(&key.text.as_str()) {
            return Some((key, value));
        }
        self.found.push(
            Diagnostic::error(code::UNKNOWN_KEY, format!("no kind of {what} `{}`", key.text))
                .at(key.span, "unknown kind")
                .help(nearest_help(&key.text, kinds.iter().copied())),
        );
        None
    }

    /// Reads one declared key of a section; `None` if it is absent, empty, or wrong.
    pub fn key<T: Read>(&mut self, node: &Node, key: &str) -> Option<At<T>> {
        match node.get(key).filter(|value| !value.is_null()) {
            Some(value) => self.under(key, value),
            None => {
                self.section_name(key, T::absent);
                None
            }
        }
    }

    /// Notes the defaults of a section that is absent.
    pub fn assume_defaults(&mut self, keys: &[KeySpec]) {
        for key in keys {
            if let Some((value, source)) = key.default {
                self.assume(key.name, value, source);
            }
        }
    }

    /// The section being read, as messages name it: an item without a name by its list.
    fn here(&self) -> String {
        match self.path.as_slice() {
            [] => "the scenario".to_owned(),
            [.., list, item] if item.starts_with('[') => format!("{list}{item}"),
            [.., name] => name.clone(),
        }
    }

    /// Notes a default that is used.
    fn assume(&mut self, key: &str, value: &str, source: &str) {
        let path = self.path.iter().map(String::as_str).chain([key]);
        let path = path.collect::<Vec<_>>().join(".");
        self.assumptions.push(Assumption {
            path,
            value: value.to_owned(),
            source: source.to_owned(),
            assumed: source.starts_with("assumption"),
        });
    }
}

/// In `{a: some text, more text}` the rest of the text is a key without a value.
fn unknown_key_help<'a>(
    key: &str,
    value: &Node,
    names: impl Iterator<Item = &'a str> + Clone,
) -> String {
    if value.is_null() && key.contains(' ') {
        return "in `{…}` a comma ends a text: quote texts that contain one".to_owned();
    }
    nearest_help(key, names)
}

/// What may have been meant by a text that stands where another type is expected.
fn spelling_help(text: &str, expected: &str) -> Option<String> {
    let number = expected.contains("number");
    match text {
        "yes" | "on" | "Yes" | "On" => Some("write `true`".to_owned()),
        "no" | "off" | "No" | "Off" => Some("write `false`".to_owned()),
        _ if number && text.parse::<f64>().is_ok() && text.starts_with('0') => Some(
            "leave out the leading zero: YAML 1.1 reads such a number as octal, 1.2 as decimal"
                .to_owned(),
        ),
        _ if number && text.parse::<f64>().is_ok() => Some("leave out the quotes".to_owned()),
        _ => None,
    }
}

/// The nearest of some names, or all of them.
pub fn nearest_help<'a>(word: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(word, names.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let all: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            format!("known: {}", all.join(", "))
        }
    }
}

/// The name nearest to `word`, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    names
        .map(|name| (strsim::jaro_winkler(&word, &name.to_ascii_lowercase()), name))
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .map(|(_, name)| name)
}

/// Declares a section: its struct, its reader and its schema, from one table.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $key:literal $field:ident : $type:ty
                $(= $default:literal, $source:literal)?
                $(, $required:ident)? ;
            )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $(
                $(#[doc = $doc])+
                pub $field: Option<$crate::scenario::format::reader::At<$type>>,
            )*
        }

        impl $name {
            /// The keys, in the order of the documentation.
            pub const KEYS: &'static [$crate::scenario::format::reader::KeySpec] = &[
                $($crate::scenario::format::reader::KeySpec {
                    name: $key,
                    required: section!(@required $($required)?),
                    default: section!(@default $($default, $source)?),
                },)*
            ];
        }

        impl $crate::scenario::format::reader::Read for $name {
            fn read(
                node: &$crate::scenario::node::Node,
                reader: &mut $crate::scenario::format::reader::Reader,
            ) -> Option<Self> {
                reader.section(node, Self::KEYS)?;
                Some(Self { $($field: reader.key(node, $key),)* })
            }

            fn absent(reader: &mut $crate::scenario::format::reader::Reader) {
                // A section with required keys is a thing that is not there, not a setting.
                if Self::KEYS.iter().any(|key| key.required) {
                    return;
                }
                reader.assume_defaults(Self::KEYS);
                $(reader.section_name($key, <$type>::absent);)*
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut object = $crate::scenario::format::reader::ObjectSchema::new(
                    concat!($($about, "\n"),+),
                );
                $(
                    object.property(
                        $key,
                        concat!($($doc, "\n"),+),
                        section!(@default $($default, $source)?),
                        section!(@required $($required)?),
                        generator.subschema_for::<$type>(),
                    );
                )*
                object.finish()
            }
        }
    };
    (@required) => { false };
    (@required required) => { true };
    (@default) => { None };
    (@default $default:literal, $source:literal) => { Some(($default, $source)) };
}
pub(crate) use section;

/// The schema of a section in the making.
pub struct ObjectSchema {
    about: String,
    properties: serde_json::Map<String, serde_json::Value>,
    required: Vec<&'static str>,
}

impl ObjectSchema {
    /// A section without keys.
    pub fn new(about: &str) -> Self {
        Self { about: one_line(about), properties: serde_json::Map::new(), required: Vec::new() }
    }

    /// Adds a key.
    pub fn property(
        &mut self,
        key: &'static str,
        doc: &str,
        default: Option<(&str, &str)>,
        required: bool,
        mut schema: Schema,
    ) {
        let mut text = one_line(doc);
        if let Some((value, _)) = default {
            text += &format!(" Default {value}.");
        }
        schema.insert("description".to_owned(), text.into());
        self.properties.insert(key.to_owned(), schema.to_value());
        if required {
            self.required.push(key);
        }
    }

    /// The schema.
    pub fn finish(self) -> Schema {
        let mut schema = json_schema!({
            "description": self.about,
            "type": ["object", "null"],
            "properties": self.properties,
            "additionalProperties": false,
        });
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), self.required.into());
        }
        schema
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: Read> Read for At<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(|value| Self { value, span: node.span })
    }

    fn absent(reader: &mut Reader) {
        T::absent(reader);
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::Seq(items) = &node.kind else {
            reader.wrong_type(node, "a list");
            return None;
        };
        let read = items.iter().enumerate().map(|(index, item)| {
            // Items are known by name where they have one, as `--set` paths are.
            let name = item.get("name").and_then(Node::text);
            let name = name.map_or_else(|| format!("[{index}]"), str::to_owned);
            reader.under(&name, item).map(|at| at.value)
        });
        Some(read.collect::<Vec<_>>().into_iter().flatten().collect())
    }
}

impl<T: Read> Read for IndexMap<String, T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if !matches!(node.kind, Kind::Map(_) | Kind::Null) {
            reader.wrong_type(node, "a map of names");
            return None;
        }
        let mut map = Self::new();
        for (key, value) in node.entries() {
            if let Some(read) = reader.under(&key.text, value) {
                map.insert(key.text.clone(), read.value);
            }
        }
        Some(map)
    }
}

/// A subtree that somebody else reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Raw(pub Node);

impl Read for Raw {
    fn read(node: &Node, _: &mut Reader) -> Option<Self> {
        Some(Self(node.clone()))
    }
}

impl JsonSchema for Raw {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Any".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}
