//! `lab experiment`: what is listed and shown, what a run leaves, the ledger, and what is refused.

use crate::lab::Lab;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The names of all experiments of a subject, in their order.
fn names(lab: &Lab, subject: &str) -> Vec<String> {
    let list = [
        "experiment",
        "list",
        "--subject",
        subject,
        "--format",
        "json",
    ];
    let list = json(&lab.run(&list).success());
    let names = list.as_array().unwrap().iter();
    names
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The files in a folder and below it, but for the seconds in a result.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let inner = super::experiment::files(&path).into_iter();
            files.extend(inner.map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
            continue;
        }
        let mut bytes = std::fs::read(&path).unwrap();
        if name == "result.json" {
            let mut result = json(std::str::from_utf8(&bytes).unwrap());
            assert!(result["seconds"].take().as_f64().unwrap() > 0.0);
            bytes = result.to_string().into_bytes();
        }
        files.insert(name, bytes);
    }
    files
}

#[test]
fn experiments_are_listed_and_shown() {
    let lab = Lab::new();
    let all = lab.run(&["experiment", "list"]).success();
    let names = names(&lab, "least-squares");
    assert!(names.len() >= 2);
    for name in &names {
        assert!(all.contains(&format!("| `{name}`")), "{all}");
    }
    let text = lab.run(&["experiment", "show", &names[0]]).success();
    assert!(text.contains("It would be refuted by this: "), "{text}");
    let shown = ["experiment", "show", &names[0], "--format", "json"];
    let shown = json(&lab.run(&shown).success());
    assert_eq!(shown["name"], names[0].as_str());
    let parameters = shown["parameters"].as_array().unwrap();
    assert!(!parameters.is_empty());
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap();
        assert!(text.contains(&format!("| `{name}`")), "{text}");
    }
}

#[test]
fn a_run_tells_what_was_found_and_leaves_the_same_bytes_each_time() {
    let lab = Lab::new();
    let names = names(&lab, "least-squares");
    let run = |out: &str, jobs: &str| {
        let mut arguments = vec!["experiment", "run", "--quick", "--out", out, "--jobs", jobs];
        arguments.extend(names[..2].iter().map(String::as_str));
        lab.run(&arguments).success()
    };
    let said = run("a", "1");
    assert!(said.starts_with(&format!("{}: ", names[0])), "{said}");
    for name in &names[..2] {
        let result = json(&lab.read(&format!("a/{name}/result.json")));
        assert_eq!(result["quick"], true);
        assert!(said.contains(result["finding"].as_str().unwrap()), "{said}");
        for verdict in result["verdicts"].as_array().unwrap() {
            let keys = [
                "claim",
                "as_printed",
                "expected",
                "measured",
                "error",
                "n",
                "rule",
                "verdict",
            ];
            for key in keys {
                assert!(verdict.get(key).is_some(), "{verdict}");
            }
            assert!(
                ["holds", "fails", "not decided"].contains(&verdict["verdict"].as_str().unwrap())
            );
        }
        for figure in result["figures"].as_array().unwrap() {
            let figure = figure.as_str().unwrap();
            assert!(lab.read(&format!("a/{name}/{figure}")).starts_with("<svg "));
            let png = figure.replace(".svg", ".png");
            assert!(
                lab.bytes(&format!("a/{name}/{png}"))
                    .starts_with(b"\x89PNG\r\n\x1a\n")
            );
        }
        for table in result["tables"].as_array().unwrap() {
            assert!(lab.exists(&format!("a/{name}/{}", table.as_str().unwrap())));
        }
        assert!(
            lab.read(&format!("a/{name}/report.md"))
                .contains("| verdict")
        );
    }
    let first = files(&lab.path("a"));
    // Over the older results, and two at a time elsewhere.
    run("a", "1");
    run("b", "2");
    assert_eq!(first, files(&lab.path("a")));
    assert_eq!(first, files(&lab.path("b")));
}

#[test]
fn the_ledger_gathers_results_and_links_to_them() {
    let lab = Lab::new();
    let name = &names(&lab, "least-squares")[0];
    lab.run(&["experiment", "run", name, "--quick"]).success();
    let printed = lab.run(&["experiment", "ledger"]).success();
    assert!(
        printed.contains(&format!("({name}/report.md)")),
        "{printed}"
    );
    lab.run(&["experiment", "ledger", "--out", "ledger.md"])
        .success();
    assert!(
        lab.read("ledger.md")
            .contains(&format!("(experiments/{name}/report.md)"))
    );
    lab.run(&["experiment", "ledger", "--html", "--out", "ledger.html"])
        .success();
    let html = lab.read("ledger.html");
    assert!(
        html.starts_with("<!doctype html>")
            && html.contains(&format!("experiments/{name}/report.md"))
    );
    // A damaged result is not left out in silence.
    lab.write(&format!("experiments/{name}/result.json"), "{");
    let message = lab.run(&["experiment", "ledger"]).failure(2);
    assert!(message.contains("result.json"), "{message}");
    let message = lab
        .run(&["experiment", "ledger", "--dir", "none"])
        .failure(2);
    assert!(message.contains("none"), "{message}");
}

#[test]
fn what_cannot_be_run_is_refused_and_leaves_nothing() {
    let lab = Lab::new();
    let name = &names(&lab, "least-squares")[0];
    let refused = |arguments: &[&str], words: &str| {
        let before = lab.entries();
        let arguments = [&["experiment", "run"], arguments].concat();
        let message = lab.run(&arguments).failure(2);
        assert!(message.contains(words), "{message}");
        assert_eq!(lab.entries(), before);
    };
    refused(&[&format!("{name}s")], &format!("did you mean `{name}`?"));
    refused(&[name, "--set", "nothing=1"], "has no parameter `nothing`");
    refused(&[name, "--set", "samples"], "key=value");
    refused(&[name, "--seeds", "5"], "0..5");
    refused(&[], "<NAME>");
    std::fs::create_dir_all(lab.path(&format!("experiments/{name}"))).unwrap();
    lab.write(&format!("experiments/{name}/thesis.tex"), "");
    refused(&[name, "--quick"], "choose another folder with --out");
    assert_eq!(lab.read(&format!("experiments/{name}/thesis.tex")), "");
}
