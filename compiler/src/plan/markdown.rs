//! Markdown as GitHub draws it, with every text from the intent escaped.

use std::fmt::Write as _;

/// A Markdown document that grows.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// The text, with exactly one line break at the end.
    pub(super) fn into_text(self) -> String {
        let mut text = self.text.trim_end().to_owned();
        text.push('\n');
        text
    }

    /// Bytes so far: a section that added none has nothing to say.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// A heading of a level, 1 to 6.
    pub(super) fn heading(&mut self, level: usize, words: &str) {
        let marks = "#".repeat(level);
        self.block(&format!("{marks} {words}"));
    }

    /// A paragraph, or any other block of lines.
    pub(super) fn block(&mut self, lines: &str) {
        self.text.push_str(lines);
        self.text.push_str("\n\n");
    }

    /// A list.
    pub(super) fn list<T: AsRef<str>>(&mut self, items: impl IntoIterator<Item = T>) {
        self.items(items, |_| "-".to_owned());
    }

    /// A numbered list.
    pub(super) fn steps<T: AsRef<str>>(&mut self, items: impl IntoIterator<Item = T>) {
        self.items(items, |number| format!("{number}."));
    }

    fn items<T: AsRef<str>>(&mut self, items: impl IntoIterator<Item = T>, mark: impl Fn(usize) -> String) {
        let before = self.text.len();
        for (index, item) in items.into_iter().enumerate() {
            let _ = writeln!(self.text, "{} {}", mark(index.saturating_add(1)), item.as_ref());
        }
        if self.text.len() > before {
            self.text.push('\n');
        }
    }

    /// A fenced block. The fence is longer than any run of backticks inside.
    pub(super) fn code(&mut self, language: &str, lines: &str) {
        let fence = "`".repeat(longest_run(lines).saturating_add(1).max(3));
        self.block(&format!("{fence}{language}\n{}\n{fence}", lines.trim_end()));
    }

    /// Shell commands, folded when there are many.
    pub(super) fn commands(&mut self, lines: &[String]) {
        const MANY: usize = 60;
        if lines.is_empty() {
            return;
        }
        let fold = lines.len() > MANY;
        if fold {
            self.block(&format!("<details><summary>{} commands</summary>", lines.len()));
        }
        self.code("sh", &lines.join("\n"));
        if fold {
            self.block("</details>");
        }
    }

    /// A table; nothing when it has no rows.
    pub(super) fn table(&mut self, table: &Table) {
        if !table.rows.is_empty() {
            self.block(&table.to_markdown());
        }
    }
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or(0)
}

/// A table with a head. Cells are Markdown already.
#[derive(Clone, Debug)]
pub(super) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<const N: usize>(heads: [&str; N]) -> Table {
        Table { heads: heads.iter().map(|head| (*head).to_owned()).collect(), rows: Vec::new() }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Without the columns in which every row says the same, which are returned as `(head, cell)`. The first column stays.
    pub(super) fn hoist(mut self) -> (Table, Vec<(String, String)>) {
        let mut common = Vec::new();
        for column in (1..self.heads.len()).rev() {
            let mut cells = self.rows.iter().filter_map(|row| row.get(column));
            let Some(first) = cells.next().cloned() else { continue };
            if cells.all(|cell| *cell == first) {
                common.push((self.heads.remove(column), first));
                for row in &mut self.rows {
                    row.remove(column);
                }
            }
        }
        common.reverse();
        (self, common)
    }

    fn to_markdown(&self) -> String {
        let mut lines = vec![line(&self.heads), line(&vec!["---".to_owned(); self.heads.len()])];
        lines.extend(self.rows.iter().map(|row| line(row)));
        lines.join("\n")
    }
}

fn line(cells: &[String]) -> String {
    let cells: Vec<&str> =
        cells.iter().map(|cell| if cell.is_empty() { "-" } else { cell.as_str() }).collect();
    format!("| {} |", cells.join(" | "))
}

/// Text of the intent as prose or in a cell: nothing in it is markup, and it has one line.
pub(super) fn text(words: &str) -> String {
    let mut escaped = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '$' => escaped.extend(['\\', c]),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '@' => escaped.push_str("&#64;"),
            c if c.is_control() || c.is_whitespace() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text of the intent as code on one line, in prose or in a cell.
pub(super) fn code(words: &str) -> String {
    let flat: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mark = "`".repeat(longest_run(&flat).saturating_add(1));
    let pad = if flat.contains('`') { " " } else { "" };
    // GitHub reads `|` as the end of a cell even inside code.
    format!("{mark}{pad}{}{pad}{mark}", flat.replace('|', "\\|"))
}

/// Several codes, with commas.
pub(super) fn codes<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| code(&item.to_string())).collect::<Vec<_>>().join(", ")
}

/// At most `most` of the items, and how many more there are.
pub(super) fn some<T: std::fmt::Display>(items: impl IntoIterator<Item = T>, most: usize) -> String {
    let mut items = items.into_iter();
    // One more is named rather than counted.
    let mut named: Vec<T> = items.by_ref().take(most.saturating_add(1)).collect();
    let more = items.count();
    if more == 0 {
        return codes(named);
    }
    named.truncate(most);
    format!("{} and {} more", codes(named), more.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_the_intent_is_no_markup() {
        assert_eq!(text("KT | <b>\n*K2P* @all"), r"KT \| &lt;b&gt; \*K2P\* &#64;all");
        assert_eq!(code("a`b|c"), r"`` a`b\|c ``");
    }

    #[test]
    fn a_fence_outlasts_what_is_inside() {
        let mut page = Page::default();
        page.code("sh", "echo '````'");
        assert_eq!(page.into_text(), "`````sh\necho '````'\n`````\n");
    }

    #[test]
    fn columns_that_say_nothing_are_hoisted() {
        let mut table = Table::new(["Cluster", "CNI", "Pods"]);
        table.row(["a".into(), "calico".into(), "1".into()]);
        table.row(["b".into(), "calico".into(), "2".into()]);
        let (table, common) = table.hoist();
        assert_eq!(table.to_markdown(), "| Cluster | Pods |\n| --- | --- |\n| a | 1 |\n| b | 2 |");
        assert_eq!(common, [("CNI".to_owned(), "calico".to_owned())]);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(some(["a", "b", "c"], 2), "`a`, `b`, `c`");
        assert_eq!(some(["a", "b", "c", "d"], 2), "`a`, `b` and 2 more");
    }
}
