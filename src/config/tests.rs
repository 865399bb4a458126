//! What a config says and resolves to, as a user meets it.

mod fuzz;

use proptest::prelude::*;

use super::testing::samples::{KNOWN, PLAIN, any_config, plain};
use super::*;

/// A config with flags.
fn read(text: &str, flags: &[&str]) -> Result<Config, ConfigError> {
    let given = flags.iter().map(|flag| match flag.split_once(' ') {
        Some(("--set", set)) => Override::parse(set),
        Some((name, value)) => Ok(Override::from_flag(flag, &name[2..], &value.into())),
        None => panic!("{flag}"),
    });
    let given: Vec<Override> = given.collect::<Result<_, _>>()?;
    parse(text, "x.toml", &given, "x", KNOWN)
}

#[test]
fn what_is_wrong_is_said() {
    let required = ["optimizer.learning_rate = 0.1", "train.epochs = 3"];
    let (mut lines, mut flags, mut is_whole) = (Vec::new(), Vec::new(), false);
    for line in include_str!("messages.txt").lines() {
        if let Some(expected) = line.strip_prefix("> ") {
            if !is_whole {
                lines.extend(required);
            }
            let said = match read(&lines.join("\n"), &flags) {
                Ok(_) => "fine".to_owned(),
                Err(error) => error.to_string(),
            };
            match expected.strip_suffix('…') {
                Some(start) => assert!(said.starts_with(start), "{said}\n{line}"),
                None => assert_eq!(said, expected, "{lines:?} {flags:?}"),
            }
            (lines, flags, is_whole) = (Vec::new(), Vec::new(), false);
        } else if let Some(rest) = line.strip_prefix("--- ") {
            is_whole = true;
            lines.push(rest);
        } else if line.starts_with("--") {
            flags.push(line);
        } else if !line.is_empty() && !line.starts_with('#') {
            lines.push(line);
        }
    }
}

#[test]
fn chains_from_which_no_error_can_be_told_are_refused() {
    let said = |keys: &str| {
        let measure = "learning_coefficient.local";
        let text = format!("{PLAIN}\n[[hooks]]\nmeasures = [{measure:?}]\n{keys}");
        parse(&text, "x.toml", &[], "x", &[measure])
            .map_or_else(|error| error.to_string(), |_| "fine".to_owned())
    };
    for (keys, expected) in [
        ("draws = 100\nlocalisation = 1.0\nburn_in = 0", "fine"),
        ("draws = 10", "must be at least 20, found 10"),
        ("chains = 1", "must be at least 2, found 1"),
        ("step_size = 0.0", "must be above 0, found 0.0"),
    ] {
        let said = said(keys);
        assert!(said.ends_with(expected), "{said}");
    }
}

#[test]
fn a_file_is_named_after_its_stem() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sgd_b32.toml");
    std::fs::write(&path, PLAIN).unwrap();
    assert_eq!(load(&path, &[], KNOWN).unwrap().name, "sgd_b32");
    let absent = folder.path().join("absent.toml");
    let error = load(&absent, &[], KNOWN).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot read {}: ", absent.display())),
        "{error}"
    );
    let error = parse(PLAIN, "my run.toml", &[], "my run", &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "my run.toml: `name` must be set, because the file's stem \"my run\" cannot be one: allowed are letters, digits, '.', '_' and '-', and not \".\" or \"..\""
    );
}

#[test]
fn a_flag_sets_and_unsets_what_the_file_says() {
    let file = "optimizer = {learning_rate = 0.1, momentum = 0.9}\ntrain = {epochs = 3, batch_size = 64}\nmodel.hidden = [3]\nhooks = [{measures = [\"norm.l2\"]}]";
    let cases = [
        ("name=b32", "name", "\"b32\""),
        ("name = \"quoted\"", "name", "\"quoted\""),
        ("data.dataset=mnist", "data.dataset", "\"mnist\""),
        ("model.hidden=[64, 64]", "model.hidden", "[64, 64]"),
        ("model.bias=false", "model.bias", "false"),
        (
            "optimizer.learning_rate=1e-3",
            "optimizer.learning_rate",
            "0.001",
        ),
        ("optimizer.momentum=", "optimizer.momentum", "0.0"),
        ("data.train=", "data.train", "absent"),
        ("hooks.0.every=5", "hooks.0.every", "5"),
        ("hooks.0=", "hooks", "absent"),
        ("hooks=", "hooks", "absent"),
        ("model=", "model.hidden", "[128]"),
        ("hooks=[]", "hooks", "absent"),
        ("train={steps = 7}", "train.steps", "7"),
        // What excludes another key drops the file's.
        ("train.steps=3", "train.steps", "3"),
        ("train.steps=3", "train.epochs", "absent"),
        ("hooks.0.preset=full", "hooks.0.measures", "absent"),
        ("optimizer.kind=gd", "train.batch_size", "absent"),
        ("optimizer.kind=gd", "train.full_batch", "true"),
        ("train.full_batch=true", "train.batch_size", "absent"),
        ("train.batch_size=8", "train.full_batch", "false"),
    ];
    for (set, key, expected) in cases {
        let value = read(file, &[&format!("--set {set}")]).unwrap().value(key);
        let value = value.map_or_else(|| "absent".to_owned(), |value| value.to_string());
        assert_eq!(value, expected, "{set}");
    }
    let full = file.replace("batch_size = 64", "full_batch = true");
    for (set, is_full) in [("train.batch_size=8", false), ("optimizer.kind=gd", true)] {
        let config = read(&full, &[&format!("--set {set}")]).unwrap();
        assert_eq!(config.train.full_batch, is_full, "{set}");
    }
    let adam = ["--set optimizer.kind=adam", "--set optimizer.momentum="];
    let adam = read(file, &adam).unwrap();
    assert_eq!(adam.value("optimizer.momentum"), None);
    let tables = format!("sharpness_aware.rho = 0.1\n{file}");
    let config = read(
        &tables,
        &["--set sharpness_aware=", "--set train.clip_value=0.5"],
    )
    .unwrap();
    assert_eq!(config.sharpness_aware, None);
    assert_eq!(config.train.clip.value, Some(0.5));
}

#[test]
fn what_does_not_fit_the_data_is_said_of_the_file_or_the_flag() {
    let said = |text: &str, flags: &[&str], train_len| {
        let error = read(text, flags).unwrap().check_against_data(train_len);
        error.map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    };
    assert_eq!(said(PLAIN, &[], 32), "fine");
    assert_eq!(
        said(PLAIN, &[], 31),
        "x.toml: `train.batch_size` must be at most the 31 training samples, found 32"
    );
    assert_eq!(
        said(&format!("{PLAIN}\nbatch_size = 33"), &[], 31),
        "x.toml: `train.batch_size` (line 5) must be at most the 31 training samples, found 33"
    );
    assert_eq!(
        said(PLAIN, &["--set train.batch_size=99999"], 31),
        "--set train.batch_size=99999: `train.batch_size` must be at most the 31 training samples, found 99999"
    );
    let warmup = ["--set schedule.warmup=6"];
    assert_eq!(said(PLAIN, &warmup, 65), "fine");
    assert_eq!(
        said(PLAIN, &warmup, 64),
        "--set schedule.warmup=6: `schedule.warmup` must be fewer than the run's 6 steps, found 6"
    );
}

#[test]
fn full_batches_are_resolved() {
    let resolved = |kind: &str| {
        let text =
            format!("optimizer = {{kind = {kind:?}, learning_rate = 0.1}}\ntrain.epochs = 3");
        read(&text, &[]).unwrap()
    };
    let gd = resolved("gd");
    assert_eq!(gd.value("train.full_batch"), Some(true.into()));
    assert_eq!((gd.train.batch_size, gd.epochs(100).first()), (None, 1));
    assert_eq!(
        resolved("sgd").value("train.full_batch"),
        Some(false.into())
    );
}

#[test]
fn a_text_is_resolved_without_the_keys_of_images() {
    let text = format!(
        "data = {{dataset = \"text\", file = \"a.txt\"}}\nmodel.kind = \"transformer\"\n{PLAIN}"
    );
    let config = read(&text, &[]).unwrap();
    assert_eq!(config.value("data.sequence"), Some(64.into()));
    assert_eq!(config.value("data.normalize"), None);
    assert_eq!(config.value("model.patch"), None);
    assert_eq!(reread(&config), config);
}

#[test]
fn values_are_found_by_key_with_their_defaults() {
    let config = plain();
    assert_eq!(config.value("train.batch_size"), Some(32.into()));
    assert_eq!(config.value("optimizer.learning_rate"), Some(0.1.into()));
    assert_eq!(config.value("model.hidden.0"), Some(128.into()));
    assert_eq!(config.value("optimizer.beta1"), None);
    assert_eq!(config.value("optimizer.lr"), None);
    assert_eq!(config.table().get("model"), config.value("model").as_ref());
}

#[test]
fn two_configs_differ_in_the_first_key_with_another_value() {
    let config = plain();
    assert_eq!(config.difference(&config), None);
    let mut other = config.clone();
    other.train.batch_size = Some(64);
    other.optimizer.learning_rate = 0.2;
    assert_eq!(config.difference(&other), Some("optimizer.learning_rate"));
    other.optimizer.learning_rate = 0.1;
    assert_eq!(other.difference(&config), Some("train.batch_size"));
}

#[test]
fn an_unknown_key_suggests_the_nearest() {
    assert!(Config::check_key("train.batch_size").is_ok());
    let known = Config::keys().join(", ");
    for (key, hint) in [
        ("train.bach_size", "; did you mean `train.batch_size`?"),
        ("batch_size", "; did you mean `train.batch_size`?"),
        ("zzz", "."),
    ] {
        let error = Config::check_key(key).unwrap_err().to_string();
        let expected = format!("unknown config key `{key}`{hint} Known keys: {known}");
        assert_eq!(error, expected);
    }
}

fn reread(config: &Config) -> Config {
    let text = config.to_toml();
    parse(&text, "config.toml", &[], "other", KNOWN)
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_resolved_config_spells_out_every_default() {
    insta::assert_snapshot!(plain().to_toml(), @r#"
    name = "x"
    seed = 0
    backend = "cpu"
    precision = "f32"

    [data]
    dataset = "digits"
    subset = "first"
    normalize = "unit"
    label_noise = 0.0
    augment = []

    [model]
    kind = "mlp"
    hidden = [128]
    activation = "relu"
    bias = true
    norm = "none"
    init = "he"
    init_scale = 1.0

    [optimizer]
    kind = "sgd"
    momentum = 0.0
    nesterov = false
    learning_rate = 0.1
    weight_decay = 0.0
    weight_decay_excludes = []

    [schedule]
    kind = "constant"
    warmup = 0
    limit = "none"

    [learning_rate_rule]
    rule = "none"

    [train]
    loss = "cross_entropy"
    batch_size = 32
    batch_schedule = "constant"
    full_batch = false
    epochs = 3
    sampling = "shuffle"
    checkpoint_every = 1
    evaluate_every = 1

    [average]
    kind = "none"

    [events]
    spike_factor = 10.0
    spike_window = 50
    "#);
}

#[test]
fn a_table_that_need_not_be_there_is_resolved_where_it_is() {
    let config = read(&format!("sharpness_aware.rho = 0.1\n{PLAIN}"), &[]).unwrap();
    assert_eq!(reread(&config), config);
    let expected = "kind = \"sam\"\nrho = 0.1\nschedule = \"constant\"\nball = \"l2\"\n";
    assert!(
        config
            .to_toml()
            .contains(&format!("[sharpness_aware]\n{expected}"))
    );
}

#[test]
fn a_hook_has_a_schedule_or_triggers_or_both() {
    let hook = |keys: &str| {
        let text = format!("{PLAIN}\n[[hooks]]\nmeasures = [\"norm.l2\"]\n{keys}");
        let config = read(&text, &[]).unwrap();
        assert_eq!(reread(&config), config);
        (config.hooks[0].every, config.hooks[0].on.clone())
    };
    let spike = vec![Trigger::LossSpike];
    assert_eq!(hook(""), (Some(1), Vec::new()));
    assert_eq!(hook("on = [\"loss-spike\"]"), (None, spike.clone()));
    let both = "on = [\"loss-spike\"]\nevery = 3\nunit = \"steps\"";
    assert_eq!(hook(both), (Some(3), spike));
}

#[test]
fn epochs_count_the_steps_of_their_batches() {
    let epochs = |keys: &str| {
        let config = read(&format!("{PLAIN}\n{keys}"), &[]).unwrap();
        let epochs = config.epochs(100);
        (
            config.total_steps(100),
            epochs.first(),
            epochs.batch_size(0),
        )
    };
    assert_eq!(epochs(""), (12, 4, 32));
    // Batches of 32, 64 and 100 of 100.
    assert_eq!(
        epochs("batch_schedule = \"step\"\nbatch_every = 1"),
        (4 + 2 + 1, 4, 32)
    );
    assert_eq!(epochs("accumulate = 3"), (6, 2, 96));
    let svag = "svag = 3\nsampling = \"replacement\"";
    assert_eq!(epochs(svag), (36, 12, 32));
}

#[test]
fn extreme_numbers_survive_exactly() {
    let tiny = [f64::MIN_POSITIVE, 5e-324];
    for rate in [&tiny[..], &[f64::MAX, 0.1 + 0.2, 1.0 / 3.0, 1e22]].concat() {
        let mut config = plain();
        config.precision = crate::linear::Precision::F64;
        config.optimizer.learning_rate = rate;
        let again = reread(&config).optimizer.learning_rate;
        assert_eq!(again.to_bits(), rate.to_bits());
    }
}

proptest! {
    #[test]
    fn every_config_survives_being_written(config in any_config()) {
        prop_assert_eq!(reread(&config), config);
    }

    #[test]
    fn whatever_is_written_there_is_a_config_or_one_line(
        file in "([a-z]{0,9}\\.?[a-z_]{0,6} ?= ?[0-9a-z\"\\[\\{.,-]{0,6}\n){0,2}\\PC{0,12}",
        set in "(train|hooks|optimizer|model|)\\.?(0|epochs|kind|hidden)?\\.?=?\\PC{0,9}",
    ) {
        let checked = Override::parse(&set)
            .and_then(|given| parse(&format!("{file}\n{PLAIN}"), "x.toml", &[given], "x", KNOWN));
        if let Err(error) = checked {
            prop_assert_eq!(error.to_string().lines().count(), 1);
        }
    }
}

#[test]
fn a_config_and_its_error_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Config>();
    crosses::<ConfigError>();
}

#[test]
fn paths_of_own_data_begin_at_the_file_or_for_a_flag_at_the_working_folder() {
    let folder = std::env::current_dir().unwrap();
    let file = folder.join("sets/x.toml");
    let text = format!(
        "data = {{dataset = \"csv\", file = \"a.csv\", test_file = \"../t.csv\"}}\n{PLAIN}"
    );
    let csv = |sets: &[&str]| {
        let sets: Result<Vec<Override>, _> = sets.iter().map(|set| Override::parse(set)).collect();
        let file = file.display().to_string();
        let config = parse(&text, &file, &sets.unwrap(), "x", KNOWN).unwrap();
        let again = parse(&config.to_toml(), "elsewhere/x.toml", &[], "x", KNOWN).unwrap();
        assert_eq!(again, config, "a resolved config means the same anywhere");
        let csv = config.data.csv.unwrap();
        [csv.file, csv.test_file.unwrap()].map(std::path::PathBuf::from)
    };
    let sets = folder.join("sets");
    assert_eq!(csv(&[]), [sets.join("a.csv"), sets.join("../t.csv")]);
    let flagged = csv(&["data.file=b.csv"]);
    assert_eq!(flagged, [folder.join("b.csv"), sets.join("../t.csv")]);
}
