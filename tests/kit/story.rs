//! Stories: Markdown that runs. `docs/behaviour/README.md` describes the form.

use std::fs;
use std::path::{Path, PathBuf};

/// The stories of the crate at `root`, by name.
pub fn all(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(root.join("docs/behaviour"))
        .expect("docs/behaviour")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .filter(|path| path.file_name().is_some_and(|name| name != "README.md"))
        .collect();
    found.sort();
    found
}

/// What a fenced block of a story asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file that stands beside the story: a scenario, a manifest, a table.
    File,
    /// Lines of the journal, in this order.
    Timeline,
    /// Conditions on figures of `summary.json`.
    Facts,
    /// What `forescale check` says.
    Findings,
    /// What `forescale explain` says, in this order.
    Explanation,
}

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    pub kind: Kind,
    /// The file that it is, or that it speaks of.
    pub file: String,
    /// Line of the Markdown on which its text starts, from 1.
    pub line: usize,
    pub text: String,
    /// What stands behind the file: options of `forescale explain`.
    pub options: Vec<String>,
}

impl Block {
    /// Its lines that say something, each with its number in the Markdown.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (self.line + index, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
    }
}

/// The file that a block without a name is or speaks of.
pub const MAIN: &str = "story.yaml";

/// All blocks of a story that run. A block in another language is prose.
pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let text: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let mut words = info.split_whitespace();
        let (language, name) = (words.next().unwrap_or(""), words.next());
        let kind = match (language, name) {
            ("yaml", _) | (_, Some(_)) if !CHECKS.contains(&language) => Kind::File,
            ("timeline", _) => Kind::Timeline,
            ("facts", _) => Kind::Facts,
            ("findings", _) => Kind::Findings,
            ("explain", _) => Kind::Explanation,
            _ => continue,
        };
        let file = name.unwrap_or(MAIN).to_owned();
        let options = words.map(str::to_owned).collect();
        found.push(Block { kind, file, line: index + 2, text: text.join("\n") + "\n", options });
    }
    found
}

const CHECKS: [&str; 4] = ["timeline", "facts", "findings", "explain"];

/// Writes the files of a story into a folder.
pub fn unpack(blocks: &[Block], folder: &Path) {
    for block in blocks.iter().filter(|block| block.kind == Kind::File) {
        let path = folder.join(&block.file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, &block.text).expect("written");
    }
}

/// A line of the journal in the form of a timeline.
#[derive(Clone, Debug)]
pub struct Happened {
    pub seconds: f64,
    /// Actor, action, kind, name, numbers, reason.
    pub words: Vec<String>,
    /// The sentence.
    pub detail: String,
}

impl Happened {
    /// Reads a line of `journal.ndjson`.
    pub fn of(line: &serde_json::Value) -> Self {
        let text = |key: &str| line[key].as_str().unwrap_or("").to_owned();
        let mut words = vec![text("actor"), text("action"), text("kind"), text("name")];
        if let (Some(from), Some(to)) = (line["from"].as_i64(), line["to"].as_i64()) {
            words.extend([from.to_string(), "->".to_owned(), to.to_string()]);
        }
        words.push(text("reason"));
        words.retain(|word| !word.is_empty());
        let seconds = line["time_s"].as_f64().expect("each line has its time");
        Self { seconds, words, detail: text("detail") }
    }

    /// As a story would write it.
    pub fn line(&self) -> String {
        format!("{}  {}  \"{}\"", clock(self.seconds), self.words.join(" "), self.detail)
    }
}

/// `HH:MM:SS.mmm` since the start; hours go on past 24.
pub fn clock(seconds: f64) -> String {
    let millis = (seconds * 1e3 + 1e-3).floor() as u64;
    let (seconds, millis) = (millis / 1000, millis % 1000);
    format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A line of a timeline.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Not before and not after, in seconds; `None` for a line that must never happen.
    pub within: Option<(f64, f64)>,
    words: Vec<String>,
    detail: Option<String>,
}

impl Expected {
    /// Reads `00:00:23 keda set-replicas workload orders 0 -> 1 * "text in the sentence"`.
    pub fn of(line: &str) -> Result<Self, String> {
        let (line, detail) = match line.split_once('"') {
            Some((line, rest)) => (line, Some(rest.trim_end().trim_end_matches('"').to_owned())),
            None => (line, None),
        };
        let mut words = line.split_whitespace().map(str::to_owned);
        let time = words.next().ok_or("an empty line")?;
        let within = if time == "never" { None } else { Some(span(&time)?) };
        Ok(Self { within, words: words.collect(), detail })
    }

    /// Whether something that happened is this, whenever it was.
    pub fn is(&self, happened: &Happened) -> bool {
        self.words.len() <= happened.words.len()
            && self.words.iter().zip(&happened.words).all(|(wanted, word)| same(wanted, word))
            && self.detail.as_ref().is_none_or(|text| happened.detail.contains(text.as_str()))
    }

    /// Whether it was then.
    pub fn in_time(&self, happened: &Happened) -> bool {
        self.within.is_none_or(|(from, to)| (from..to).contains(&happened.seconds))
    }
}

/// A word that ends in `*` stands for all that begin so.
fn same(wanted: &str, word: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => word.starts_with(start),
        None => wanted == word,
    }
}

/// The instants that a written time means: as exact as it is written, or from one to another.
fn span(text: &str) -> Result<(f64, f64), String> {
    if text == "*" {
        return Ok((0.0, f64::INFINITY));
    }
    if let Some((from, to)) = text.split_once("..") {
        return Ok((span(from)?.0, span(to)?.1));
    }
    let bad = || format!("`{text}` is no time: HH:MM:SS, HH:MM:SS.mmm, FROM..TO, * or never");
    let parts: Vec<&str> = text.split(':').collect();
    let [hours, minutes, seconds] = parts[..] else { return Err(bad()) };
    let number = |text: &str| text.parse::<f64>().map_err(|_| bad());
    let start = number(hours)? * 3600.0 + number(minutes)? * 60.0 + number(seconds)?;
    let digits = seconds.split_once('.').map_or(0, |(_, digits)| digits.len());
    let width = 10f64.powi(-i32::try_from(digits).map_err(|_| bad())?);
    // Times are printed from binary fractions: a nanosecond of room on either side.
    Ok((start - 1e-9, start + width - 1e-9))
}
