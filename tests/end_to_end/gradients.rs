//! What changes the gradient of a step: resumed, refused, and what it makes of a solution.

use crate::lab::Lab;
use crate::resume::assert_resumes;

/// Without momentum and hooks, in few samples.
const BARE: [&str; 4] = [
    "train.epochs=12",
    "data.train=64",
    "optimizer.momentum=",
    "hooks=[]",
];

fn resumes(sets: &[&str]) {
    assert_resumes(&Lab::new(), &[&BARE[..], sets].concat());
}

#[test]
fn micro_batches_of_adam_with_noisy_labels_and_a_bound_resume_to_the_same_bytes() {
    resumes(&[
        "optimizer.kind=adam",
        "optimizer.learning_rate=0.01",
        "train.batch_size=12",
        "train.accumulate=2",
        "sharpness_aware={ rho = 0.1, batch = 5, schedule = \"cosine\", final_rho = 0.01 }",
        "label_noise.fraction=0.2",
        "train.clip_norm=0.5",
    ]);
}

#[test]
fn asam_by_filters_and_batch_statistics_resumes_to_the_same_bytes() {
    resumes(&[
        "model={ kind = \"resnet\", blocks = [1], width = 2 }",
        "sharpness_aware={ rho = 0.5, kind = \"asam\", scaling = \"filterwise\" }",
        "train.epochs=4",
    ]);
}

#[test]
fn injected_noise_resumes_to_the_same_bytes() {
    for (shape, model) in [
        (
            "gauss_newton",
            "model={ kind = \"resnet\", blocks = [1], width = 2, norm = \"group\" }",
        ),
        (
            "isotropic",
            "model={ kind = \"transformer\", preset = \"tiny\", width = 4, heads = 2, depth = 1, mlp_width = 4 }",
        ),
        ("minibatch", "model.hidden=[8]"),
    ] {
        let noise = format!("noise={{ kind = {shape:?}, batch_size = 8 }}");
        resumes(&[
            &noise,
            model,
            "train.full_batch=true",
            "train.clip_value=0.1",
        ]);
    }
}

#[test]
fn a_penalised_transformer_with_dropout_resumes_to_the_same_bytes() {
    resumes(&[
        "model={ kind = \"transformer\", preset = \"tiny\", dropout = 0.1 }",
        "gradient_penalty.strength=0.05",
        "optimizer.learning_rate=0.02",
        "train.epochs=4",
    ]);
}

#[test]
fn svag_resumes_to_the_same_bytes() {
    resumes(&[
        "train.sampling=replacement",
        "train.svag=3",
        "train.epochs=4",
    ]);
}

#[test]
fn conditions_on_plain_steps_say_why_they_do_not_hold() {
    let lab = Lab::new();
    let hooks = "hooks=[{ measures = [\"stability.gd\", \"stability.adam\"], every = 100 }]";
    lab.run(&[
        "train",
        "--config",
        "small.toml",
        "--set",
        "train.epochs=1",
        "--set",
        hooks,
        "--set",
        "sharpness_aware.rho=0.1",
    ])
    .success();
    for row in lab.rows("runs/small/seed-0") {
        if row["name"].as_str().unwrap().starts_with("stability") {
            assert_eq!(row["failure"], "not_defined", "{row}");
            assert!(row["reason"].as_str().unwrap().contains("SAM"), "{row}");
        }
    }
}

/// λmax at the end of runs with these radii, the mean over two seeds.
fn sharpness_by_radius(lab: &Lab, radii: &[f64]) -> Vec<f64> {
    let of_radius = |radius: &f64| {
        let name = format!("r{radius}");
        let sam = match radius {
            0.0 => "sharpness_aware=".to_owned(),
            radius => format!("sharpness_aware.rho={radius}"),
        };
        let mut arguments = vec!["train", "--config", "small.toml", "--seeds", "0..2"];
        let named = format!("name={name}");
        let sets = [
            &named,
            &sam,
            "optimizer.momentum=",
            "train.epochs=500",
            "train.stop_at_train_loss=0.05",
            "train.evaluate_every=500",
            "hooks=[{ measures = [\"hessian.lambda_max\"], every = 500 }]",
        ];
        sets.iter().for_each(|set| arguments.extend(["--set", set]));
        lab.run(&arguments).success();
        let ends = (0..2).map(|seed| {
            let rows = lab.rows(&format!("runs/{name}/seed-{seed}"));
            let last = |name: &str| {
                let row = rows.iter().rev().find(|row| row["name"] == name);
                row.unwrap()["value"].as_f64().unwrap()
            };
            assert!((last("loss.train") / 0.05 - 1.0).abs() < 2e-3);
            last("hessian.lambda_max")
        });
        ends.sum::<f64>() / 2.0
    };
    radii.iter().map(of_radius).collect()
}

/// Foret et al. 2021: what sharpness-aware steps are for. The campaign at full size is in the README.
#[test]
fn a_larger_radius_ends_at_a_flatter_solution_of_the_same_loss() {
    let found = sharpness_by_radius(&Lab::new(), &[0.0, 0.05, 0.1, 0.2]);
    assert!(found.is_sorted_by(|sharp, flat| sharp > flat), "{found:?}");
}
