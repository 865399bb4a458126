//! The names of all config keys, for suggestions and for looking a value up by name.

use super::error::ConfigError;
use super::nearest::nearest;
use super::valid::Config;
use super::{document::Node, error::Key};

/// Every key a config can have, in the order of the documents. `hooks` stands for the whole array.
pub(super) const KEYS: &[&str] = &[
    "name",
    "seed",
    "backend",
    "precision",
    "data.dataset",
    "data.file",
    "data.sequence",
    "data.train",
    "data.test",
    "data.subset",
    "data.normalize",
    "data.label_noise",
    "data.classes",
    "data.augment",
    "model.kind",
    "model.hidden",
    "model.activation",
    "model.bias",
    "model.norm",
    "model.groups",
    "model.init",
    "model.init_scale",
    "model.preset",
    "model.width",
    "model.blocks",
    "model.patch",
    "model.depth",
    "model.heads",
    "model.mlp_width",
    "model.pool",
    "model.dropout",
    "optimizer.kind",
    "optimizer.learning_rate",
    "optimizer.momentum",
    "optimizer.nesterov",
    "optimizer.weight_decay",
    "optimizer.beta1",
    "optimizer.beta2",
    "optimizer.epsilon",
    "schedule.kind",
    "schedule.warmup",
    "schedule.every",
    "schedule.factor",
    "schedule.final_fraction",
    "schedule.decay",
    "train.loss",
    "train.batch_size",
    "train.epochs",
    "train.steps",
    "train.stop_at_train_loss",
    "train.stop_check_every",
    "train.sampling",
    "train.checkpoint_every",
    "train.evaluate_every",
    "hooks",
];

impl Config {
    /// Every key a config can have. A config need not have a value for each: `optimizer.momentum`
    /// is a key, and [`Config::value`] is `None` for it where the optimizer is Adam.
    pub fn keys() -> &'static [&'static str] {
        KEYS
    }

    /// The resolved value of a key such as `train.batch_size`, defaults included; also of a whole
    /// table (`optimizer`) and of one item (`hooks.0.every`, `model.hidden.1`). `None` where the
    /// key does not apply to this config or does not exist.
    pub fn value(&self, key: &str) -> Option<toml::Value> {
        let root = Node::parse(&self.to_toml(), "").ok()?;
        root.get(key.split('.')).map(Node::to_toml)
    }

    /// The resolved config as one table, for looking up many keys.
    pub fn table(&self) -> toml::Table {
        match Node::parse(&self.to_toml(), "").map(|root| root.to_toml()) {
            Ok(toml::Value::Table(table)) => table,
            _ => toml::Table::new(),
        }
    }

    /// The first key in which two configs differ.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let roots = [self, other].map(|config| Node::parse(&config.to_toml(), "").ok());
        let value = |root: &Option<Node>, key: &str| {
            let node = root.as_ref()?.get(key.split('.'));
            node.map(Node::to_toml)
        };
        let differs = |key: &&str| value(&roots[0], key) != value(&roots[1], key);
        KEYS.iter().copied().find(differs)
    }

    /// Checks that `key` is one of [`Config::keys`].
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownKey`], with the nearest key.
    pub fn check_key(key: &str) -> Result<(), ConfigError> {
        if KEYS.contains(&key) {
            return Ok(());
        }
        Err(ConfigError::UnknownKey {
            key: Key {
                path: key.to_owned(),
                line: None,
            },
            nearest: nearest(key, KEYS).map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::samples;

    #[test]
    fn values_are_found_by_key_with_their_defaults() {
        let config = samples::plain();
        assert_eq!(
            config.value("train.batch_size"),
            Some(toml::Value::Integer(32))
        );
        assert_eq!(
            config.value("optimizer.learning_rate"),
            Some(toml::Value::Float(0.1))
        );
        assert_eq!(
            config.value("model.hidden.0"),
            Some(toml::Value::Integer(128))
        );
        assert_eq!(config.value("optimizer.beta1"), None);
        assert_eq!(config.value("optimizer.lr"), None);
        assert_eq!(config.table().get("model"), config.value("model").as_ref());
    }

    #[test]
    fn two_configs_differ_in_the_first_key_with_another_value() {
        let config = samples::plain();
        assert_eq!(config.difference(&config), None);
        let mut other = config.clone();
        other.train.batch_size = Some(64);
        other.optimizer.learning_rate = 0.2;
        assert_eq!(config.difference(&other), Some("optimizer.learning_rate"));
        assert_eq!(other.difference(&config), Some("optimizer.learning_rate"));
        other.optimizer.learning_rate = 0.1;
        assert_eq!(config.difference(&other), Some("train.batch_size"));
    }

    #[test]
    fn an_unknown_key_suggests_the_nearest() {
        assert!(Config::check_key("train.batch_size").is_ok());
        let text = |key| Config::check_key(key).unwrap_err().to_string();
        let known = KEYS.join(", ");
        assert_eq!(
            text("train.bach_size"),
            format!(
                "unknown config key `train.bach_size`; did you mean `train.batch_size`? Known keys: {known}"
            )
        );
        assert_eq!(
            text("batch_size"),
            format!(
                "unknown config key `batch_size`; did you mean `train.batch_size`? Known keys: {known}"
            )
        );
        assert_eq!(
            text("zzz"),
            format!("unknown config key `zzz`. Known keys: {known}")
        );
    }

    #[test]
    fn the_list_of_keys_is_the_list_of_fields() {
        let text = toml::to_string(&samples::every_key()).unwrap();
        let mut found = Vec::new();
        for (key, value) in text.parse::<toml::Table>().unwrap() {
            match value {
                toml::Value::Table(table) => {
                    found.extend(table.keys().map(|inner| format!("{key}.{inner}")));
                }
                _ => found.push(key),
            }
        }
        assert_eq!(found, KEYS);
    }
}
