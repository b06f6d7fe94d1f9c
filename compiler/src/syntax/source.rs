//! Bytes to lines and columns.

/// A file with the index that turns byte offsets into lines.
#[derive(Clone, Debug)]
pub struct SourceFile {
    path: String,
    text: Vec<u8>,
    /// First byte of every line.
    lines: Vec<usize>,
}

/// A place as an editor counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl SourceFile {
    /// A file as it is shown to people (`path`, relative to the root, with `/`) and its bytes.
    #[must_use]
    pub fn new(path: impl Into<String>, text: Vec<u8>) -> SourceFile {
        let lines = line_starts(&text);
        SourceFile { path: path.into(), text, lines }
    }

    /// The path as given.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The bytes as given.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Line and column of a byte; a byte beyond the end is taken for the end.
    #[must_use]
    pub fn line_column(&self, byte: u32) -> LineColumn {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX).min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= byte).max(1);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        LineColumn { line, column: column(self.text.get(start..byte).unwrap_or_default()) }
    }

    /// The text of a line, counted from 1, without its line break.
    #[must_use]
    pub fn line(&self, line: usize) -> Option<&[u8]> {
        let start = *self.lines.get(line.checked_sub(1)?)?;
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        let mut text = self.text.get(start..end)?;
        while let [rest @ .., b'\n' | b'\r'] = text {
            text = rest;
        }
        Some(text)
    }

    /// How many lines there are; at least one.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }
}

/// Line and column of one byte. For many places of one file use [`SourceFile`], which keeps an index.
#[must_use]
pub fn line_column(text: &[u8], byte: u32) -> LineColumn {
    let byte = usize::try_from(byte).unwrap_or(usize::MAX).min(text.len());
    let lines = line_starts(text);
    let line = lines.partition_point(|start| *start <= byte).max(1);
    let start = lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
    LineColumn { line, column: column(text.get(start..byte).unwrap_or_default()) }
}

/// YAML 1.2 section 5.4: a line ends with LF, CR LF or CR.
fn line_starts(text: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    let mut bytes = text.iter().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        let ends = match byte {
            b'\n' => true,
            b'\r' => bytes.peek().is_none_or(|(_, next)| **next != b'\n'),
            _ => false,
        };
        if ends {
            starts.push(at.saturating_add(1));
        }
    }
    starts
}

/// Characters before a byte, plus one. Bytes that are not UTF-8 count as one character each sequence; a byte order
/// mark counts as none, since no editor shows it.
fn column(before: &[u8]) -> usize {
    let before = before.strip_prefix(b"\xef\xbb\xbf").unwrap_or(before);
    before.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count().saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, byte: u32) -> (usize, usize) {
        let found = SourceFile::new("x", text.into()).line_column(byte);
        assert_eq!(found, line_column(text.as_bytes(), byte));
        (found.line, found.column)
    }

    #[test]
    fn every_kind_of_line_break_counts_once() {
        assert_eq!(at("a\nb\r\nc\rd", 0), (1, 1));
        assert_eq!(at("a\nb\r\nc\rd", 2), (2, 1));
        assert_eq!(at("a\nb\r\nc\rd", 5), (3, 1));
        assert_eq!(at("a\nb\r\nc\rd", 7), (4, 1));
        assert_eq!(at("a\nb\r\nc\rd", 99), (4, 2));
    }

    #[test]
    fn columns_are_characters() {
        assert_eq!(at("é日x", 5), (1, 3));
        assert_eq!(at("\u{feff}ab", 4), (1, 2));
        assert_eq!(at("", 0), (1, 1));
    }

    #[test]
    fn lines_come_without_their_break() {
        let file = SourceFile::new("x", b"a\r\nb\n".to_vec());
        assert_eq!(file.line(1), Some(&b"a"[..]));
        assert_eq!(file.line(2), Some(&b"b"[..]));
        assert_eq!(file.line(3), Some(&b""[..]));
        assert_eq!(file.line(4), None);
        assert_eq!(file.line(0), None);
        assert_eq!(file.line_count(), 3);
    }
}
