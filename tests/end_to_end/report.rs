//! `lab report`: pages about runs, opened in a real browser where there is one.

use crate::browser::{open, picture};
use crate::lab::Lab;

/// What makes the small experiment quick, and its spectrum known at the end.
const QUICK: [&str; 2] = ["--set", "train.epochs=2"];

/// Two experiments of three seeds each, which differ in their batch size.
fn trained() -> Lab {
    let lab = Lab::new();
    let light = crate::lab::CONFIG.replace(
        "preset = \"full\"\nevery = 2",
        "preset = \"light\"\nevery = 1",
    );
    let spectrum = "\n[[hooks]]\nmeasures = [\"hessian.lambda_max\", \"hessian.lambda_2\", \"hessian.lambda_3\"]\nevery = 10\n";
    lab.write("small.toml", &format!("{light}{spectrum}"));
    for (name, batch) in [("sb", "32"), ("lb", "300")] {
        let name = format!("name={name}");
        let batch = format!("train.batch_size={batch}");
        let train = [
            "train",
            "--config",
            "small.toml",
            "--seeds",
            "0..3",
            "--set",
            &name,
            "--set",
            &batch,
        ];
        lab.run(&[&train[..], &QUICK].concat()).success();
    }
    lab
}

#[test]
fn a_comparison_is_one_file_that_says_what_compare_says() {
    let lab = trained();
    let report = ["report", "runs", "--out", "report.html"];
    lab.run(&report).success();
    let html = lab.read("report.html");
    lab.run(&report).success();
    assert_eq!(
        lab.read("report.html"),
        html,
        "the same runs give the same bytes"
    );
    assert!(html.len() < 3_000_000, "{}", html.len());
    // The answer first, in the words of `lab compare`.
    let compared = lab.run(&["compare", "runs"]).success();
    let answer = compared.lines().next().unwrap();
    let text = text(&html);
    for sentence in answer.split_inclusive(". ") {
        assert!(
            text.contains(sentence.trim()),
            "{sentence:?} is not in the page"
        );
    }
    let lead =
        html.find("<p class=\"lead\">By train.batch_size: 32 (3 seeds) against 300 (3 seeds)");
    assert!(lead.unwrap() < html.find("<table").unwrap());
    for part in [
        // Curves, the spectrum, and every number of them.
        "Numbers: loss",
        "Numbers: loss, test",
        "Numbers: norm.l2",
        "Numbers: Spectrum at the end",
        // Configs with differences marked, and the commands.
        "2 differ.",
        "learning_rate = 0.1",
        "--set name=sb --set train.batch_size=32",
        "lab train --config runs/lb/seed-0/config.toml",
        "lab report runs --out report.html",
        "digits (embedded): SHA-256 ",
    ] {
        assert!(text.contains(part), "{part:?} is not in the page");
    }
    let html = html.replace("<wbr>", "");
    assert!(html.contains("<tr class=\"marked\"><th scope=\"row\"><code>train.batch_size</code></th><td><code>32</code></td><td><code>300</code>"), "{html}");
    look(&lab, "report.html", "comparison");
}

#[test]
fn a_run_alone_says_what_it_is_and_how_it_ended() {
    let lab = Lab::new();
    lab.run(&[&["train", "--config", "small.toml"][..], &QUICK].concat())
        .success();
    std::fs::create_dir(lab.path("runs/small/seed-0/slices")).unwrap();
    let drawn = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"><desc>A slice.</desc><script>alert(1)</script></svg>";
    lab.write("runs/small/seed-0/slices/random.svg", drawn);
    lab.run(&["report", "runs/small/seed-0", "--out", "run.html"])
        .success();
    let html = lab.read("run.html");
    let text = text(&html);
    for part in [
        "small seed 0: 1510 parameters, 20 steps (2.000 epochs), ended by train.epochs at training loss ",
        "hessian.lambda_max",
        "residual ",
        "Invariance",
        "survives",
        "Numbers: output margin",
        "runs/small/seed-0/slices/random.svg",
    ] {
        assert!(text.contains(part), "{part:?} is not in the page");
    }
    // A picture from elsewhere is an image, in which nothing runs.
    assert!(
        html.contains("alt=\"A slice.\"") && !html.contains("<script>alert"),
        "{html}"
    );
    look(&lab, "run.html", "run");
}

#[test]
fn a_sweep_is_told_of_with_its_arms() {
    let lab = Lab::new();
    let sweep = "base = \"small.toml\"\nseeds = \"0..2\"\n[set]\nhooks = [{ preset = \"light\", every = 10 }]\n\
                 train.epochs = 1\n[axes]\noptimizer.learning_rate = [0.05, 0.1]\n";
    lab.write("rates.toml", sweep);
    lab.run(&["sweep", "rates.toml", "--quiet"]).success();
    lab.run(&["report", "runs/rates", "--out", "sweep.html"])
        .success();
    let text = text(&lab.read("sweep.html"));
    for part in [
        "4 of 4 tasks are finished",
        "By optimizer.learning_rate: 0.05 (2 seeds) against 0.1 (2 seeds)",
    ] {
        assert!(text.contains(part), "{part:?} is not in the page: {text}");
    }
    look(&lab, "sweep.html", "sweep");
    let plot = |what: &str, out: &str| {
        lab.run(&["plot", "runs/rates", "--what", what, "--out", out])
            .success();
    };
    plot("table", "table.svg");
    plot("table", "table.png");
    let table = lab.read("table.svg");
    for part in [
        ">by optimizer.learning_rate</text>",
        ">0.05 (n=2)</text>",
        ">loss.train</text>",
    ] {
        assert!(table.contains(part), "{part} is not in {table}");
    }
    assert!(lab.bytes("table.png").starts_with(b"\x89PNG"));
    plot("curves", "curves.svg");
    assert!(lab.read("curves.svg").contains("learning_rate"));
    // What follows a sweep that is over says so at once.
    let watched = lab.run(&["watch", "runs/rates"]);
    let said = watched.success();
    assert!(
        said.contains("task 3: ") && said.contains("4 of 4 tasks are finished"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_told_of_is_refused_and_nothing_is_written() {
    let lab = Lab::new();
    lab.run(&[&["train", "--config", "small.toml"][..], &QUICK].concat())
        .success();
    std::fs::remove_file(lab.path("runs/small/seed-0/summary.json")).unwrap();
    let before = lab.entries();
    let refused = |arguments: &[&str]| lab.run(&[&["report"], arguments].concat()).failure(2);
    let message = refused(&["runs", "--out", "a.html"]);
    assert!(
        message.contains("is not finished: finish it with"),
        "{message}"
    );
    let message = refused(&["runs", "--out", "a.pdf"]);
    assert!(
        message.contains("--out a.pdf: a page is written as HTML"),
        "{message}"
    );
    let message = refused(&["none", "--out", "a.html"]);
    assert!(message.contains("no runs found in none"), "{message}");
    let message = refused(&["runs", "--out", "a.html", "--by", "train.batchsize"]);
    assert!(message.contains("train.batch_size"), "{message}");
    assert_eq!(lab.entries(), before);
}

/// Opens a page as a phone and a desk see it: nothing goes wrong, nothing is loaded, nothing is wider than the window.
fn look(lab: &Lab, page: &str, name: &str) {
    let path = lab.path(page);
    let probe = "<script>document.body.dataset.wide = document.documentElement.scrollWidth > innerWidth;</script></body>";
    let probed = lab.path("probed.html");
    std::fs::write(&probed, lab.read(page).replace("</body>", probe)).unwrap();
    for width in [500, 1400] {
        let Some(opened) = open(&probed, width) else {
            return;
        };
        assert_eq!(opened.console, Vec::<String>::new(), "{page} at {width}");
        // Its script has run.
        assert!(
            opened.document.contains("title=\"Sort by this column\""),
            "{page}"
        );
        assert!(
            opened.document.contains("data-wide=\"false\""),
            "{page} at {width}"
        );
    }
    // To be looked at, where somebody asks for it.
    if let Some(folder) = std::env::var_os("LAB_PICTURES") {
        let folder = std::path::PathBuf::from(folder);
        for width in [390, 1400] {
            picture(
                &path,
                [width, 5000],
                &folder.join(format!("{name}-{width}.png")),
            );
        }
    }
}

/// The words of a page, as they are read.
fn text(html: &str) -> String {
    let body = html.split_once("<body>").unwrap().1;
    let mut text = String::new();
    let mut is_tag = false;
    for character in body.chars() {
        match character {
            '<' => is_tag = true,
            '>' if is_tag => is_tag = false,
            other if !is_tag => text.push(other),
            _ => {}
        }
    }
    let marks = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    marks
        .iter()
        .fold(text, |text, (mark, c)| text.replace(mark, c))
}
