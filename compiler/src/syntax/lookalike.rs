//! Characters that look like others.

use meshwright_policies::node::{FieldPath, Span};

use super::report::Report;
use super::scalar::Scalar;

pub(super) fn check(_scalar: &Scalar<'_>, _span: Span, _path: &FieldPath, _report: &mut Report<'_>) {}
