//! MW3254: an annotation for MetalLB has a prefix that its release does not read, or will not for long.

use crate::claim::Fact;
use crate::finding::{Findings, Place, Rule, Severity};
use crate::node::{FieldPath, Step};
use crate::policy::Policy;
use crate::repository::{Cluster, Manifest, Repository};
use crate::version::Version;

/// MW3254: an annotation for MetalLB has a prefix that its release does not read, or will not for long.
pub(super) struct UnreadAnnotation;

static RULE: Rule = Rule {
    code: "MW3254",
    name: "unread-annotation",
    severity: Severity::Error,
    title: "annotation for MetalLB has a prefix of another release",
    docs: include_str!("../../docs/MW3254.md"),
};

const PREFIX: &str = "metallb.io/";
const OLD_PREFIX: &str = "metallb.universe.tf/";

impl Policy for UnreadAnnotation {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn compare(&self, repository: &Repository, findings: &mut Findings) {
        for cluster in repository.clusters.iter().filter(|cluster| !cluster.mixed) {
            if let Some(found) = release(cluster) {
                judge(cluster, &found, findings);
            }
        }
    }
}

/// The release of MetalLB that a cluster gets, and where that is said.
struct Release {
    version: Version,
    place: Place,
}

impl Release {
    /// From this release on the controller knows the new prefix (metallb/metallb@0.14.9: `controller/service.go`).
    fn knows_the_new_prefix(&self) -> bool {
        self.version.at_least(0, 14, 9)
    }
}

/// Where all that is seen of it is one release.
fn release(cluster: &Cluster) -> Option<Release> {
    let mut all = cluster.subjects.iter().filter_map(of);
    let first = all.next()?;
    all.all(|other| other.knows_the_new_prefix() == first.knows_the_new_prefix()).then_some(first)
}

/// Others pack MetalLB into charts with versions of their own; its own have been 0.x all the time.
fn of(subject: &Manifest) -> Option<Release> {
    let chart = |chart: &str, version: &str| {
        let name = subject.text(chart)?;
        (name.rsplit('/').next() == Some("metallb")).then(|| FieldPath::parse(version))
    };
    let (path, text) = match subject.kind.as_str() {
        "HelmRelease" => {
            let path = chart("spec.chart.spec.chart", "spec.chart.spec.version")?;
            let text = subject.text(&path.to_string())?;
            (path, text)
        }
        "Application" => {
            let path = chart("spec.source.chart", "spec.source.targetRevision")?;
            let text = subject.text(&path.to_string())?;
            (path, text)
        }
        "Deployment" => {
            let containers = FieldPath::parse("spec.template.spec.containers");
            let images = subject.document.at(&containers)?.items().enumerate();
            images.into_iter().find_map(|(index, container)| {
                let image = container.get("image")?.as_str()?;
                let (name, tag) = image.split('@').next()?.rsplit_once(':')?;
                let path = containers.clone().index(index).key("image");
                name.ends_with("metallb/controller").then(|| (path, tag.to_owned()))
            })?
        }
        _ => return None,
    };
    let version: Version = text.parse().ok()?;
    (version.minor().0 == 0).then(|| Release { version, place: subject.place(&path) })
}

fn judge(cluster: &Cluster, release: &Release, findings: &mut Findings) {
    let annotated = |fact: &Fact| matches!(fact, Fact::GatewayAddress { .. } | Fact::GatewayPool { .. });
    let mut told: Option<(Place, &str)> = None;
    for stated in cluster.stated(|_, fact| annotated(fact)) {
        let Some(Step::Key(key)) = stated.claim.path.0.last() else { continue };
        let new = release.knows_the_new_prefix();
        let (prefix, right) = if new { (OLD_PREFIX, PREFIX) } else { (PREFIX, OLD_PREFIX) };
        let Some(name) = key.strip_prefix(prefix) else { continue };
        let place = stated.place();
        // An address list is one annotation.
        if told.as_ref().is_some_and(|(other, known)| *other == place && *known == key) {
            continue;
        }
        told = Some((place, key));
        let version = &release.version;
        let message = if new {
            format!("`{key}` is deprecated in MetalLB {version}: a later release will not read it")
        } else {
            format!(
                "MetalLB {version} does not read `{key}`, which is known from 0.14.9 on: it has no effect"
            )
        };
        let mut finding = stated
            .finding(&RULE, message)
            .found(key)
            .related(release.place.clone(), format!("MetalLB {version} is installed here"))
            .help(format!("call the annotation `{right}{name}`"))
            .cluster(&cluster.name);
        if new {
            finding.severity = Severity::Warning;
        }
        findings.push(finding);
    }
}
