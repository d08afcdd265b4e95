//! node control.
