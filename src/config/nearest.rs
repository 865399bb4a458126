//! "Did you mean …": the nearest of the allowed names.

use strsim::damerau_levenshtein;

use super::keys::KEYS;

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

/// The full path of the key that was probably meant by an unknown one whose table allows `allowed`:
/// a well-known abbreviation, the same key of another table, or the nearest key of this table.
pub(super) fn nearest_key(path: &[String], allowed: &[&str]) -> Option<String> {
    let (found, table) = path.split_last()?;
    let found = found.as_str();
    let synonym = SYNONYMS
        .iter()
        .find(|(short, _)| *short == found)
        .map(|(_, key)| *key);
    let leaf = synonym.unwrap_or(found);
    let in_table = |key: &str| {
        let mut path = table.to_vec();
        path.push(key.to_owned());
        path.join(".")
    };
    if allowed.contains(&leaf) {
        return Some(in_table(leaf));
    }
    let elsewhere = KEYS
        .iter()
        .find(|key| key.rsplit_once('.').is_some_and(|(_, k)| k == leaf));
    match elsewhere {
        Some(key) => Some((*key).to_owned()),
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
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            nearest_key(&path, &["batch_size", "epochs"])
        };
        assert_eq!(key("train.bs").as_deref(), Some("train.batch_size"));
        assert_eq!(key("train.epoch").as_deref(), Some("train.epochs"));
        assert_eq!(key("train.lr").as_deref(), Some("optimizer.learning_rate"));
        assert_eq!(key("train.momentum").as_deref(), Some("optimizer.momentum"));
        assert_eq!(key("train.zzz"), None);
    }
}
