//! The file the user writes: read with positions, merged, checked, and lowered into a plan.

mod check;
pub mod code;
mod diagnostic;
mod files;
pub mod foreign;
pub mod format;
mod given;
mod load;
#[cfg(test)]
mod load_tests;
mod lower;
mod merge;
mod node;
pub mod pods;
mod reading;
mod schema;
mod source;
pub mod table;

pub use diagnostic::{Diagnostic, Diagnostics, Finding, Label, Severity};
pub use files::{Files, FilesError, MemoryFiles};
pub use given::{Given, GivenValue};
pub use load::{Loaded, load};
pub use node::{Key, Kind, Node};
pub use reading::Reading;
pub use schema::schema;
pub use source::{FileId, SourceFile, Sources, Span};
