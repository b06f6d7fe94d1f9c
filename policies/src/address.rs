//! Addresses: of gateways, of control planes, in pools.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::names::DnsName;

/// Text that is not an address, a range, a CIDR or a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {what}")]
pub struct AddressError {
    /// What was written.
    pub value: String,
    /// What it should have been.
    pub what: &'static str,
}

fn error(value: &str, what: &'static str) -> AddressError {
    AddressError { value: value.to_owned(), what }
}

macro_rules! string_form {
    ($name:ident, $what:literal, $description:literal) => {
        impl TryFrom<String> for $name {
            type Error = AddressError;

            fn try_from(text: String) -> Result<Self, AddressError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "description": $description, "format": $what})
            }
        }
    };
}

/// Where something is reached: an IP or a DNS name. What looks like an IP but is none (`999.1.1.1`, `10.64.30.`) is
/// refused, though Istio's charts would take it for one (istio/istio@1.30:
/// `manifests/charts/istio-control/istio-discovery/templates/remote-istiod-endpointslices.yaml`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// A DNS name.
    Name(DnsName),
}

impl Address {
    /// Whether a text is this address, however it is spelled.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        text.parse::<Address>().is_ok_and(|parsed| parsed == *self)
    }

    /// The IP, when it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Address::Ip(ip) => Some(*ip),
            Address::Name(_) => None,
        }
    }

    /// Loopback, unspecified, link-local or `localhost`: an address that means something else to every reader.
    #[must_use]
    pub fn is_local_only(&self) -> bool {
        match self {
            Address::Ip(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_unspecified() || ip.is_link_local(),
            Address::Ip(IpAddr::V6(ip)) => {
                ip.is_loopback() || ip.is_unspecified() || ip.is_unicast_link_local()
            }
            Address::Name(name) => name.as_str() == "localhost" || name.as_str().ends_with(".localhost"),
        }
    }

    /// RFC 1918, RFC 6598 or RFC 4193: not reachable from the public Internet.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self {
            Address::Ip(IpAddr::V4(ip)) => {
                let shared =
                    ip.octets().first() == Some(&100) && ip.octets().get(1).is_some_and(|b| b & 0xc0 == 64);
                ip.is_private() || shared
            }
            Address::Ip(IpAddr::V6(ip)) => ip.is_unique_local(),
            Address::Name(_) => false,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Address::Ip(ip));
        }
        let looks_numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') || text.contains(':');
        match DnsName::new(text) {
            Ok(name) if !looks_numeric => Ok(Address::Name(name)),
            _ => Err(error(text, "an IP address or a DNS name")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(ip) => ip.fmt(f),
            Address::Name(name) => name.fmt(f),
        }
    }
}

string_form!(Address, "address", "An IPv4 or IPv6 address, or a DNS name in lower case.");

/// A range of pod, service or node addresses, with its mask: `10.201.0.0/16`. Host bits must be zero, so that what is
/// read is what is meant; Istio ignores a range without a mask (istio/istio@1.30:
/// `pilot/pkg/serviceregistry/kube/controller/network.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr(IpNet);

impl Cidr {
    /// The range.
    #[must_use]
    pub fn net(self) -> IpNet {
        self.0
    }

    /// Whether the two share an address.
    #[must_use]
    pub fn overlaps(self, other: Cidr) -> bool {
        self.0.contains(&other.0.network()) || other.0.contains(&self.0.network())
    }
}

impl FromStr for Cidr {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Cidr, AddressError> {
        match text.parse::<IpNet>() {
            Ok(net) if net.trunc() == net => Ok(Cidr(net)),
            Ok(_) => Err(error(text, "a network address: bits are set beyond the mask")),
            Err(_) => Err(error(text, "an address range in CIDR form, such as 10.201.0.0/16")),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

string_form!(Cidr, "cidr", "An address range in CIDR form, such as 10.201.0.0/16.");

/// Addresses of a MetalLB pool: `first-last` or a CIDR, as `IPAddressPool.spec.addresses` takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AddressRange {
    /// `10.64.30.71-10.64.30.73`, both ends included.
    Span(IpAddr, IpAddr),
    /// `10.64.30.0/28`.
    Net(IpNet),
}

impl AddressRange {
    /// First and last address.
    #[must_use]
    pub fn bounds(self) -> (IpAddr, IpAddr) {
        match self {
            AddressRange::Span(first, last) => (first, last),
            AddressRange::Net(net) => (net.network(), net.broadcast()),
        }
    }

    /// Whether the address is one of them.
    #[must_use]
    pub fn contains(self, ip: IpAddr) -> bool {
        let (first, last) = self.bounds();
        first.is_ipv4() == ip.is_ipv4() && first <= ip && ip <= last
    }

    /// Whether the two share an address.
    #[must_use]
    pub fn overlaps(self, other: AddressRange) -> bool {
        let (first, last) = self.bounds();
        let (other_first, other_last) = other.bounds();
        first.is_ipv4() == other_first.is_ipv4() && first <= other_last && other_first <= last
    }

    /// How many addresses, at most `u128::MAX`.
    #[must_use]
    pub fn size(self) -> u128 {
        let number = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => u128::from(u32::from(ip)),
            IpAddr::V6(ip) => u128::from(ip),
        };
        let (first, last) = self.bounds();
        number(last).saturating_sub(number(first)).saturating_add(1)
    }
}

impl FromStr for AddressRange {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<AddressRange, AddressError> {
        const WHAT: &str = "a range of addresses, such as 10.64.30.71-10.64.30.73 or 10.64.30.64/28";
        if let Some((first, last)) = text.split_once('-') {
            return match (first.trim().parse::<IpAddr>(), last.trim().parse::<IpAddr>()) {
                (Ok(first), Ok(last)) if first.is_ipv4() == last.is_ipv4() && first <= last => {
                    Ok(AddressRange::Span(first, last))
                }
                (Ok(_), Ok(_)) => {
                    Err(error(text, "a range of addresses: the last one comes before the first"))
                }
                _ => Err(error(text, WHAT)),
            };
        }
        text.parse::<IpNet>().map(AddressRange::Net).map_err(|_| error(text, WHAT))
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressRange::Span(first, last) => write!(f, "{first}-{last}"),
            AddressRange::Net(net) => net.fmt(f),
        }
    }
}

string_form!(AddressRange, "address-range", "`first-last` or a CIDR, as MetalLB takes them.");

/// The URL of an API server: `https://10.64.30.130:6443`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiServer {
    /// Host.
    pub host: Address,
    /// Port; 443 when the URL has none.
    pub port: u16,
    text: String,
}

impl FromStr for ApiServer {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<ApiServer, AddressError> {
        const WHAT: &str = "the URL of an API server, such as https://10.64.30.130:6443";
        let parse = || {
            let authority =
                text.strip_prefix("https://")?.strip_suffix('/').unwrap_or(text.strip_prefix("https://")?);
            let authority = authority.split('/').next()?;
            let (host, port) = match authority.strip_prefix('[') {
                Some(rest) => {
                    let (host, after) = rest.split_once(']')?;
                    (host, after.strip_prefix(':'))
                }
                None => {
                    authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
                }
            };
            let port = port.map_or(Some(443), |port| port.parse::<u16>().ok().filter(|port| *port != 0))?;
            Some(ApiServer { host: host.parse().ok()?, port, text: text.to_owned() })
        };
        parse().ok_or_else(|| error(text, WHAT))
    }
}

impl fmt::Display for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

string_form!(ApiServer, "api-server", "The https URL of an API server, such as https://10.64.30.130:6443.");

/// A TCP port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Port(u16);

impl JsonSchema for Port {
    fn schema_name() -> Cow<'static, str> {
        "Port".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": 65535, "description": "A TCP port, 1 to 65535."})
    }
}

impl Port {
    /// Mutual TLS by SNI between networks, Istio's default.
    pub const MTLS: Port = Port(15443);
    /// Readiness of a gateway.
    pub const STATUS: Port = Port(15021);
    /// XDS and CA of istiod.
    pub const XDS: Port = Port(15012);
    /// Webhooks of istiod through a gateway.
    pub const WEBHOOK: Port = Port(15017);

    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// A port that stands in the code; zero does not compile.
    #[must_use]
    pub const fn known<const NUMBER: u16>() -> Port {
        const { assert!(NUMBER != 0, "a port from 1 to 65535") };
        Port(NUMBER)
    }
}

impl TryFrom<u32> for Port {
    type Error = AddressError;

    fn try_from(number: u32) -> Result<Port, AddressError> {
        match u16::try_from(number) {
            Ok(port) if port != 0 => Ok(Port(port)),
            _ => Err(error(&number.to_string(), "a port from 1 to 65535")),
        }
    }
}

impl From<Port> for u32 {
    fn from(port: Port) -> u32 {
        u32::from(port.0)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether an IPv4 address is on the same /24 as another: a guess at "one segment" that is used in hints only.
#[must_use]
pub fn same_segment(a: Ipv4Addr, b: Ipv4Addr) -> bool {
    u32::from(a) >> 8 == u32::from(b) >> 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_ip_must_be_one() {
        for bad in ["999.1.1.1", "10.64.30.", "1.2.3", "", "a_b", "::g", "10.64.30.73:15443"] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
        for good in ["10.64.30.73", "fd00::1", "istiod.example.com", "a"] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
    }

    #[test]
    fn ranges_know_their_addresses() {
        let pool: AddressRange = "10.64.30.71-10.64.30.73".parse().unwrap();
        assert_eq!(pool.size(), 3);
        assert!(pool.contains("10.64.30.72".parse().unwrap()));
        assert!(!pool.contains("10.64.30.74".parse().unwrap()));
        assert!(!pool.contains("::1".parse().unwrap()));
        assert!("10.0.0.2-10.0.0.1".parse::<AddressRange>().is_err());
        assert_eq!("fd00::/64".parse::<AddressRange>().unwrap().size(), 1 << 64);
    }

    #[test]
    fn a_cidr_has_no_host_bits() {
        assert!("10.201.0.1/16".parse::<Cidr>().is_err());
        let a: Cidr = "10.0.0.0/8".parse().unwrap();
        assert!(a.overlaps("10.1.0.0/24".parse().unwrap()));
        assert!(!a.overlaps("11.0.0.0/8".parse().unwrap()));
    }

    #[test]
    fn api_servers_are_https() {
        let server: ApiServer = "https://10.64.30.130:6443".parse().unwrap();
        assert_eq!((server.port, server.to_string().as_str()), (6443, "https://10.64.30.130:6443"));
        assert_eq!("https://[fd00::1]".parse::<ApiServer>().unwrap().port, 443);
        for bad in ["http://a", "https://", "https://a:0", "https://a:99999", "10.0.0.1:6443"] {
            assert!(bad.parse::<ApiServer>().is_err(), "{bad}");
        }
    }
}
