//! The first things that somebody does with the program, in an empty folder.

use crate::lab::{Finished, Lab};
use serde_json::Value;
use std::process::Command;

/// Runs a command whose words hold no blanks.
fn given(lab: &Lab, words: &str) -> Finished {
    let words: Vec<&str> = words.split_whitespace().collect();
    lab.run(&words)
}

#[test]
fn configs_are_within_the_program_and_written_once() {
    let lab = Lab::new();
    let plan = given(&lab, "train --config sgd_b32 --dry-run").success();
    assert!(plan.contains("batch_size = 32"), "{plan}");
    let listed = given(&lab, "sweep list sweeps/digits_batch").success();
    assert_eq!(listed.lines().count(), 20, "{listed}");

    let first = given(&lab, "init own").success();
    assert!(first.contains("files written"), "{first}");
    assert!(first.contains("cd own"), "{first}");
    assert!(lab.exists("own/configs/sgd_b32.toml"));
    assert!(lab.exists("own/configs/lab.schema.json"));
    lab.write("own/configs/sgd_b32.toml", "# mine\n");
    let second = given(&lab, "init own").success();
    assert!(second.contains("0 files written"), "{second}");
    assert!(second.contains("kept as it is"), "{second}");
    assert_eq!(lab.read("own/configs/sgd_b32.toml"), "# mine\n");

    lab.write("file", "");
    let refused = given(&lab, "init file").failure(2);
    assert!(refused.contains("file/configs"), "{refused}");
    assert!(
        refused.contains("Name a folder that may be written to: lab init DIR"),
        "{refused}"
    );
}

#[test]
fn the_doctor_finds_what_is_there_and_what_is_not() {
    let lab = Lab::new();
    let text = given(&lab, "doctor --format json --data-dir nothing").success();
    let parts: Value = serde_json::from_str(&text).unwrap();
    let state = |name: &str| {
        let parts = parts.as_array().unwrap();
        let part = parts.iter().find(|part| part["part"] == name);
        part.unwrap_or_else(|| panic!("no {name} in {text}"))["state"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for fine in [
        "backend cpu, f32",
        "backend cpu, f64",
        "backend ndarray, f32",
        "runs",
        "data digits",
    ] {
        assert_eq!(state(fine), "fine", "{fine}");
    }
    assert_eq!(state("data mnist"), "absent");
    assert_eq!(lab.entries(), ["small.toml"]);

    lab.write("runs", "a file in the place of the folder");
    let finished = given(&lab, "doctor");
    assert_eq!(finished.code, Some(1), "{}", finished.stdout);
    assert!(
        finished.stdout.contains("To be mended first: runs."),
        "{}",
        finished.stdout
    );
}

#[test]
fn a_lesson_leaves_its_picture_and_says_what_it_shows() {
    let lab = Lab::new();
    let list = given(&lab, "demo").success();
    assert_eq!(list.matches("\n| ").count(), 10, "{list}");

    let told = given(&lab, "demo random-labels --quiet").success();
    assert!(told.contains("Shown: accuracy.train is 1.000"), "{told}");
    assert!(told.contains("accuracy.test"), "{told}");
    assert!(told.contains("labels is larger"), "{told}");
    assert!(told.contains("Not shown: "), "{told}");
    assert!(lab.read("demo/random-labels/curves.svg").contains("<svg"));
    assert!(
        lab.bytes("demo/random-labels/curves.png")
            .starts_with(b"\x89PNG")
    );
    // A second time the runs are there.
    let again = given(&lab, "demo random-labels --quiet").success();
    let shown = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("Shown"))
            .map(str::to_owned)
    };
    assert_eq!(shown(&told), shown(&again));

    let experiment = given(&lab, "demo early-stopping --quiet --page page.html").success();
    let page = lab.read("page.html");
    let shown = experiment
        .lines()
        .find(|line| line.starts_with("Shown: "))
        .unwrap();
    let start: String = shown
        .chars()
        .take_while(|c| !"<>&\"".contains(*c))
        .collect();
    assert!(
        page.contains(&start) && page.contains("data:image/svg+xml,"),
        "{shown}"
    );
    assert!(page.contains("lab experiment run"), "{page}");
    let which = given(&lab, "demo --page other.html").failure(2);
    assert!(which.contains("--page: of which lesson?"), "{which}");
    assert!(
        experiment.contains("claims hold as printed"),
        "{experiment}"
    );
    assert!(lab.exists("demo/early-stopping/early-stopping-and-ridge/filters.svg"));

    let unknown = given(&lab, "demo random-label").failure(2);
    assert!(
        unknown.contains("did you mean `random-labels`?"),
        "{unknown}"
    );
}

#[test]
fn maps_are_drawn_where_there_is_room() {
    let lab = Lab::new();
    given(&lab, "train --config small.toml --set hooks=[] --quiet").success();
    let crowded = given(&lab, "reparam runs/small/seed-0 --figure maps.svg").failure(2);
    assert!(crowded.contains("a figure has room for 16"), "{crowded}");
    let other = given(
        &lab,
        "reparam runs/small/seed-0 --figure maps.pdf --measures norm.l2",
    )
    .failure(2);
    assert!(other.contains("--figure maps.pdf"), "{other}");
    given(
        &lab,
        "reparam runs/small/seed-0 --figure maps.svg --measures norm.l2,norm.path --quiet",
    )
    .success();
    assert!(lab.read("maps.svg").contains("norm.path"));
}

#[test]
fn a_shell_takes_the_completions_and_man_the_pages() {
    let lab = Lab::new();
    let script = given(&lab, "completions bash").success();
    lab.write("lab.bash", &script);
    let read = Command::new("bash")
        .current_dir(lab.path(""))
        .args(["-c", "source ./lab.bash && complete -p lab"])
        .output();
    match read {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(error) => eprintln!("a_shell_takes_the_completions: without bash: {error}"),
    }
    given(&lab, "manual --out pages").success();
    let page = lab.read("pages/lab-train.1");
    assert!(page.starts_with(".ie"), "{page}");
    assert!(page.contains("\\-\\-config"), "{page}");
}
