//! `lab plot`: which figures runs make, and which are refused.

use crate::lab::{CONFIG, Lab};

/// A lab with two finished seeds of the small experiment, in a few epochs.
fn trained() -> Lab {
    let lab = Lab::new();
    let train = [
        "train",
        "--config",
        "small.toml",
        "--seeds",
        "0..2",
        "--set",
        "train.epochs=2",
    ];
    lab.run(&train).success();
    lab
}

#[test]
fn runs_are_drawn_as_svg_and_png() {
    let lab = trained();
    for what in ["curves", "margins", "eigenvalues"] {
        let plot = |out: &str| {
            lab.run(&["plot", "runs", "--what", what, "--out", out])
                .success();
            lab.bytes(out)
        };
        let svg = plot("a.svg");
        assert_eq!(svg, plot("a.svg"), "{what}");
        let text = String::from_utf8(svg).unwrap();
        assert!(
            text.starts_with("<svg ") && text.ends_with("</svg>\n"),
            "{text}"
        );
        assert!(text.contains("Runs: small, seeds 0, 1."), "{text}");
        assert!(
            text.contains(">Band: smallest to largest of 2 seeds.</text>"),
            "{text}"
        );
        if what != "margins" {
            // 2 (1 + 0.9) / 0.1: the edge of gradient descent with the run's momentum.
            let line = "Straight line &quot;edge of stability&quot; at 38.";
            assert!(text.contains(line), "{what}: {text}");
        }
        assert!(plot("a.png").starts_with(b"\x89PNG\r\n\x1a\n"), "{what}");
    }
    assert!(!lab.exists("a.svg.part") && !lab.exists("a.png.part"));
    let steps = [
        "plot",
        "runs/small/seed-0",
        "--along",
        "steps",
        "--out",
        "b.svg",
    ];
    lab.run(&steps).success();
    let text = lab.read("b.svg");
    assert!(text.contains(">steps</text>"), "{text}");
    assert!(
        text.contains(">Error bars: one standard error of the measurement.</text>"),
        "{text}"
    );
}

/// Two groups in each of two folders, `one` and `other`.
fn two_groups_in_two_folders() -> Lab {
    let lab = Lab::new();
    for (name, batch) in [("small_steps", 16), ("large_steps", 100)] {
        for place in ["one", "other"] {
            let set = [
                format!("name={name}"),
                format!("train.batch_size={batch}"),
                format!("train.epochs={}", if place == "one" { 1 } else { 2 }),
            ];
            let [name, batch, epochs] = &set;
            lab.run(&[
                "train",
                "--config",
                "small.toml",
                "--seeds",
                "0..2",
                "--out",
                place,
                "--set",
                name,
                "--set",
                batch,
                "--set",
                epochs,
            ])
            .success();
        }
    }
    lab
}

/// The bars are the ratios that `lab compare` prints.
#[test]
fn groups_are_drawn_by_their_ratios() {
    let lab = two_groups_in_two_folders();
    let compared = lab.run(&["compare", "one", "--format", "json"]).success();
    let compared: serde_json::Value = serde_json::from_str(&compared).unwrap();
    let lines = compared["lines"].as_array().unwrap();
    let line = lines
        .iter()
        .find(|line| line["name"] == "loss.test")
        .unwrap();
    let ratio = line["ratio"].as_f64().unwrap();

    lab.run(&["plot", "one", "--what", "ratios", "--out", "a.svg"])
        .success();
    let text = lab.read("a.svg");
    assert!(text.contains("100 over 16, by train.batch_size"), "{text}");
    for label in [">loss.test</text>", ">hessian.lambda_max</text>"] {
        assert!(text.contains(label), "{text}");
    }
    let titles = text
        .split("<title>")
        .skip(1)
        .filter_map(|rest| rest.split('<').next());
    let drawn: Vec<f64> = titles
        .filter_map(|title| title.replace('\u{2212}', "-").parse().ok())
        .collect();
    assert!(
        drawn
            .iter()
            .any(|found| (found - ratio).abs() < 0.01 * ratio),
        "{ratio} {drawn:?}"
    );
}

/// Of two groups in two places, and of two groups in each of two places.
#[test]
fn a_folder_for_each_group_is_one_comparison_and_two_with_both_are_two() {
    let lab = two_groups_in_two_folders();
    lab.run(&["plot", "one", "--what", "ratios", "--out", "a.svg"])
        .success();
    let text = lab.read("a.svg");
    std::fs::create_dir(lab.path("again")).unwrap();
    lab.run(&[
        "plot",
        "one/small_steps",
        "one/large_steps",
        "--what",
        "ratios",
        "--out",
        "again/a.svg",
    ])
    .success();
    assert_eq!(lab.read("again/a.svg"), text);
    lab.run(&["plot", "one", "other", "--what", "ratios", "--out", "c.png"])
        .success();
    lab.run(&["plot", "one", "other", "--what", "ratios", "--out", "c.svg"])
        .success();
    let text = lab.read("c.svg");
    assert!(
        text.contains(">one</text>") && text.contains(">other</text>"),
        "{text}"
    );
    let message = lab
        .run(&[
            "plot",
            "one/small_steps",
            "--what",
            "ratios",
            "--out",
            "d.svg",
        ])
        .failure(2);
    assert!(message.contains("of two groups"), "{message}");
    assert!(!lab.exists("d.svg"));
}

#[test]
fn a_spectrum_needs_its_eigenvalues() {
    let lab = trained();
    let plot = ["plot", "runs/small", "--what", "spectrum", "--out", "a.svg"];
    let message = lab.run(&plot).failure(2);
    assert!(
        message.contains("[[hooks]]\nmeasures = [\"hessian.lambda_max\""),
        "{message}"
    );
    assert!(!lab.exists("a.svg"));
    // The lines of the message are lines of a config.
    let hook = message
        .split("\n\n")
        .nth(1)
        .unwrap()
        .replace("every = 10", "every = 1");
    let experiment = CONFIG.split("[[hooks]]").next().unwrap();
    lab.write("spectrum.toml", &format!("{experiment}{hook}\n"));
    let train = [
        "train",
        "--config",
        "spectrum.toml",
        "--set",
        "train.epochs=1",
    ];
    lab.run(&train).success();
    lab.run(&[
        "plot",
        "runs/spectrum",
        "--what",
        "spectrum",
        "--out",
        "a.svg",
    ])
    .success();
    let text = lab.read("a.svg");
    assert!(
        text.contains("Line &quot;spectrum&quot;: 5 points"),
        "{text}"
    );
    // Both experiments in one figure: one has no eigenvalues to show.
    lab.run(&["plot", "runs", "--what", "curves", "--out", "a.svg"])
        .success();
    assert!(lab.read("a.svg").contains(">spectrum</text>"));
}

#[test]
fn what_cannot_be_drawn_is_refused_and_nothing_is_written() {
    let lab = trained();
    let refused = |arguments: &[&str]| lab.run(&[&["plot"], arguments].concat()).failure(2);
    let before = lab.entries();
    for out in ["a.pdf", "a", "svg"] {
        let message = refused(&["runs", "--out", out]);
        assert!(
            message.contains(&format!("--out {out}: the ending says")),
            "{message}"
        );
    }
    let message = refused(&["runs/none*", "--out", "a.svg"]);
    assert!(message.contains("no runs found in runs/none*"), "{message}");
    let message = refused(&["runs", "--out", "none/a.svg"]);
    assert!(message.contains("--out none/a.svg: "), "{message}");
    assert_eq!(lab.entries(), before);
}

#[test]
fn runs_that_are_unfinished_or_damaged_are_left_out_with_the_reason() {
    let lab = trained();
    std::fs::remove_file(lab.path("runs/small/seed-1/summary.json")).unwrap();
    let refused = lab.run(&["plot", "runs", "--out", "a.svg"]).failure(2);
    assert!(
        refused.contains("--allow unfinished leaves them out"),
        "{refused}"
    );
    assert!(!lab.exists("a.svg"));
    let plot = ["plot", "runs", "--out", "a.svg", "--allow", "unfinished"];
    let finished = lab.run(&plot);
    assert!(
        finished.stderr.contains("runs/small/seed-1 is left out: "),
        "{finished:?}"
    );
    assert!(
        finished.stderr.contains("is not finished: finish it with"),
        "{finished:?}"
    );
    finished.success();
    assert!(lab.read("a.svg").contains("Runs: small, seed 0."));
    let rows = lab.read("runs/small/seed-0/metrics.jsonl");
    lab.write(
        "runs/small/seed-0/metrics.jsonl",
        &rows.replacen('{', "[", 1),
    );
    let old = lab.bytes("a.svg");
    let message = lab.run(&plot).failure(2);
    assert!(
        message.contains("metrics.jsonl, line 1, is no row"),
        "{message}"
    );
    assert!(
        message.contains("none of the runs given is finished"),
        "{message}"
    );
    assert_eq!(lab.bytes("a.svg"), old);
}
