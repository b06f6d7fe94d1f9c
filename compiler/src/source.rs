//! The files that were read: their shown paths, their bytes, and the way from a byte offset to a line and a column.

pub mod commit;
pub mod discover;

pub use discover::{DiscoverOptions, Found, SourceError, discover};

use std::sync::{Arc, OnceLock};

use meshwright_policies::node::{FileId, Span};

/// UTF-8's byte order mark: no column of its own, editors do not count it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The table of files that [`FileId`]s of a run point into.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<SourceFile>);

impl Sources {
    /// An empty table.
    #[must_use]
    pub fn new() -> Sources {
        Sources::default()
    }

    /// A table of one text that is no file: what came from stdin, shown as `path` (`<stdin>`).
    #[must_use]
    pub fn from_text(path: impl Into<String>, text: impl Into<Arc<[u8]>>) -> (Sources, FileId) {
        let mut sources = Sources::new();
        let file = sources.add(path.into(), text.into());
        (sources, file)
    }

    /// Adds a file. `path` is what people are shown: separated by `/`, relative to where they stand.
    pub fn add(&mut self, path: String, text: Arc<[u8]>) -> FileId {
        let Some(id) = u32::try_from(self.0.len()).ok().map(FileId).filter(|id| *id != FileId::NONE) else {
            return FileId::NONE;
        };
        self.0.push(SourceFile { path, text, lines: OnceLock::new() });
        id
    }

    /// A file; nothing for [`FileId::NONE`] and for IDs of another table.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.0.get(usize::try_from(id.0).ok()?)
    }

    /// Every file with its ID, in the order of the IDs.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        (0..).map(FileId).zip(&self.0)
    }

    /// How many files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `path:line` of a span, for people; nothing when it was not written in a file of this table.
    #[must_use]
    pub fn place(&self, span: Span) -> Option<String> {
        let file = self.get(span.file)?;
        let (line, _) = file.line_column(span.start);
        Some(format!("{}:{line}", file.path()))
    }

    /// Line and column where a span starts, both from 1; nothing when it was not written in a file of this table.
    #[must_use]
    pub fn line_column(&self, span: Span) -> Option<(usize, usize)> {
        self.get(span.file).map(|file| file.line_column(span.start))
    }
}

/// One file.
#[derive(Clone, Debug)]
pub struct SourceFile {
    path: String,
    text: Arc<[u8]>,
    /// Offset of every line's first byte; built when the first finding asks.
    lines: OnceLock<Vec<usize>>,
}

impl SourceFile {
    /// The path as people are shown it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The content, not necessarily UTF-8.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The content, shared.
    #[must_use]
    pub fn shared_text(&self) -> Arc<[u8]> {
        Arc::clone(&self.text)
    }

    /// Line and column of a byte, both from 1, the column in characters (Unicode code points; one for every run of
    /// bytes that is not UTF-8). Offsets past the end, and the end after a last newline, are the end of the last line:
    /// no editor and no code host shows a line after it.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> (usize, usize) {
        let offset = self.clamp(offset);
        let (line, start) = self.line_of(offset);
        (line, 1 + characters(self.text.get(start..offset).unwrap_or_default()))
    }

    /// A line without its line break (`\n`, `\r\n` or `\r`) and without a byte order mark; `number` counts from 1.
    #[must_use]
    pub fn line(&self, number: usize) -> Option<&[u8]> {
        let range = self.line_range(number)?;
        self.text.get(range)
    }

    /// The bytes of a line, as [`SourceFile::line`].
    pub(crate) fn line_range(&self, number: usize) -> Option<std::ops::Range<usize>> {
        let lines = self.lines();
        let index = number.checked_sub(1)?;
        let start = *lines.get(index)?;
        let end = lines.get(number).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..end)?;
        Some(start..end - line_break(line))
    }

    /// An offset inside the text, at the start of a character, never after the last newline.
    pub(crate) fn clamp(&self, offset: u32) -> usize {
        let text = &self.text;
        let mut offset = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
        if offset == text.len() {
            offset -= line_break(text);
        }
        // A character of UTF-8 has at most three bytes after its first (RFC 3629, section 3).
        for _ in 0..3 {
            match text.get(offset) {
                Some(byte) if byte & 0b1100_0000 == 0b1000_0000 => offset = offset.saturating_sub(1),
                _ => break,
            }
        }
        offset
    }

    /// Number and first byte of the line that holds an offset.
    pub(crate) fn line_of(&self, offset: usize) -> (usize, usize) {
        let lines = self.lines();
        let number = lines.partition_point(|start| *start <= offset).max(1);
        let start = lines.get(number - 1).copied().unwrap_or(0);
        (number, start.min(offset))
    }

    fn lines(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let first = if self.text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
            let ends = self.text.iter().enumerate().filter(|(at, byte)| match **byte {
                b'\n' => true,
                b'\r' => self.text.get(at + 1) != Some(&b'\n'),
                _ => false,
            });
            let starts = ends.map(|(at, _)| at + 1).filter(|start| *start < self.text.len());
            std::iter::once(first).chain(starts).collect()
        })
    }
}

/// Bytes of the line break that a text ends with: `\r\n`, `\n` or `\r` (YAML 1.2.2, section 5.4).
fn line_break(text: &[u8]) -> usize {
    match text {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n' | b'\r'] => 1,
        _ => 0,
    }
}

/// Characters of a text, counting every run of bytes that is not UTF-8 as one.
fn characters(bytes: &[u8]) -> usize {
    bytes
        .utf8_chunks()
        .map(|chunk| chunk.valid().chars().count() + usize::from(!chunk.invalid().is_empty()))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &[u8], offset: u32) -> (usize, usize) {
        let (sources, file) = Sources::from_text("a.yaml", text);
        sources.line_column(Span { file, start: offset, end: offset }).unwrap()
    }

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let text = "a: 1\nä: 漢字 x\n".as_bytes();
        assert_eq!(at(text, 0), (1, 1));
        assert_eq!(at(text, 4), (1, 5), "the newline is the end of its line");
        assert_eq!(at(text, 5), (2, 1));
        assert_eq!(at(text, 7), (2, 2), "two bytes, one column");
        assert_eq!(at(text, 16), (2, 7));
        assert_eq!(at(text, 6), (2, 1), "inside a character is its start");
    }

    #[test]
    fn offsets_past_the_end_are_the_end_of_the_last_line() {
        for (text, end) in
            [("a: 1\n", (1, 5)), ("a: 1", (1, 5)), ("a: 1\r\n", (1, 5)), ("", (1, 1)), ("\n", (1, 1))]
        {
            assert_eq!(at(text.as_bytes(), u32::MAX), end, "{text:?}");
            assert_eq!(at(text.as_bytes(), u32::try_from(text.len()).unwrap()), end, "{text:?}");
        }
    }

    #[test]
    fn crlf_and_a_byte_order_mark_take_no_column() {
        assert_eq!(at(b"a: 1\r\nb: 2\r\n", 6), (2, 1));
        assert_eq!(at(b"a: 1\rb: 2\r", 5), (2, 1));
        assert_eq!(at(b"a: 1\rb: 2\r", 10), (2, 5));
        assert_eq!(at(b"\xef\xbb\xbfa: 1", 3), (1, 1));
        assert_eq!(at(b"\xef\xbb\xbfa: 1", 0), (1, 1));
        assert_eq!(at(b"\xef\xbb\xbfa: 1\nb", 8), (2, 1));
    }

    #[test]
    fn text_that_is_not_utf8_has_columns() {
        assert_eq!(at(b"a: \xff\xfe b", 6), (1, 7));
        assert_eq!(at(b"\x80\x80\x80\x80\x80", 4), (1, 2));
    }

    #[test]
    fn lines_come_without_their_ends() {
        let (sources, file) = Sources::from_text("-", *b"\xef\xbb\xbfa\r\n\nb");
        let file = sources.get(file).unwrap();
        assert_eq!(
            [file.line(1), file.line(2), file.line(3)],
            [Some(&b"a"[..]), Some(&b""[..]), Some(&b"b"[..])]
        );
        assert_eq!([file.line(0), file.line(4)], [None, None]);
    }

    #[test]
    fn unknown_files_are_nothing() {
        assert!(Sources::new().get(FileId(0)).is_none());
        assert!(Sources::new().line_column(Span::NONE).is_none());
    }
}
