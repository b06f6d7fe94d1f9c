//! `PolicyConfig`: lowering and silencing, with a reason and an end.

use crate::finding::{Finding, Findings, Place, Rule, Severity};
use crate::intent::{Date, PolicySetting, SettingSeverity};
use crate::mesh::Fleet;
use crate::suggest::nearest;

/// A setting names a code that does not exist or cannot be lowered.
pub static UNKNOWN_CODE: Rule = Rule {
    code: "MW0120",
    name: "unknown-policy-code",
    severity: Severity::Error,
    title: "setting of a policy that does not exist or cannot be lowered",
    docs: include_str!("../docs/MW0120.md"),
};

/// A setting whose last day is over.
pub static EXPIRED: Rule = Rule {
    code: "MW0121",
    name: "expired-policy-setting",
    severity: Severity::Warning,
    title: "policy setting has expired",
    docs: include_str!("../docs/MW0121.md"),
};

/// A setting without a reason.
pub static NO_REASON: Rule = Rule {
    code: "MW0122",
    name: "policy-setting-without-reason",
    severity: Severity::Error,
    title: "policy setting has no reason",
    docs: include_str!("../docs/MW0122.md"),
};

/// A setting that names what is not there.
pub static UNKNOWN_TARGET: Rule = Rule {
    code: "MW0123",
    name: "policy-setting-without-target",
    severity: Severity::Warning,
    title: "policy setting names a cluster or object that is none",
    docs: include_str!("../docs/MW0123.md"),
};

/// All of them, by code.
pub static SETTINGS_RULES: &[&Rule] = &[&UNKNOWN_CODE, &EXPIRED, &NO_REASON, &UNKNOWN_TARGET];

/// Applies the fleet's settings to what its policies found, as of `today`. `known` are the codes that may be named.
pub fn apply(fleet: &Fleet, known: &[&'static str], today: Date, findings: &mut Findings) {
    let mut in_force: Vec<&PolicySetting> = Vec::new();
    let mut about = Vec::new();
    for (setting, place) in &fleet.settings {
        match judge(setting, place, known, today) {
            Some(finding) => about.push(finding),
            None => {
                about.extend(targets(fleet, setting, place));
                in_force.push(setting);
            }
        }
    }
    findings.retain_mut(|finding| match in_force.iter().find(|setting| concerns(setting, finding)) {
        Some(setting) if setting.severity == SettingSeverity::Off => false,
        Some(_) => {
            finding.severity = Severity::Warning;
            true
        }
        None => true,
    });
    findings.extend(about);
}

fn judge(setting: &PolicySetting, place: &Place, known: &[&'static str], today: Date) -> Option<Finding> {
    let at = |field: &str| Place { span: place.span, path: place.path.clone().key(field) };
    let code = &setting.code;
    if !known.contains(&code.as_str()) {
        let meant = known.iter().find(|known| known.eq_ignore_ascii_case(code));
        let help = meant.map_or_else(
            || {
                "`meshwright policies` lists the codes; mistakes of reading (MW0nnn), and what lint alone compares, cannot be \
                 lowered"
                    .to_owned()
            },
            |meant| format!("write `{meant}`"),
        );
        let message = format!("`{code}` is not a policy that can be lowered");
        return Some(UNKNOWN_CODE.at(at("code"), message).help(help));
    }
    if setting.reason.trim().is_empty() {
        return Some(
            NO_REASON
                .at(at("reason"), format!("the setting of `{code}` has no reason"))
                .help("say why it is right here"),
        );
    }
    (setting.expires < today).then(|| {
        EXPIRED
            .at(at("expires"), format!("the setting of `{code}` expired on {}", setting.expires))
            .found(setting.expires)
            .help("mend what it excused and remove it, or review it and choose a new day")
    })
}

/// Clusters and objects of a setting that no finding can be about.
fn targets(fleet: &Fleet, setting: &PolicySetting, place: &Place) -> Vec<Finding> {
    let at = |field: &str, index: usize| Place {
        span: place.span,
        path: place.path.clone().key(field).index(index),
    };
    let code = &setting.code;
    let names: Vec<&str> = fleet.clusters().map(|(_, cluster)| cluster.name.as_str()).collect();
    let clusters = setting.clusters.iter().enumerate().filter_map(|(index, cluster)| {
        if names.contains(&cluster.as_str()) {
            return None;
        }
        let message = format!("the setting of `{code}` is for cluster `{cluster}`, which is not declared");
        let help = match nearest(cluster.as_str(), names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "remove it from the setting".to_owned(),
        };
        Some(UNKNOWN_TARGET.at(at("clusters", index), message).found(cluster).help(help))
    });
    let objects = setting.objects.iter().enumerate().filter_map(|(index, object)| {
        let parts: Vec<&str> = object.split('/').collect();
        let is_kind = parts.first().is_some_and(|kind| kind.starts_with(|c: char| c.is_ascii_uppercase()));
        let is_object =
            is_kind && (2..=3).contains(&parts.len()) && !parts.iter().any(|part| part.is_empty());
        let message = format!("the setting of `{code}` is for `{object}`, which is no object");
        let help = "write `Kind/namespace/name`, or `Kind/name` for what has no namespace";
        (!is_object).then(|| UNKNOWN_TARGET.at(at("objects", index), message).found(object).help(help))
    });
    clusters.chain(objects).collect()
}

fn concerns(setting: &PolicySetting, finding: &Finding) -> bool {
    let cluster = || {
        let named = |name: &str| setting.clusters.iter().any(|cluster| cluster.as_str() == name);
        // What several clusters share is excused for all of them or not at all.
        let shared = || !finding.concerns.is_empty() && finding.concerns.iter().all(|name| named(name));
        setting.clusters.is_empty() || finding.cluster.as_deref().map_or_else(shared, named)
    };
    let object =
        || setting.objects.is_empty() || finding.object.as_ref().is_some_and(|o| setting.objects.contains(o));
    setting.code == finding.rule.code && cluster() && object()
}
