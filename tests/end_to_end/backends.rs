//! The other backends against the CPU reference.

use crate::lab::Lab;

fn value(lab: &Lab, run: &str, name: &str) -> f64 {
    let rows = lab.rows(run);
    let row = rows.iter().rfind(|row| row["name"] == name).unwrap();
    row["value"].as_f64().unwrap()
}

#[test]
fn ndarray_agrees_with_the_reference() {
    let lab = Lab::new();
    for backend in ["cpu", "ndarray"] {
        lab.run(&[
            "train",
            "--config",
            "small.toml",
            "--backend",
            backend,
            "--out",
            backend,
        ])
        .success();
    }
    for name in [
        "loss.train",
        "gradient.norm",
        "hessian.lambda_max",
        "norm.l2",
    ] {
        let (ours, other) = (
            value(&lab, "cpu/small/seed-0", name),
            value(&lab, "ndarray/small/seed-0", name),
        );
        assert!(
            (ours / other - 1.0).abs() < 2e-3,
            "{name}: {ours} against {other}"
        );
    }
}

#[test]
fn without_a_graphics_adapter_wgpu_says_what_to_do() {
    let lab = Lab::new();
    let output = lab
        .command(&["train", "--config", "small.toml", "--backend", "wgpu"])
        .env("VK_DRIVER_FILES", "/nonexistent.json")
        .env("VK_ICD_FILENAMES", "/nonexistent.json")
        .env("LIBGL_DRIVERS_PATH", "/nonexistent")
        .env("__EGL_VENDOR_LIBRARY_DIRS", "/nonexistent")
        .output()
        .unwrap();
    let finished = crate::lab::Finished::of(output);
    if finished.code == Some(0) {
        eprintln!("skipped: an adapter answers even with the Vulkan loader switched off");
        return;
    }
    let message = finished.failure(2);
    assert!(
        message.contains("no graphics adapter answered"),
        "{message}"
    );
    assert!(message.contains("--backend cpu"), "{message}");
    assert_eq!(lab.entries(), ["small.toml"]);
}

/// The same weights and data, so that only the arithmetic differs.
#[test]
fn wgpu_agrees_with_the_reference_where_a_vulkan_device_exists() {
    let lab = Lab::new();
    lab.write(
        "small.toml",
        &lab.read("small.toml").replace("epochs = 6", "steps = 1"),
    );
    let train =
        |backend: &str| {
            lab.run(&[
            "train", "--config", "small.toml", "--backend", backend, "--out", backend, "--set",
            "hooks.0={ measures = [\"loss.train\", \"gradient.norm\", \"hessian.lambda_max\"] }",
        ])
        };
    let finished = train("wgpu");
    if finished.code == Some(2) {
        assert!(
            finished.stderr.contains("no graphics adapter answered"),
            "{finished:?}"
        );
        eprintln!("skipped: no graphics adapter answers on this machine");
        return;
    }
    assert!(
        finished.stderr.contains("preparing compute kernels"),
        "{finished:?}"
    );
    finished.success();
    train("cpu").success();
    for (name, bound) in [
        ("loss.train", 1e-4),
        ("gradient.norm", 1e-4),
        ("hessian.lambda_max", 1e-3),
    ] {
        let (ours, other) = (
            value(&lab, "cpu/small/seed-0", name),
            value(&lab, "wgpu/small/seed-0", name),
        );
        assert!(
            (ours / other - 1.0).abs() < bound,
            "{name}: {ours} against {other}"
        );
    }
}
