//! MW3151: a pool is announced otherwise than declared.

use crate::claim::{Claim, Claims, Fact};
use crate::declaration::{DeclarationSpec, DeclaredPool};
use crate::finding::{Findings, Rule, Severity};
use crate::intent::Advertise;
use crate::judge::{Declared, contradiction};
use crate::policy::Policy;

/// A pool is announced otherwise than declared.
pub(super) struct AnotherAdvertisement;

static RULE: Rule = Rule {
    code: "MW3151",
    name: "another-advertisement",
    severity: Severity::Error,
    title: "MetalLB pool is announced otherwise than declared",
    docs: include_str!("../../docs/MW3151.md"),
};

impl Policy for AnotherAdvertisement {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn judges(&self) -> bool {
        true
    }

    fn judge(&self, declaration: &DeclarationSpec, claims: &Claims, findings: &mut Findings) {
        for claim in &claims.list {
            let wrong = match &claim.fact {
                Fact::AdvertisedPools { name } => pools(declaration, claims, name, claim),
                Fact::AdvertisedInterfaces { name } => interfaces(declaration, claims, name, claim),
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

fn named<'a>(declaration: &'a DeclarationSpec, name: &str) -> Option<(usize, &'a DeclaredPool)> {
    declaration.pools.iter().enumerate().find(|(_, pool)| pool.name.as_str() == name)
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
}

/// The advertisement that is rendered for a pool has its name. Others may announce it as well, on other nodes or to other
/// peers, but not one that is not to be announced.
fn pools(declaration: &DeclarationSpec, claims: &Claims, name: &str, claim: &Claim) -> Wrong {
    if let Some((index, pool)) = named(declaration, name)
        && kind(claims) == expected(pool.advertise)
        && !names(&claim.value).any(|other| other == name)
    {
        let message = format!("`{name}` no longer announces the addresses of pool `{name}`");
        return Some((message, name.to_owned(), format!("pools[{index}]")));
    }
    let silent = names(&claim.value).find_map(|other| {
        named(declaration, other).filter(|(_, pool)| pool.advertise == Advertise::StatusOnly)
    });
    let (index, pool) = silent?;
    let message = format!("pool `{}` is announced, though what brings its traffic lies outside", pool.name);
    Some((message, String::new(), format!("pools[{index}]")))
}

/// Interfaces matter where the advertisement is the pool's own.
fn interfaces(declaration: &DeclarationSpec, claims: &Claims, name: &str, claim: &Claim) -> Wrong {
    let (index, pool) =
        named(declaration, name).filter(|(_, pool)| kind(claims) == expected(pool.advertise))?;
    let mut missing = pool.interfaces.iter().filter(|own| !names(&claim.value).any(|other| other == *own));
    if !pool.interfaces.is_empty() && missing.next().is_none() {
        return None;
    }
    let declared = pool.interfaces.join(",");
    let on = if declared.is_empty() { "every interface".to_owned() } else { format!("`{declared}`") };
    let message = format!("pool `{name}` is announced on `{}`, but is declared to be on {on}", claim.value);
    Some((message, declared, format!("pools[{index}].interfaces")))
}

fn kind(claims: &Claims) -> &str {
    claims.object.split('/').next().unwrap_or_default()
}

fn expected(advertise: Advertise) -> &'static str {
    match advertise {
        Advertise::L2 => "L2Advertisement",
        Advertise::Bgp => "BGPAdvertisement",
        Advertise::StatusOnly => "",
    }
}
