//! Real files as scenario input: manifests and what `az` prints, from text to plan parts.

#![cfg(feature = "manifests")]

mod admission;
mod az;
mod broken;
mod equal;
mod kit;
mod large;
mod whole;
