//! Margins of networks for which they are known.

use super::{Bound, Statistic};
use crate::backend::{Compute, Precision};
use crate::linear::norm;
use crate::measure::testing::fixture::{Fixture, INPUTS, SAMPLES, assert_close, measure_tiny};
use crate::model::{Activation, Init, Normalisation};
use crate::objective::Loss;
use crate::objective::tests::tiny::Tiny;

/// A linear model with biases: its outputs are `Wx + b`.
fn linear(outputs: usize, loss: Loss) -> Fixture {
    Fixture::with_loss(&[], outputs, Activation::Relu, true, loss)
}

impl Fixture {
    /// The outputs of a linear model, by hand.
    fn linear_outputs(&self, sample: usize) -> Vec<f64> {
        let input = &self.inputs[sample * INPUTS..(sample + 1) * INPUTS];
        let outputs = self.values.len() / (INPUTS + 1);
        let (weights, biases) = self.values.split_at(outputs * INPUTS);
        let products = weights.chunks(INPUTS).zip(biases).map(|(row, bias)| {
            let terms = row.iter().zip(input).map(|(w, x)| w * x);
            bias + terms.sum::<f64>()
        });
        products.collect()
    }

    /// The distances of each sample to where each other class wins, by hand; negative beyond it.
    fn linear_distances(&self) -> Vec<f64> {
        let row = |class: usize| &self.values[class * INPUTS..(class + 1) * INPUTS];
        let of = |sample: usize| {
            let z = self.linear_outputs(sample);
            let label = usize::from(self.labels[sample]);
            if let [z] = z[..] {
                return (2.0 * label as f64 - 1.0) * z / norm(row(0));
            }
            let others = (0..z.len()).filter(|&class| class != label);
            let distances = others.map(|class| {
                let across: Vec<f64> = row(label)
                    .iter()
                    .zip(row(class))
                    .map(|(a, b)| a - b)
                    .collect();
                (z[label] - z[class]) / norm(&across)
            });
            distances.fold(f64::INFINITY, f64::min)
        };
        (0..SAMPLES).map(of).collect()
    }

    /// Relabels every sample with what a linear model predicts.
    fn with_right_labels(mut self) -> Self {
        let loss = self.objective.loss();
        let labels = (0..SAMPLES).map(|sample| loss.predicts(&self.linear_outputs(sample)) as u8);
        self.labels = labels.collect();
        self
    }
}

fn median(values: &[f64]) -> f64 {
    Statistic::Quantile(0.5).of("", values).value.unwrap()
}

#[test]
fn distances_to_the_boundary_of_a_linear_model_are_exact() {
    for outputs in [2, 3] {
        let fixture = linear(outputs, Loss::CrossEntropy);
        let expected = median(&fixture.linear_distances());
        assert_close(fixture.value("margin.input.median"), expected, 1e-12);
        // The input is what the last layer sees.
        assert_close(fixture.value("margin.last_hidden.median"), expected, 1e-12);
    }
    let single = linear(1, Loss::Logistic);
    let expected = median(&single.linear_distances());
    assert_close(single.value("margin.input.median"), expected, 1e-12);
    assert_close(single.value("margin.last_hidden.median"), expected, 1e-12);
}

impl Fixture {
    /// Three of the samples switch on no hidden unit, so that their outputs are the biases of the
    /// last layer; all have the label predicted.
    fn with_dead_samples(biases: [f64; 3]) -> Self {
        let mut fixture = Self::new(&[6, 5], 3, Activation::Relu, true);
        fixture.inputs[..3 * INPUTS].fill(0.0);
        fixture.block("layers.0.bias").fill(-0.01);
        fixture.block("layers.1.bias").fill(-0.01);
        fixture.block("layers.2.bias").copy_from_slice(&biases);
        let inputs = fixture.chunks(SAMPLES).batches()[0].inputs.clone();
        let outputs = fixture.objective.outputs(&fixture.parameters(), inputs);
        let outputs = crate::backend::read(&outputs).unwrap();
        let loss = fixture.objective.loss();
        let labels = outputs.chunks(3).map(|z| loss.predicts(z) as u8);
        fixture.labels = labels.collect();
        fixture
    }

    /// First-order distances by their definition, from slopes by finite differences, which are exact
    /// within a region of ReLU.
    fn distances_by_differences(&self) -> Vec<f64> {
        let parameters = self.parameters();
        let outputs = |input: &[f64]| {
            let input = self.objective.compute().tensor(input, [1, INPUTS]);
            crate::backend::read(&self.objective.outputs(&parameters, input)).unwrap()
        };
        let of = |(input, &label): (&[f64], &u8)| {
            let (here, label) = (outputs(input), usize::from(label));
            let moved: Vec<Vec<f64>> = (0..INPUTS)
                .map(|place| {
                    let mut input = input.to_vec();
                    input[place] += 1e-6;
                    outputs(&input)
                })
                .collect();
            let rivals = (0..here.len()).filter(|&rival| rival != label);
            let distances = rivals.map(|rival| {
                let above = |z: &[f64]| z[label] - z[rival];
                let slopes = moved.iter().map(|z| (above(z) - above(&here)) / 1e-6);
                match (above(&here), norm(&slopes.collect::<Vec<_>>())) {
                    (0.0, _) => 0.0,
                    (_, 0.0) => f64::INFINITY,
                    (above, slope) => above / slope,
                }
            });
            distances.fold(f64::INFINITY, f64::min)
        };
        self.inputs
            .chunks(INPUTS)
            .zip(&self.labels)
            .map(of)
            .collect()
    }
}

#[test]
fn a_tie_is_at_distance_0_even_without_a_slope() {
    let fixture = Fixture::with_dead_samples([0.0; 3]);
    let expected = fixture.distances_by_differences();
    assert_eq!(expected[..3], [0.0; 3]);
    assert!(expected[3..].iter().any(|&distance| distance > 0.0));
    for list in ["margin.input", "margin.attack", "margin.hidden.1"] {
        let row = fixture.row(&format!("{list}.p10"));
        assert_eq!(
            (row.value, row.samples),
            (Some(0.0), Some(SAMPLES)),
            "{list}"
        );
    }
    let row = fixture.row("margin.input.median");
    assert_close(row.value.unwrap(), median(&expected), 1e-6);
    assert!(row.value.unwrap() > 0.0);
}

#[test]
fn a_sample_without_a_slope_is_infinitely_far_to_first_order() {
    let fixture = Fixture::with_dead_samples([1.0, 0.0, 0.0]);
    let expected = fixture.distances_by_differences();
    assert_eq!(expected[..3], [f64::INFINITY; 3]);
    let row = fixture.row("margin.input.median");
    assert_close(row.value.unwrap(), median(&expected), 1e-6);
    assert_eq!(row.samples, Some(SAMPLES));
    // With more of them the median is no number, and the row says why.
    let mut fixture = Fixture::with_dead_samples([1.0, 0.0, 0.0]);
    fixture.inputs[..6 * INPUTS].fill(0.0);
    fixture.labels[..6].fill(0);
    let reason = fixture.reason("margin.input.median");
    assert!(
        reason.contains("of the 8 samples 6 are infinitely far"),
        "{reason}"
    );
    assert!(fixture.row("margin.input.p10").value.is_some());
    // Of a class that does not win there, they are as far on the other side.
    fixture.labels[..6].fill(1);
    let reason = fixture.reason("margin.input.median");
    assert!(reason.contains("6 infinitely far beyond"), "{reason}");
}

#[test]
fn classes_with_the_same_weights_tie_or_are_infinitely_far_apart() {
    let mut fixture = linear(2, Loss::CrossEntropy);
    let row = fixture.block("layers.0.weight")[..INPUTS].to_vec();
    fixture.block("layers.0.weight")[INPUTS..].copy_from_slice(&row);
    fixture.block("layers.0.bias").copy_from_slice(&[0.5, 0.5]);
    assert_eq!(fixture.row("margin.last_hidden.median").value, Some(0.0));
    fixture.block("layers.0.bias").copy_from_slice(&[0.5, 0.25]);
    fixture.labels.fill(0);
    let reason = fixture.reason("margin.last_hidden.median");
    assert!(reason.contains("8 are infinitely far"), "{reason}");
}

#[test]
fn margins_are_not_divided_by_norms_that_are_zero() {
    let mut fixture = Fixture::new(&[6], 3, Activation::Relu, true);
    fixture.block("layers.1.weight").fill(0.0);
    for name in [
        "margin.spectral",
        "margin.bartlett.median",
        "margin.loss.0.1",
    ] {
        let reason = fixture.reason(name);
        assert!(reason.contains("cannot be divided by"), "{name}: {reason}");
    }
}

#[test]
fn outputs_that_are_not_finite_are_no_distances() {
    let mut fixture = Fixture::new(&[6], 3, Activation::Tanh, true);
    fixture.block("layers.1.bias")[1] = f64::NAN;
    for name in [
        "margin.input.median",
        "margin.attack.median",
        "margin.last_hidden.p10",
    ] {
        assert!(
            fixture.row(name).is_not_finite(),
            "{name}: {:?}",
            fixture.row(name)
        );
    }
}

#[test]
fn an_attack_says_that_it_finds_upper_bounds() {
    let fixture = linear(2, Loss::CrossEntropy);
    assert_eq!(
        fixture.row("margin.attack.median").bound(),
        Some(Bound::Upper)
    );
    assert_eq!(fixture.row("margin.input.median").bound(), None);
}

#[test]
fn an_attack_on_a_linear_model_finds_the_exact_distance() {
    for fixture in [linear(2, Loss::CrossEntropy), linear(1, Loss::Logistic)] {
        let fixture = fixture.with_right_labels();
        let distances = fixture.linear_distances();
        assert!(distances.iter().all(|&distance| distance > 0.0));
        assert_close(
            fixture.value("margin.attack.median"),
            median(&distances),
            2e-6,
        );
    }
}

#[test]
fn an_attack_never_finds_less_than_the_distance_and_no_distance_where_the_label_is_wrong() {
    let fixture = linear(3, Loss::CrossEntropy);
    let exact = fixture.linear_distances();
    let clipped: Vec<f64> = exact.iter().map(|distance| distance.max(0.0)).collect();
    assert!(
        exact.iter().any(|&distance| distance < 0.0),
        "some labels are wrong"
    );
    let found = fixture.row("margin.attack.median");
    assert!(found.value.unwrap() >= median(&clipped) * (1.0 - 1e-9));
    assert_eq!(found.samples, Some(SAMPLES));
}

#[test]
fn an_attack_bounds_the_first_order_distance_of_a_smooth_network_nearby() {
    let mut fixture = Fixture::new(&[6], 2, Activation::Tanh, true);
    let parameters = fixture.parameters();
    let outputs = fixture.chunks(SAMPLES);
    let outputs = fixture
        .objective
        .outputs(&parameters, outputs.batches()[0].inputs.clone());
    let outputs = crate::backend::read(&outputs).unwrap();
    // Two classes whose outputs differ little: every boundary is near, where first order is right.
    let gap = outputs[0] - outputs[1];
    fixture.block("layers.1.bias")[1] += gap - 0.01;
    fixture.inputs = fixture.inputs[..INPUTS].repeat(SAMPLES);
    fixture.labels = vec![0; SAMPLES];
    let first_order = fixture.value("margin.input.median");
    assert_close(fixture.value("margin.attack.median"), first_order, 1e-2);
}

#[test]
fn normalised_margins_are_divided_by_what_they_say() {
    let fixture = Fixture::new(&[6, 5], 3, Activation::Relu, false);
    let smallest = fixture.value("margin.min");
    let product = fixture.value("norm.spectral.product");
    assert_close(fixture.value("margin.spectral"), smallest / product, 1e-12);
    let degree_three = fixture.value("norm.l2").powi(3);
    assert_close(
        fixture.value("margin.homogeneous"),
        smallest / degree_three,
        1e-12,
    );
    let size = fixture.value("norm.spectral_complexity") * norm(&fixture.inputs) / SAMPLES as f64;
    let expected = fixture.value("margin.median") / size;
    assert_close(fixture.value("margin.bartlett.median"), expected, 1e-9);
}

#[test]
fn the_homogeneous_margin_does_not_change_with_scale() {
    let fixture = Fixture::new(&[6, 5], 3, Activation::Relu, false);
    let mut larger = Fixture::new(&[6, 5], 3, Activation::Relu, false);
    larger.values.iter_mut().for_each(|value| *value *= 3.0);
    let margin = fixture.value("margin.homogeneous");
    assert_close(larger.value("margin.homogeneous"), margin, 1e-10);
}

#[test]
fn a_network_that_is_not_homogeneous_is_refused() {
    for (activation, bias) in [(Activation::Relu, true), (Activation::Tanh, false)] {
        let fixture = Fixture::new(&[6, 5], 3, activation, bias);
        let reason = fixture.reason("margin.homogeneous");
        assert!(reason.contains("not homogeneous"), "{reason}");
    }
}

#[test]
fn the_margin_loss_counts_samples_at_or_below_gamma() {
    let fixture = linear(3, Loss::CrossEntropy);
    let product = fixture.value("norm.spectral.product");
    let margins = (0..SAMPLES).map(|sample| {
        let loss = fixture.objective.loss();
        loss.margin(&fixture.linear_outputs(sample), fixture.labels[sample]) / product
    });
    let margins: Vec<f64> = margins.collect();
    for (name, gamma) in [("margin.loss.0.1", 0.1), ("margin.loss.1", 1.0)] {
        let share = margins.iter().filter(|&&margin| margin <= gamma).count();
        assert_close(fixture.value(name), share as f64 / SAMPLES as f64, 1e-15);
    }
}

#[test]
fn margins_of_a_class_are_those_of_its_samples() {
    let fixture = linear(2, Loss::CrossEntropy);
    let of = |class: usize| {
        let own = (0..SAMPLES).filter(|&sample| usize::from(fixture.labels[sample]) == class);
        let margins = own.map(|sample| {
            let z = fixture.linear_outputs(sample);
            z[class] - z[1 - class]
        });
        Statistic::Quantile(0.1).of("", &margins.collect::<Vec<_>>())
    };
    for (class, name) in ["margin.class.0", "margin.class.1"].into_iter().enumerate() {
        let row = fixture.row(name);
        assert_close(row.value.unwrap(), of(class).value.unwrap(), 1e-12);
        assert_eq!(row.samples, Some(SAMPLES / 2));
    }
    let reason = fixture.reason("margin.class.7");
    assert!(reason.contains("no sample of this class"), "{reason}");
}

impl Fixture {
    /// What the first hidden layer, behind tanh or ReLU, holds of every sample, by hand.
    fn first_hidden(&mut self, activation: fn(f64) -> f64) -> Vec<Vec<f64>> {
        let weights = self.block("layers.0.weight").to_vec();
        let biases = self.block("layers.0.bias").to_vec();
        let of = |input: &[f64]| {
            let rows = weights.chunks(INPUTS).zip(&biases);
            let sums = rows.map(|(row, bias)| {
                let terms = row.iter().zip(input).map(|(w, x)| w * x);
                activation(bias + terms.sum::<f64>())
            });
            sums.collect()
        };
        self.inputs.chunks(INPUTS).map(of).collect()
    }
}

/// The mean squared distance of points from their mean.
fn variation(points: &[Vec<f64>]) -> f64 {
    let count = points.len() as f64;
    let of_feature = |feature: usize| {
        let mean = points.iter().map(|point| point[feature]).sum::<f64>() / count;
        let squares = points.iter().map(|point| (point[feature] - mean).powi(2));
        squares.sum::<f64>() / count
    };
    (0..points[0].len()).map(of_feature).sum()
}

#[test]
fn behind_one_hidden_layer_the_distance_is_exact() {
    let mut fixture = Fixture::new(&[6], 2, Activation::Relu, true);
    let spread = variation(&fixture.first_hidden(|x| x.max(0.0))).sqrt();
    for statistic in ["p10", "median"] {
        let exact = fixture.value(&format!("margin.last_hidden.{statistic}"));
        let row = fixture.row(&format!("margin.hidden.1.{statistic}"));
        assert_close(row.value.unwrap(), exact / spread, 1e-12);
        assert_eq!(row.samples, Some(SAMPLES));
    }
    assert!(
        fixture
            .reason("margin.hidden.2.median")
            .contains("fewer than 2")
    );
}

#[test]
fn distances_in_a_hidden_layer_are_those_in_the_inputs_of_the_layers_behind_it() {
    let mut whole = Fixture::new(&[INPUTS, 5], 2, Activation::Tanh, true);
    let hidden = whole.first_hidden(f64::tanh);
    let mut behind = Fixture::new(&[5], 2, Activation::Tanh, true);
    let own = INPUTS * INPUTS + INPUTS;
    behind.values = whole.values[own..].to_vec();
    behind.inputs = hidden.concat();
    let spread = variation(&hidden).sqrt();
    for statistic in ["p10", "median"] {
        let distance = behind.value(&format!("margin.input.{statistic}"));
        let found = whole.value(&format!("margin.hidden.1.{statistic}"));
        assert_close(found, distance / spread, 1e-12);
    }
}

#[test]
fn distances_in_a_layer_of_equal_samples_or_under_batch_statistics_are_refused() {
    let mut fixture = Fixture::new(&[6], 2, Activation::Tanh, true);
    fixture.block("layers.0.weight").fill(0.0);
    assert!(
        fixture
            .reason("margin.hidden.1.median")
            .contains("the same")
    );
    let compute = Compute::cpu(Precision::F64);
    let tiny = Tiny::mlp(Activation::Relu, Normalisation::Batch, Init::He, &compute);
    let names = ["margin.hidden.1.median"];
    assert!(measure_tiny(&tiny, &names)[0].value.is_some());
    let row = measure_tiny(&tiny.by_batch(), &names).remove(0);
    assert!(row.failure.is_some(), "{row:?}");
}
