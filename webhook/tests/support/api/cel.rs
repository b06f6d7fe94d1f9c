//! The part of the Common Expression Language that match conditions use: operators, `has`, `in`, optionals, macros over lists
//! and maps, and functions of strings. Enough to see an expression decide as an API server would let it.

use serde_json::{Value, json};

/// What the expressions see.
pub(crate) struct Scope<'a> {
    pub(crate) object: &'a Value,
    pub(crate) old_object: &'a Value,
    pub(crate) request: &'a Value,
}

/// Evaluates a condition.
pub(crate) fn condition(expression: &str, scope: &Scope<'_>) -> Result<bool, String> {
    let mut parser = Parser { tokens: tokens(expression)?, at: 0 };
    let tree = parser.ternary()?;
    if parser.at != parser.tokens.len() {
        return Err(format!("not understood from {:?} on", parser.tokens.get(parser.at)));
    }
    match eval(&tree, scope, &mut Vec::new())? {
        Value::Bool(holds) => Ok(holds),
        other => Err(format!("{other} is not a bool")),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Text(String),
    Number(i64),
    Name(String),
    Sign(&'static str),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    const SIGNS: [&str; 24] = [
        "&&", "||", "==", "!=", "<=", ">=", "[?", ".?", "(", ")", "[", "]", ".", ",", "!", "<", ">", "?",
        ":", "+", "-", "{", "}", "%",
    ];
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' || first == '"' {
            let mut value = String::new();
            let mut chars = rest.char_indices().skip(1);
            let end = loop {
                match chars.next().ok_or("a string does not end")? {
                    (at, c) if c == first => break at,
                    (_, '\\') => value.push(chars.next().ok_or("a string does not end")?.1),
                    (_, c) => value.push(c),
                }
            };
            found.push(Token::Text(value));
            rest = &rest[end + 1..];
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            found.push(Token::Number(rest[..end].parse().map_err(|_| "a number is too large")?));
            rest = &rest[end..];
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(Token::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.ok_or_else(|| format!("`{first}` is not understood"))?;
            found.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        }
        rest = rest.trim_start();
    }
    Ok(found)
}

#[derive(Debug)]
enum Tree {
    Value(Value),
    Name(String),
    List(Vec<Tree>),
    Get(Box<Tree>, Box<Tree>, bool),
    Not(Box<Tree>),
    Binary(&'static str, Box<Tree>, Box<Tree>),
    If(Box<Tree>, Box<Tree>, Box<Tree>),
    Call(Option<Box<Tree>>, String, Vec<Tree>),
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn sign(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        let Some(Token::Sign(sign)) = self.tokens.get(self.at) else { return None };
        let sign = *sign;
        signs.contains(&sign).then(|| {
            self.at += 1;
            sign
        })
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), String> {
        self.sign(&[sign])
            .map(drop)
            .ok_or_else(|| format!("`{sign}` is missing at {:?}", self.tokens.get(self.at)))
    }

    fn ternary(&mut self) -> Result<Tree, String> {
        let condition = self.binary(0)?;
        if self.sign(&["?"]).is_none() {
            return Ok(condition);
        }
        let yes = self.ternary()?;
        self.expect(":")?;
        Ok(Tree::If(Box::new(condition), Box::new(yes), Box::new(self.ternary()?)))
    }

    fn binary(&mut self, level: usize) -> Result<Tree, String> {
        const LEVELS: [&[&str]; 4] = [&["||"], &["&&"], &["==", "!=", "<=", ">=", "<", ">"], &["+", "-"]];
        let Some(signs) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        loop {
            let sign = if level == 2 && self.tokens.get(self.at) == Some(&Token::Name("in".to_owned())) {
                self.at += 1;
                "in"
            } else if let Some(sign) = self.sign(signs) {
                sign
            } else {
                return Ok(left);
            };
            left = Tree::Binary(sign, Box::new(left), Box::new(self.binary(level + 1)?));
        }
    }

    fn unary(&mut self) -> Result<Tree, String> {
        if self.sign(&["!"]).is_some() {
            return Ok(Tree::Not(Box::new(self.unary()?)));
        }
        let mut tree = self.primary()?;
        loop {
            let optional = match self.sign(&[".", ".?", "[", "[?"]) {
                None => return Ok(tree),
                Some(sign @ (".?" | "[?")) => (sign, true),
                Some(sign) => (sign, false),
            };
            if optional.0.starts_with('[') {
                let key = self.ternary()?;
                self.expect("]")?;
                tree = Tree::Get(Box::new(tree), Box::new(key), optional.1);
                continue;
            }
            let name = self.name()?;
            tree = if self.sign(&["("]).is_some() {
                let arguments = self.list(")")?;
                Tree::Call(Some(Box::new(tree)), name, arguments)
            } else {
                Tree::Get(Box::new(tree), Box::new(Tree::Value(name.into())), optional.1)
            };
        }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.tokens.get(self.at) {
            Some(Token::Name(name)) => {
                self.at += 1;
                Ok(name.clone())
            }
            other => Err(format!("a name is missing at {other:?}")),
        }
    }

    fn list(&mut self, end: &'static str) -> Result<Vec<Tree>, String> {
        let mut found = Vec::new();
        while self.sign(&[end]).is_none() {
            found.push(self.ternary()?);
            if self.sign(&[","]).is_none() {
                self.expect(end)?;
                break;
            }
        }
        Ok(found)
    }

    fn primary(&mut self) -> Result<Tree, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("it ends too early")?;
        self.at += 1;
        Ok(match token {
            Token::Text(text) => Tree::Value(text.into()),
            Token::Number(number) => Tree::Value(number.into()),
            Token::Name(name) => match name.as_str() {
                "true" => Tree::Value(true.into()),
                "false" => Tree::Value(false.into()),
                "null" => Tree::Value(Value::Null),
                _ if self.sign(&["("]).is_some() => Tree::Call(None, name, self.list(")")?),
                _ => Tree::Name(name),
            },
            Token::Sign("(") => {
                let tree = self.ternary()?;
                self.expect(")")?;
                tree
            }
            Token::Sign("[") => Tree::List(self.list("]")?),
            Token::Sign(sign) => return Err(format!("`{sign}` is not understood")),
        })
    }
}

/// An optional is a marked list, so that values stay JSON.
fn optional(value: Option<Value>) -> Value {
    json!({"\u{0}optional": value.map_or_else(Vec::new, |value| vec![value])})
}

fn as_optional(value: &Value) -> Option<Option<&Value>> {
    value.get("\u{0}optional").map(|list| list.get(0))
}

type Bound = Vec<(String, Value)>;

fn eval(tree: &Tree, scope: &Scope<'_>, bound: &mut Bound) -> Result<Value, String> {
    match tree {
        Tree::Value(value) => Ok(value.clone()),
        Tree::List(items) => items.iter().map(|item| eval(item, scope, bound)).collect(),
        Tree::Name(name) => {
            if let Some((_, value)) = bound.iter().rev().find(|(known, _)| known == name) {
                return Ok(value.clone());
            }
            match name.as_str() {
                "object" => Ok(scope.object.clone()),
                "oldObject" => Ok(scope.old_object.clone()),
                "request" => Ok(scope.request.clone()),
                _ => Err(format!("undeclared reference to `{name}`")),
            }
        }
        Tree::Get(of, key, wanted) => {
            let (of, key) = (eval(of, scope, bound)?, eval(key, scope, bound)?);
            get(&of, &key, *wanted)
        }
        Tree::Not(tree) => match eval(tree, scope, bound)? {
            Value::Bool(value) => Ok((!value).into()),
            other => Err(format!("!{other}")),
        },
        Tree::If(condition, yes, no) => match eval(condition, scope, bound)? {
            Value::Bool(true) => eval(yes, scope, bound),
            Value::Bool(false) => eval(no, scope, bound),
            other => Err(format!("{other} ? :")),
        },
        // Either side may decide alone, whatever the other comes to.
        Tree::Binary(sign @ ("&&" | "||"), left, right) => {
            let decides = Value::Bool(*sign == "||");
            let (left, right) = (eval(left, scope, bound), eval(right, scope, bound));
            match (left, right) {
                (Ok(value), _) | (_, Ok(value)) if value == decides => Ok(decides),
                (Ok(Value::Bool(_)), Ok(Value::Bool(value))) => Ok(value.into()),
                (Err(error), _) | (_, Err(error)) => Err(error),
                (left, right) => Err(format!("{left:?} {sign} {right:?}")),
            }
        }
        Tree::Binary(sign, left, right) => {
            let (left, right) = (eval(left, scope, bound)?, eval(right, scope, bound)?);
            binary(sign, &left, &right)
        }
        Tree::Call(None, name, arguments) => match (name.as_str(), arguments.as_slice()) {
            ("has", [Tree::Get(of, key, _)]) => {
                let (of, key) = (eval(of, scope, bound)?, eval(key, scope, bound)?);
                let inner = match as_optional(&of) {
                    Some(None) => return Ok(false.into()),
                    Some(Some(inner)) => inner.clone(),
                    None => of,
                };
                match (&inner, key.as_str()) {
                    (Value::Object(map), Some(key)) => Ok(map.contains_key(key).into()),
                    _ => Err(format!("has() on {inner}")),
                }
            }
            ("size", [of]) => size(&eval(of, scope, bound)?),
            _ => Err(format!("undeclared function `{name}`")),
        },
        Tree::Call(Some(of), name, arguments) => {
            let of = eval(of, scope, bound)?;
            call(&of, name, arguments, scope, bound)
        }
    }
}

fn get(of: &Value, key: &Value, wanted: bool) -> Result<Value, String> {
    let (of, chained) = match as_optional(of) {
        Some(None) => return Ok(optional(None)),
        Some(Some(inner)) => (inner, true),
        None => (of, false),
    };
    let found = match (of, key) {
        (Value::Object(map), Value::String(key)) => map.get(key),
        (Value::Array(list), Value::Number(index)) => {
            index.as_u64().and_then(|index| list.get(usize::try_from(index).ok()?))
        }
        (Value::Null, _) if wanted => None,
        _ => return Err(format!("no such overload: {of}[{key}]")),
    };
    match (found, wanted || chained) {
        (found, true) => Ok(optional(found.cloned())),
        (Some(found), false) => Ok(found.clone()),
        (None, false) => Err(format!("no such key: {key}")),
    }
}

fn binary(sign: &str, left: &Value, right: &Value) -> Result<Value, String> {
    Ok(match (sign, left, right) {
        ("==", ..) => (left == right).into(),
        ("!=", ..) => (left != right).into(),
        ("in", _, Value::Array(list)) => list.contains(left).into(),
        ("in", Value::String(key), Value::Object(map)) => map.contains_key(key).into(),
        ("+", Value::String(left), Value::String(right)) => format!("{left}{right}").into(),
        ("+", Value::Array(left), Value::Array(right)) => [left.as_slice(), right].concat().into(),
        (_, Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_i64().unwrap_or_default(), right.as_i64().unwrap_or_default());
            match sign {
                "<" => (left < right).into(),
                "<=" => (left <= right).into(),
                ">" => (left > right).into(),
                ">=" => (left >= right).into(),
                "+" => (left + right).into(),
                _ => (left - right).into(),
            }
        }
        _ => return Err(format!("no such overload: {left} {sign} {right}")),
    })
}

fn size(of: &Value) -> Result<Value, String> {
    match of {
        Value::String(text) => Ok(text.chars().count().into()),
        Value::Array(list) => Ok(list.len().into()),
        Value::Object(map) => Ok(map.len().into()),
        other => Err(format!("size({other})")),
    }
}

fn call(
    of: &Value,
    name: &str,
    arguments: &[Tree],
    scope: &Scope<'_>,
    bound: &mut Bound,
) -> Result<Value, String> {
    if let (true, [Tree::Name(variable), body]) =
        (matches!(name, "exists" | "all" | "filter" | "map" | "exists_one"), arguments)
    {
        let items: Vec<Value> = match of {
            Value::Array(list) => list.clone(),
            Value::Object(map) => map.keys().map(|key| key.clone().into()).collect(),
            other => return Err(format!("{name}() on {other}")),
        };
        let mut results = Vec::new();
        for item in items {
            bound.push((variable.clone(), item.clone()));
            let result = eval(body, scope, bound);
            bound.pop();
            results.push((item, result));
        }
        let holds =
            |result: &Result<Value, String>| result.as_ref().is_ok_and(|value| *value == Value::Bool(true));
        let error = results.iter().find_map(|(_, result)| result.as_ref().err().cloned());
        return match name {
            "exists" if results.iter().any(|(_, result)| holds(result)) => Ok(true.into()),
            "all"
                if results
                    .iter()
                    .any(|(_, result)| result.as_ref().is_ok_and(|v| *v == Value::Bool(false))) =>
            {
                Ok(false.into())
            }
            _ if error.is_some() => Err(error.unwrap_or_default()),
            "exists" => Ok(false.into()),
            "all" => Ok(true.into()),
            "exists_one" => Ok((results.iter().filter(|(_, result)| holds(result)).count() == 1).into()),
            "filter" => {
                Ok(results.into_iter().filter(|(_, result)| holds(result)).map(|(item, _)| item).collect())
            }
            _ => results.into_iter().map(|(_, result)| result).collect(),
        };
    }
    let arguments: Vec<Value> =
        arguments.iter().map(|argument| eval(argument, scope, bound)).collect::<Result<_, _>>()?;
    match (name, as_optional(of), of, arguments.as_slice()) {
        ("orValue", Some(inner), _, [other]) => Ok(inner.unwrap_or(other).clone()),
        ("hasValue", Some(inner), _, []) => Ok(inner.is_some().into()),
        ("value", Some(Some(inner)), _, []) => Ok(inner.clone()),
        ("size", None, of, []) => size(of),
        ("startsWith", None, Value::String(of), [Value::String(text)]) => {
            Ok(of.starts_with(text.as_str()).into())
        }
        ("endsWith", None, Value::String(of), [Value::String(text)]) => {
            Ok(of.ends_with(text.as_str()).into())
        }
        ("contains", None, Value::String(of), [Value::String(text)]) => Ok(of.contains(text.as_str()).into()),
        _ => Err(format!("no such overload: {of}.{name}()")),
    }
}
