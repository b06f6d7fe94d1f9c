//! Characters that look like others, or like nothing.
//!
//! Word processors and chat programs replace quotes and hyphens, input methods produce full-width punctuation, web
//! pages carry no-break spaces. In a name or an address that is a fault that no eye finds; in a sentence in any
//! language it is ordinary. So most characters are refused only where the rest of the scalar is ASCII.
//!
//! What is looked at is the text as written: an escape such as `"\u00a0"` is visible and therefore meant.

use granit_parser::ScalarStyle;
use meshwright_policies::finding::Place;
use meshwright_policies::node::{FieldPath, Span};
use meshwright_policies::reading;

use super::report::Report;
use super::scalar::Scalar;

/// A refused character: where in the scalar, what it is called, what was probably meant.
struct Found {
    at: usize,
    character: char,
    what: &'static str,
    meant: &'static str,
}

/// Reports the first character of a scalar that is refused.
pub(super) fn check(scalar: &Scalar<'_>, span: Span, path: &FieldPath, report: &mut Report<'_>) {
    if scalar.written.is_ascii() {
        return;
    }
    let quotes = match scalar.style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        _ => 0,
    };
    let end = scalar.written.len().saturating_sub(quotes);
    let text = scalar.written.get(quotes..end).unwrap_or_default();
    let Some(found) = find(text) else { return };
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let start = span.start.saturating_add(offset(found.at.saturating_add(quotes)));
    let end = start.saturating_add(offset(found.character.len_utf8()));
    let place = Place { span: Span { start, end, ..span }, path: path.clone() };
    let message = format!("{} (U+{:04X})", found.what, u32::from(found.character));
    let help = match found.meant {
        "" => "remove it".to_owned(),
        meant => format!("write {meant} instead"),
    };
    report.add(reading::LOOK_ALIKE_CHARACTER.at(place, message).help(help));
}

fn find(text: &str) -> Option<Found> {
    let surroundings = Surroundings::of(text);
    text.char_indices().filter(|(_, character)| !character.is_ascii()).find_map(|(at, character)| {
        let end = at.saturating_add(character.len_utf8());
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(end..).and_then(|after| after.chars().next());
        let (what, meant) = anywhere(character, before, after)
            .or_else(|| surroundings.quote(character, before, after))
            .or_else(|| surroundings.dash(character, before))
            .or_else(|| surroundings.full_width(character))
            .or_else(|| surroundings.letter(character, before, after))?;
        Some(Found { at, character, what, meant })
    })
}

type Finding = Option<(&'static str, &'static str)>;

/// Characters that nobody types on purpose.
fn anywhere(character: char, before: Option<char>, after: Option<char>) -> Finding {
    let at_ascii = |next: Option<char>| next.is_none_or(|next| next.is_ascii());
    match character {
        '\u{a0}' | '\u{2007}' | '\u{202f}' => Some(("no-break space", "a space")),
        '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{180e}' => Some(("invisible character", "")),
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some(("invisible character that changes the direction of text", ""))
        }
        // Joiners are spelling in Persian and Hindi, and hold emoji together.
        '\u{200c}' | '\u{200d}' if at_ascii(before) || at_ascii(after) => Some(("invisible character", "")),
        '\u{2028}' | '\u{2029}' | '\u{85}' => Some(("unusual line break", "a line break")),
        _ => None,
    }
}

/// What the rest of the scalar is like.
struct Surroundings {
    /// Nothing outside ASCII but look-alikes.
    ascii: bool,
    /// One word.
    word: bool,
    /// Any ASCII letter.
    letters: bool,
}

impl Surroundings {
    fn of(text: &str) -> Surroundings {
        Surroundings {
            ascii: text.chars().all(|next| {
                next.is_ascii()
                    || is_quote(next)
                    || is_dash(next)
                    || full_width(next).is_some()
                    || latin(next).is_some()
            }),
            word: !text.contains(char::is_whitespace),
            letters: text.contains(|next: char| next.is_ascii_alphabetic()),
        }
    }

    /// Quotes that stand where YAML's own would.
    fn quote(&self, character: char, before: Option<char>, after: Option<char>) -> Finding {
        let double = matches!(character, '“' | '”' | '„' | '‟' | '＂');
        let at_edge = before.is_none() || after.is_none();
        // `“so called” hosted` and `the users’` are sentences.
        let whole = self.word || (before.is_none() && self.ascii && double);
        if !is_quote(character) || !(whole && (at_edge || self.ascii)) {
            return None;
        }
        Some(if double {
            ("typographic quotation mark", "`\"`")
        } else {
            ("typographic quotation mark", "`'`")
        })
    }

    /// Dashes in names and in ranges of numbers, and one that begins the text like a list item or an option.
    fn dash(&self, character: char, before: Option<char>) -> Finding {
        let identifier = self.ascii && (self.word || !self.letters);
        (is_dash(character) && (identifier || before.is_none()))
            .then_some(("dash that is not a hyphen", "`-`"))
    }

    fn full_width(&self, character: char) -> Finding {
        let what = full_width(character)?;
        self.ascii.then_some((what, "the ASCII character"))
    }

    /// Cyrillic and Greek letters that look Latin, in a name, or next to a Latin letter or digit.
    fn letter(&self, character: char, before: Option<char>, after: Option<char>) -> Finding {
        let meant = latin(character)?;
        let beside = |next: Option<char>| next.is_some_and(|next| next.is_ascii_alphanumeric());
        let name = self.ascii && ((self.word && self.letters) || beside(before) || beside(after));
        name.then_some(("letter of another alphabet that looks Latin", meant))
    }
}

fn is_quote(character: char) -> bool {
    matches!(character, '“' | '”' | '‘' | '’' | '„' | '‚' | '‟' | '‛' | '＂' | '＇')
}

fn is_dash(character: char) -> bool {
    matches!(character, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

fn full_width(character: char) -> Option<&'static str> {
    match character {
        '：' => Some("full-width colon"),
        '，' => Some("full-width comma"),
        '\u{3000}' => Some("full-width space"),
        '\u{ff01}'..='\u{ff5e}' => Some("full-width character"),
        _ => None,
    }
}

/// The Latin letter that a Cyrillic or Greek letter looks like (Unicode's confusables table, the exact ones).
fn latin(character: char) -> Option<&'static str> {
    Some(match character {
        'а' => "Latin `a`",
        'е' => "Latin `e`",
        'о' | 'ο' => "Latin `o`",
        'р' => "Latin `p`",
        'с' => "Latin `c`",
        'у' => "Latin `y`",
        'х' => "Latin `x`",
        'і' => "Latin `i`",
        'ј' => "Latin `j`",
        'ѕ' => "Latin `s`",
        'ԁ' => "Latin `d`",
        'А' | 'Α' => "Latin `A`",
        'В' | 'Β' => "Latin `B`",
        'С' => "Latin `C`",
        'Е' | 'Ε' => "Latin `E`",
        'Н' | 'Η' => "Latin `H`",
        'І' | 'Ι' => "Latin `I`",
        'К' | 'Κ' => "Latin `K`",
        'М' | 'Μ' => "Latin `M`",
        'О' | 'Ο' => "Latin `O`",
        'Р' | 'Ρ' => "Latin `P`",
        'Ѕ' => "Latin `S`",
        'Т' | 'Τ' => "Latin `T`",
        'Х' | 'Χ' => "Latin `X`",
        'Ν' => "Latin `N`",
        'Ζ' => "Latin `Z`",
        'Υ' => "Latin `Y`",
        'ν' => "Latin `v`",
        'ρ' => "Latin `p`",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::messages;
    use super::*;

    #[test]
    fn look_alikes_are_found() {
        for (text, character) in [
            ("“network-c1”", '“'),
            ("‘on’", '‘'),
            ("network-c1”", '”'),
            ("“two words”", '“'),
            ("key=“v”", '“'),
            ("meshID： mdemo", '：'),
            ("１０", '１'),
            ("a\u{a0}b", '\u{a0}'),
            ("mesh\u{200b}", '\u{200b}'),
            ("\u{200d}a", '\u{200d}'),
            ("10.64.30.71–10.64.30.73", '–'),
            ("10.64.30.71 – 10.64.30.73", '–'),
            ("network—c1", '—'),
            ("– item", '–'),
            ("—set", '—'),
            ("сluster1", 'с'),
            ("network-с1", 'с'),
            ("the сluster1 cluster", 'с'),
            ("Αlpha", 'Α'),
        ] {
            let found = find(text).map(|found| found.character);
            assert_eq!(found, Some(character), "{text}");
        }
    }

    #[test]
    fn sentences_are_left_alone() {
        for text in [
            "café",
            "the users’ gateway isn’t reachable – see the runbook",
            "the “hosted” mesh of the second site",
            "die sogenannte „Ost-West“-Verbindung",
            "moved on 3–5 May with the provider",
            "注意：这个集群使用共享网关，不要删除",
            "클러스터 1의 네트워크",
            "TLS-сертификат Istio-а истекает",
            "сосо",
            "новый кластер",
            "Αθήνα",
            "naïve “quotes” and – dashes",
            "👨\u{200d}👩\u{200d}👧",
            "می\u{200c}خواهم",
            "5 µs",
            "https://例え.jp/パス",
        ] {
            assert!(find(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_escape_is_meant() {
        assert!(messages(b"a: \"x\\u00a0y\"").is_empty());
    }

    #[test]
    fn the_character_itself_is_pointed_at() {
        let text = "a: 'x\u{a0}y'\nb\u{200b}: “c”\n";
        assert_eq!(
            messages(text.as_bytes()),
            [
                "MW0005 1:6 no-break space (U+00A0)",
                "MW0005 2:2 invisible character (U+200B)",
                "MW0005 2:5 typographic quotation mark (U+201C)",
            ]
        );
    }
}
