//! Compiles declared mesh intent into one directory per cluster.
//!
//! **intent files -> spanned tree -> typed intent -> resolved mesh -> files**, each arrow one module: `source`,
//! `syntax`, `intent`, `resolve`, [`artefact`], `publish`.

pub mod admit;
pub mod artefact;
pub mod artefacts;
pub mod assemble;
pub mod audit;
pub mod bootstrap;
pub mod branch;
pub mod build;
pub mod carry;
pub mod cli;
pub mod compile;
pub mod compiled;
pub mod decorate;
pub mod destination;
pub mod diagnostic;
pub mod diff;
pub mod explain;
pub mod gateway_service;
pub mod git;
pub mod graph;
pub mod helm;
pub mod history;
pub mod image;
pub mod import;
pub mod incremental;
pub mod intent;
pub mod istio_values;
pub mod lint;
pub mod memory;
pub mod object;
pub mod outline;
pub mod plan;
pub mod provisioning;
pub mod publish;
pub mod resolve;
pub mod rules;
pub mod schema;
pub mod shell;
pub mod soundness;
pub mod source;
pub mod stage;
pub mod structural;
pub mod syntax;
pub mod threads;
pub mod watch;
pub mod yaml;
