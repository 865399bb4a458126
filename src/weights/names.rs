//! Which tensor of a file has become which parameter, for its owner to read.

use std::rc::Rc;

/// The most lines that say which module is which.
const MOST_LINES: usize = 24;

/// Words that wrappers put before all names of a model.
const WRAPPERS: &[&str] = &["module.", "_orig_mod.", "model."];

/// The name of a tensor in its innermost container, without the words of wrappers; all of its keys where the user has
/// renamed by them.
pub(super) fn shown(path: &[Rc<str>], is_renamed: bool) -> String {
    if is_renamed {
        return path.join(".");
    }
    let mut name: &str = path.last().map_or("", |name| name);
    while let Some(rest) = WRAPPERS.iter().find_map(|word| name.strip_prefix(word)) {
        name = rest;
    }
    name.to_owned()
}

/// The modules whose names differ, as pairs of the file's name and the model's, from such pairs of tensors.
pub(super) fn modules(tensors: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (theirs, ours) in tensors {
        let pair = match (theirs.rsplit_once('.'), ours.rsplit_once('.')) {
            (Some((their_module, their_part)), Some((our_module, our_part)))
                if their_part == our_part =>
            {
                (their_module.to_owned(), our_module.to_owned())
            }
            _ => (theirs, ours),
        };
        if pair.0 != pair.1 && !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    pairs
}

/// The pairs in lines, behind one that says which side is which.
pub(super) fn lines(pairs: &[(String, String)]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    if !pairs.is_empty() {
        lines.push("renamed, from the name in the file to the name here:".to_owned());
    }
    let line = |(theirs, ours): &(String, String)| format!("{theirs} -> {ours}");
    lines.extend(pairs.iter().take(MOST_LINES).map(line));
    if pairs.len() > MOST_LINES {
        lines.push(format!("and {} more", pairs.len() - MOST_LINES));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_told_once_by_the_names_of_the_file() {
        let pairs = [
            ("0.weight", "layers.0.weight"),
            ("0.bias", "layers.0.bias"),
            ("layers.1.weight", "layers.1.weight"),
            ("scale", "norm.weight"),
        ];
        let pairs = pairs.map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned()));
        assert_eq!(
            lines(&modules(pairs.into_iter())),
            [
                "renamed, from the name in the file to the name here:",
                "0 -> layers.0",
                "scale -> norm.weight"
            ]
        );
        assert_eq!(lines(&[]), [""; 0]);
    }

    #[test]
    fn words_of_wrappers_are_shown_to_those_who_rename_by_them() {
        let path: Vec<Rc<str>> = vec!["state_dict".into(), "module.fc1.weight".into()];
        assert_eq!(shown(&path, false), "fc1.weight");
        assert_eq!(shown(&path, true), "state_dict.module.fc1.weight");
    }
}
