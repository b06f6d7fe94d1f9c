//! "Did you mean": the nearest of a list of names.

/// The candidate that `text` was probably meant to be: equal but for case and separators, or a few letters away.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain =
        |s: &str| s.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let wanted = plain(text);
    candidates
        .into_iter()
        .map(|candidate| {
            let there = plain(candidate);
            let score = if there == wanted { 2.0 } else { strsim::jaro_winkler(&there, &wanted) };
            (score, candidate)
        })
        .filter(|(score, _)| *score > 0.82)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("podCIDR", ["serviceCIDRs", "podCIDRs", "nodes"]), Some("podCIDRs"));
        assert_eq!(
            nearest("istio_ingressgateway", ["istio-egressgateway", "istio-ingressgateway"]),
            Some("istio-ingressgateway")
        );
        assert_eq!(nearest("colour", ["podCIDRs", "nodes"]), None);
    }
}
