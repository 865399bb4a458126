//! The reader of runs in Python, against a real run and a real interpreter. The test says that it is skipped where there is no
//! Python with NumPy and pandas; `LAB_PYTHON` names one to take.

use crate::lab::{Finished, Lab};
use std::path::Path;
use std::process::Command;

#[test]
fn runs_are_read_back() {
    let python = std::env::var("LAB_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let tried = Command::new(&python)
        .args(["-c", "import numpy, pandas"])
        .output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("runs_are_read_back: skipped: {python} has not both NumPy and pandas");
        return;
    }
    let lab = Lab::new();
    lab.run(&[
        "train",
        "--config",
        "sgd_b32",
        "--set",
        "train.epochs=2",
        "--quiet",
    ])
    .success();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let output = Command::new(python)
        .current_dir(lab.path(""))
        .env("PYTHONPATH", &sources)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(sources.join("tests/test_lab_runs.py"))
        .arg("runs/sgd_b32/seed-0")
        .output();
    let told = Finished::of(output.unwrap()).success();
    assert!(told.contains("rows and 4 arrays read"), "{told}");
}
