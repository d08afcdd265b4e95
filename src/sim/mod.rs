//! The simulation: one world, one event loop.
