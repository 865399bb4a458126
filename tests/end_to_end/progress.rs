//! What is seen while something runs.

use crate::lab::{Finished, Lab};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// What a command writes to standard error on a terminal of 80 columns, one line for each time that a
/// line was drawn; none where there is no program that makes a terminal.
#[cfg(unix)]
fn on_a_terminal(lab: &Lab, arguments: &str) -> Option<Vec<String>> {
    let binary = env!("CARGO_BIN_EXE_lab");
    let line = format!("stty cols 80 rows 24; '{binary}' {arguments} > stdout");
    // A command that never ends fails, and keeps no other test waiting.
    let output = Command::new("timeout")
        .args(["300", "script", "-qec", &line, "/dev/null"])
        .current_dir(lab.path(""))
        .env_remove("LAB_DATA_DIR")
        .env("TERM", "xterm")
        .output();
    let is_there = |output: &Output| output.status.code() != Some(127);
    let Some(output) = output.ok().filter(is_there) else {
        eprintln!("skipped: there is no `script` here, or no `timeout`");
        return None;
    };
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let drawn = text.split(['\r', '\n']).map(without_escapes);
    let lines = drawn.flat_map(|line| lines_of(&line));
    Some(lines.filter(|line| !line.trim().is_empty()).collect())
}

/// A line that is told above the progress is filled up with spaces to the width, and what follows it
/// begins the next line without a line break.
fn lines_of(drawn: &str) -> Vec<String> {
    let letters: Vec<char> = drawn.chars().collect();
    match letters.get(79) {
        Some(' ') if letters.len() > 80 => [&letters[..80], &letters[80..]]
            .map(|part| part.iter().collect())
            .to_vec(),
        _ => vec![drawn.to_owned()],
    }
}

/// A line without the sequences that move the cursor or clear.
fn without_escapes(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        text + &part[end.map_or(part.len(), |end| end + 1)..]
    })
}

fn seconds(clock: &str) -> u64 {
    clock
        .split(':')
        .fold(0, |sum, part| 60 * sum + part.parse::<u64>().unwrap())
}

#[cfg(unix)]
#[test]
fn a_line_fits_the_terminal_and_says_which_run_seed_and_measure() {
    let lab = Lab::new();
    let config = lab
        .read("small.toml")
        .replace("[20]", "[300, 300]")
        .replace("learning_rate = 0.1", "learning_rate = 0.01");
    let config = config.replace("epochs = 6", "epochs = 20");
    let config = config.replace("every = 2", "every = 10");
    let hook = "measures = [\"loss.train\", \"hessian.trace\"]";
    let config = config.replace("preset = \"full\"", hook);
    lab.write("a_name_of_some_length.toml", &config);
    let set = "train --config a_name_of_some_length --seeds 0..2";
    let Some(drawn) = on_a_terminal(&lab, set) else {
        return;
    };
    for line in &drawn {
        assert!(
            line.chars().count() <= 80,
            "{} columns: {line}",
            line.chars().count()
        );
    }
    let shows = |text: &str| drawn.iter().any(|line| line.contains(text));
    assert!(shows("a_name_of_some_l... seed 0 (1/2)"), "{drawn:#?}");
    assert!(shows("seed 1 (2/2)") && shows("/200 "), "{drawn:#?}");
    assert!(shows("(1/2)  hessian.trace 6/6"), "{drawn:#?}");
    let clocks = drawn.iter().filter_map(|line| line.split_once(" eta "));
    let left: Vec<u64> = clocks
        .map(|(_, rest)| seconds(rest.split(' ').next().unwrap()))
        .collect();
    assert!(
        !left.is_empty() && left.iter().all(|&left| left < 3600),
        "{left:?}"
    );
}

#[cfg(unix)]
#[test]
fn the_clock_goes_on_while_something_is_measured() {
    let lab = Lab::new();
    // A network so wide that measuring it takes some seconds, whatever the machine.
    for width in [300, 600, 1200, 2400] {
        let config = lab
            .read("small.toml")
            .replace("[20]", &format!("[{width}, {width}]"))
            .replace("learning_rate = 0.1", "learning_rate = 0.001")
            .replace("epochs = 6", "steps = 3")
            .replace("full", "off");
        let name = format!("wide_{width}");
        lab.write(&format!("{name}.toml"), &config);
        lab.run(&["train", "--config", &format!("{name}.toml")])
            .success();
        let measure = format!(
            "measure runs/{name}/seed-0 --measures loss.train,hessian.trace,ggn.trace,moment.trace,hessian.frobenius"
        );
        let start = Instant::now();
        let Some(drawn) = on_a_terminal(&lab, &measure) else {
            return;
        };
        check_clock(&lab, &drawn);
        if start.elapsed() > Duration::from_secs(4) {
            assert!(clocks(&drawn) >= 2, "{drawn:#?}");
            return;
        }
    }
    panic!("measuring never took four seconds");
}

/// How many different times a terminal was shown while something was measured.
#[cfg(unix)]
fn clocks(drawn: &[String]) -> usize {
    let under_way = drawn.iter().filter(|line| line.contains("/5 "));
    let mut clocks: Vec<&str> = under_way
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    clocks.dedup();
    clocks.len()
}

#[cfg(unix)]
fn check_clock(lab: &Lab, drawn: &[String]) {
    // A warning may be longer, and stands in lines of its own.
    for line in drawn.iter().filter(|line| !line.starts_with("warning: ")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(
        drawn.iter().any(|line| line.starts_with("loss.train ")),
        "{drawn:#?}"
    );
    assert!(lab.read("stdout").starts_with("| measure"));
}

#[test]
fn a_log_has_a_line_per_evaluation_that_says_which_run() {
    let lab = Lab::new();
    let finished = lab.run(&["train", "--config", "small.toml", "--seeds", "3,5"]);
    let first = finished.stderr.lines().next().unwrap();
    assert!(
        first.starts_with("small seed 3 (1/2) step 0 epoch 0.00  loss.train "),
        "{first}"
    );
    assert!(
        finished.stderr.contains("small seed 5 (2/2) step 0"),
        "{finished:?}"
    );
    assert!(!finished.stderr.contains('\u{1b}') && !finished.stderr.contains('\r'));
    finished.success();
}

#[test]
fn help_is_true_of_all_networks_and_losses() {
    let lab = Lab::new();
    let help = |arguments: &[&str]| lab.run(arguments).success();
    for text in [help(&["--help"]), help(&["help"])] {
        assert!(text.contains("MLPs, ResNets and transformers"), "{text}");
    }
    let train = help(&["train", "--help"]);
    for text in [
        "1/2 sum_k (z_k - t_k)^2",
        "2/K times",
        "0..5",
        "--resume [<RUN_DIR>]",
        "Ctrl-C saves a checkpoint",
    ] {
        assert!(train.contains(text), "{text} is missing from {train}");
    }
    let measure = help(&["measure", "--help"]);
    assert!(
        measure.contains("square loss half the sum over outputs"),
        "{measure}"
    );
}

#[test]
fn a_number_alone_is_no_set_of_seeds() {
    let lab = Lab::new();
    let finished: Finished = lab.run(&["train", "--config", "small.toml", "--seeds", "10"]);
    let message = finished.failure(2);
    for flag in ["--seeds 0..10", "--seed 10"] {
        assert!(message.contains(flag), "{message}");
    }
    assert_eq!(lab.entries(), ["small.toml"]);
}
