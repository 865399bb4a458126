//! Sharpness-aware steps against closed forms.

use super::*;
use crate::train::testing::{host, stepper, steps};

/// The five samples as numbers: inputs with a 1 for the bias, and one-hot labels.
fn samples() -> Vec<([f64; 5], [f64; 3])> {
    let pixel = |i: usize| f64::from((i * i % 251) as u32) / 255.0;
    (0..5)
        .map(|sample| {
            let mut input = [1.0; 5];
            (0..4).for_each(|place| input[place] = pixel(4 * sample + place));
            let label = sample % 3;
            (
                input,
                std::array::from_fn(|class| f64::from(u8::from(class == label))),
            )
        })
        .collect()
}

/// What a linear model with parameters `v` (weights `[3, 4]`, then biases) says of an input.
fn outputs(v: &[f64], input: &[f64; 5]) -> [f64; 3] {
    std::array::from_fn(|class| dot(&v[4 * class..4 * class + 4], &input[..4]) + v[12 + class])
}

/// `H v − r` for the mean half square of that model, with `r` from the labels or without.
fn affine(v: &[f64], with_labels: bool) -> Vec<f64> {
    let mut sum = vec![0.0; 15];
    for (input, label) in samples() {
        let outputs = outputs(v, &input);
        for class in 0..3 {
            let error = outputs[class] - if with_labels { label[class] } else { 0.0 };
            (0..4).for_each(|place| sum[4 * class + place] += error * input[place] / 5.0);
            sum[12 + class] += error / 5.0;
        }
    }
    sum
}

/// On a quadratic loss the gradient at the end of the move is `g + ρ H g / ‖g‖`.
#[test]
fn sam_on_a_quadratic_is_its_closed_form() {
    let keys = "model.hidden = []\ntrain.loss = \"square\"\noptimizer.kind = \"gd\"\nsharpness_aware.rho = 0.2";
    let problem = problem(keys);
    let mut expected = host(&start(&problem));
    for _ in 0..30 {
        let gradient = affine(&expected, true);
        let norm = dot(&gradient, &gradient).sqrt();
        let curved = affine(&gradient, false);
        for ((w, g), h) in expected.iter_mut().zip(&gradient).zip(&curved) {
            *w -= 0.05 * (g + 0.2 / norm * h);
        }
    }
    let found = host(&steps(&mut stepper(&problem), start(&problem), 30));
    assert_near(&found, &expected, 1e-14);
}

/// A rescaling of layers, `D`: what goes into the hidden units times `factor`, what reads them over it.
fn rescaled(values: &[f64], factor: f64) -> Vec<f64> {
    let hidden = 4 * 3;
    let scale = |place: usize| match place {
        place if place < hidden => factor,
        place if place < hidden + 9 => factor.recip(),
        _ => 1.0,
    };
    values
        .iter()
        .enumerate()
        .map(|(place, w)| scale(place) * w)
        .collect()
}

/// At a rescaled point the function is the same and gradients are `D⁻¹ g`. The gradient of ASAM, without `η`, is so
/// too, so that where it vanishes it vanishes after every rescaling: fixed points do not depend on it. That of SAM
/// is another one.
#[test]
fn the_gradient_of_asam_goes_with_a_rescaling_of_layers_and_that_of_sam_does_not() {
    let network = "model.activation = \"relu\"\nmodel.bias = false\noptimizer.kind = \"gd\"";
    let problem = problem(network);
    let at = start(&problem);
    let moved = Position {
        parameters: problem.parameters(&rescaled(&host(&at), 3.0)),
        ..at.clone()
    };
    let difference = |sam: &str| {
        let keys = format!("{network}\nsharpness_aware = {{ rho = 0.3, {sam} }}");
        let expected = rescaled(&gradient_at(&keys, &at), 3.0f64.recip());
        let found = gradient_at(&keys, &moved);
        let error: Vec<f64> = found.iter().zip(&expected).map(|(a, b)| a - b).collect();
        (dot(&error, &error) / dot(&expected, &expected)).sqrt()
    };
    let asam = |ball: &str| {
        difference(&format!(
            "kind = \"asam\", scaling = \"elementwise\", eta = 0, ball = \"{ball}\""
        ))
    };
    assert!(asam("l2") < 1e-14, "{}", asam("l2"));
    assert!(asam("linf") < 1e-14, "{}", asam("linf"));
    assert!(
        difference("ball = \"l2\"") > 0.05,
        "{}",
        difference("ball = \"l2\"")
    );
    // The constant that keeps small weights moving has its price.
    let with_eta = difference("kind = \"asam\", scaling = \"elementwise\", eta = 0.01");
    assert!((1e-6..0.1).contains(&with_eta), "{with_eta}");
}
