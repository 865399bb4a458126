//! "Did you mean …": the nearest of the allowed names.

use strsim::damerau_levenshtein;

/// Abbreviations people try, and the key each stands for.
const SYNONYMS: [(&str, &str); 6] = [
    ("lr", "learning_rate"),
    ("wd", "weight_decay"),
    ("bs", "batch_size"),
    ("betas", "beta1"),
    ("eps", "epsilon"),
    ("optim", "optimizer"),
];

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

/// The full path of the key that was probably meant by an unknown one in a table (or at the top level)
/// that allows `allowed`: a well-known abbreviation, the same key of another table, or the nearest key
/// of this table; `paths` are all keys.
pub(super) fn nearest_key(
    table: Option<&str>,
    found: &str,
    allowed: &[&str],
    paths: &[&str],
) -> Option<String> {
    let synonym = SYNONYMS.iter().find(|(short, _)| *short == found);
    let leaf = synonym.map_or(found, |(_, key)| key);
    let in_table = |key: &str| match table {
        Some(table) => format!("{table}.{key}"),
        None => key.to_owned(),
    };
    if allowed.contains(&leaf) {
        return Some(in_table(leaf));
    }
    let is_leaf = |path: &&&str| path.rsplit_once('.').is_some_and(|(_, key)| key == leaf);
    match paths.iter().find(is_leaf) {
        Some(path) => Some((*path).to_owned()),
        None => nearest(found, allowed).map(in_table),
    }
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

    #[test]
    fn nearest_key_looks_in_other_tables_too() {
        let key = |path: &str| {
            let (table, key) = path.split_once('.').unwrap();
            let allowed = ["batch_size", "epochs"];
            nearest_key(Some(table), key, &allowed, crate::config::Config::keys())
        };
        assert_eq!(key("train.bs").as_deref(), Some("train.batch_size"));
        assert_eq!(key("train.epoch").as_deref(), Some("train.epochs"));
        assert_eq!(key("train.lr").as_deref(), Some("optimizer.learning_rate"));
        assert_eq!(key("train.momentum").as_deref(), Some("optimizer.momentum"));
        assert_eq!(key("train.zzz"), None);
    }
}
