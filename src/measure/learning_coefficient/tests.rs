//! The local learning coefficient of models for which it is known, and of a network whose loss is a quadratic form.

use super::FEWEST_STEPS;
use super::estimate::LearningCoefficient;
use super::langevin::{Langevin, Visit};
use crate::linear::{Budget, Interrupt, LinearError, Spending};
use crate::measure::testing::fixture::Fixture;
use crate::measure::{ChainSettings, FailureKind, find};
use crate::model::Activation;
use crate::objective::Loss;
use crate::random::Streams;

type Slope = (f64, Vec<f64>);

/// Chains on a loss that is 0 at `start`.
fn estimate(
    langevin: Langevin,
    start: &[f64],
    of: impl Fn(&[f64]) -> Slope,
) -> LearningCoefficient {
    let mut spending = Spending::new(Budget::default(), Interrupt::never());
    let streams = Streams::new(3);
    let chains = langevin.run(
        start,
        0.0,
        |chain| streams.stream("test", chain as u64),
        &mut spending,
        |place, _| Ok(of(place)),
    );
    LearningCoefficient::of(&langevin, &chains.unwrap()).unwrap()
}

fn langevin(inverse_temperature: f64, curvature: f64) -> Langevin {
    Langevin {
        chains: 10,
        burn_in: 2_000,
        draws: 20_000,
        inverse_temperature,
        localisation: 1.0,
        step: 0.02 / (inverse_temperature * curvature),
        tried_every: 1_000,
    }
}

/// Asserts that an estimate is within two of its standard errors, and these small.
fn assert_told(found: &LearningCoefficient, expected: f64) {
    let lambda = found.lambda;
    let distance = (lambda.mean - expected).abs() / lambda.standard_error;
    assert!(distance <= 2.0, "{expected}: {found:?}");
    assert!(
        lambda.standard_error < 0.08 * expected,
        "{expected}: {found:?}"
    );
    assert!(lambda.r_hat < 1.05, "{expected}: {found:?}");
    assert!(found.acceptance.value > 0.99, "{expected}: {found:?}");
}

#[test]
fn a_regular_model_has_half_its_number_of_parameters() {
    let curvatures = [1.0, 0.5, 0.7, 0.9, 0.4];
    let found = estimate(langevin(1e5, 1.0), &[0.3; 5], |w| {
        let slopes = w.iter().zip(&curvatures).map(|(w, h)| h * (w - 0.3));
        let slopes: Vec<f64> = slopes.collect();
        let loss = slopes.iter().zip(&curvatures).map(|(g, h)| 0.5 * g * g / h);
        (loss.sum(), slopes)
    });
    assert_told(&found, 2.5);
    let order = found.order;
    assert!(
        (order.value - 1.0).abs() < 3.0 * order.standard_error + 1e-12,
        "{order:?}"
    );
    assert!(found.sensitivity.value.abs() < 1e-3);
}

/// `(ab − 1)²` vanishes on a curve, across which it is a square: ½, though there are two parameters.
#[test]
fn a_product_of_two_parameters_counts_as_one() {
    let found = estimate(langevin(1e5, 4.0), &[1.0, 1.0], |w| {
        let rest = w[0] * w[1] - 1.0;
        (rest * rest, vec![2.0 * rest * w[1], 2.0 * rest * w[0]])
    });
    assert_told(&found, 0.5);
}

/// `½‖W_L ⋯ W_1 − T‖²`, the loss of a deep linear network on white inputs, with its gradient. `widths` are those of the
/// layers, inputs first; weights are `[outputs, inputs]`, row-major.
fn linear_network(widths: &[usize], target: &[f64], w: &[f64]) -> Slope {
    use nalgebra::DMatrix;
    let mut start = 0;
    let mut layers = Vec::new();
    for pair in widths.windows(2) {
        let size = pair[0] * pair[1];
        layers.push(DMatrix::from_row_slice(
            pair[1],
            pair[0],
            &w[start..start + size],
        ));
        start += size;
    }
    let (inputs, outputs) = (widths[0], widths[widths.len() - 1]);
    let mut before = vec![DMatrix::identity(inputs, inputs)];
    for layer in &layers {
        before.push(layer * &before[before.len() - 1]);
    }
    let rest = &before[layers.len()] - DMatrix::from_row_slice(outputs, inputs, target);
    let loss = 0.5 * rest.norm_squared();
    let (mut behind, mut gradient) = (rest, Vec::new());
    for (place, layer) in layers.iter().enumerate().rev() {
        let slope = &behind * before[place].transpose();
        gradient.push(slope.transpose().as_slice().to_vec());
        behind = layer.transpose() * behind;
    }
    gradient.reverse();
    (loss, gradient.concat())
}

/// The learning coefficient of a deep linear network of these widths whose product has this rank, and its multiplicity
/// (Aoyagi 2024, "Consideration on the learning efficiency of multiple-layered neural networks with linear units",
/// theorem 1, as Lau et al. 2023 have it in theorem K.1).
fn aoyagi(widths: &[usize], rank: usize) -> (f64, usize) {
    let mut rests: Vec<usize> = widths.iter().map(|width| width - rank).collect();
    rests.sort_unstable();
    // The set of layers that counts holds the narrowest ones.
    let counts = |size: usize| {
        let (set, others) = rests.split_at(size);
        let (sum, layers) = (set.iter().sum::<usize>(), size - 1);
        sum >= layers * set[size - 1] && others.first().is_none_or(|&other| sum < layers * other)
    };
    let size = (2..=rests.len()).find(|&size| counts(size)).unwrap();
    let (layers, sum) = (size - 1, rests[..size].iter().sum::<usize>());
    let over = sum - (sum.div_ceil(layers) - 1) * layers;
    let [layers, sum, over, rank] = [layers, sum, over, rank].map(|number| number as f64);
    let pairs: f64 = (0..size)
        .flat_map(|one| (0..one).map(move |other| (one, other)))
        .map(|(one, other)| (rests[one] * rests[other]) as f64)
        .sum();
    let (first, last) = (widths[0] as f64, widths[widths.len() - 1] as f64);
    let lambda = 0.5 * (rank * (first + last) - rank * rank)
        + over * (layers - over) / (4.0 * layers)
        - 0.25 * layers * (layers - 1.0) * (sum / layers).powi(2)
        + 0.5 * pairs;
    (lambda, (over * (layers - over)) as usize + 1)
}

/// The three cases of a network with one hidden layer (Aoyagi & Watanabe 2005, theorem 1), and full rank, where the
/// number of parameters is that of a manifold of matrices.
#[test]
fn the_formula_for_deep_networks_holds_what_is_known_of_shallow_ones() {
    let shallow = |inputs: f64, hidden: f64, outputs: f64, rank: f64| {
        let sum = inputs + hidden + outputs + rank;
        let odd = sum % 2.0;
        if outputs + hidden < inputs + rank {
            return (hidden * outputs - hidden * rank + inputs * rank) / 2.0;
        }
        if inputs + hidden < outputs + rank {
            return (hidden * inputs - hidden * rank + outputs * rank) / 2.0;
        }
        if inputs + outputs < hidden + rank {
            return inputs * outputs / 2.0;
        }
        let whole = hidden + rank;
        (odd - whole * whole - outputs * outputs - inputs * inputs
            + 2.0 * whole * (inputs + outputs)
            + 2.0 * inputs * outputs)
            / 8.0
    };
    for inputs in 1..6 {
        for hidden in 1..6 {
            for outputs in 1..6 {
                for rank in 0..=inputs.min(hidden).min(outputs) {
                    let [n, h, m, r] = [inputs, hidden, outputs, rank].map(|number| number as f64);
                    let found = aoyagi(&[inputs, hidden, outputs], rank).0;
                    let expected = shallow(n, h, m, r);
                    assert!(
                        (found - expected).abs() < 1e-12,
                        "{inputs} {hidden} {outputs} {rank}"
                    );
                }
            }
        }
    }
    assert_eq!(aoyagi(&[3, 4, 3, 3], 3), (4.5, 1));
}

#[test]
fn deep_linear_networks_have_the_coefficients_of_aoyagi() {
    // At full rank; the rest are at 0, where all second derivatives vanish. Networks with a multiplicity of 1, whose
    // chains come near the coefficient at a temperature that they can sample.
    let turned = [0.8, -0.6, 0.6, 0.8];
    let cases: [(&[usize], usize, &[f64], f64); 3] = [
        (&[2, 2, 2], 2, &turned, 2.0),
        (&[4, 1, 2], 0, &[0.0; 8], 1.0),
        (&[1, 3, 3, 1], 0, &[0.0; 1], 0.5),
    ];
    for (widths, rank, target, expected) in cases {
        assert_eq!(aoyagi(widths, rank), (expected, 1));
        let length = widths.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let mut start = vec![0.0; length];
        if rank > 0 {
            start = [turned, [1.0, 0.0, 0.0, 1.0]].concat();
        }
        // About 0 the curvature is that of parameters of size 1 once chains have come so far.
        let (inverse_temperature, step) = match rank {
            0 => (1e3, 2.5e-5),
            _ => (1e4, 1e-6),
        };
        let settings = Langevin {
            burn_in: 10_000,
            step,
            ..langevin(inverse_temperature, 1.0)
        };
        let found = estimate(settings, &start, |w| linear_network(widths, target, w));
        assert_told(&found, expected);
    }
}

#[test]
fn gradients_of_the_linear_network_are_those_of_differences() {
    let (widths, target) = ([2, 3, 1, 2], [0.5, -0.25, 1.0, 0.75]);
    let w: Vec<f64> = (0..11).map(|k| f64::from(k * k % 7) / 4.0 - 0.7).collect();
    let (_, gradient) = linear_network(&widths, &target, &w);
    for (place, found) in gradient.iter().enumerate() {
        let moved = |by: f64| {
            let mut w = w.clone();
            w[place] += by;
            linear_network(&widths, &target, &w).0
        };
        let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert!((found - expected).abs() < 1e-8, "{place}");
    }
}

/// In a direction of curvature `h` a Gaussian gives `½a/(a + γ)` with `a = nβh`, widened by the step's length, and the
/// derivative of that in `ln γ`.
#[test]
fn the_sensitivity_is_the_derivative_in_the_logarithm_of_the_localisation() {
    let settings = Langevin {
        localisation: 50.0,
        ..langevin(100.0, 2.0)
    };
    let curvatures = [1.0, 0.5];
    let found = estimate(settings, &[0.0; 2], |w| {
        let slopes: Vec<f64> = w.iter().zip(&curvatures).map(|(w, h)| h * w).collect();
        let loss = slopes.iter().zip(w).map(|(g, w)| 0.5 * g * w).sum();
        (loss, slopes)
    });
    let of = |term: fn(f64, f64) -> f64| -> f64 {
        curvatures.iter().map(|h| term(100.0 * h, 50.0)).sum()
    };
    let lambda = of(|a, gamma| 0.5 * a / (a + gamma));
    let slope = of(|a, gamma| -0.5 * a * gamma / (a + gamma).powi(2));
    let distance = (found.lambda.mean - lambda).abs() / found.lambda.standard_error;
    assert!(distance < 2.5, "{lambda} {found:?}");
    let distance = (found.sensitivity.value - slope).abs() / found.sensitivity.standard_error;
    assert!(
        distance < 3.0 && found.sensitivity.standard_error < 0.25 * slope.abs(),
        "{slope} {found:?}"
    );
}

/// Of a loss that is homogeneous of degree 4.
#[test]
fn the_order_tells_how_a_loss_grows() {
    let found = estimate(langevin(1e4, 0.3), &[0.0], |w| {
        (0.25 * w[0].powi(4), vec![w[0].powi(3)])
    });
    assert!((found.order.value - 2.0).abs() < 1e-9, "{found:?}");
    // The volume where w⁴/4 is below t grows as t^¼.
    assert!(
        (found.lambda.mean - 0.25).abs() < 3.0 * found.lambda.standard_error,
        "{found:?}"
    );
}

#[test]
fn steps_that_are_too_long_are_not_accepted_and_short_chains_do_not_count_as_converged() {
    let quadratic = |w: &[f64]| (0.5 * w.iter().map(|w| w * w).sum::<f64>(), w.to_vec());
    let long = Langevin {
        step: 2.5 / 100.0,
        tried_every: 10,
        ..langevin(100.0, 1.0)
    };
    assert!(estimate(long, &[0.0; 20], quadratic).acceptance.value < 0.7);
    let short = Langevin {
        burn_in: 50,
        draws: 100,
        ..langevin(100.0, 1.0)
    };
    assert!(!estimate(short, &[0.0; 20], quadratic).converged);
}

#[test]
fn chains_are_the_same_whenever_they_are_run_and_end_together_where_the_budget_does() {
    let settings = Langevin {
        burn_in: 10,
        draws: 40,
        ..langevin(10.0, 1.0)
    };
    let run = |budget: Budget| {
        let mut spending = Spending::new(budget, Interrupt::never());
        let streams = Streams::new(1);
        let rng = |chain: usize| streams.stream("test", chain as u64);
        let mut visits = Vec::new();
        let chains = settings.run(&[0.0], 0.0, rng, &mut spending, |w, visit| {
            visits.push(visit);
            Ok((0.5 * w[0] * w[0], vec![w[0]]))
        });
        (chains.unwrap(), visits)
    };
    let (all, visits) = run(Budget::default());
    assert_eq!(all, run(Budget::default()).0);
    assert_eq!(visits[11], Visit { chain: 1, step: 1 });
    let (cut, _) = run(Budget {
        max_matvecs: Some(320),
        max_seconds: None,
    });
    let lengths: Vec<usize> = cut.iter().map(|chain| chain.rises.len()).collect();
    assert!(
        lengths
            .iter()
            .all(|&length| length == lengths[0] && (15..=22).contains(&length)),
        "{lengths:?}"
    );
    assert_eq!(cut[3].rises[..], all[3].rises[..lengths[0]]);
}

/// A network of least squares at its minimum, whose loss is a quadratic form, and the curvatures of that.
fn least_squares() -> (Fixture, Vec<f64>) {
    use nalgebra::DMatrix;
    let mut fixture = Fixture::with_loss(&[], 1, Activation::Linear, false, Loss::Square);
    let inputs = DMatrix::from_row_slice(8, 4, &fixture.inputs);
    let labels = fixture
        .labels
        .iter()
        .map(|&label| 2.0 * f64::from(label) - 1.0);
    let targets = DMatrix::from_iterator(8, 1, labels);
    let gram = inputs.transpose() * &inputs / 8.0;
    let solution = gram.clone().try_inverse().unwrap() * inputs.transpose() * targets / 8.0;
    fixture.values = solution.as_slice().to_vec();
    (fixture, gram.symmetric_eigenvalues().as_slice().to_vec())
}

/// What chains of short steps find about a quadratic form.
fn of_quadratic(curvatures: &[f64], inverse_temperature: f64, localisation: f64) -> f64 {
    let terms = curvatures.iter().map(|h| inverse_temperature * h);
    terms.map(|a| 0.5 * a / (a + localisation)).sum()
}

/// A mini-batch holds all samples.
#[test]
fn a_network_that_is_a_quadratic_form_has_the_coefficient_of_one() {
    let (fixture, curvatures) = least_squares();
    let expected = of_quadratic(&curvatures, 8.0 / 8f64.ln(), 100.0);
    let row = fixture.row("learning_coefficient.local");
    // The step widens every direction by a twentieth.
    let (value, error) = (row.value.unwrap(), row.stderr().unwrap());
    assert!(
        (value - expected).abs() < 3.0 * error + 0.05 * expected,
        "{expected} {row:?}"
    );
    assert!(error < 0.2 * expected, "{row:?}");
    assert_eq!(row.converged, Some(true), "{row:?}");
    assert!(
        row.note
            .unwrap()
            .contains("for a localisation e times as strong as 100")
    );
    let order = fixture.row("learning_coefficient.order");
    assert!((order.value.unwrap() - 1.0).abs() < 1e-6, "{order:?}");
}

/// Held weakly at a high inverse temperature, the four parameters count a half each.
#[test]
fn chains_run_as_a_user_has_set_and_their_row_says_so() {
    let (fixture, curvatures) = least_squares();
    let settings = ChainSettings {
        chains: Some(6),
        draws: Some(3000),
        burn_in: Some(1000),
        localisation: Some(0.5),
        inverse_temperature: Some(1000.0),
        ..ChainSettings::default()
    };
    let names = ["learning_coefficient.local", "norm.l2"];
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.chains = settings;
        subject
    });
    let expected = of_quadratic(&curvatures, 1000.0, 0.5);
    assert!((1.9..2.0).contains(&expected), "{expected}");
    let (value, error) = (rows[0].value.unwrap(), rows[0].stderr().unwrap());
    let allowed = 3.0 * error + 0.05 * expected;
    assert!(
        (value - expected).abs() < allowed && error < 0.1,
        "{:?}",
        rows[0]
    );
    let note = rows[0].note.as_ref().unwrap();
    assert!(
        note.contains("as strong as 0.5; 6 chains of 3000 draws after 1000"),
        "{note}"
    );
    assert_eq!(rows[0].circumstances.chains, Some(settings));
    assert_eq!(rows[1].circumstances.chains, None);
}

#[test]
fn a_budget_shortens_the_chains_or_refuses() {
    let fixture = Fixture::new(&[3], 3, Activation::Tanh, true);
    let with = |most: usize| {
        let rows = fixture.measure_as(&["learning_coefficient.local"], |mut subject| {
            subject.budget.max_matvecs = Some(most);
            subject
        });
        rows[0].clone()
    };
    // Ten chains of 20 draws, of which every tenth is tried, after as many steps, and 8 for the curvature.
    let refused = with(10 * (20 + 2 + 20 + 8) - 1);
    assert_eq!(refused.failure.unwrap().kind, FailureKind::Budget);
    let cut = with(1000);
    assert!(
        cut.matvecs.unwrap() <= 1000 && cut.value.is_some(),
        "{cut:?}"
    );
    let free = fixture.row("learning_coefficient.local").matvecs.unwrap();
    assert!(free > 10 * 2 * FEWEST_STEPS, "{free}");
    assert!(find("learning_coefficient.local").unwrap().is_of_block);
}

#[test]
fn a_loss_that_overflows_is_not_a_number() {
    let mut spending = Spending::new(Budget::default(), Interrupt::never());
    let result = langevin(1.0, 1.0).run(
        &[0.0],
        0.0,
        |chain| Streams::new(0).stream("test", chain as u64),
        &mut spending,
        |_, visit| match visit.step {
            3 => Ok((f64::INFINITY, vec![0.0])),
            _ => Ok((0.0, vec![0.0])),
        },
    );
    assert!(matches!(result, Err(LinearError::NotFinite)));
}
