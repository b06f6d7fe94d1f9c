//! The webhook's life in a cluster, against an API server.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/api/mod.rs"]
mod api;

mod api_server;
mod certificates;
mod expressions;
mod gate;
mod matching;
mod reference;
