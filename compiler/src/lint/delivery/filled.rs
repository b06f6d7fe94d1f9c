//! Texts with places that something else fills in.

/// Puts `value` of what stands between `open` and `close` in its place; what has none stays, and so does what is not closed.
pub(super) fn filled(
    text: &str,
    (open, close): (&str, &str),
    value: impl Fn(&str) -> Option<String>,
) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        out.push_str(before);
        let Some((inside, next)) = after.split_once(close) else {
            out.push_str(open);
            rest = after;
            continue;
        };
        match value(inside) {
            Some(value) => out.push_str(&value),
            None => out.extend([open, inside, close]),
        }
        rest = next;
    }
    out.push_str(rest);
    out
}
