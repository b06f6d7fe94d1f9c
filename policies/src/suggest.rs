//! "Did you mean": the declared name that a misspelt one was probably meant to be.

/// The candidate nearest to `name`, when it is near enough for a typing error: it differs in case and separators only, or
/// in at most a third of its letters.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let same = plain(candidate) == plain(name);
            (if same { 0 } else { strsim::damerau_levenshtein(name, candidate) }, candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The help of a name that is not declared: the nearest one, or how to declare it.
#[must_use]
pub fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    match nearest(name, candidates) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => otherwise(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["network-east", "network-west"];
        assert_eq!(nearest("network-esat", names), Some("network-east"));
        assert_eq!(nearest("pods", names), None);
        assert_eq!(nearest("c", ["a"]), Some("a"), "one letter of one may differ");
        assert_eq!(nearest("ISTIO_Ingress_Gateway", ["istio-ingressgateway"]), Some("istio-ingressgateway"));
    }
}
