//! `lab watch`: a run that another process trains.

use crate::lab::{Finished, Lab};
use std::time::{Duration, Instant};

/// Waits until a file is there.
fn wait_for(lab: &Lab, name: &str) {
    let began = Instant::now();
    while !lab.exists(name) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{name} does not come"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_is_followed_to_its_end() {
    let lab = Lab::new();
    let train = [
        "train",
        "--config",
        "small.toml",
        "--set",
        "hooks.0.every=20",
        "--set",
        "train.epochs=60",
    ];
    let trained = lab.start(&train);
    wait_for(&lab, "runs/small/seed-0/metrics.jsonl");
    let watched = lab.run(&["watch", "runs/small/seed-0"]);
    let said = watched.success();
    trained.wait_with_output().unwrap();
    let epochs = said
        .lines()
        .filter(|line| line.contains("loss.train "))
        .count();
    assert!(epochs >= 1, "{said}");
    let last = said.lines().rev().nth(1).unwrap();
    for part in [
        "small seed 0  epoch 60 of 60, step 600  loss.train ",
        "accuracy.test ",
        "λmax ",
        " of the edge of stability, 38.00",
    ] {
        assert!(last.contains(part), "{part:?} is not in {last}");
    }
    assert!(said.trim_end().ends_with("runs/small/seed-0"), "{said}");
    // Nothing was written.
    let entries = std::fs::read_dir(lab.path("runs/small/seed-0")).unwrap();
    let names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len(), 7, "{names:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_and_not_the_run() {
    let lab = Lab::new();
    let mut trained = lab.start(&[
        "train",
        "--config",
        "small.toml",
        "--set",
        "train.epochs=100000",
        "--quiet",
    ]);
    wait_for(&lab, "runs/small/seed-0/run.json");
    let watching = lab.start(&["watch", "runs/small/seed-0"]);
    std::thread::sleep(Duration::from_millis(700));
    let id = watching.id().to_string();
    let status = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(status.unwrap().success());
    let watched = Finished::of(watching.wait_with_output().unwrap());
    assert_eq!(watched.code, Some(130), "{watched:?}");
    assert!(trained.try_wait().unwrap().is_none(), "the run goes on");
    // Killed, it is broken off, and whoever follows it is told.
    trained.kill().unwrap();
    trained.wait().unwrap();
    let watched = lab.run(&["watch", "runs/small/seed-0"]);
    assert_eq!(watched.code, Some(1), "{watched:?}");
    assert!(
        watched
            .stdout
            .contains("broken off; `lab train --resume runs/small/seed-0`"),
        "{watched:?}"
    );
}

#[test]
fn what_is_no_run_cannot_be_followed() {
    let lab = Lab::new();
    let message = lab.run(&["watch", "runs"]).failure(2);
    assert!(message.contains("there is no such folder"), "{message}");
    std::fs::create_dir(lab.path("runs")).unwrap();
    let message = lab.run(&["watch", "runs"]).failure(2);
    assert!(
        message.contains("neither the config.toml of a run nor the sweep.json"),
        "{message}"
    );
}
