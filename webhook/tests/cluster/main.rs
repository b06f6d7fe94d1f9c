//! The webhook's life in a cluster, against an API server.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/api/mod.rs"]
mod api;

mod agent;
mod api_server;
mod audit;
mod certificates;
mod declarations;
mod events;
mod expressions;
mod gate;
mod generated;
mod kubectl;
mod life;
mod matching;
mod order_of_change;
mod reference;
mod status;
