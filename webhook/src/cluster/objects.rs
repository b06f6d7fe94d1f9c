//! The objects of a cluster that admission judges, page by page.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::Client;
use kube::api::ListParams;
use kube::core::Request;
use meshwright_policies::kinds::Kind;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Objects of a page: a page is all that is in memory at once.
const PAGE: u32 = 100;
/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a kind could not be listed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListError {
    /// The API server's word, or none.
    #[error(transparent)]
    Kube(#[from] kube::Error),
    /// No answer in time.
    #[error("no answer within {PATIENCE:?}")]
    Slow,
    /// Changes came faster than pages, twice.
    #[error("the list expired before its end")]
    Expired,
}

impl ListError {
    /// Whether the right to list is missing.
    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self, ListError::Kube(kube::Error::Api(status)) if status.code == 403)
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(default)]
    items: Vec<Map<String, Value>>,
}

/// The version of each group that the API server prefers.
pub(super) async fn versions(client: &Client) -> Result<BTreeMap<String, String>, ListError> {
    let groups = patiently(client.list_api_groups()).await?;
    let mut versions = BTreeMap::from([(String::new(), "v1".to_owned())]);
    for group in groups.groups {
        let preferred = group.preferred_version.or_else(|| group.versions.first().cloned());
        versions.extend(preferred.map(|preferred| (group.name, preferred.version)));
    }
    Ok(versions)
}

async fn patiently<T>(asked: impl Future<Output = kube::Result<T>>) -> Result<T, ListError> {
    Ok(tokio::time::timeout(PATIENCE, asked).await.map_err(|_| ListError::Slow)??)
}

/// Hands over every object of a kind, in one namespace or in all; whether the kind is there at all.
pub(super) async fn each(
    client: &Client,
    kind: &dyn Kind,
    version: &str,
    namespace: Option<&str>,
    mut see: impl FnMut(Map<String, Value>),
) -> Result<bool, ListError> {
    let (group, plural) = (kind.group(), kind.plural());
    let (api_version, root) = match group {
        "" => (version.to_owned(), format!("/api/{version}")),
        group => (format!("{group}/{version}"), format!("/apis/{group}/{version}")),
    };
    let path = match namespace {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{plural}"),
    };
    let mut seen = 0_usize;
    for _attempt in 0..2 {
        let (mut token, mut at) = (None, 0_usize);
        loop {
            let mut params = ListParams::default().limit(PAGE);
            params.continue_token = token;
            let request = Request::new(path.clone()).list(&params).map_err(|_| ListError::Expired)?;
            let page = match patiently(client.request::<Page>(request)).await {
                Ok(page) => page,
                Err(ListError::Kube(kube::Error::Api(status))) if status.code == 404 => return Ok(false),
                // Begun again; what was seen already is passed over.
                Err(ListError::Kube(kube::Error::Api(status))) if status.code == 410 && at > 0 => break,
                Err(error) => return Err(error),
            };
            for mut object in page.items {
                at += 1;
                if at <= seen {
                    continue;
                }
                seen += 1;
                // Lists of built-in kinds do not repeat what they are lists of.
                object.insert("apiVersion".to_owned(), api_version.clone().into());
                object.insert("kind".to_owned(), kind.kind().into());
                see(object);
            }
            token = page.metadata.continue_.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(true);
            }
        }
    }
    Err(ListError::Expired)
}
