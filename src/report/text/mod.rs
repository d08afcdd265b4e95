//! What the terminal shows: one screen for a scenario, one table for several.

mod comparison;
mod page;
mod summary;
mod verdict;

pub use comparison::comparison;
pub use page::{Ink, Look, Page, bar, left, right};
pub use summary::{SCREEN, summary};
pub use verdict::{figure, finding};
