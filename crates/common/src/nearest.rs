//! What is said of an unknown name: the nearest of the allowed ones, or their families.

use strsim::damerau_levenshtein;

/// The candidate nearest to `found`: a third of its letters may differ, or it may be a part of the
/// candidate (`lambda_max` of `hessian.lambda_max`).
pub fn nearest<'c, C: AsRef<str>>(found: &str, candidates: &'c [C]) -> Option<&'c str> {
    let found = found.to_lowercase();
    let tolerance = (found.chars().count() / 3).max(1);
    let candidates = || candidates.iter().map(AsRef::as_ref);
    candidates()
        .map(|candidate| (damerau_levenshtein(&found, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
        .or_else(|| candidates().find(|c| found.len() >= 3 && c.contains(&found)))
}

/// The end of a sentence about an unknown name: the nearest known one, if any is near.
pub fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || ".".to_owned(),
        |nearest| format!("; did you mean `{nearest}`?"),
    )
}

/// The families of some names, which are their parts before the first dot, each once: where they are too many to be listed.
pub fn families<'n>(names: &[&'n str]) -> Vec<&'n str> {
    let mut families = Vec::new();
    for name in names {
        let family = name.split('.').next().unwrap_or_default();
        if !families.contains(&family) {
            families.push(family);
        }
    }
    families
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_forgives_a_few_letters_and_missing_prefixes() {
        let names = ["hessian.lambda_max", "hessian.trace", "ggn.trace"];
        let cases = [
            ("hessian.lamda_max", Some("hessian.lambda_max")),
            ("lambda_max", Some("hessian.lambda_max")),
            ("gnn.trace", Some("ggn.trace")),
            ("GGN.trace", Some("ggn.trace")),
            ("speed", None),
        ];
        for (found, expected) in cases {
            assert_eq!(nearest(found, &names), expected, "{found}");
        }
    }
}
