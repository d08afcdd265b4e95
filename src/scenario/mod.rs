//! The file the user writes: read with positions, merged, checked, and lowered into a plan.

pub mod code;
mod diagnostic;
mod files;
pub mod foreign;
pub mod format;
mod lower;
mod merge;
mod node;
pub mod pods;
mod reading;
mod source;
pub mod table;

pub use diagnostic::{Diagnostic, Diagnostics, Finding, Label, Severity};
pub use files::{Files, FilesError, MemoryFiles};
pub use node::{Key, Kind, Node};
pub use reading::Reading;
pub use source::{FileId, SourceFile, Sources, Span};
