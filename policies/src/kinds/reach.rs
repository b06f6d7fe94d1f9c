//! How requests about objects of a kind reach admission: by which rules of a webhook's configuration, and on which
//! condition.
//!
//! What a cluster needs to live is never stopped by a webhook that does not answer. Its objects are asked about only when
//! they carry a mark by which the mesh reads them, and an answer that does not come is no refusal.

/// How requests about objects of a kind reach admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of them; while nobody can judge, nothing is changed. For kinds that are about the mesh alone.
    Every,
    /// Those with one of the marks; while nobody can judge, nothing is changed. For kinds that hold much else, and that
    /// no cluster needs to live.
    Marked(&'static [Mark]),
    /// Those with one of the marks; while nobody can judge, anything is. For kinds that a cluster needs to live. An API
    /// server that knows no conditions does not ask about them at all.
    Lifeline(&'static [Mark]),
    /// A system namespace as [`Reach::Every`], any other namespace as [`Reach::Lifeline`].
    SystemNamespace(&'static [Mark]),
}

/// Where objects of a kind are looked for that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audited {
    /// In the whole cluster.
    Everywhere,
    /// In the system namespaces alone. For kinds that nobody should be able to read in a whole cluster.
    SystemNamespaces,
}

impl Audited {
    /// Where they are listed: in a namespace, or in the whole cluster. `system`: the system namespaces.
    #[must_use]
    pub fn places<'a>(self, system: &[&'a str]) -> Vec<Option<&'a str>> {
        match self {
            Audited::Everywhere => vec![None],
            Audited::SystemNamespaces => system.iter().copied().map(Some).collect(),
        }
    }
}

/// By what an object shows, before anybody judges it, that it may say something about the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It has the label.
    Label(&'static str),
    /// It has the annotation.
    Annotation(&'static str),
    /// Its pod template has the label.
    PodLabel(&'static str),
    /// Its pod template has the annotation.
    PodAnnotation(&'static str),
    /// It is named as one of the cluster's east-west gateways.
    Gateway,
    /// It is named so, or so with a dash and more, in a system namespace: `istio`, `istio-canary`.
    InSystemNamespace(&'static str),
    /// An expression of CEL about the object, which it calls `self`. It must not fail on any object that the API server
    /// takes: fields that may be missing are asked for with `has`.
    Expression(&'static str),
}
