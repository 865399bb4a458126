//! Whether errors of estimates cover what they say, on matrices whose numbers are known.
//!
//! Shares of 4,000 seeds within 68 ± 3 % and 95 ± 2 %, which takes a minute or two:
//!
//! ```sh
//! cargo test --release linear::tests::coverage -- --ignored --nocapture
//! ```
//!
//! A share of 400 seeds, as in the quick test, is itself uncertain by 2.3 and 1.1 points (one standard deviation).

use super::super::testing::operators::{Dense, rotated};
use super::super::{
    Budget, Estimate, Interrupt, ProbeOptions, Ratio, hutch_plus_plus, paired_forms, traces,
};
use crate::random::{StreamRng, Streams};

/// How far estimates lie from the truth, over seeds.
#[derive(Default)]
struct Coverage {
    seeds: f64,
    within: [f64; 2],
    bias: f64,
    square: f64,
    most: f64,
}

impl Coverage {
    fn add(&mut self, estimate: Estimate, truth: f64) {
        let error = estimate.value - truth;
        let distance = error.abs() / estimate.standard_error;
        self.seeds += 1.0;
        self.within[0] += f64::from(u8::from(distance <= 1.0));
        self.within[1] += f64::from(u8::from(distance <= 2.0));
        self.bias += error;
        self.square += error * error;
        self.most = self.most.max(distance);
    }

    /// Refuses other shares than 68 ± 3 % and 95 ± 2 %, with some standard deviations of a share of so many seeds
    /// allowed, and a mean that is off by more than four of its errors.
    fn check(&self, what: &str, allowed: f64) -> Result<(), String> {
        let share = self.within.map(|within| within / self.seeds);
        let bias = self.bias / self.square.sqrt();
        let report = format!(
            "{what}: {:.3} within 1, {:.3} within 2, farthest {:.1}, bias {bias:+.1}",
            share[0], share[1], self.most
        );
        println!("{report}");
        let slack = |share: f64| allowed * (share * (1.0 - share) / self.seeds).sqrt();
        let is_covered = (share[0] - 0.68).abs() <= 0.03 + slack(0.68)
            && (share[1] - 0.95).abs() <= 0.02 + slack(0.95);
        match is_covered && bias.abs() < 4.0 {
            true => Ok(()),
            false => Err(report),
        }
    }
}

fn power_law(dimension: u32, exponent: i32) -> Vec<f64> {
    (1..=dimension)
        .map(|i| f64::from(i).powi(-exponent))
        .collect()
}

fn spectra() -> [(&'static str, Vec<f64>); 5] {
    let flat: Vec<f64> = (0..60).map(|i| 0.5 + f64::from(i) / 60.0).collect();
    let outliers = (0..10).map(|i| 5.0 + 5.0 * f64::from(i) / 3.0);
    let bulk = flat.iter().map(|value| 0.1 * value);
    [
        ("power law", power_law(80, 1)),
        ("ten outliers", outliers.chain(bulk).collect()),
        (
            "repeated and low rank",
            [vec![11.0; 10], vec![0.0; 50]].concat(),
        ),
        ("steep power law", power_law(60, 2)),
        ("flat", flat),
    ]
}

fn within(max_matvecs: Option<usize>) -> ProbeOptions {
    ProbeOptions {
        budget: Budget {
            max_matvecs,
            max_seconds: None,
        },
        ..ProbeOptions::default()
    }
}

fn rng(seed: u64) -> StreamRng {
    Streams::new(seed).stream("probes", 0)
}

fn single_matrices(
    seeds: u64,
    allowed: f64,
    spectra: &[(&str, Vec<f64>)],
    budgets: &[Option<usize>],
) -> Result<(), String> {
    for (name, spectrum) in spectra {
        let trace: f64 = spectrum.iter().sum();
        let size = spectrum.iter().map(|x| x * x).sum::<f64>().sqrt();
        let mut matrix = rotated(spectrum);
        for &budget in budgets {
            let options = within(budget);
            let [mut traces_of, mut norms, mut sketched] = [(); 3].map(|()| Coverage::default());
            for seed in 0..seeds {
                let never = Interrupt::never();
                let wanted = |traces: &super::super::Traces| traces.trace().relative_error();
                let found = traces(&mut matrix, &mut rng(seed), options, never, wanted).unwrap();
                traces_of.add(found.trace(), trace);
                norms.add(found.frobenius_norm(), size);
                let rng = &mut rng(seeds + seed);
                let found = hutch_plus_plus(&mut matrix, 10, rng, options, never).unwrap();
                sketched.add(found, trace);
            }
            traces_of.check(&format!("{name}, {budget:?}, trace"), allowed)?;
            norms.check(&format!("{name}, {budget:?}, norm"), allowed)?;
            // Of low rank the sketch has all, and nothing is left to chance.
            if sketched.square > 0.0 && sketched.most.is_finite() && !name.contains("low rank") {
                sketched.check(&format!("{name}, {budget:?}, Hutch++"), allowed)?;
            }
        }
    }
    Ok(())
}

/// `μ`, `α` and `β` of the alignment of two matrices.
const RATIOS: [(&str, [f64; 3]); 3] = [
    ("mu", [1.0, 0.0, -1.0]),
    ("alpha", [1.0, -0.5, -0.5]),
    ("beta", [0.0, 0.5, -0.5]),
];

/// A second spectrum in the eigenvectors of the first: neither proportional nor unrelated.
fn modulated(spectrum: &[f64]) -> Vec<f64> {
    let places = spectrum.iter().enumerate();
    places
        .map(|(place, value)| value * (1.5 + (place as f64).sin()))
        .collect()
}

fn pairs_of_matrices(
    seeds: u64,
    allowed: f64,
    spectra: &[(&str, Vec<f64>)],
    budgets: &[Option<usize>],
) -> Result<(), String> {
    for (name, spectrum) in spectra {
        let other = modulated(spectrum);
        let (mut first, mut second) = (rotated(spectrum), rotated(&other));
        let inner = |a: &Dense, b: &Dense| super::super::dot(&a.entries, &b.entries);
        let forms = [
            inner(&first, &second),
            inner(&first, &first),
            inner(&second, &second),
        ];
        for &budget in budgets {
            let mut found = [(); 3].map(|()| Coverage::default());
            for seed in 0..seeds {
                let ratio = |powers| Ratio {
                    factor: 1.0,
                    powers,
                };
                let watched = ratio(RATIOS[0].1);
                let (rng, never) = (&mut rng(seed), Interrupt::never());
                let options = within(budget);
                let pair =
                    paired_forms(&mut first, &mut second, rng, options, never, watched).unwrap();
                for (coverage, (_, powers)) in found.iter_mut().zip(RATIOS) {
                    let truth = forms.iter().zip(powers).map(|(x, p)| x.powf(p)).product();
                    coverage.add(pair.estimate(ratio(powers)), truth);
                }
            }
            for (coverage, (ratio, _)) in found.iter().zip(RATIOS) {
                coverage.check(&format!("{name}, {budget:?}, {ratio}"), allowed)?;
            }
        }
    }
    Ok(())
}

#[test]
fn errors_cover_what_they_say_on_every_spectrum_and_within_every_budget() {
    single_matrices(400, 3.0, &spectra(), &[None, Some(16), Some(30)]).unwrap();
}

#[test]
fn errors_of_ratios_cover_what_they_say() {
    pairs_of_matrices(400, 3.0, &spectra()[..3], &[None, Some(48)]).unwrap();
}

#[test]
#[ignore = "takes minutes; the command is in the file's description"]
fn shares_of_thousands_of_seeds_are_what_errors_say() {
    let spectra = spectra();
    let single = single_matrices(4000, 0.0, &spectra, &[None, Some(20), Some(30), Some(60)]);
    let pairs = pairs_of_matrices(4000, 0.0, &spectra, &[None, Some(60), Some(100)]);
    single.and(pairs).unwrap();
}
