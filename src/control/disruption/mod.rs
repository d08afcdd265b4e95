//! disruption control.
