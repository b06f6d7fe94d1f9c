//! A `PolicyConfig` document: how policies judge this repository.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::names::ClusterName;

/// How policies judge this repository. Anything it allows has a reason and an end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PolicyConfigSpec {
    /// Settings, one per policy code.
    pub policies: Vec<PolicySetting>,
}

/// A policy that is lowered or silenced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicySetting {
    /// The code: MW2004.
    pub code: String,
    /// What becomes of its findings.
    pub severity: SettingSeverity,
    /// Only in these clusters; a value that several clusters share is excused only if all of them are named. Default: in
    /// all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<ClusterName>,
    /// Only for these objects, as `Kind/namespace/name` or `Kind/name`. Default: for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds, quoted: `"2027-01-31"`.
    pub expires: Date,
}

/// What becomes of a policy's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SettingSeverity {
    /// They are said, and stop nothing.
    Warning,
    /// They are not said. Write `"off"`, in quotes: readers of YAML 1.1 take `off` for `false`.
    Off,
}

/// A calendar day, `YYYY-MM-DD` (RFC 3339 full-date).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    /// Year.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day, 1 to 31.
    pub day: u8,
}

impl Date {
    /// The day in UTC of a time, in seconds since 1970.
    #[must_use]
    pub fn of_unix(seconds: u64) -> Date {
        // The Gregorian calendar repeats every 400 years of 146097 days; years that begin in March have their leap day
        // last.
        let days = seconds / 86_400 + 719_468;
        let (cycle, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = cycle * 400 + year + u64::from(month <= 2);
        let narrow = |n: u64| u8::try_from(n).unwrap_or(1);
        Date { year: u16::try_from(year).unwrap_or(9999).min(9999), month: narrow(month), day: narrow(day) }
    }
}

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Date, String> {
        let parse = || {
            let mut parts = text.splitn(3, '-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            if (year.len(), month.len(), day.len()) != (4, 2, 2) {
                return None;
            }
            let (year, month, day): (u16, u8, u8) =
                (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let days = match month {
                4 | 6 | 9 | 11 => 30,
                2 if leap => 29,
                2 => 28,
                1..=12 => 31,
                _ => return None,
            };
            (1..=days).contains(&day).then_some(Date { year, month, day })
        };
        parse().ok_or_else(|| format!("`{text}` is not a day of the calendar, of the form 2027-01-31"))
    }
}

impl From<Date> for String {
    fn from(date: Date) -> String {
        date.to_string()
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl JsonSchema for Date {
    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            "description": "A day, quoted: \"2027-01-31\".",
            "x-rule": "a day of the form 2027-01-31, quoted",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_735_603_200, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
            (4_107_542_400, "2100-03-01"),
            (u64::MAX, "9999-"),
        ] {
            assert!(Date::of_unix(seconds).to_string().starts_with(day), "{seconds}");
        }
    }
}
