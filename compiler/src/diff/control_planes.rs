//! Istio itself: version, revision, install method, values.

use meshwright_policies::intent::AppliedBy;
use meshwright_policies::mesh::{Istio, Role};

use super::Impact::{Changes as Other, Destroys, Disrupts};
use super::keys::keys;
use super::{Changes, Fleets, In, moved, text};

pub(super) fn compare(fleets: &Fleets<'_>, changes: &mut Changes) {
    for (was, is) in fleets.kept() {
        let (old, new) = (&was.1.istio, &is.1.istio);
        if old == new {
            continue;
        }
        version(was, is, changes);
        let mut say = |impact, kind, text: Option<String>| {
            text.into_iter().for_each(|text| changes.cluster(is, impact, kind, text));
        };
        let restart = |text: String| format!("{text}{}", restarts(was, is));
        say(
            Disrupts,
            "install-method",
            moved("the install method", &old.install.as_str(), &new.install.as_str()),
        );
        say(
            Disrupts,
            "applied-by",
            moved("the reader of IstioOperator objects", &applied_by(old), &applied_by(new)),
        );
        let namespace = moved("the system namespace", &old.namespace, &new.namespace);
        say(Destroys, "system-namespace", namespace);
        let profile =
            |istio: &Istio| istio.profile.map(|profile| profile.as_str().to_owned()).unwrap_or_default();
        say(Disrupts, "profile", moved("the profile", &profile(old), &profile(new)).map(restart));
        say(
            Disrupts,
            "hub",
            moved("the image registry", &text(old.hub.as_ref()), &text(new.hub.as_ref())).map(restart),
        );
        say(
            Disrupts,
            "tag",
            moved("the image tag", &text(old.tag.as_ref()), &text(new.tag.as_ref())).map(restart),
        );
        let cni = match (old.cni, new.cni) {
            (false, true) => Some("the CNI node agent is installed".to_owned()),
            (true, false) => Some("the CNI node agent is no longer installed".to_owned()),
            _ => None,
        };
        say(Disrupts, "cni", cni);
        say(
            Other,
            "chart-repository",
            moved("the chart repository", &old.chart_repository, &new.chart_repository),
        );
        let values = keys(&old.values, &new.values, &[]);
        say(
            Disrupts,
            "values",
            values.map(|keys| restart(format!("values of Istio's chart change: {keys}"))),
        );
        say(
            Other,
            "mesh-config",
            keys(&old.mesh_config, &new.mesh_config, &[]).map(|keys| format!("`meshConfig` changes: {keys}")),
        );
    }
}

fn version(was: In<'_>, is: In<'_>, changes: &mut Changes) {
    let (old, new) = (&was.1.istio, &is.1.istio);
    let revision = moved("the revision", &text(old.revision.as_ref()), &text(new.revision.as_ref()));
    if let Some(text) = &revision {
        let text = format!("{text}; a pod changes over when it restarts");
        changes.cluster(is, Disrupts, "revision", text);
    }
    if let Some(text) = moved("Istio", &old.version, &new.version) {
        let back = if new.version.numbers() < old.version.numbers() { ", a downgrade" } else { "" };
        let restart = restarts(was, is);
        changes.cluster(is, Disrupts, "istio-version", format!("{text}{back}{restart}"));
    }
}

/// A control plane of another revision is a new one beside the old.
fn restarts(was: In<'_>, is: In<'_>) -> &'static str {
    match is.1.role {
        _ if was.1.istio.revision != is.1.istio.revision => "",
        Role::Primary => "; the control plane restarts",
        Role::Remote { .. } | Role::HostedWorker => "",
    }
}

fn applied_by(istio: &Istio) -> &'static str {
    match istio.applied_by {
        AppliedBy::Operator => "operator",
        AppliedBy::Istioctl => "istioctl",
    }
}
