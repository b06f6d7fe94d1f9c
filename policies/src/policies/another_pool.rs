//! MW3103: MetalLB pool is not as declared.

use crate::address::AddressRange;
use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredPool};
use crate::finding::{Findings, Rule, Severity};
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// MetalLB pool has other addresses than declared, or a gateway asks for another pool.
pub(super) struct AnotherPool;

static RULE: Rule = Rule {
    code: "MW3103",
    name: "another-pool",
    severity: Severity::Error,
    title: "MetalLB pool is not as declared",
    docs: include_str!("../../docs/MW3103.md"),
};

impl Policy for AnotherPool {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let wrong = match &claim.fact {
                Fact::Pool { name } => missing_range(declaration, name, claim),
                Fact::PoolRange { name } => foreign_range(declaration, name, claim),
                Fact::GatewayPool { gateway } => foreign_pool(declaration, gateway, claim),
                _ => None,
            };
            if let Some((message, value, path)) = wrong {
                let declared = Declared { value, path: &path };
                findings.push(contradiction(&RULE, declaration, claims, claim, message, declared));
            }
        }
    }
}

/// Message, declared value, declared path.
type Wrong = Option<(String, String, String)>;

fn pool<'a>(declaration: &'a DeclarationSpec, name: &str) -> Option<(usize, &'a DeclaredPool)> {
    declaration.pools.iter().enumerate().find(|(_, pool)| pool.name.as_str() == name)
}

fn shown(pool: &DeclaredPool) -> String {
    pool.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn missing_range(declaration: &DeclarationSpec, name: &str, claim: &Claim) -> Wrong {
    let (index, pool) = pool(declaration, name)?;
    let has = |range: &AddressRange| claim.value.split(',').any(|text| same(text, range));
    let missing = pool.addresses.iter().find(|range| !has(range))?;
    let message = format!("pool `{name}` lacks `{missing}`, from which declared addresses may come");
    Some((message, shown(pool), format!("pools[{index}].addresses")))
}

fn foreign_range(declaration: &DeclarationSpec, name: &str, claim: &Claim) -> Wrong {
    let found = &claim.value;
    if let Some((index, pool)) = pool(declaration, name) {
        if pool.addresses.iter().any(|range| same(found, range)) {
            return None;
        }
        let message = format!("pool `{name}` has `{found}`, which is not declared");
        return Some((message, shown(pool), format!("pools[{index}].addresses")));
    }
    let range: AddressRange = found.trim().parse().ok()?;
    let overlaps = |pool: &DeclaredPool| pool.addresses.iter().any(|own| own.overlaps(range));
    let wrong = |message: String, path: String| Some((message, String::new(), path));
    if let Some((index, pool)) = declaration.pools.iter().enumerate().find(|(_, pool)| overlaps(pool)) {
        let message = format!(
            "pool `{name}`, which is not declared, has addresses of the declared pool `{}`",
            pool.name
        );
        return wrong(message, format!("pools[{index}].addresses"));
    }
    let earlier = declaration.previous.pools.iter().find(|pool| overlaps(pool))?;
    let message = format!(
        "pool `{name}`, which is not declared, has addresses that pool `{}` has until a change is rolled out",
        earlier.name
    );
    wrong(message, "previous".to_owned())
}

/// A declared gateway takes its address from the declared pool that has it.
fn foreign_pool(declaration: &DeclarationSpec, gateway: &str, claim: &Claim) -> Wrong {
    let (_, declared) = declaration.gateway(gateway)?;
    if declaration.pools.is_empty() {
        return None;
    }
    let has = |pool: &DeclaredPool, ip| pool.addresses.iter().any(|range| range.contains(ip));
    let earlier = || declared.previous_addresses.iter().filter_map(|address| address.ip());
    let fits = |pool: &DeclaredPool| match declared.address.as_ref().and_then(|address| address.ip()) {
        Some(ip) => has(pool, ip) || earlier().any(|ip| has(pool, ip)),
        None => true,
    };
    let right: Vec<&str> =
        declaration.pools.iter().filter(|pool| fits(pool)).map(|pool| pool.name.as_str()).collect();
    if right.contains(&claim.value.as_str()) {
        return None;
    }
    let message = match pool(declaration, &claim.value) {
        Some(_) => {
            format!("gateway `{gateway}` asks for pool `{}`, which lacks its declared address", claim.value)
        }
        None => format!("gateway `{gateway}` asks for pool `{}`, which is not declared", claim.value),
    };
    Some((message, right.join(", "), "pools".to_owned()))
}

fn same(text: &str, range: &AddressRange) -> bool {
    text.trim().parse::<AddressRange>().is_ok_and(|parsed| parsed.bounds() == range.bounds())
}
