//! The webhook's life in a cluster, against an API server.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/api/mod.rs"]
mod api;

mod api_server;
mod audit;
mod certificates;
mod declarations;
mod events;
mod expressions;
mod gate;
mod life;
mod matching;
mod reference;
mod status;
