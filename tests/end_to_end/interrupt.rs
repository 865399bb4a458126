//! What Ctrl-C and SIGTERM leave.
#![cfg(unix)]

use crate::lab::{Finished, Lab};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A signal is answered within milliseconds, but on a busy machine a process takes long to leave: a
/// driver's threads of low priority must be given a turn to end.
const SOON: Duration = Duration::from_secs(10);

/// A command under way, with what it says on standard error as it says it.
struct Running {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Running {
    fn start(mut command: Command) -> Self {
        use std::process::Stdio;
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let lines = stderr.lines().map_while(Result::ok);
            lines.for_each(|line| drop(sender.send(line)));
        });
        Self {
            child,
            lines,
            said: String::new(),
        }
    }

    /// Waits until a line with this text has been said; false if the command ends before.
    fn hears(&mut self, text: &str) -> bool {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(120));
            let Ok(line) = line else { return false };
            let is_it = line.contains(text);
            self.said += &format!("{line}\n");
            if is_it {
                return true;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// What the command has left, and how long it went on for.
    fn end(mut self) -> (Finished, Duration) {
        let clock = Instant::now();
        let mut stdout = String::new();
        let mut pipe = self.child.stdout.take().unwrap();
        pipe.read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        let gone = clock.elapsed();
        self.said.extend(self.lines.iter().map(|line| line + "\n"));
        let finished = Finished {
            code,
            stdout,
            stderr: self.said,
        };
        (finished, gone)
    }
}

/// A finished run whose measures take some seconds.
fn wide() -> Lab {
    let lab = Lab::new();
    let config = lab.read("small.toml");
    let config = config
        .replace("[20]", "[450, 450]")
        .replace("learning_rate = 0.1", "learning_rate = 0.01")
        .replace("full", "off");
    lab.write("wide.toml", &config.replace("epochs = 6", "steps = 30"));
    lab.run(&["train", "--config", "wide.toml"]).success();
    lab
}

const WIDE: &str = "runs/wide/seed-0";

/// Measures that take more than a second together, the first of them none.
const SLOW: &str = "loss.train,hessian.trace,ggn.trace,moment.trace,hessian.frobenius";

#[test]
fn an_interrupted_measurement_prints_what_it_has_found() {
    let lab = wide();
    for format in ["json", "csv", "md"] {
        let mut running = Running::start(lab.command(&["measure", WIDE, "--format", format]));
        assert!(running.hears("loss.train "), "no row was told");
        running.signal("-INT");
        let (finished, gone) = running.end();
        assert!(gone < SOON, "{gone:?}");
        let rows = finished.stdout.clone();
        let message = finished.failure(130);
        assert!(message.contains("the table is partial"), "{message}");
        let count = match format {
            "json" => serde_json::from_str::<Vec<serde_json::Value>>(&rows)
                .unwrap()
                .len(),
            "csv" => {
                assert!(rows.starts_with("run,seed,step"), "{rows}");
                rows.lines().count() - 1
            }
            _ => rows
                .lines()
                .filter(|line| line.starts_with("| loss."))
                .count(),
        };
        assert!((1..50).contains(&count), "{count} rows: {rows}");
    }
}

#[test]
fn an_interrupt_leaves_the_rows_that_were_added() {
    let lab = wide();
    let command = ["measure", WIDE, "--measures", SLOW, "--append"];
    let mut running = Running::start(lab.command(&command));
    assert!(running.hears("hessian.trace "), "no row was told");
    running.signal("-INT");
    let (finished, gone) = running.end();
    assert!(gone < SOON, "{gone:?}");
    let message = finished.failure(130);
    assert!(message.contains(" added"), "{message}");
    // Whole rows, which the summary has as well; what is left is measured by the same command.
    let later = |text: &str| text.matches("\"version\":").count();
    let rows = later(&lab.read(&format!("{WIDE}/metrics.jsonl")));
    assert!((1..4).contains(&rows), "{rows}");
    let summary = lab.read(&format!("{WIDE}/summary.json"));
    assert!(summary.contains("\"hessian.trace\""), "{summary}");
    let rest = lab.run(&command);
    let expected = format!("{WIDE}: {} rows added; there already", 4 - rows);
    assert!(rest.stderr.contains(&expected), "{rest:?}");
    rest.success();
    assert_eq!(later(&lab.read(&format!("{WIDE}/metrics.jsonl"))), 4);
}

#[test]
fn rows_are_told_as_they_are_found_unless_quiet() {
    let lab = wide();
    let measure = ["measure", WIDE, "--measures", SLOW, "--format", "csv"];
    let loud = lab.run(&measure);
    let told = |name: &str| {
        loud.stderr
            .lines()
            .any(|line| line.starts_with(&format!("{name} ")))
    };
    assert!(told("loss.train") && told("hessian.trace"), "{loud:?}");
    let quiet = lab.run(&[&measure[..], &["--quiet"]].concat());
    assert_eq!(quiet.stderr, "", "{quiet:?}");
    let names = |text: &str| -> Vec<String> {
        let names = text
            .lines()
            .map(|line| line.split(',').nth(4).unwrap().to_owned());
        names.collect()
    };
    assert_eq!(names(&loud.success()), names(&quiet.success()));
}

#[test]
fn an_interrupted_check_of_maps_prints_what_it_has_found() {
    let lab = wide();
    let mut running =
        Running::start(lab.command(&["reparam", WIDE, "--measures", SLOW, "--format", "json"]));
    assert!(
        running.hears("layer-rescaling: loss.train "),
        "no line was told"
    );
    running.signal("-TERM");
    let (finished, gone) = running.end();
    assert!(gone < SOON, "{gone:?}");
    let reports: Vec<serde_json::Value> = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(reports[0]["map"], "layer-rescaling");
    assert_eq!(reports[0]["lines"][0]["measure"], "loss.train");
    let message = finished.failure(130);
    assert!(message.contains("the table is partial"), "{message}");
}

#[test]
fn an_interrupt_while_the_density_is_estimated_leaves_the_table() {
    let lab = wide();
    let command = lab.command(&[
        "measure",
        WIDE,
        "--measures",
        "loss.train",
        "--format",
        "csv",
        "--density",
        "d.csv",
    ]);
    let mut running = Running::start(command);
    assert!(running.hears("loss.train "), "no row was told");
    running.signal("-INT");
    let (finished, _) = running.end();
    assert!(finished.stdout.contains(",loss.train,"), "{finished:?}");
    let message = finished.failure(130);
    assert!(
        message.contains("the spectral density is not written"),
        "{message}"
    );
    assert!(!lab.exists("d.csv"));
}

/// A few seconds' run of two seeds.
const SET: [&str; 9] = [
    "train",
    "--config",
    "small.toml",
    "--seeds",
    "0..3",
    "--set",
    "train.epochs=12",
    "--set",
    "hooks.0.preset=light",
];

#[test]
fn an_interrupted_set_says_the_command_that_does_what_is_left() {
    let lab = Lab::new();
    let mut running = Running::start(lab.command(&SET));
    assert!(running.hears("small seed 1 (2/3) step"), "{}", running.said);
    running.signal("-INT");
    let (finished, _) = running.end();
    let message = finished.failure(130);
    let hint = "1 of 3 runs is finished; continue with `lab train --config small.toml --seeds 0..3 \
                --set train.epochs=12 --set hooks.0.preset=light --resume`";
    assert!(message.contains(hint), "{message}");

    let weights = |lab: &Lab, seed| lab.bytes(&format!("runs/small/seed-{seed}/model.safetensors"));
    let first = lab.read("runs/small/seed-0/run.json");
    let finished = lab.run(&[&SET[..], &["--resume"]].concat());
    assert!(
        finished.stderr.contains("seed-0 is finished"),
        "{finished:?}"
    );
    let stdout = finished.success();
    assert_eq!(
        stdout.matches("steps, ended by train.epochs").count(),
        3,
        "{stdout}"
    );
    assert_eq!(stdout.matches("means over 3 seeds").count(), 1, "{stdout}");
    assert_eq!(lab.read("runs/small/seed-0/run.json"), first);

    let other = Lab::new();
    other.run(&SET).success();
    for seed in 0..3 {
        assert!(weights(&lab, seed) == weights(&other, seed), "seed {seed}");
        let run = format!("runs/small/seed-{seed}");
        assert_eq!(lab.rows(&run), other.rows(&run));
    }
}

#[test]
fn a_hangup_ends_no_run_that_nohup_protects() {
    let lab = Lab::new();
    for (trap, code) in [("trap '' HUP; ", 0), ("", 130)] {
        let set = "train --config small.toml --force --set hooks=[] --set train.epochs=400";
        let line = format!("{trap}exec '{}' {set}", env!("CARGO_BIN_EXE_lab"));
        let mut command = Command::new("sh");
        command.args(["-c", &line]).current_dir(lab.path(""));
        let mut running = Running::start(command);
        assert!(running.hears("small seed 0 step"), "{}", running.said);
        running.signal("-HUP");
        let (finished, _) = running.end();
        assert_eq!(finished.code, Some(code), "{trap}: {finished:?}");
    }
}

/// The software driver takes half a minute for the kernels, in which no flag is looked at.
#[test]
fn kernels_in_preparation_do_not_keep_a_signal_waiting() {
    let lab = Lab::new();
    let mut command = lab.command(&["train", "--config", "small.toml", "--backend", "wgpu"]);
    command.env_remove("XDG_RUNTIME_DIR");
    let mut running = Running::start(command);
    if !running.hears("preparing compute kernels") {
        let (finished, _) = running.end();
        let message = finished.failure(2);
        assert!(
            message.contains("no graphics adapter answered"),
            "{message}"
        );
        eprintln!("skipped: no graphics adapter answers on this machine");
        return;
    }
    std::thread::sleep(Duration::from_secs(2));
    running.signal("-TERM");
    let (finished, gone) = running.end();
    assert!(gone < SOON, "{gone:?}");
    let message = finished.failure(130);
    let run = "runs/small/seed-0";
    assert!(
        message.contains(&format!("lab train --resume {run}")),
        "{message}"
    );
    assert!(!message.contains("XDG_RUNTIME_DIR"), "{message}");
    let named = message
        .lines()
        .filter(|line| line.starts_with("computing on "));
    assert_eq!(named.count(), 1, "{message}");
    let record: serde_json::Value =
        serde_json::from_str(&lab.read(&format!("{run}/run.json"))).unwrap();
    assert_eq!(record["status"], "interrupted");
    let device = record["device"].as_str().unwrap();
    assert!(
        message.contains(&format!("computing on {device}")),
        "{message} {device}"
    );
}
