//! Host ports.
//!
//! Source: kubernetes `pkg/scheduler/framework/types.go` (`HostPortInfo`), v1.36.2.

use crate::model::HostPort;
use crate::unit::Symbol;

/// Whether two host ports cannot be open at once. `every_address` is the symbol of `0.0.0.0`.
pub fn ports_conflict(one: &HostPort, other: &HostPort, every_address: Symbol) -> bool {
    let every = |ip: Symbol| ip == Symbol::EMPTY || ip == every_address;
    one.port == other.port
        && one.port > 0
        && one.protocol == other.protocol
        && (one.ip == other.ip || every(one.ip) || every(other.ip))
}

/// Whether none of the wanted ports is taken.
pub fn ports_free(wanted: &[HostPort], taken: &[HostPort], every_address: Symbol) -> bool {
    wanted.iter().all(|port| {
        port.port == 0 || !taken.iter().any(|other| ports_conflict(port, other, every_address))
    })
}
