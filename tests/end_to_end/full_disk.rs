//! Commands on a full disk: one message, and nothing half written.

use crate::kills::Disk;
use crate::lab::Lab;
use crate::sweep::{BASE, SWEEP};

/// A lab with a finished run and a disk at `out` on which so many bytes are free; none where no file system can be mounted.
fn full(left: u64) -> Option<(Lab, Disk)> {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("out")).unwrap();
    lab.write("base.toml", BASE);
    lab.write("sweep.toml", SWEEP);
    lab.run(&["train", "--config", "base.toml"]).success();
    let disk = Disk::mounted(&lab);
    if disk.is_none() {
        eprintln!("left out: no file system can be mounted here");
    }
    let disk = disk?;
    disk.fill(left);
    Some((lab, disk))
}

fn names(lab: &Lab) -> Vec<String> {
    let entries = std::fs::read_dir(lab.path("out")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn commands_that_write_a_result_say_what_has_no_room_and_leave_nothing() {
    let Some((lab, _disk)) = full(0) else {
        return;
    };
    let run = "runs/base/seed-0";
    let commands = [
        vec!["plot", run, "--out", "out/a.svg"],
        vec!["report", run, "--out", "out/a.html"],
        vec!["export", "csv", run, "--out", "out/a.csv"],
        vec!["export", "parquet", run, "--out", "out/a.parquet"],
        vec!["export", "tensorboard", run, "--out", "out/events"],
        vec!["init", "out/new"],
        vec!["train", "--config", "base.toml", "--out", "out/runs"],
        vec!["sweep", "sweep.toml", "--out", "out/runs"],
    ];
    for command in commands {
        let message = lab.run(&command).failure(2);
        let errors: Vec<&str> = message
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert_eq!(errors.len(), 1, "{command:?}: {message}");
        assert!(
            errors[0].contains("no space is left on its disk"),
            "{command:?}: {message}"
        );
        assert!(errors[0].contains("out/"), "{command:?}: {message}");
        assert_eq!(names(&lab), ["filler"], "{command:?}");
    }
}

/// Of a run under way the checkpoint stays, and it goes on once there is room.
#[test]
fn a_run_that_finds_the_disk_full_goes_on_once_there_is_room() {
    let Some((lab, _disk)) = full(16 << 10) else {
        return;
    };
    let train = ["train", "--config", "base.toml", "--out", "out/runs"];
    let message = lab.run(&train).failure(1);
    assert!(
        message.contains("no space is left on its disk; once that is mended, continue with"),
        "{message}"
    );
    std::fs::remove_file(lab.path("out/filler")).unwrap();
    lab.run(&["train", "--resume", "out/runs/base/seed-0"])
        .success();
    assert_eq!(
        lab.read("out/runs/base/seed-0/config.toml"),
        lab.read("runs/base/seed-0/config.toml")
    );
}
