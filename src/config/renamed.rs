//! Keys that earlier versions called otherwise: whoever writes an old name is told the new one.

/// The old path of a key, and the path that it has now; two where what it said is said by two keys.
pub(super) const RENAMED: &[(&str, &[&str])] = &[
    ("sam.radius", &["sharpness_aware.rho"]),
    ("sam.final_radius", &["sharpness_aware.final_rho"]),
    ("sam.micro_batch", &["sharpness_aware.batch"]),
    (
        "sam.scaling",
        &["sharpness_aware.kind", "sharpness_aware.scaling"],
    ),
    ("sam.eta", &["sharpness_aware.eta"]),
    ("sam.schedule", &["sharpness_aware.schedule"]),
    ("sam.ball", &["sharpness_aware.ball"]),
    ("gradient_noise.shape", &["noise.kind"]),
    ("gradient_noise.batch_size", &["noise.batch_size"]),
    ("clip.norm", &["train.clip_norm"]),
    ("clip.value", &["train.clip_value"]),
];

/// The end of a sentence about an unknown key or table: what it is called now, if it once was one.
pub(super) fn hint(path: &str) -> Option<String> {
    let said = |new: &[&str]| {
        let new: Vec<String> = new.iter().map(|path| format!("`{path}`")).collect();
        new.join(" and ")
    };
    if let Some((_, new)) = RENAMED.iter().find(|(old, _)| *old == path) {
        return Some(format!("; it is called {} now.", said(new)));
    }
    let table = path.split('.').next().unwrap_or_default();
    let of_table: Vec<String> = RENAMED
        .iter()
        .filter(|(old, _)| old.split_once('.').is_some_and(|(of, _)| of == table))
        .map(|(old, new)| format!("`{old}` is {}", said(new)))
        .collect();
    let keys = of_table.join(", ");
    (!keys.is_empty()).then(|| format!("; the keys of [{table}] have other names now: {keys}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn new_names_are_keys_and_old_ones_are_none() {
        let known = Config::keys();
        for (old, new) in RENAMED {
            assert!(new.iter().all(|new| known.contains(new)), "{new:?}");
            let table = old.split_once('.').map_or(*old, |(table, _)| table);
            let has_table = known.iter().any(|key| key.split('.').next() == Some(table));
            assert!(!has_table, "{table} is a table of keys");
        }
    }

    #[test]
    fn an_old_name_is_answered_with_the_new_one() {
        let of_key = hint("clip.norm").unwrap();
        assert_eq!(of_key, "; it is called `train.clip_norm` now.");
        let of_table = "; the keys of [clip] have other names now: `clip.norm` is `train.clip_norm`, `clip.value` is \
                        `train.clip_value`.";
        assert_eq!(hint("clip").unwrap(), of_table);
        assert_eq!(hint("clip.nrm").unwrap(), of_table);
        assert_eq!(hint("train.epoch"), None);
        let flag = Config::check_key("gradient_noise.shape").unwrap_err();
        assert!(flag.to_string().starts_with(
            "unknown config key `gradient_noise.shape`; it is called `noise.kind` now. Known keys: "
        ));
    }
}
