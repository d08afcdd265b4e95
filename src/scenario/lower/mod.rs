//! From the format to the plan: names become dense ids, files become tables, what was left out
//! becomes an assumption with its source.

mod arguments;
mod clock;
mod cluster;
mod commitment;
mod demand;
mod distribution;
mod event;
mod images;
mod item;
mod lowering;
mod namespace;
mod node;
mod plugins;
mod pool;
mod price;
mod provider;
mod rollout;
mod scheduler;
mod spot;
mod start;
mod table;
mod tags;
mod taint;
mod upgrade;
mod virtual_node;
mod workload;

pub use lowering::lower;
