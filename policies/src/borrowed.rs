//! A JSON value that borrows its texts from the bytes it was read from: objects that came over the wire are read, judged
//! and forgotten, some of them thousands of times a second.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::node::{Entry, Node, Value as NodeValue};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Borrowed<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number.
    Number(Number),
    /// A text.
    String(Cow<'a, str>),
    /// A list.
    Array(Vec<Borrowed<'a>>),
    /// A map.
    Object(Fields<'a>),
    /// A document that was read in the place of its text ([`crate::embedded`]).
    Document(Box<Value>),
}

/// The entries of a map, in the order in which they were written; of a key that is there twice, the last value in the
/// place of the first, as in [`serde_json::Map`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, Borrowed<'a>)>);

/// Maps of more entries are searched for double keys in an index.
const FEW: usize = 24;

impl<'a> Fields<'a> {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Borrowed<'a>> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Borrowed<'a>> {
        self.0.iter_mut().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Sets the value of a key, in its place or as the last.
    pub fn insert(&mut self, key: &'static str, value: Borrowed<'a>) {
        match self.get_mut(key) {
            Some(place) => *place = value,
            None => self.0.push((key.into(), value)),
        }
    }

    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Borrowed<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// As other code has it.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        self.iter().map(|(key, value)| (key.to_owned(), value.to_json())).collect()
    }

    /// Reads the entries of a map.
    pub(crate) fn read<A: MapAccess<'a>>(
        mut map: A,
        without: &'static Without,
    ) -> Result<Fields<'a>, A::Error> {
        let mut entries = Entries::default();
        while let Some(Text(key)) = map.next_key()? {
            if without.leaves_out(&key) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value_seed(Read(without.of(&key)))?;
            entries.push(key, value);
        }
        Ok(entries.into())
    }
}

/// Entries of a map that is being read.
#[derive(Debug, Default)]
pub(crate) struct Entries<'a> {
    all: Vec<(Cow<'a, str>, Borrowed<'a>)>,
    /// Whether a key is there twice, as far as that is looked for here.
    doubled: bool,
}

impl<'a> Entries<'a> {
    /// Adds the next.
    pub(crate) fn push(&mut self, key: Cow<'a, str>, value: Borrowed<'a>) {
        self.doubled =
            self.doubled || (self.all.len() < FEW && self.all.iter().any(|(known, _)| *known == key));
        self.all.push((key, value));
    }
}

impl<'a> From<Entries<'a>> for Fields<'a> {
    /// Each key once.
    fn from(entries: Entries<'a>) -> Fields<'a> {
        if !entries.doubled && entries.all.len() <= FEW {
            return Fields(entries.all);
        }
        let mut places: BTreeMap<Cow<'a, str>, usize> = BTreeMap::new();
        let mut kept: Vec<(Cow<'a, str>, Borrowed<'a>)> = Vec::with_capacity(entries.all.len());
        for (key, value) in entries.all {
            let place = *places.entry(key.clone()).or_insert(kept.len());
            match kept.get_mut(place) {
                Some(entry) => entry.1 = value,
                None => kept.push((key, value)),
            }
        }
        Fields(kept)
    }
}

impl Borrowed<'_> {
    /// As other code has it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Borrowed::Null => Value::Null,
            Borrowed::Bool(value) => Value::Bool(*value),
            Borrowed::Number(number) => Value::Number(number.clone()),
            Borrowed::String(text) => Value::String(text.as_ref().to_owned()),
            Borrowed::Array(items) => Value::Array(items.iter().map(Borrowed::to_json).collect()),
            Borrowed::Object(fields) => Value::Object(fields.to_map()),
            Borrowed::Document(value) => value.as_ref().clone(),
        }
    }

    /// The tree, written nowhere.
    #[must_use]
    pub fn to_node(&self) -> Node {
        Node::unwritten(match self {
            Borrowed::Null => NodeValue::Null,
            Borrowed::Bool(value) => NodeValue::Bool(*value),
            Borrowed::Number(number) => NodeValue::Number(number.clone()),
            Borrowed::String(text) => NodeValue::String(text.as_ref().to_owned()),
            Borrowed::Array(items) => NodeValue::Sequence(items.iter().map(Borrowed::to_node).collect()),
            Borrowed::Object(fields) => return fields.to_node(),
            Borrowed::Document(value) => return Node::from_json(value),
        })
    }
}

impl Fields<'_> {
    /// The tree, written nowhere.
    #[must_use]
    pub fn to_node(&self) -> Node {
        let entries = self.iter().map(|(key, value)| Entry::unwritten(key, value.to_node()));
        Node::unwritten(NodeValue::Mapping(entries.collect()))
    }
}

/// A text that stays where it is, unless it has escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Text<'de>, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }

        reader.deserialize_str(Texts)
    }
}

/// A map without some keys, and without others in the map of one key.
#[derive(Debug)]
pub(crate) struct Without {
    /// The keys that are left out, their values unread.
    pub(crate) keys: &'static [&'static str],
    /// A key with what is left out of its value.
    pub(crate) below: Option<(&'static str, &'static Without)>,
}

impl Without {
    /// Nothing is left out.
    pub(crate) const NOTHING: Without = Without { keys: &[], below: None };

    /// Whether a key is left out.
    pub(crate) fn leaves_out(&self, key: &str) -> bool {
        self.keys.contains(&key)
    }

    /// What is left out of a key's value.
    pub(crate) fn of(&self, key: &str) -> &'static Without {
        match self.below {
            Some((name, inner)) if key == name => inner,
            _ => &Without::NOTHING,
        }
    }
}

/// Reads any value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read(pub(crate) &'static Without);

impl<'de> DeserializeSeed<'de> for Read {
    type Value = Borrowed<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Borrowed<'de>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Read {
    type Value = Borrowed<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Borrowed<'de>, A::Error> {
        Fields::read(map, self.0).map(Borrowed::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Borrowed<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(Read(&Without::NOTHING))? {
            all.push(item);
        }
        Ok(Borrowed::Array(all))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::String(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Borrowed<'de>, E> {
        Ok(Number::from_f64(number).map_or(Borrowed::Null, Borrowed::Number))
    }

    fn visit_unit<E>(self) -> Result<Borrowed<'de>, E> {
        Ok(Borrowed::Null)
    }
}

/// The fields of a document that has to be a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadFields(pub(crate) &'static Without);

impl<'de> Visitor<'de> for ReadFields {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fields<'de>, A::Error> {
        Fields::read(map, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Fields<'_> {
        let mut reader = serde_json::Deserializer::from_str(text);
        reader.deserialize_map(ReadFields(&Without::NOTHING)).unwrap()
    }

    #[test]
    fn it_is_what_serde_json_reads() {
        for text in [
            r#"{"a":1,"b":-1,"c":1.5,"d":"x\n\u00e4","e":null,"f":[true,{"g":[]}],"":{}}"#,
            r#"{"a":1,"b":{"c":1,"d":2,"c":[3]},"a":{"e":4}}"#,
            r#"{"a":1e300,"\u0062":18446744073709551615,"b":2,"c":-9223372036854775808}"#,
        ] {
            let fields = read(text);
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(Value::Object(fields.to_map()).to_string(), value.to_string());
            assert_eq!(fields.to_node(), Node::from_json(&value));
            assert_eq!(Borrowed::Object(fields).to_node().to_json(), value);
        }
    }

    #[test]
    fn texts_stay_where_they_are() {
        let fields = read(r#"{"a":"b","c":"\""}"#);
        assert!(matches!(fields.get("a"), Some(Borrowed::String(Cow::Borrowed("b")))));
        assert!(matches!(fields.get("c"), Some(Borrowed::String(Cow::Owned(_)))));
    }

    #[test]
    fn of_many_keys_the_last_counts_as_well() {
        for number in [FEW - 1, FEW, FEW + 1, 500] {
            let mut text: String = (0..number).map(|key| format!(r#""{key}":0,"#)).collect();
            text = format!(r#"{{{text}"0":1,"x":2}}"#);
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(Value::Object(read(&text).to_map()).to_string(), value.to_string(), "{number}");
        }
    }
}
