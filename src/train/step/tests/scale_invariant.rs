//! Weight decay on weights whose scale a normalisation divides out.
//!
//! As in the papers, what is not scale-invariant (the last layer, the affine maps of the normalisation) is frozen.

use super::*;
use crate::config::parse;
use crate::train::persistence;
use crate::train::testing::data;
use std::ops::Range;

/// A layer in front of a layer normalisation, whose weights are scale-invariant, and a last one.
fn normalised(hidden: usize, keys: &str) -> Problem {
    let text = format!(
        "precision = \"f64\"\nmodel.hidden = [{hidden}]\nmodel.activation = \"tanh\"\nmodel.norm = \"layer\"\n\
         model.bias = false\noptimizer.learning_rate = 0.05\ntrain.steps = 30\n\
         train.frozen = [\"norms.0\", \"layers.1\"]\n{keys}"
    );
    let config = parse(&text, "x.toml", &[], "x", &[]).unwrap();
    Problem::with_data(config, data()).unwrap()
}

/// The scale-invariant weights.
fn invariant(problem: &Problem) -> Range<usize> {
    let layout = problem.objective.network().layout();
    layout.range("layers.0.weight").unwrap()
}

/// The starting point, with the scale-invariant weights multiplied by a factor.
fn scaled_start(problem: &Problem, factor: f64) -> Position {
    let mut values = problem.initial_values();
    for value in &mut values[invariant(problem)] {
        *value *= factor;
    }
    persistence::first(problem, &values).position
}

/// One step of the scale-invariant weights, and the loss and their gradient before it.
fn step(stepper: &mut Stepper, problem: &Problem, position: &mut Position) -> (f64, Vec<f64>) {
    let gradient = stepper.gradient(position);
    let loss = crate::backend::read(&gradient.loss).unwrap()[0];
    let moving = invariant(problem);
    let of_moving = gradient.gradient.to_host().unwrap()[moving.clone()].to_vec();
    stepper.follow(position, gradient).unwrap();
    (loss, of_moving)
}

/// Weight decay `λ` at the rate `η` with momentum `γ` is no weight decay at the rate `η α^{-2t-1}` with the same
/// momentum: the weights are `αᵗ` times as long, and the function is the same. `α` is the larger root of
/// `α² − (1 + γ − ηλ)α + γ = 0` (Li & Arora 2020, "An exponential learning rate schedule for deep learning",
/// theorem 2.12), and the second run begins with the velocity `−(1 − α)θ / (αη)`.
///
/// Weights so long that the normalisation's ε is nothing beside their variance make it exact.
#[test]
fn weight_decay_is_an_exponentially_growing_rate() {
    let (rate, shrinkage) = (1e16, 1e-3);
    for momentum in [0.0, 0.9] {
        let sum: f64 = 1.0 + momentum - shrinkage;
        let alpha = 0.5 * (sum + (sum * sum - 4.0 * momentum).sqrt());
        let keys = format!("train.batch_size = 2\noptimizer.momentum = {momentum}");
        let decay = format!("{keys}\noptimizer.weight_decay = {:?}", shrinkage / rate);
        let growth = format!(
            "{keys}\nschedule = {{kind = \"exponential\", decay = {:?}, unit = \"steps\"}}",
            alpha.powi(-2)
        );
        let [mut decaying, mut growing] = [decay, growth].map(|keys| normalised(3, &keys));
        decaying.config.optimizer.learning_rate = rate;
        growing.config.optimizer.learning_rate = rate / alpha;

        let mut at = scaled_start(&decaying, 1e8);
        let mut other = at.clone();
        let [mut first, mut second] = [&decaying, &growing].map(stepper);
        if momentum > 0.0 {
            let start = host(&at);
            let velocity = start.iter().map(|w| -(1.0 - alpha) * w / (alpha * rate));
            let state = SavedState {
                steps: 1,
                vectors: vec![("velocity".to_owned(), velocity.collect())],
            };
            let parts = Parts::from([("optimizer".to_owned(), state)]);
            let layout = growing.objective.network().layout();
            second.load(parts, layout, growing.compute()).unwrap();
        }
        let moving = invariant(&decaying);
        let mut losses = Vec::new();
        for t in 0..200 {
            let (loss, _) = step(&mut first, &decaying, &mut at);
            let (twin, _) = step(&mut second, &growing, &mut other);
            assert!(
                (loss / twin - 1.0).abs() < 1e-10,
                "{momentum} {t}: {loss} {twin}"
            );
            losses.push(loss);
        }
        let scale = alpha.powi(200);
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let (ours, theirs) = (host(&at), host(&other));
        let length = norm(&ours[moving.clone()]);
        for (a, b) in ours[moving.clone()].iter().zip(&theirs[moving]) {
            assert!((a - scale * b).abs() < 1e-10 * length, "{a} {b}");
        }
        // They have learnt something, and the lengths have come apart.
        assert!(losses[198..].iter().sum::<f64>() < 0.9 * losses[..2].iter().sum::<f64>());
        assert!(scale < 0.9);
    }
}

/// The length of scale-invariant weights settles where decay and steps at right angles to them balance:
/// `‖w‖⁴ = η E‖∇L(w/‖w‖)‖² / (2λ)` (van Laarhoven 2017, "L2 regularization versus batch and weight
/// normalization", eq. 10; Li, Lyu & Arora 2020, lemma 2.4), to the order of `ηλ` and of a step's squared angle. Over a
/// window of `N` steps the mean of `‖w‖⁴` differs from that by `(‖w₀‖⁴ − ‖w_N‖⁴) / (4ηλN)`, which is taken out.
#[test]
fn scale_invariant_weights_settle_at_their_equilibrium_length() {
    // So long that ε is nothing beside the variances.
    let (rate, decay) = (200.0, 1e-6);
    let (burn_in, window) = (2000, 10_000);
    let keys = format!(
        "train.batch_size = 1\ntrain.sampling = \"replacement\"\noptimizer.weight_decay = {decay}"
    );
    let mut problem = normalised(64, &keys);
    problem.config.optimizer.learning_rate = rate;
    let mut stepper = stepper(&problem);
    let mut position = scaled_start(&problem, 30.0);
    let moving = invariant(&problem);
    let square = |position: &Position| -> f64 {
        let weights = &host(position)[moving.clone()];
        weights.iter().map(|x| x * x).sum()
    };
    let (mut fourth, mut gradients, mut first) = (0.0, 0.0, 0.0);
    for t in 0..burn_in + window {
        let before = square(&position);
        let (_, gradient) = step(&mut stepper, &problem, &mut position);
        let on_sphere = before * gradient.iter().map(|x| x * x).sum::<f64>();
        // A gradient at right angles to the weights: what of ε is left of the variances leaves it almost so.
        let left = 1.0 - rate * decay;
        let expected = left * left * before + rate * rate * on_sphere / before;
        assert!((square(&position) / expected - 1.0).abs() < 1e-5, "{t}");
        if t == burn_in {
            first = before * before;
        }
        if t >= burn_in {
            fourth += before * before;
            gradients += on_sphere;
        }
    }
    let last = square(&position).powi(2);
    fourth -= (first - last) / (4.0 * rate * decay);
    let ratio = fourth / (rate * gradients / (2.0 * decay));
    assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
}
