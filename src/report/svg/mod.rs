//! Pictures for slides: a timeline, the distribution of both clocks, and where the money went.
//! Plain SVG without scripts or fonts of its own; names of the scenario are escaped.

mod axis;
mod clocks;
mod cost;
mod panel;
mod theme;
mod thin;
mod timeline;

pub use clocks::pending_cdf;
pub use cost::cost_by_pool;
pub use theme::SERIES;
pub use thin::{POINTS, thin};
pub use timeline::timeline;
