//! CSV files: traces of arrivals, depths, pods, nodes, evictions, prices, and tables of values.
//!
//! Every problem names its row and column; all problems of a file are found at once.

mod clock;
mod error;
mod prices;
mod rows;
mod text;

pub use clock::{Align, Clock};
pub use error::{TableError, TableErrors};
pub use prices::{PriceColumns, PriceTableRow, prices};
pub use rows::{
    NodeColumns, NodeTableRow, PodColumns, PodTableRow, counts, depths, evictions, instants, nodes,
    pods, values,
};
pub use text::Table;
