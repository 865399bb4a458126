//! Overrides: values given on the command line that replace those of the file, before anything is
//! checked.
//!
//! Where the file and an override exclude each other, the override wins: `train.steps` drops the
//! file's `train.epochs` and the reverse, `clip.norm` its `clip.value`, `preset` of a hook drops the file's `measures` and the
//! reverse, `train.full_batch=true` drops the file's `train.batch_size` and the reverse, and
//! `optimizer.kind=gd` drops both of the file. Two overrides that exclude each other are an error like two
//! such lines of a file.

use std::sync::Arc;

use toml::de::DeValue;

use super::document::{Node, Origin, Value, one_line};
use super::error::ConfigError;
use super::key::KEYS;
use super::lookup::declared;
use super::whole::Config;

/// One value that replaces the file's, or takes it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    flag: String,
    path: Vec<String>,
    value: Option<Node>,
}

impl Override {
    /// Reads the argument of `--set`, `a.b=value`. The value is TOML; a bare word is a string
    /// (`data.dataset=mnist`), and nothing unsets the key (`optimizer.momentum=`), whose default
    /// then holds, or the whole of a table that need not be there (`sam=`). Items of arrays are addressed by index: `hooks.0.every=5`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OverrideForm`] without `=`, or where the key path is not made of names and
    /// dots; [`ConfigError::UnknownKey`] for a key to be unset that does not exist; [`ConfigError::OverrideValue`] where the value begins like a TOML
    /// array, table or string and is none.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let form = || ConfigError::OverrideForm {
            text: one_line(text),
        };
        let (path, value) = text.split_once('=').ok_or_else(form)?;
        let path: Vec<String> = path.split('.').map(|part| part.trim().to_owned()).collect();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let value = value.trim();
        let is_name = |part: &String| !part.is_empty() && part.chars().all(plain);
        if !path.iter().all(is_name) {
            return Err(form());
        }
        let flag = format!("--set {}", one_line(text));
        if value.is_empty() {
            let value = None;
            let key = declared(&path.join("."));
            if !KEYS.is_optional(&key) {
                Config::check_key(&key)?;
            }
            return Ok(Self { flag, path, value });
        }
        let value = read_value(value, &flag).map_err(|message| ConfigError::OverrideValue {
            text: one_line(text),
            message,
        })?;
        Ok(Self {
            flag,
            path,
            value: Some(value),
        })
    }

    /// The override that a flag of its own stands for, such as `--backend wgpu` for the key
    /// `backend`; errors quote `flag`.
    pub fn from_flag(flag: &str, key: &str, value: &toml::Value) -> Self {
        let origin = Origin::Flag(flag.into());
        Self {
            flag: flag.to_owned(),
            path: key.split('.').map(str::to_owned).collect(),
            value: Some(Node::from_toml(value, &origin)),
        }
    }

    /// The key it sets, such as `train.batch_size`.
    pub fn key(&self) -> String {
        self.path.join(".")
    }

    /// Puts the value into the tree, or takes out what is there.
    fn apply(&self, root: &mut Node) -> Result<(), ConfigError> {
        match &self.value {
            Some(value) => self.put(value, root),
            None => {
                root.remove(&self.path);
                Ok(())
            }
        }
    }

    fn put(&self, given: &Node, root: &mut Node) -> Result<(), ConfigError> {
        let mut node = root;
        for (depth, segment) in self.path.iter().enumerate() {
            let here = || self.path[..depth].join(".");
            node = match &mut node.value {
                Value::Table(entries) => {
                    let next = self.path.get(depth + 1);
                    let found = entries.iter().position(|(key, _)| key == segment);
                    // An index into an array that is absent: the array is empty.
                    if found.is_none() && next.is_some_and(|next| next.parse::<usize>().is_ok()) {
                        return Err(self.no_item(self.path[..=depth].join("."), next, 0));
                    }
                    let at = found.unwrap_or_else(|| {
                        let origin = given.origin.clone();
                        let value = Value::Table(Vec::new());
                        entries.push((segment.clone(), Node { origin, value }));
                        entries.len() - 1
                    });
                    &mut entries[at].1
                }
                Value::Array(items) => {
                    let length = items.len();
                    let item = segment
                        .parse::<usize>()
                        .ok()
                        .and_then(|at| items.get_mut(at));
                    item.ok_or_else(|| self.no_item(here(), Some(segment), length))?
                }
                _ => {
                    return Err(ConfigError::OverrideScalar {
                        flag: self.flag.clone(),
                        key: here(),
                    });
                }
            };
        }
        *node = given.clone();
        Ok(())
    }

    fn no_item(&self, array: String, index: Option<&String>, length: usize) -> ConfigError {
        let index = index.cloned().unwrap_or_default();
        ConfigError::OverrideIndex {
            flag: self.flag.clone(),
            array,
            index,
            length,
        }
    }
}

/// Puts all overrides into the tree, in order, and drops what they exclude.
pub(super) fn apply_all(root: &mut Node, overrides: &[Override]) -> Result<(), ConfigError> {
    for given in overrides {
        given.apply(root)?;
    }
    let is_given = |root: &Node, path: &[&str], value: &Value| {
        given_by_flag(root, path).is_some_and(|node| node.value == *value)
    };
    let is_gd = is_given(
        root,
        &["optimizer", "kind"],
        &Value::String("gd".to_owned()),
    );
    if is_gd || given_by_flag(root, &["train", "batch_size"]).is_some() {
        drop_from_file(root, &["train"], "full_batch");
    }
    if is_gd || is_given(root, &["train", "full_batch"], &Value::Boolean(true)) {
        drop_from_file(root, &["train"], "batch_size");
    }
    keep_the_override(root, &["train"], "epochs", "steps");
    keep_the_override(root, &["clip"], "norm", "value");
    let hooks = match root.get(["hooks"]) {
        Some(Node {
            value: Value::Array(items),
            ..
        }) => items.len(),
        _ => 0,
    };
    for index in 0..hooks {
        keep_the_override(root, &["hooks", &index.to_string()], "preset", "measures");
    }
    Ok(())
}

/// Of two keys that exclude each other, drops the one in the file if the other one is an override.
fn keep_the_override(root: &mut Node, table: &[&str], one: &str, other: &str) {
    for (given, dropped) in [(one, other), (other, one)] {
        if given_by_flag(root, &[table, &[given]].concat()).is_some() {
            drop_from_file(root, table, dropped);
        }
    }
}

fn given_by_flag<'n>(root: &'n Node, path: &[&str]) -> Option<&'n Node> {
    root.get(path.iter().copied())
        .filter(|node| matches!(node.origin, Origin::Flag(_)))
}

fn drop_from_file(root: &mut Node, table: &[&str], key: &str) {
    if let Some(Node {
        value: Value::Table(entries),
        ..
    }) = root.get_mut(table)
    {
        entries.retain(|(name, node)| name != key || matches!(node.origin, Origin::Flag(_)));
    }
}

/// A value as TOML, or a bare word as a string.
fn read_value(text: &str, flag: &str) -> Result<Node, String> {
    let flag: Arc<str> = flag.into();
    match DeValue::parse(text) {
        Ok(value) => Ok(Node::from_flag(value.get_ref(), &flag)),
        Err(error) if text.starts_with(['[', '{', '"', '\'']) => Err(one_line(error.message())),
        Err(_) => Ok(Node {
            origin: Origin::Flag(flag),
            value: Value::String(text.to_owned()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use crate::config::samples::{KNOWN, PLAIN};

    fn with(text: &str, sets: &[&str]) -> Result<Config, ConfigError> {
        let overrides = sets.iter().map(|set| Override::parse(set));
        parse(
            text,
            "x.toml",
            &overrides.collect::<Result<Vec<_>, _>>()?,
            "x",
            KNOWN,
        )
    }

    fn fault(sets: &[&str]) -> String {
        with(PLAIN, sets).unwrap_err().to_string()
    }

    #[test]
    fn a_table_that_need_not_be_there_is_unset_as_a_whole() {
        let text = format!("sam.radius = 0.1\nclip.norm = 1.0\n{PLAIN}");
        let config = with(&text, &["sam=", "clip.value=0.5"]).unwrap();
        assert_eq!(config.sam, None);
        assert_eq!(config.value("clip").unwrap().to_string(), "{ value = 0.5 }");
        assert!(Override::parse("optimizer=").is_err());
    }

    #[test]
    fn a_value_is_toml_or_a_bare_word() {
        let cases = [
            ("name=b32", "name", "\"b32\""),
            ("name = \"quoted\"", "name", "\"quoted\""),
            (
                "data.dataset=fashion-mnist",
                "data.dataset",
                "\"fashion-mnist\"",
            ),
            ("model.hidden=[64, 64]", "model.hidden", "[64, 64]"),
            ("model.bias=false", "model.bias", "false"),
            (
                "optimizer.learning_rate=1e-3",
                "optimizer.learning_rate",
                "0.001",
            ),
            ("train={steps = 7}", "train.steps", "7"),
        ];
        for (set, key, expected) in cases {
            let value = with(PLAIN, &[set]).unwrap().value(key).unwrap();
            assert_eq!(value.to_string(), expected, "{set}");
        }
        let path = Override::parse("data.dataset=configs/x.toml").unwrap();
        let value = path.value.as_ref().map(|node| node.value.clone());
        assert_eq!(value, Some(Value::String("configs/x.toml".to_owned())));
        assert_eq!(path.key(), "data.dataset");
    }

    #[test]
    fn a_malformed_override_says_the_form() {
        for text in ["train.steps", "=3", "train.=3", "a b=3", "train..steps=3"] {
            assert_eq!(
                Override::parse(text).unwrap_err().to_string(),
                format!(
                    "--set {text}: must have the form a.b=value, for example train.batch_size=64"
                )
            );
        }
    }

    #[test]
    fn nothing_unsets_a_key() {
        let text = PLAIN.replace("0.1", "0.1\nmomentum = 0.9");
        let adam = ["optimizer.kind=adam", "optimizer.momentum="];
        let config = with(&text, &adam).unwrap();
        assert_eq!(config.optimizer.method.momentum(), None);
        let config = with(&text, &["optimizer.momentum="]).unwrap();
        assert_eq!(
            config.value("optimizer.momentum"),
            Some(toml::Value::Float(0.0))
        );
        // What is not there need not be taken out.
        assert_eq!(
            with(PLAIN, &["data.train="]).unwrap(),
            with(PLAIN, &[]).unwrap()
        );
        let unknown = Override::parse("optimizer.momentun=").unwrap_err();
        assert!(
            unknown
                .to_string()
                .contains("did you mean `optimizer.momentum`?"),
            "{unknown}"
        );
        assert_eq!(
            fault(&["optimizer.learning_rate="]),
            "x.toml: `optimizer.learning_rate` is required: a number above 0"
        );
    }

    #[test]
    fn a_broken_array_is_not_a_word() {
        assert_eq!(
            fault(&["model.hidden=[64,"]),
            "--set model.hidden=[64,: the value is not TOML: unclosed array, expected `]`"
        );
    }

    #[test]
    fn items_are_addressed_by_index() {
        let text = format!("{PLAIN}\n[[hooks]]\npreset = \"light\"");
        let config = with(&text, &["hooks.0.every=5"]).unwrap();
        assert_eq!(config.hooks[0].every, 5);
        assert!(with(&text, &["hooks=[]"]).unwrap().hooks.is_empty());
        assert_eq!(
            with(&text, &["hooks.1.every=5"]).unwrap_err().to_string(),
            "--set hooks.1.every=5: `hooks` has no item 1: it has only item 0"
        );
        assert_eq!(
            with(&text, &["hooks.every=5"]).unwrap_err().to_string(),
            "--set hooks.every=5: `hooks` has no item every: it has only item 0"
        );
        assert_eq!(
            fault(&["hooks.0.every=5"]),
            "--set hooks.0.every=5: `hooks` has no item 0: it is empty"
        );
    }

    #[test]
    fn nothing_can_be_set_inside_a_number() {
        assert_eq!(
            fault(&["train.epochs.x=1"]),
            "--set train.epochs.x=1: `train.epochs` is not a table, so nothing can be set in it"
        );
    }

    #[test]
    fn an_overridden_length_replaces_the_other_one() {
        let steps = with(PLAIN, &["train.steps=3"]).unwrap();
        assert_eq!(steps.value("train.steps"), Some(toml::Value::Integer(3)));
        assert_eq!(steps.value("train.epochs"), None);
        let file = PLAIN.replace("epochs", "steps");
        let epochs = with(&file, &["train.epochs=3"]).unwrap();
        assert_eq!(epochs.value("train.steps"), None);
        assert_eq!(
            fault(&["train.epochs=3", "train.steps=3"]),
            "--set train.epochs=3: `train.epochs` and `train.steps` cannot both be set: a run has one length"
        );
    }

    #[test]
    fn an_overridden_preset_replaces_the_measures() {
        let text = format!("{PLAIN}\n[[hooks]]\nmeasures = [\"norm.l2\"]");
        assert!(with(&text, &["hooks.0.preset=full"]).is_ok());
    }

    #[test]
    fn gd_drops_the_batch_size_of_the_file_only() {
        let text = format!("{PLAIN}\nbatch_size = 64");
        assert_eq!(
            with(&text, &["optimizer.kind=gd"])
                .unwrap()
                .train
                .batch_size,
            None
        );
        assert_eq!(
            with(&text, &["optimizer.kind=gd", "train.batch_size=8"])
                .unwrap_err()
                .to_string(),
            "--set train.batch_size=8: `train.batch_size` must be absent for optimizer.kind = \"gd\", which uses all training samples in every step"
        );
    }

    #[test]
    fn a_full_batch_and_a_batch_size_drop_each_other_from_the_file() {
        let file = |line: &str| format!("{PLAIN}\n{line}");
        let full = with(&file("batch_size = 64"), &["train.full_batch=true"]).unwrap();
        assert_eq!((full.train.batch_size, full.train.full_batch), (None, true));
        let batches = with(&file("full_batch = true"), &["train.batch_size=8"]).unwrap();
        assert_eq!(
            (batches.train.batch_size, batches.train.full_batch),
            (Some(8), false)
        );
        let gd = with(&file("full_batch = false"), &["optimizer.kind=gd"]).unwrap();
        assert!(gd.train.full_batch);
        assert_eq!(
            fault(&["train.batch_size=8", "train.full_batch=true"]),
            "--set train.batch_size=8: `train.batch_size` must be absent for train.full_batch = true, which uses all training samples in every step"
        );
    }

    #[test]
    fn a_fault_of_an_override_names_the_flag() {
        assert_eq!(
            fault(&["optimizer.lr=0.1"]),
            "--set optimizer.lr=0.1: unknown key `optimizer.lr`; did you mean `optimizer.learning_rate`? Allowed in [optimizer]: kind, momentum, nesterov, beta1, beta2, epsilon, learning_rate, weight_decay"
        );
        assert_eq!(
            fault(&["train.batch_size=abc"]),
            "--set train.batch_size=abc: `train.batch_size` must be a positive integer, found \"abc\" (string)"
        );
    }

    #[test]
    fn a_flag_that_collides_with_the_file_is_the_one_to_blame() {
        let backend = "wgpu".into();
        let flag = Override::from_flag("--backend wgpu", "backend", &backend);
        let text = format!("precision = \"f64\"\n{PLAIN}");
        assert_eq!(
            parse(&text, "x.toml", &[flag], "x", KNOWN)
                .unwrap_err()
                .to_string(),
            "--backend wgpu: `precision` = \"f64\" needs backend \"cpu\" or \"ndarray\", this config has \"wgpu\" (\"cpu\" is the reference)"
        );
    }
}
