//! Scores against closed forms and an independent program.

use super::predicted::{Predicted, negative_log_likelihood, softmax};
use super::scores::{Score, Scored};
use super::temperature::{fitted, of_other_halves};
use crate::measure::testing::fixture::{Fixture, assert_close};
use crate::measure::{Measurement, find};
use crate::model::Activation;
use crate::objective::Loss;
use crate::random::Streams;
use crate::reparam::MapKind;

/// Two classes with logits `[0, z]`.
fn binary(logits: &[f64], labels: &[u8]) -> Predicted {
    Predicted::new(Loss::Logistic, logits, labels, labels.len()).unwrap()
}

fn score(predicted: &Predicted, temperature: f64, score: Score) -> Measurement {
    let temperatures = vec![temperature; predicted.samples()];
    Scored::of(predicted, &temperatures, score).row("calibration", predicted, 0.0)
}

/// Ten samples of class 1 with probability 0.8, of which eight are of class 1, the logits times `factor`.
fn ten(factor: f64) -> Predicted {
    let labels: Vec<u8> = (0..10).map(|i| u8::from(i < 8)).collect();
    binary(&[factor * 4f64.ln(); 10], &labels)
}

#[test]
fn a_calibrated_network_has_no_error_and_temperature_one() {
    let predicted = ten(1.0);
    assert!(score(&predicted, 1.0, Score::Expected).value.unwrap() < 1e-15);
    let all: Vec<usize> = (0..10).collect();
    assert_close(fitted(&predicted, &all).unwrap().temperature, 1.0, 1e-12);
    // −0.8 ln 0.8 − 0.2 ln 0.2, and 2 (0.8 · 0.2² + 0.2 · 0.8²).
    let entropy = -0.8 * 0.8f64.ln() - 0.2 * 0.2f64.ln();
    assert_close(
        score(&predicted, 1.0, Score::LogLikelihood).value.unwrap(),
        entropy,
        1e-14,
    );
    assert_close(
        score(&predicted, 1.0, Score::Brier).value.unwrap(),
        0.32,
        1e-14,
    );
}

#[test]
fn a_network_that_is_three_times_too_certain_has_temperature_three() {
    let predicted = ten(3.0);
    let all: Vec<usize> = (0..10).collect();
    let fit = fitted(&predicted, &all).unwrap();
    assert_close(fit.temperature, 3.0, 1e-12);
    // The slope of a sample is z (p − y), its variance over samples z²·0.16·10/9; the slope's slope z²·0.16: with
    // z = 3 ln 4, the error of β is √(0.16/9)/(0.16 z), that of T nine times as large, widened for few values.
    let plain = 9.0 * (0.16f64 / 9.0).sqrt() / (0.16 * 3.0 * 4f64.ln());
    let widened = fit.standard_error / plain;
    assert!((1.0..1.4).contains(&widened), "{widened}");
    // Confidence 64/65, accuracy 0.8.
    let expected = score(&predicted, 1.0, Score::Expected);
    assert_close(expected.value.unwrap(), 64.0 / 65.0 - 0.8, 1e-14);
    assert!(score(&predicted, 3.0, Score::Expected).value.unwrap() < 1e-12);
}

/// Labels are drawn from the probabilities themselves: what is left of the expected error is the bins' chance, which
/// the note tells, and the squared one has none.
#[test]
fn chance_of_bins_is_told_or_taken_off() {
    use rand::RngExt;
    let mut rng = Streams::new(5).stream("test", 0);
    let (mut errors, mut told, mut squares) = (0.0, 0.0, Vec::new());
    const REPETITIONS: usize = 400;
    for _ in 0..REPETITIONS {
        let logits: Vec<f64> = (0..60).map(|_| rng.random_range(-2.5..2.5)).collect();
        let labels: Vec<u8> = logits
            .iter()
            .map(|z: &f64| u8::from(rng.random::<f64>() < 1.0 / (1.0 + (-z).exp())))
            .collect();
        let predicted = binary(&logits, &labels);
        let scored = Scored::of(&predicted, &[1.0; 60], Score::Expected);
        errors += scored.row("a", &predicted, 0.0).value.unwrap();
        told += scored.expected_of_calibrated();
        squares.push(score(&predicted, 1.0, Score::DebiasedSquare).value.unwrap());
    }
    let ratio = errors / told;
    // The normal law of a bin's mean is not quite right for seven samples.
    assert!((0.9..1.1).contains(&ratio), "{ratio}");
    let (mean, error) = (
        crate::statistics::mean(&squares),
        crate::statistics::standard_error(&squares),
    );
    assert!(mean.abs() < 3.0 * error && error < 1e-3, "{mean} {error}");
}

#[test]
fn the_temperature_of_a_sample_does_not_depend_on_its_own_half() {
    let logits: Vec<f64> = (0..40).map(|i| f64::from(i % 9) - 3.3).collect();
    let labels: Vec<u8> = (0..40)
        .map(|i| u8::from(i % 9 > 3) ^ u8::from(i % 5 == 0))
        .collect();
    let halves = |labels: &[u8]| {
        let mut rng = Streams::new(0).stream("test", 0);
        of_other_halves(&binary(&logits, labels), &mut rng).unwrap()
    };
    let before = halves(&labels);
    let (mut own, mut other) = (0, 0);
    for changed in 0..40 {
        let mut labels = labels.clone();
        labels[changed] ^= 1;
        let after = halves(&labels);
        assert_eq!(after[changed], before[changed], "{changed}");
        let moved = after.iter().zip(&before).filter(|(a, b)| a != b).count();
        own += usize::from(moved == 0);
        other += usize::from(moved == 20);
    }
    assert_eq!((own, other), (0, 40));
}

#[test]
fn where_no_temperature_is_best_there_is_none() {
    let all: Vec<usize> = (0..3).collect();
    let right = fitted(&binary(&[1.0, 2.0, -1.0], &[1, 1, 0]), &all);
    assert!(right.unwrap_err().reason.contains("all right"));
    let wrong = fitted(&binary(&[1.0, 2.0, -1.0], &[0, 0, 1]), &all);
    assert!(wrong.unwrap_err().reason.contains("chance"));
    let square = Predicted::new(Loss::Square, &[0.0; 4], &[0, 1], 2);
    assert!(square.err().unwrap().reason.contains("square"));
}

#[test]
fn likelihoods_near_one_keep_their_digits() {
    let found = negative_log_likelihood(&[0.0, 60.0], 1, 1.0);
    assert_close(found, (-60f64).exp(), 1e-14);
    assert_eq!(softmax(&[1000.0, 0.0], 1.0)[0], 1.0);
}

/*
The expected numbers are what NumPy gives:

import numpy as np
number = lambda i, a, m: ((i * a) % m - m // 2) / (m - 1)
z = np.array([4 * number(i, 37, 101) for i in range(120)]).reshape(40, 3)
y = np.array([z[i].argmax() if (i * i) % 7 else (i % 3) for i in range(40)])
def scores(T):
    p = np.exp(z / T); p /= p.sum(1, keepdims=True)
    conf, right = p.max(1), p.argmax(1) == y
    b = np.minimum((conf * 15).astype(int), 14)
    d = conf - right
    ece = sum(abs(d[b == k].sum()) for k in range(15)) / 40
    square = sum((b == k).sum() / 40 * (d[b == k].mean() ** 2 - d[b == k].var(ddof=1) / (b == k).sum())
                 for k in range(15) if (b == k).sum() > 1)
    nll = -np.log(p[np.arange(40), y]).mean()
    return nll, ((p - np.eye(3)[y]) ** 2).sum(1).mean(), ece, square
low, high, golden = -3.0, 3.0, (5 ** 0.5 - 1) / 2
while high - low > 1e-10:
    left, right = high - golden * (high - low), low + golden * (high - low)
    if scores(np.exp(left))[0] < scores(np.exp(right))[0]: high = right
    else: low = left
print(scores(1), np.exp(low))
*/
#[test]
fn scores_are_those_of_numpy() {
    let number =
        |i: usize, a: usize, m: usize| ((i * a % m) as f64 - (m / 2) as f64) / (m - 1) as f64;
    let logits: Vec<f64> = (0..120).map(|i| 4.0 * number(i, 37, 101)).collect();
    let labels: Vec<u8> = (0..40)
        .map(|i| match i * i % 7 {
            0 => (i % 3) as u8,
            _ => Loss::CrossEntropy.predicts(&logits[3 * i..3 * i + 3]) as u8,
        })
        .collect();
    let predicted = Predicted::new(Loss::CrossEntropy, &logits, &labels, 40).unwrap();
    for (kind, expected) in [
        (Score::LogLikelihood, NLL),
        (Score::Brier, BRIER),
        (Score::Expected, ECE),
        (Score::DebiasedSquare, SQUARE),
    ] {
        assert_close(score(&predicted, 1.0, kind).value.unwrap(), expected, 1e-11);
    }
    let all: Vec<usize> = (0..40).collect();
    assert_close(
        fitted(&predicted, &all).unwrap().temperature,
        TEMPERATURE,
        1e-6,
    );
}

const NLL: f64 = 0.6965883886773654;
const BRIER: f64 = 0.31870366580681586;
const ECE: f64 = 0.10295492056652686;
const SQUARE: f64 = 0.0059998983236182945;
const TEMPERATURE: f64 = 1.0079589482595706;

#[test]
fn rows_are_taken_on_test_samples_and_say_how() {
    let fixture = Fixture::new(&[5], 3, Activation::Relu, true);
    let test = fixture.chunks(4);
    let names: Vec<&str> = super::FAMILY.iter().map(|measure| measure.name).collect();
    let rows = fixture.measure_as(&names, |subject| {
        // The fixture outlives the subject.
        crate::measure::Subject {
            test: Some(subject.train),
            ..subject
        }
    });
    let loss = fixture.value("loss.train");
    assert_close(rows[0].value.unwrap(), loss, 1e-12);
    assert_eq!(rows[0].samples, Some(test.samples()));
    assert!(rows[2].note.as_ref().unwrap().contains("calibrated"));
    for row in &rows {
        assert_eq!(find(&row.name).unwrap().invariant_under, MapKind::ALL);
        if let (true, Some(note)) = (row.name.ends_with("scaled"), &row.note) {
            assert!(note.contains("fitted on the other half"), "{row:?}");
        }
    }
    assert!(
        fixture
            .reason("calibration.ece")
            .contains("no test samples")
    );
}
