//! Commands for people to copy into a shell.

/// One word of a command, quoted where a POSIX shell would read it otherwise.
#[must_use]
pub fn word(text: &str) -> String {
    let plain = |b: u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b':' | b'@' | b'=' | b',')
    };
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word("prod/eu-1"), "prod/eu-1");
        assert_eq!(word("two words"), "'two words'");
        assert_eq!(word(""), "''");
    }
}
