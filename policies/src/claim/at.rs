//! Reading an object field by field, without losing where each stands.

use serde_json::{Map, Number, Value};

use super::{Claims, Fact};
use crate::borrowed::{Borrowed, Fields};
use crate::node::{FieldPath, Node, Step};

/// A place in a JSON document that knows its way back; the path is built only for those who ask.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    view: View<'a>,
    parent: Option<&'a At<'a>>,
    step: Way<'a>,
}

/// What is there, read by serde_json or as it came over the wire. What is no map is one variant of each.
#[derive(Clone, Copy, Debug)]
enum View<'a> {
    Map(&'a Map<String, Value>),
    Other(&'a Value),
    Fields(&'a Fields<'a>),
    Leaf(&'a Borrowed<'a>),
}

impl<'a> View<'a> {
    fn json(value: &'a Value) -> View<'a> {
        match value {
            Value::Object(map) => View::Map(map),
            other => View::Other(other),
        }
    }

    fn borrowed(value: &'a Borrowed<'a>) -> View<'a> {
        match value {
            Borrowed::Object(fields) => View::Fields(fields),
            Borrowed::Document(value) => View::json(value),
            other => View::Leaf(other),
        }
    }

    fn get(self, key: &str) -> Option<View<'a>> {
        match self {
            View::Map(map) => map.get(key).map(View::json),
            View::Fields(fields) => fields.get(key).map(View::borrowed),
            View::Other(_) | View::Leaf(_) => None,
        }
    }

    fn step(self, step: &Step) -> Option<View<'a>> {
        match (self, step) {
            (_, Step::Key(key)) => self.get(key),
            (View::Other(value), Step::Index(index)) => value.get(index).map(View::json),
            (View::Leaf(Borrowed::Array(items)), Step::Index(index)) => items.get(*index).map(View::borrowed),
            _ => None,
        }
    }

    fn scalar(self) -> Option<Scalar<'a>> {
        Some(match self {
            View::Map(_) | View::Fields(_) => return None,
            View::Other(value) => match value {
                Value::Null => Scalar::Null,
                Value::Bool(value) => Scalar::Bool(*value),
                Value::Number(number) => Scalar::Number(number),
                Value::String(text) => Scalar::String(text),
                Value::Array(_) | Value::Object(_) => Scalar::List,
            },
            View::Leaf(value) => match value {
                Borrowed::Null => Scalar::Null,
                Borrowed::Bool(value) => Scalar::Bool(*value),
                Borrowed::Number(number) => Scalar::Number(number),
                Borrowed::String(text) => Scalar::String(text),
                Borrowed::Array(_) | Borrowed::Object(_) | Borrowed::Document(_) => Scalar::List,
            },
        })
    }

    fn str(self) -> Option<&'a str> {
        match self.scalar()? {
            Scalar::String(text) => Some(text),
            _ => None,
        }
    }
}

/// What is not a map.
enum Scalar<'a> {
    String(&'a str),
    Number(&'a Number),
    Bool(bool),
    Null,
    List,
}

/// The step from the place above.
#[derive(Clone, Copy, Debug)]
enum Way<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    /// The document.
    #[must_use]
    pub fn root(object: &'a Map<String, Value>) -> At<'a> {
        At { view: View::Map(object), parent: None, step: Way::Root }
    }

    /// The document, as it came over the wire.
    #[must_use]
    pub fn fields(object: &'a Fields<'a>) -> At<'a> {
        At { view: View::Fields(object), parent: None, step: Way::Root }
    }

    fn child(&'a self, view: View<'a>, step: Way<'a>) -> At<'a> {
        At { view, parent: Some(self), step }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&'a self, key: &'a str) -> Option<At<'a>> {
        self.view.get(key).map(|view| self.child(view, Way::Key(key)))
    }

    /// The entries of a map.
    pub fn entries(&'a self) -> impl Iterator<Item = (&'a str, At<'a>)> {
        let (map, fields) = match self.view {
            View::Map(map) => (Some(map), None),
            View::Fields(fields) => (None, Some(fields)),
            View::Other(_) | View::Leaf(_) => (None, None),
        };
        let map = map.into_iter().flatten();
        let map = map.map(|(key, value)| (key.as_str(), self.child(View::json(value), Way::Key(key))));
        let fields = fields.into_iter().flat_map(Fields::iter);
        map.chain(fields.map(|(key, value)| (key, self.child(View::borrowed(value), Way::Key(key)))))
    }

    /// The items of a list.
    pub fn items(&'a self) -> impl Iterator<Item = At<'a>> {
        let (items, borrowed): (&[Value], &[Borrowed<'a>]) = match self.view {
            View::Other(Value::Array(items)) => (items, &[]),
            View::Leaf(Borrowed::Array(items)) => (&[], items),
            _ => (&[], &[]),
        };
        let items =
            items.iter().enumerate().map(|(index, item)| self.child(View::json(item), Way::Index(index)));
        let borrowed = borrowed.iter().enumerate();
        items.chain(borrowed.map(|(index, item)| self.child(View::borrowed(item), Way::Index(index))))
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self.view.scalar()? {
            Scalar::String(text) => Some(text.to_owned()),
            Scalar::Number(number) => Some(number.to_string()),
            Scalar::Bool(value) => Some(value.to_string()),
            Scalar::Null | Scalar::List => None,
        }
    }

    /// The text of a string, borrowed.
    #[must_use]
    pub fn str(&self) -> Option<&'a str> {
        self.view.str()
    }

    /// The place below several keys.
    pub fn with<R>(&self, keys: &[&str], read: impl FnOnce(&At<'_>) -> R) -> Option<R> {
        match keys.split_first() {
            None => Some(read(self)),
            Some((first, rest)) => self.get(first)?.with(rest, read),
        }
    }

    /// The text of a string below several keys, borrowed.
    #[must_use]
    pub fn str_at(&self, keys: &[&str]) -> Option<&'a str> {
        keys.iter().try_fold(self.view, |view, key| view.get(key))?.str()
    }

    /// The text of a string at a path, borrowed.
    #[must_use]
    pub(crate) fn str_below(&self, path: &FieldPath) -> Option<&'a str> {
        path.0.iter().try_fold(self.view, View::step)?.str()
    }

    /// The text of a scalar below several keys.
    #[must_use]
    pub fn text_at(&self, keys: &[&str]) -> Option<String> {
        self.with(keys, |at| at.text()).flatten()
    }

    /// Adds the claim of a scalar below several keys, when there is one.
    pub fn claim(&self, keys: &[&str], fact: Fact, claims: &mut Claims) {
        self.with(keys, |at| claims.scalar(fact, Some(*at)));
    }

    /// Whether it is a map.
    #[must_use]
    pub fn is_map(&self) -> bool {
        matches!(self.view, View::Map(_) | View::Fields(_))
    }

    /// Whether it is nothing: `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.view.scalar(), Some(Scalar::Null))
    }

    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self.view {
            View::Map(map) => Value::Object(map.clone()),
            View::Other(value) => value.clone(),
            View::Fields(fields) => Value::Object(fields.to_map()),
            View::Leaf(value) => value.to_json(),
        }
    }

    /// The value as a tree that was written nowhere.
    #[must_use]
    pub fn to_node(&self) -> Node {
        match self.view {
            View::Map(map) => Node::from_map(map),
            View::Other(value) => Node::from_json(value),
            View::Fields(fields) => fields.to_node(),
            View::Leaf(value) => value.to_node(),
        }
    }

    /// The text of a scalar below a key.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<String> {
        At::text(&self.get(key)?)
    }

    /// Whether it is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(self.view.scalar(), Some(Scalar::List))
    }

    /// The path from the document.
    #[must_use]
    pub fn path(&self) -> FieldPath {
        let depth = std::iter::successors(Some(self), |place| place.parent).count();
        let mut steps = Vec::with_capacity(depth.saturating_sub(1));
        let mut at = Some(self);
        while let Some(place) = at {
            match place.step {
                Way::Root => {}
                Way::Key(key) => steps.push(Step::Key(key.to_owned())),
                Way::Index(index) => steps.push(Step::Index(index)),
            }
            at = place.parent;
        }
        steps.reverse();
        FieldPath(steps)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::json;

    use super::*;

    /// The same object in both forms.
    fn both() -> (Map<String, Value>, Fields<'static>) {
        let Value::Object(map) = json!({"spec": {"ports": [{"port": 15443}], "name": "tls"}, "none": null})
        else {
            unreachable!()
        };
        let mut port = Fields::default();
        port.insert("port", Borrowed::Number(15443.into()));
        let mut spec = Fields::default();
        spec.insert("ports", Borrowed::Array(vec![Borrowed::Object(port)]));
        spec.insert("name", Borrowed::String(Cow::Borrowed("tls")));
        let mut fields = Fields::default();
        fields.insert("spec", Borrowed::Object(spec));
        fields.insert("none", Borrowed::Null);
        (map, fields)
    }

    #[test]
    fn both_forms_are_read_alike() {
        let (map, fields) = both();
        for root in [At::root(&map), At::fields(&fields)] {
            assert_eq!(root.to_json(), Value::Object(map.clone()));
            assert_eq!(root.to_node().to_json(), Value::Object(map.clone()));
            assert_eq!(root.entries().map(|(key, _)| key).collect::<Vec<_>>(), ["spec", "none"]);
            assert!(root.is_map() && root.get("none").is_some_and(|none| none.is_null()));
            assert_eq!(root.str_at(&["spec", "name"]), Some("tls"));
            assert_eq!(root.str_below(&FieldPath::parse("spec.name")), Some("tls"));
            assert_eq!(root.text_at(&["spec", "ports"]), None);
            let ports = root.with(&["spec", "ports"], |ports| {
                let read = |port: At<'_>| (port.get("port").map(|port| port.path()), port.text_of("port"));
                (ports.is_list(), ports.items().map(read).collect::<Vec<_>>())
            });
            let path = FieldPath::parse("spec.ports[0].port");
            assert_eq!(ports, Some((true, vec![(Some(path), Some("15443".to_owned()))])));
        }
    }

    #[test]
    fn scalars_that_are_there_are_claimed_where_they_stand() {
        let (map, _) = both();
        let mut claims = Claims::default();
        for keys in [&["spec", "name"][..], &["spec", "ports"], &["none"], &["absent"]] {
            At::root(&map).claim(keys, Fact::MeshId, &mut claims);
        }
        let found: Vec<_> = claims.list.iter().map(|c| (c.path.to_string(), c.value.as_str())).collect();
        assert_eq!(found, [("spec.name".to_owned(), "tls")]);
    }
}
