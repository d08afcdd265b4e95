//! Texts and places in them, and the reading of YAML (JSON is a subset) into a tree of [`Node`]s.
//!
//! The only user of serde-saphyr, and of it only the event parser: the tree is built here, so that
//! every key and value keeps its place, a plain scalar keeps its spelling, and hostile input meets
//! limits before it meets memory.

use std::ops::Range;
use std::sync::Arc;

use serde_saphyr::granit_parser::{
    Event, Marker, Options, Parser, ScalarStyle, Span as EventSpan, Tag,
};

use super::code;
use super::diagnostic::Diagnostic;
use super::node::{Key, Kind, Node};

/// Most levels of lists and maps.
const MAX_DEPTH: usize = 64;
/// Most values in one file, expanded aliases included.
const MAX_NODES: usize = 2_000_000;
/// Most bytes in one file.
pub const MAX_BYTES: usize = 64 << 20;

/// A file of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A range of bytes in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// File.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

impl Span {
    /// From the start of this to the end of `other`, in the same file.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { end: other.end.max(self.end), ..self }
    }
}

/// A text and its name.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Name as the user would write it.
    pub name: String,
    /// The text.
    pub text: Arc<str>,
}

impl SourceFile {
    /// The span as a range of bytes, cut at the end of its first line and to whole characters.
    pub fn first_line_range(&self, span: Span) -> Range<usize> {
        let start = self.boundary(span.start as usize);
        let end = self.boundary(span.end as usize).max(start);
        let line_end = self.text[start..end].find('\n').map_or(end, |at| start + at);
        start..start + self.text[start..line_end].trim_end().len()
    }

    /// Line and column, both from 1, of a byte.
    pub fn line_column(&self, at: u32) -> (usize, usize) {
        let before = &self.text[..self.boundary(at as usize)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    fn boundary(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// All texts of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a text.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).expect("fewer than 2^32 files"));
        self.files.push(SourceFile { name: name.into(), text: text.into() });
        id
    }

    /// A text.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// What stands at a place.
    pub fn slice(&self, span: Span) -> &str {
        let file = self.file(span.file);
        let start = file.boundary(span.start as usize);
        &file.text[start..file.boundary(span.end as usize).max(start)]
    }

    /// Reads all documents of a text that was added.
    ///
    /// # Errors
    /// The syntax error, duplicate key or broken limit.
    pub fn parse(&self, file: FileId) -> Result<Vec<Node>, Box<Diagnostic>> {
        Tree::new(file).read(&self.file(file).text)
    }
}

/// Builds the tree from the parser's events.
struct Tree {
    file: FileId,
    documents: Vec<Node>,
    /// Open lists and maps.
    open: Vec<Open>,
    /// Values by anchor.
    anchors: Vec<(usize, Node)>,
    nodes: usize,
}

/// A list or map that is not closed yet.
struct Open {
    span: Span,
    anchor: usize,
    content: Content,
}

enum Content {
    Seq(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, merged: Vec<Node>, key: Option<Key> },
}

impl Tree {
    fn new(file: FileId) -> Self {
        Self { file, documents: Vec::new(), open: Vec::new(), anchors: Vec::new(), nodes: 0 }
    }

    fn read(mut self, text: &str) -> Result<Vec<Node>, Box<Diagnostic>> {
        let mut options = Options::default();
        options.flow_nesting_limit = MAX_DEPTH;
        options.block_nesting_limit = MAX_DEPTH;
        let mut parser = Parser::new_from_str_with_options(text, options);
        while let Some(event) = parser.next_event() {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => return Err(self.syntax(error.marker(), &error.info(), text)),
            };
            let span = self.span(&span);
            self.event(event, span)?;
        }
        Ok(self.documents)
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Box<Diagnostic>> {
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let node = scalar(span, &text, style, tag.as_deref());
                self.close(node, anchor)?;
            }
            Event::Alias(anchor) => {
                let found = self.anchors.iter().rev().find(|(id, _)| *id == anchor);
                let Some((_, node)) = found else {
                    return Err(Box::new(
                        Diagnostic::error(code::SYNTAX, "an alias inside its own anchor")
                            .at(span, "it would contain itself"),
                    ));
                };
                let node = node.clone();
                self.nodes += count(&node);
                self.close(node, 0)?;
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(span, anchor, Content::Seq(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, _) => {
                let content = Content::Map { entries: Vec::new(), merged: Vec::new(), key: None };
                self.open(span, anchor, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let last = match &open.content {
                    Content::Seq(items) => items.last().map(|item| item.span),
                    Content::Map { entries, .. } => entries.last().map(|(_, value)| value.span),
                };
                // A block ends with its last value, a flow collection with its bracket.
                let end =
                    last.map_or(span, |last| if span.start == span.end { last } else { span });
                let kind = match open.content {
                    Content::Seq(items) => Kind::Seq(items),
                    Content::Map { entries, merged, .. } => Kind::Map(merge_keys(entries, merged)),
                };
                self.close(Node::new(open.span.to(end), kind), open.anchor)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, span: Span, anchor: usize, content: Content) -> Result<(), Box<Diagnostic>> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Box::new(
                Diagnostic::error(code::TOO_COMPLEX, "lists and maps are nested too deeply")
                    .at(span, format!("more than {MAX_DEPTH} levels")),
            ));
        }
        self.open.push(Open { span, anchor, content });
        Ok(())
    }

    /// A value is complete: it becomes a key, a value, an item or a document.
    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Box<Diagnostic>> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Box::new(
                Diagnostic::error(code::TOO_COMPLEX, "the file has too many values")
                    .at(node.span, format!("more than {MAX_NODES}, aliases expanded")),
            ));
        }
        if anchor != 0 {
            self.anchors.push((anchor, node.clone()));
            self.nodes += count(&node);
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match &mut open.content {
            Content::Seq(items) => items.push(node),
            Content::Map { entries, merged, key } => match key.take() {
                None => *key = Some(key_of(node)?),
                Some(key) if key.text == "<<" => merged.push(node),
                Some(key) => entries.push((key, node)),
            },
        }
        if let Content::Map { entries, key: Some(key), .. } = &open.content
            && let Some((first, _)) = entries.iter().find(|(k, _)| k.text == key.text)
        {
            return Err(Box::new(
                Diagnostic::error(
                    code::DUPLICATE_KEY,
                    format!("the key `{}` stands twice in this map", key.text),
                )
                .at(key.span, "the second one")
                .at(first.span, "the first one"),
            ));
        }
        Ok(())
    }

    fn span(&self, span: &EventSpan) -> Span {
        let byte = |marker: &Marker| {
            u32::try_from(marker.byte_offset().unwrap_or(marker.index())).unwrap_or(u32::MAX)
        };
        Span { file: self.file, start: byte(&span.start), end: byte(&span.end) }
    }

    fn syntax(&self, at: &Marker, info: &str, text: &str) -> Box<Diagnostic> {
        let at = at.byte_offset().unwrap_or(at.index()).min(text.len());
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let span = Span { file: self.file, start: at, end: at };
        let help = if info.contains("tab") {
            Some("indent with spaces; YAML allows no tabs there".to_owned())
        } else if info.contains("',' or") || info.contains("EOF while parsing a flow") {
            Some("a `{` or `[` before this place is not closed".to_owned())
        } else {
            None
        };
        Box::new(
            Diagnostic::error(code::SYNTAX, format!("this is not YAML: {info}"))
                .at(span, "here")
                .help_opt(help),
        )
    }
}

fn count(node: &Node) -> usize {
    1 + node.items().iter().map(count).sum::<usize>()
        + node.entries().iter().map(|(_, value)| count(value)).sum::<usize>()
}

fn key_of(node: Node) -> Result<Key, Box<Diagnostic>> {
    let text = match (&node.kind, node.text()) {
        (_, Some(text)) => text.to_owned(),
        (Kind::Null, None) => node.raw.as_deref().unwrap_or("").to_owned(),
        _ => {
            return Err(Box::new(
                Diagnostic::error(code::SYNTAX, "a list or a map cannot be a key")
                    .at(node.span, "this stands where a key is expected")
                    .help("quote it if it is text, for example a `{placeholder}`"),
            ));
        }
    };
    Ok(Key { text, span: node.span })
}

/// `<<`: keys of the merged maps that the map itself does not have; earlier maps win.
fn merge_keys(mut entries: Vec<(Key, Node)>, merged: Vec<Node>) -> Vec<(Key, Node)> {
    for node in merged {
        let maps = match node.kind {
            Kind::Seq(maps) => maps,
            _ => vec![node],
        };
        for map in maps {
            if let Kind::Map(extra) = map.kind {
                for (key, value) in extra {
                    if !entries.iter().any(|(k, _)| k.text == key.text) {
                        entries.push((key, value));
                    }
                }
            }
        }
    }
    entries
}

/// The type of a plain scalar after the core schema of YAML 1.2. What YAML 1.1 read differently
/// (`yes`, `010`, `1_000`) stays a string here, so that a typed field refuses it.
fn scalar(span: Span, text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Node {
    let quoted = style != ScalarStyle::Plain || tag.is_some_and(is_string_tag);
    let kind = if quoted { None } else { plain(text) };
    match kind {
        Some(kind) => Node { span, kind, raw: Some(text.into()) },
        None => Node::string(span, text),
    }
}

fn is_string_tag(tag: &Tag) -> bool {
    tag.is_yaml_core_schema() && tag.suffix() == "str"
}

fn plain(text: &str) -> Option<Kind> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Kind::Null),
        "true" | "True" | "TRUE" => return Some(Kind::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Kind::Bool(false)),
        ".inf" | "+.inf" => return Some(Kind::Float(f64::INFINITY)),
        "-.inf" => return Some(Kind::Float(f64::NEG_INFINITY)),
        ".nan" => return Some(Kind::Float(f64::NAN)),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let first = *digits.as_bytes().first()?;
    let number = digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    let leading_zero = first == b'0' && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    if !number || !(first.is_ascii_digit() || first == b'.') || leading_zero {
        return None;
    }
    match text.parse::<i64>() {
        Ok(value) => Some(Kind::Int(value)),
        Err(_) => text.parse::<f64>().ok().filter(|v| v.is_finite()).map(Kind::Float),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Node>, Box<Diagnostic>> {
        let mut sources = Sources::default();
        let file = sources.add("test.yaml", text);
        sources.parse(file)
    }

    fn one(text: &str) -> Node {
        parse(text).unwrap().remove(0)
    }

    #[test]
    fn scalars_keep_their_spelling() {
        let node = one("a: 1.10\nb: yes\nc: 010\nd: ~\ne: true\nf: \"7\"\ng: 1e3\nh: !!str 5\n");
        for (key, text, kind) in [
            ("a", Some("1.10"), "a number"),
            ("b", Some("yes"), "a string"),
            ("c", Some("010"), "a string"),
            ("d", None, "nothing"),
            ("e", Some("true"), "true or false"),
            ("f", Some("7"), "a string"),
            ("g", Some("1e3"), "a number"),
            ("h", Some("5"), "a string"),
        ] {
            let value = node.get(key).unwrap();
            assert_eq!((value.text(), value.what()), (text, kind), "{key}");
        }
    }

    #[test]
    fn places_are_exact() {
        let text = "größe: {a: [1, zwei]}\n";
        let mut sources = Sources::default();
        let file = sources.add("test.yaml", text);
        let node = sources.parse(file).unwrap().remove(0);
        let item = &node.at(&["größe", "a"]).unwrap().items()[1];
        assert_eq!(sources.slice(item.span), "zwei");
        assert_eq!(sources.file(file).line_column(item.span.start), (1, 16));
        assert_eq!(sources.slice(node.get("größe").unwrap().span), "{a: [1, zwei]}");
        assert_eq!(sources.slice(node.entries()[0].0.span), "größe");
    }

    #[test]
    fn anchors_merge_keys_and_documents_are_read() {
        let node = one("base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\n");
        let mine = node.get("mine").unwrap();
        assert_eq!(mine.get("x").unwrap().kind, Kind::Int(1));
        assert_eq!(mine.get("y").unwrap().kind, Kind::Int(3));
        assert_eq!(parse("a: 1\n---\nb: 2\n").unwrap().len(), 2);
        assert_eq!(parse("# nothing\n").unwrap().len(), 0);
        assert_eq!(
            one("{\"a\": [true, null, 1.5]}").to_json().to_string(),
            r#"{"a":[true,null,1.5]}"#
        );
    }

    #[test]
    fn hostile_text_is_refused() {
        let mut bomb = String::from("a0: &a0 [x]\n");
        for i in 1..40 {
            bomb += &format!("a{i}: &a{i} [*a{0}, *a{0}, *a{0}]\n", i - 1);
        }
        assert_eq!(parse(&bomb).unwrap_err().code, code::TOO_COMPLEX);
        for text in [
            "[".repeat(300),
            "a: &a [*a]".to_owned(),
            "{a: 1, a: 2}".to_owned(),
            "a: [1".to_owned(),
        ] {
            assert!(parse(&text).is_err(), "{text}");
        }
    }
}
