//! Serving admission: **AdmissionReview -> object -> claims -> findings -> answer.**
//!
//! What an object asserts and whether that contradicts the declaration is judged by `meshwright-policies`, the code that
//! also judges the intent before anything is rendered. This crate reads declarations, serves TLS, bounds every
//! resource that a client can use, and puts findings into words.

pub mod admit;
pub mod args;
pub mod authority;
pub mod backoff;
pub mod cluster;
pub mod configuration;
pub mod controller;
pub mod log;
pub mod metrics;
pub mod print;
pub mod self_test;
pub mod server;
pub mod store;
pub mod traces;
pub mod trust;
pub mod watch;
pub mod withdraw;
