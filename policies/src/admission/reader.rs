//! Reads JSON into values that borrow from it: what serde_json reads into the same values takes more than twice as long, and
//! reading is half of a decision. It knows what API servers write. Whatever else it meets, or cannot read, it leaves to
//! serde_json, which has the last word on every text that is refused: strings with escapes and fractions are handed to it one by
//! one, anything malformed or nested too deep as a whole.

use std::borrow::Cow;

use serde_json::Number;

use crate::borrowed::{Borrowed, Entries, Fields, Without};

/// Values are nested in each other at most so deep, less than serde_json's limit of 128.
const DEEPEST: u32 = 100;

/// Where reading stands. Every step ends with nothing where this is not the reader to ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0, depth: 0 }
    }

    fn here(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The first byte of what comes next.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.here()?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Whether nothing follows.
    pub(super) fn is_at_end(mut self) -> bool {
        self.peek().is_none()
    }

    /// The entries of a map: `entry` is told each key, and reads its value.
    pub(super) fn map(
        &mut self,
        mut entry: impl FnMut(&mut Reader<'a>, Cow<'a, str>) -> Option<()>,
    ) -> Option<()> {
        self.parts(b'{', b'}', |reader| {
            let key = reader.string()?;
            reader.take(b':')?;
            entry(reader, key)
        })
    }

    /// The items of a list.
    fn list(&mut self, item: impl FnMut(&mut Reader<'a>) -> Option<()>) -> Option<()> {
        self.parts(b'[', b']', item)
    }

    /// What stands between two brackets, with commas between.
    fn parts(
        &mut self,
        open: u8,
        close: u8,
        mut part: impl FnMut(&mut Reader<'a>) -> Option<()>,
    ) -> Option<()> {
        self.take(open)?;
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        if self.peek()? != close {
            loop {
                part(self)?;
                match self.peek()? {
                    b',' => self.at += 1,
                    _ => break,
                }
            }
        }
        self.depth -= 1;
        self.take(close)
    }

    /// A map, or nothing where `null` stands.
    pub(super) fn fields(&mut self, without: &'static Without) -> Option<Option<Fields<'a>>> {
        match self.peek()? {
            b'n' => self.word("null").map(|()| None),
            _ => self.entries(without).map(Some),
        }
    }

    fn entries(&mut self, without: &'static Without) -> Option<Fields<'a>> {
        let mut entries = Entries::default();
        self.map(|reader, key| {
            if without.leaves_out(&key) {
                return reader.skip();
            }
            let value = reader.value(without.of(&key))?;
            entries.push(key, value);
            Some(())
        })?;
        Some(entries.into())
    }

    fn value(&mut self, without: &'static Without) -> Option<Borrowed<'a>> {
        Some(match self.peek()? {
            b'"' => Borrowed::String(self.string()?),
            b'{' => Borrowed::Object(self.entries(without)?),
            b'[' => {
                let mut items = Vec::new();
                self.list(|reader| {
                    items.push(reader.value(&Without::NOTHING)?);
                    Some(())
                })?;
                Borrowed::Array(items)
            }
            b'n' => self.word("null").map(|()| Borrowed::Null)?,
            b't' => self.word("true").map(|()| Borrowed::Bool(true))?,
            b'f' => self.word("false").map(|()| Borrowed::Bool(false))?,
            _ => Borrowed::Number(self.number()?),
        })
    }

    /// Passes over a value, which has to be one all the same.
    pub(super) fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.end_of_string().map(|_| ()),
            b'{' => self.skip_map(),
            b'[' => self.list(Reader::skip),
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            _ => self.number().map(|_| ()),
        }
    }

    fn skip_map(&mut self) -> Option<()> {
        self.take(b'{')?;
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        if self.peek()? != b'}' {
            loop {
                self.peek()?;
                self.end_of_string()?;
                self.take(b':')?;
                self.skip()?;
                match self.peek()? {
                    b',' => self.at += 1,
                    _ => break,
                }
            }
        }
        self.depth -= 1;
        self.take(b'}')
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    /// `true`, `false` or `null`.
    pub(super) fn bool_or_null(&mut self) -> Option<Option<bool>> {
        match self.peek()? {
            b't' => self.word("true").map(|()| Some(true)),
            b'f' => self.word("false").map(|()| Some(false)),
            _ => self.word("null").map(|()| None),
        }
    }

    pub(super) fn string(&mut self) -> Option<Cow<'a, str>> {
        self.peek()?;
        let start = self.at;
        let escapes = self.end_of_string()?;
        let text = self.text.get(start..self.at)?;
        match escapes {
            false => text.get(1..text.len() - 1).map(Cow::Borrowed),
            true => serde_json::from_str(text).ok().map(Cow::Owned),
        }
    }

    /// Passes over a string; whether it has escapes.
    fn end_of_string(&mut self) -> Option<bool> {
        if self.here()? != b'"' {
            return None;
        }
        self.at += 1;
        let mut escapes = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let plain = plain(rest)?;
            self.at += plain + 1;
            match rest.get(plain)? {
                b'"' => return Some(escapes),
                b'\\' => escapes = true,
                _ => return None,
            }
            let kind = self.here()?;
            self.at += 1;
            match kind {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                b'u' => {
                    let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    self.at += 4;
                }
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<Number> {
        let rest = self.text.get(self.at..)?;
        let of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.bytes().take_while(of_number).count();
        let text = rest.get(..length)?;
        self.at += length;
        // Nearly every number.
        let plain = length < 19 && text.bytes().all(|byte| byte.is_ascii_digit());
        if plain && (length == 1 || !text.starts_with('0')) {
            return text.parse::<u64>().ok().map(Number::from);
        }
        serde_json::from_str(text).ok()
    }
}

/// How many bytes of a string are what they say: up to a quote, a backslash or a control character. Eight are looked at at once.
fn plain(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    // The lowest byte of those marked is marked rightly, which is the one that counts.
    let marks = |word: u64| {
        let quotes = word ^ (ONES * b'"' as u64);
        let backslashes = word ^ (ONES * b'\\' as u64);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let either = quotes.wrapping_sub(ONES) & !quotes | backslashes.wrapping_sub(ONES) & !backslashes;
        (either | control) & HIGH
    };
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return Some(index * 8 + marks.trailing_zeros() as usize / 8);
        }
    }
    let tail = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
    Some(words.len() * 8 + tail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn read(text: &str) -> Option<Value> {
        let mut reader = Reader::new(text);
        let value = reader.value(&Without::NOTHING)?;
        reader.is_at_end().then(|| value.to_json())
    }

    fn skipped(text: &str) -> bool {
        let mut reader = Reader::new(text);
        reader.skip().is_some() && reader.is_at_end()
    }

    /// What is read is what serde_json reads, and nothing is read that it does not read.
    fn agrees(text: &str) {
        let right = serde_json::from_str::<Value>(text).ok();
        if let Some(read) = read(text) {
            assert_eq!(Some(read.to_string()), right.as_ref().map(Value::to_string), "{text}");
        }
        assert!(!skipped(text) || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(), "{text}");
    }

    #[test]
    fn usual_texts_are_read() {
        for text in [
            r#"{"a":1,"b":-1,"c":1.5,"d":"x\n\u00e4\ud83d\ude00\\","e":null,"f":[true,false,{"g":[]}],"":{}}"#,
            " { \"a\" : [ 1 , 2 ] , \"a\" : \"\u{e4}\" }\r\n\t",
            r#"[0,-0,10,-7,1e3,18446744073709551615,18446744073709551616,999999999999999999,0.0]"#,
            "\"\"",
            "7",
        ] {
            agrees(text);
            assert!(read(text).is_some() && skipped(text), "{text}");
        }
    }

    #[test]
    fn malformed_texts_are_not() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "[",
            "]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "nul",
            "nulll",
            "truex",
            "tru",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1e",
            "--1",
            "1-1",
            "0x1",
            "\"a",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "\"a\"b",
            "{}{}",
            "[1]x",
            "[}",
            "{]",
            "'a'",
            "NaN",
        ] {
            agrees(text);
            assert!(read(text).is_none() && !skipped(text), "{text}");
        }
        // A half of a pair is no character, which only those who read it notice.
        assert!(read(r#""\ud800""#).is_none());
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(read(&deep).is_none() && !skipped(&deep));
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::vec((".*", inner), 0..8)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_document_is_read_as_serde_json_reads_it(value in json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap();
            agrees(&text);
            prop_assert!(read(&text).is_some() && skipped(&text));
        }

        #[test]
        fn a_document_with_a_slip_is_read_by_both_or_refused(
            value in json(), at: prop::sample::Index, slip in "[\\[\\]{},:\"\\\\0-9eE.+\\- a-z\n]{0,2}", cut in 0..3_usize,
        ) {
            let text = value.to_string();
            let mut characters: Vec<char> = text.chars().collect();
            let at = at.index(characters.len());
            let end = (at + cut).min(characters.len());
            characters.splice(at..end, slip.chars());
            agrees(&characters.into_iter().collect::<String>());
        }

        #[test]
        fn texts_of_the_right_letters_are_read_by_both_or_refused(text in "[\\[\\]{},:\"\\\\0-9eE.\\- tfrunlsa]{0,24}") {
            agrees(&text);
        }
    }
}
