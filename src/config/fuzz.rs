//! Damaged configs and overrides.

use super::samples::{KNOWN, PLAIN};
use super::*;
use crate::fuzz::{Target, as_it_is, run};

/// The words of the format, the keys, and those of the choices.
fn words() -> Vec<&'static [u8]> {
    let syntax = [
        "\n",
        "=",
        " = ",
        "[",
        "]",
        "[[hooks]]\n",
        "{",
        "}",
        "\"",
        "'",
        "\"\"\"",
        "'''",
        "#",
        ",",
        ".",
        "\\u0000",
        "\\U0010ffff",
        "true",
        "false",
        "nan",
        "inf",
        "-inf",
        "0x",
        "0b1",
        "1_0",
        "1e999",
        "1979-05-27T07:32:00Z",
        "\u{feff}",
        "\u{e9}",
        "hooks",
        "[hooks]\n",
        "\r\n",
    ];
    let choices = [
        "\"digits\"",
        "\"text\"",
        "\"cifar10\"",
        "\"resnet\"",
        "\"transformer\"",
        "\"resnet8\"",
        "\"tiny\"",
        "\"gd\"",
        "\"adam\"",
        "\"adamw\"",
        "\"group\"",
        "\"batch\"",
        "\"step\"",
        "\"cosine\"",
        "\"exponential\"",
        "\"logarithmic\"",
        "\"replacement\"",
        "\"flip\"",
        "\"crop\"",
        "\"full\"",
        "\"f64\"",
        "\"wgpu\"",
        "\"stratified\"",
        "\"norm.l2\"",
    ];
    let all = syntax.iter().chain(&choices).chain(key::PATHS.iter());
    all.map(|word| word.as_bytes()).collect()
}

fn corpus() -> Vec<Vec<u8>> {
    let every_key = toml::to_string(&samples::every_key()).unwrap();
    let texts = [
        PLAIN,
        &every_key,
        include_str!("../../configs/sgd_b32.toml"),
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

#[test]
fn configs() {
    run(&Target {
        name: "config",
        corpus: corpus(),
        words: &words(),
        repair: as_it_is,
        read: &|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => outcome(parse(text, "x.toml", &[], "x", KNOWN)),
            // Files that are not text are refused by the standard library.
            Err(_) => "no text".to_owned(),
        },
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
    ];
    run(&Target {
        name: "set",
        corpus: corpus.map(|text| text.as_bytes().to_vec()).to_vec(),
        words: &words(),
        repair: as_it_is,
        // A line is a flag; an argument can hold line breaks too.
        read: &|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => {
                let separator = if text.starts_with(' ') { '\u{1}' } else { '\n' };
                let given = text.split(separator).map(Override::parse);
                match given.collect::<Result<Vec<_>, _>>() {
                    Ok(given) => outcome(parse(&hooks, "x.toml", &given, "x", KNOWN)),
                    Err(error) => outcome(Err(error)),
                }
            }
            Err(_) => "no text".to_owned(),
        },
    });
}
