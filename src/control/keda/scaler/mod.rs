//! The scalers' arithmetic: from what a source shows to metric and activity.

pub mod azure;
pub mod kafka;
pub mod other;
pub mod rabbitmq;
pub mod source;
