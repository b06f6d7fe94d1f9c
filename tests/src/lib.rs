//! placeholder while the first types land
