//! What a multi-cluster Istio mesh is, what objects claim about it, and the policies that judge both.
//!
//! **intent files -> spanned tree -> typed intent -> resolved mesh -> files** (the compiler) and
//! **object -> claims -> verdict** (the webhook) meet here: this crate holds the vocabulary of both and the questions
//! that are asked of it. It is a function of its arguments: no files, network, clock, environment or randomness
//! (`clippy.toml` in this folder forbids them).

pub mod address;
pub mod address_plan;
pub mod admission;
pub mod assembly;
pub mod borrowed;
pub mod chart_keys;
pub mod claim;
pub mod contradictions;
pub mod declaration;
mod east_west;
pub mod embedded;
mod fault;
pub mod finding;
pub mod gateways;
pub mod intent;
mod istiod;
pub mod judge;
pub mod kinds;
pub mod loss;
pub mod mesh;
pub mod names;
pub mod node;
pub mod overlap;
pub mod policies;
pub mod policy;
pub mod precedence;
pub mod reading;
pub mod references;
pub mod repository;
pub mod sets;
pub mod settings;
pub mod sources;
pub mod suggest;
pub mod support;
pub mod version;
pub mod witness;
