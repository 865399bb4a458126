//! Damaged configs and overrides.

use super::super::testing::samples::{KNOWN, PLAIN};
use super::super::*;
use crate::testing::fuzz::{Target, as_it_is, run};
use testing::samples;

/// The words of the format, the keys, and what keys can be.
fn words() -> Vec<String> {
    let syntax = r#"= [ ] [[hooks]] [hooks] hooks { } " ' """ ''' # , . \u0000 \U0010ffff true false nan inf -inf
        0x 0b1 1_0 1e999 1979-05-27T07:32:00Z \u{feff} é "norm.l2" 0.5"#;
    let mut words = vec!["\n".to_owned(), "\r\n".to_owned(), "\u{feff}".to_owned()];
    words.extend(syntax.split_whitespace().map(str::to_owned));
    for key in &KEYS.list {
        words.push(key.path.clone());
        if let kind::Kind::Word(choices) = key.kind {
            words.extend(choices.iter().map(|choice| format!("{choice:?}")));
        }
    }
    words
}

fn corpus() -> Vec<Vec<u8>> {
    let every_key = samples::every_key();
    let texts = [
        PLAIN,
        &every_key,
        include_str!("../../../configs/sgd_b32.toml"),
        "data.dataset = \"text\"\ndata.file = \"a.txt\"\nmodel.kind = \"transformer\"\noptimizer = {kind = \"adam\", learning_rate = 1e-3, beta2 = 0.99}\ntrain.steps = 7\n",
        "optimizer = {kind = \"gd\", learning_rate = 0.1, momentum = 0.9, nesterov = true}\nschedule = {kind = \"step\", every = 1, warmup = 2}\ntrain.epochs = 3\n[model]\nkind = \"resnet\"\nnorm = \"group\"\ngroups = 4\n[[hooks]]\nmeasures = [\"norm.l2\"]\nschedule = \"logarithmic\"\nratio = 1.5\nmaps = [\"permutation\"]\n",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// What became of a config; it panics where an error has more than one line, or where the resolved
/// config does not read as itself.
fn outcome(read: Result<Config, ConfigError>) -> String {
    match read {
        Err(error) => {
            let message = error.to_string();
            assert_eq!(message.lines().count(), 1, "{message:?}");
            // Without the file or the flag, which a flag quotes in full.
            message.rsplit(": ").next().unwrap_or_default().to_owned()
        }
        Ok(config) => {
            let again = parse(&config.to_toml(), "again", &[], "again", KNOWN);
            assert_eq!(again.expect("a resolved config is one"), config);
            format!("{} {}", config.model.kind(), config.optimizer.method.kind())
        }
    }
}

/// Damages texts; inputs that are no text are refused before they are read.
fn damage(name: &'static str, corpus: Vec<Vec<u8>>, read: &dyn Fn(&str) -> String) {
    let words = words();
    let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
    run(&Target {
        name,
        corpus,
        words: &words,
        repair: as_it_is,
        read: &|bytes| std::str::from_utf8(bytes).map_or_else(|_| "no text".to_owned(), read),
    });
}

#[test]
fn configs() {
    damage("config", corpus(), &|text| {
        outcome(parse(text, "x.toml", &[], "x", KNOWN))
    });
}

#[test]
fn overrides() {
    let hooks = format!("{PLAIN}\n[[hooks]]\npreset = \"light\"\n[[hooks]]\npreset = \"full\"");
    let corpus = [
        "train.batch_size=64",
        "data.dataset=mnist",
        "hooks.0.every=5",
        "hooks.1.measures=[\"norm.l2\"]\nmodel.hidden=[64, 64]",
        "optimizer.kind=gd\ntrain.steps=3",
        "train={steps = 7}",
        "hooks=[]\nhooks.0.every=5",
        "name = \"quoted\"",
        "hooks.0=\noptimizer.momentum=",
    ];
    let corpus = corpus.map(|text| text.as_bytes().to_vec()).to_vec();
    // A line is a flag; an argument can hold line breaks too.
    damage("set", corpus, &|text| {
        let separator = if text.starts_with(' ') { '\u{1}' } else { '\n' };
        let given = text.split(separator).map(Override::parse);
        let given = given.collect::<Result<Vec<_>, _>>();
        outcome(given.and_then(|given| parse(&hooks, "x.toml", &given, "x", KNOWN)))
    });
}
