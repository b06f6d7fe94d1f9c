//! What a policy is, and what there is of them.

use crate::claim::{At, Claims};
use crate::contradictions::CONTRADICTIONS;
use crate::declaration::DeclarationSpec;
use crate::finding::{Findings, Rule};
use crate::mesh::{Fleet, Mesh};
use crate::policies::POLICIES;
use crate::repository::Repository;

/// A judgement with a code.
pub trait Policy: Sync {
    /// Code, severity and documentation.
    fn rule(&self) -> &'static Rule;

    /// Judges one mesh.
    fn check_mesh(&self, _mesh: &Mesh, _findings: &mut Findings) {}

    /// Judges what lies between meshes.
    fn check_fleet(&self, _fleet: &Fleet, _findings: &mut Findings) {}

    /// Judges what one object claims against the declaration of its cluster. Asked only where [`Policy::judges`] says so.
    fn judge(&self, _declaration: &DeclarationSpec, _claims: &Claims, _findings: &mut Findings) {}

    /// Judges what one object says beside its claims, at admission. Its documents were read ([`crate::embedded`]). Asked only
    /// where [`Policy::admits`] says so.
    fn admit(&self, _declaration: &DeclarationSpec, _object: &At<'_>, _findings: &mut Findings) {}

    /// Judges what an object of a running cluster lacks that something there should have given it. Asked by audits only:
    /// requests and files lack it rightly.
    fn audit(&self, _declaration: &DeclarationSpec, _object: &At<'_>, _findings: &mut Findings) {}

    /// Whether there is a [`Policy::judge`]: most have none, and every object of a cluster is judged.
    fn judges(&self) -> bool {
        false
    }

    /// Whether there is a [`Policy::admit`].
    fn admits(&self) -> bool {
        false
    }

    /// Judges what the objects of a repository claim against each other, with no intent.
    fn compare(&self, _repository: &Repository, _findings: &mut Findings) {}
}

/// Every policy, of either registry.
pub fn all() -> impl Iterator<Item = &'static dyn Policy> {
    POLICIES.iter().chain(CONTRADICTIONS).copied()
}

/// Runs every policy over the fleet. `PolicyConfig` is applied by [`crate::settings`].
#[must_use]
pub fn check(fleet: &Fleet) -> Findings {
    let mut findings = Findings::new();
    for policy in all() {
        policy.check_fleet(fleet, &mut findings);
        for mesh in fleet.meshes.values() {
            policy.check_mesh(mesh, &mut findings);
        }
    }
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A policy that forgot to say so would never be asked.
    #[test]
    fn a_policy_that_refuses_objects_says_that_it_judges_them() {
        for policy in all() {
            let rule = policy.rule();
            if rule.docs.contains("```yaml refused-object") {
                assert!(policy.judges() || policy.admits(), "{}", rule.code);
            }
        }
    }
}
