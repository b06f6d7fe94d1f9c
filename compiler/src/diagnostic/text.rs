//! User text made harmless: what a file, a path or an object says must not drive the terminal that shows it.

/// One character for one character, so columns stay: control characters become their pictures (U+2400 block); what is
/// invisible or reorders its neighbours (bidirectional controls, zero-width characters, C1 controls, line separators)
/// becomes U+FFFD, so that what a reviewer sees is what the compiler read. Tabs stay.
pub(super) fn visible_char(c: char) -> char {
    match c {
        '\t' => '\t',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        _ => c,
    }
}

/// [`visible_char`] for every character, and at most `limit` of them.
pub(crate) fn visible(text: &str, limit: usize) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(limit).map(visible_char).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// [`visible`] for a text that may have several lines.
pub(super) fn visible_lines(text: &str, limit: usize) -> String {
    let shown = visible(&text.replace("\r\n", "\n"), limit);
    shown.replace('\u{240a}', "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        assert_eq!(visible("a\u{1b}[31mb\r\n\u{7f}\u{9b}\u{202e}c\td", 99), "a␛[31mb␍␊␡��c\td");
        assert_eq!(visible_lines("a\r\nb\n\u{1b}c", 99), "a\nb\n␛c");
        for c in (0..=0xffff).filter_map(char::from_u32) {
            assert!(c == '\t' || !visible_char(c).is_control(), "{c:?}");
        }
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(visible("漢字漢字", 3), "漢字漢…");
        assert_eq!(visible("漢字漢", 3), "漢字漢");
    }
}
