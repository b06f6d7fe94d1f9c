//! What istiod's Service is called (istio/istio@1.31: `manifests/charts/istio-control/istio-discovery/templates/service.yaml`).

/// The Service of a revision's istiod.
pub(crate) fn service(revision: Option<&str>) -> String {
    revision.map_or_else(|| "istiod".to_owned(), |revision| format!("istiod-{revision}"))
}

/// Whether a Service is called like that of an istiod, of any revision. The chart's name for what leads to another cluster's
/// ends with `-remote` where an istiod of the cluster injects.
pub(crate) fn is_service(name: &str) -> bool {
    name.strip_prefix("istiod").is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Whether a host is that of an istiod, by whatever part of its DNS name.
pub(crate) fn is_host(host: &str) -> bool {
    is_service(host.split('.').next().unwrap_or_default())
}
