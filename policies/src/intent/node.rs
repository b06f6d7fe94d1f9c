//! Nodes and where they are.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::names::LabelValue;

/// `region`, `region/zone` or `region/zone/subzone`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locality {
    /// `topology.kubernetes.io/region`.
    pub region: LabelValue,
    /// `topology.kubernetes.io/zone`.
    pub zone: Option<LabelValue>,
    /// `topology.istio.io/subzone`.
    pub subzone: Option<LabelValue>,
}

impl TryFrom<String> for Locality {
    type Error = String;

    fn try_from(text: String) -> Result<Locality, String> {
        let mut parts = text.split('/');
        let mut next = || parts.next().map(LabelValue::new).transpose().map_err(|error| error.to_string());
        let (region, zone, subzone) = (next()?, next()?, next()?);
        match (region, parts.next()) {
            (Some(region), None) => Ok(Locality { region, zone, subzone }),
            _ => Err(format!("`{text}` is not a locality of the form region/zone/subzone")),
        }
    }
}

impl From<Locality> for String {
    fn from(locality: Locality) -> String {
        locality.to_string()
    }
}

impl std::fmt::Display for Locality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.region.fmt(f)?;
        [&self.zone, &self.subzone].into_iter().flatten().try_for_each(|part| write!(f, "/{part}"))
    }
}

impl JsonSchema for Locality {
    fn schema_name() -> Cow<'static, str> {
        "Locality".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?(/[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?){0,2}$",
            "description": "region, region/zone or region/zone/subzone.",
            "x-rule": "one to three label values joined by `/`: region/zone/subzone",
        })
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeSpec {
    /// Its name.
    pub name: DnsSubdomain,
    /// Its locality. Default: the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<Locality>,
}

/// A node's name: a DNS subdomain.
pub type DnsSubdomain = crate::names::DnsName;
