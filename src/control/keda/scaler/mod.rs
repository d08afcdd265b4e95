//! The scalers' arithmetic: from what a source shows to metric and activity.
