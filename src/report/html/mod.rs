//! `report.html`: one page, one file, no network. What a reader asks, in that order: did it pass,
//! what did it cost, who waited and why, where was the wall, what to change.

mod bill;
mod chart;
mod clock;
mod figure;
mod page;
mod panel;
mod split;

pub use page::html;
