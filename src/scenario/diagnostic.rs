//! What was found in the user's files: plain data, rendered like a compiler does.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use super::code;
use super::source::{Sources, Span};

/// How bad it is. The order is from harmless to fatal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Probably not what was meant; the scenario can be simulated.
    Warning,
    /// The scenario cannot be simulated.
    Error,
}

/// A place and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is to be said; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Stable code, one of [`super::code`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence without a full stop.
    pub message: String,
    /// Places; the first is the one to blame.
    pub labels: Vec<Label>,
    /// How to fix it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A finding of any severity.
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity, message: message.into(), labels: Vec::new(), help: None }
    }

    /// An error.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// A note.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// Adds a place; the first one added is the one to blame.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says how to fix it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says how to fix it, if that is known.
    #[must_use]
    pub fn help_opt(mut self, text: Option<String>) -> Self {
        self.help = text;
        self
    }
}

/// All findings of a scenario with the texts they point into.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    /// The texts.
    pub sources: Sources,
    /// Findings in order of place.
    pub list: Vec<Diagnostic>,
}

/// A finding as data: what the JSON output of `check` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// File as the user named it, if it has a place.
    pub file: Option<String>,
    /// Line from 1.
    pub line: Option<usize>,
    /// Column from 1, in characters.
    pub column: Option<usize>,
    /// How to fix it.
    pub help: Option<String>,
}

impl Diagnostics {
    /// Whether anything makes the scenario impossible to simulate.
    pub fn refuse(&self) -> bool {
        let stops = |found: &Diagnostic| !code::SIMULATED.contains(&found.code);
        self.list.iter().any(|found| found.severity == Severity::Error && stops(found))
    }

    /// How many there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|found| found.severity == severity).count()
    }

    /// Everything as text for people, one block per finding.
    pub fn render(&self, colour: bool) -> String {
        self.render_from(Severity::Note, colour)
    }

    /// As [`Self::render`], leaving out what is less than `least`.
    pub fn render_from(&self, least: Severity, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut out = String::new();
        for found in self.list.iter().filter(|found| found.severity >= least) {
            out.push_str(&self.render_one(found, &renderer));
            out.push_str("\n\n");
        }
        out
    }

    fn render_one(&self, found: &Diagnostic, renderer: &Renderer) -> String {
        let level = match found.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let mut group = Group::with_title(level.primary_title(&*found.message).id(found.code));
        let mut files: Vec<_> = found.labels.iter().map(|label| label.span.file).collect();
        let mut seen = Vec::new();
        files.retain(|file| {
            !seen.contains(file) && {
                seen.push(*file);
                true
            }
        });
        for file in files {
            let source = self.sources.file(file);
            let mut snippet = Snippet::source(&*source.text).path(source.name.as_str());
            for (index, label) in found.labels.iter().enumerate() {
                if label.span.file != file {
                    continue;
                }
                let kind =
                    if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                let mark = kind.span(source.first_line_range(label.span));
                let text = Some(label.text.as_str()).filter(|text| !text.is_empty());
                snippet = snippet.annotation(mark.label(text));
            }
            group = group.element(snippet);
        }
        if let Some(help) = &found.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }

    /// Everything as data.
    pub fn findings(&self) -> Vec<Finding> {
        self.list
            .iter()
            .map(|found| {
                let place = found.labels.first().map(|label| {
                    let source = self.sources.file(label.span.file);
                    (source.name.clone(), source.line_column(label.span.start))
                });
                Finding {
                    code: found.code,
                    severity: found.severity,
                    message: found.message.clone(),
                    file: place.as_ref().map(|(file, _)| file.clone()),
                    line: place.as_ref().map(|&(_, (line, _))| line),
                    column: place.as_ref().map(|&(_, (_, column))| column),
                    help: found.help.clone(),
                }
            })
            .collect()
    }
}
