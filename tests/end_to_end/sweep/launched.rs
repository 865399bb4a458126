//! Launchers: several at once, asked to stop or killed, and what they cost.

use super::{BASE, SWEEP, column, endings, lab, status};
use crate::lab::{Finished, Lab};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Members of about half a second.
pub(super) fn longer() -> Lab {
    let lab = lab(SWEEP);
    let base = BASE.replace("epochs = 4", "epochs = 400\ncheckpoint_every = 10");
    lab.write("base.toml", &base.replace("train = 64", "train = 320"));
    lab
}

#[test]
fn two_launchers_share_the_work() {
    let lab = longer();
    let start = |out: &str| lab.start(&["sweep", "sweep.toml", "--jobs", "2", "--out", out]);
    let both = [start("shared"), start("shared")];
    let both = both.map(|child| Finished::of(child.wait_with_output().unwrap()).success());
    let trained = both
        .iter()
        .flat_map(|out| out.lines())
        .filter(|line| line.contains(" steps, ended by "));
    let trained: Vec<&str> = trained.collect();
    let places: BTreeSet<&str> = trained
        .iter()
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    // A launcher tells what its own processes have trained.
    assert_eq!((trained.len(), places.len()), (4, 4), "{both:?}");
    lab.run(&["sweep", "sweep.toml", "--out", "alone"])
        .success();
    assert_eq!(
        endings(&lab.path("shared/sweep")),
        endings(&lab.path("alone/sweep"))
    );
}

#[cfg(unix)]
pub(super) fn signal(child: &std::process::Child, signal: &str) {
    let status = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// Waits until a member has been begun.
#[cfg(unix)]
pub(super) fn wait_for_a_checkpoint(lab: &Lab, folder: &str) {
    let began = Instant::now();
    loop {
        let checkpoints = lab.path(&format!("{folder}/batch_size-16/seed-0/checkpoints"));
        if std::fs::read_dir(checkpoints).is_ok_and(|entries| entries.count() > 1) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "nothing begins");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_or_killed_sweep_ends_with_the_same_bytes() {
    let lab = longer();
    lab.run(&["sweep", "sweep.toml", "--out", "whole"])
        .success();
    let expected = endings(&lab.path("whole/sweep"));
    for (out, how) in [("asked", "-TERM"), ("killed", "-KILL")] {
        let child = lab.start(&["sweep", "sweep.toml", "--out", out]);
        wait_for_a_checkpoint(&lab, &format!("{out}/sweep"));
        signal(&child, how);
        let ended = Finished::of(child.wait_with_output().unwrap());
        if how == "-TERM" {
            let message = ended.failure(130);
            assert!(message.contains("the same command goes on"), "{message}");
            let states = column(&status(&lab, &format!("{out}/sweep")), "state");
            assert!(states.contains(&"broken off".to_owned()), "{states:?}");
        }
        lab.run(&["sweep", "sweep.toml", "--out", out]).success();
        assert_eq!(
            endings(&lab.path(&format!("{out}/sweep"))),
            expected,
            "{how}"
        );
    }
}

#[test]
fn what_a_launcher_adds_to_a_member_is_little() {
    let lab = lab(&SWEEP.replace("0..2", "0..10"));
    let began = Instant::now();
    lab.run(&["sweep", "sweep.toml", "--jobs", "1"]).success();
    let whole = began.elapsed().as_secs_f64();
    let own: f64 = column(&status(&lab, "runs/sweep"), "seconds")
        .iter()
        .map(|s| s.parse::<f64>().unwrap())
        .sum();
    let each = (whole - own) / 20.0;
    println!(
        "{:.0} ms for each member, starting its process and reading data among them",
        1e3 * each
    );
    // 5 to 20 ms more than as many `lab train`, where nothing else runs.
    assert!(each < 0.5, "{each}");
    let began = Instant::now();
    lab.run(&["sweep", "sweep.toml"]).success();
    let again = began.elapsed().as_secs_f64();
    println!("{again:.3} s to find that all 20 are finished");
    assert!(again < 2.0, "{again}");
}
