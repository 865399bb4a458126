//! When fitting the noise does no harm: many weak directions take it up.

use super::{curve, each, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Rule as Mark};
use crate::problem::draw;
use crate::problem::spectra::{Overfit, isotropic_error, isotropic_parts, overfit};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::Col;

const SAMPLES: Count = Count::new("samples", "training samples m", 100)
    .quick(60)
    .allowed(40.0, 200.0);
const STRONG: Count = Count::new(
    "strong",
    "directions of variance 1, which carry the signal",
    10,
)
.quick(6)
.allowed(1.0, 20.0);
const ENERGY: Number =
    Number::new("energy", "total variance of the weak directions", 5.0).allowed(0.1, 100.0);
const NOISE: Number = Number::new(
    "noise",
    "standard deviation of the label noise; the signal has norm 1",
    0.5,
)
.allowed(0.01, 10.0);

/// Weak directions per sample.
const WEAK: [usize; 5] = [1, 3, 10, 30, 60];
const FEW: usize = 0;
const TEN: usize = 2;
const MANY: usize = 4;

/// Total variances of the weak directions, as factors of that of the parameter, at thirty per sample.
const ENERGIES: [f64; 3] = [0.2, 1.0, 40.0];

/// Benign overfitting.
#[derive(Debug)]
pub struct BenignOverfitting;

#[derive(Debug)]
struct Measured {
    flat: Vec<Overfit>,
    energies: Vec<Overfit>,
    decaying: Overfit,
    isotropic: f64,
    answer: f64,
}

impl Experiment for BenignOverfitting {
    fn about(&self) -> About {
        About {
            name: "benign-overfitting",
            subject: Subject::DoubleDescent,
            claim: "A fit that interpolates noisy labels can still predict well, where the noise \
                finds many weak directions.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), Theorem 8 \
                and A.3; Inductive bias of optimisation (lecture notes); Bartlett, Long, Lugosi \
                & Tsigler (2020), Benign overfitting in linear regression.",
            mathematics: "k strong directions of variance 1 carry the signal, N weak ones of equal \
                variance have the total variance e. Seen from the strong directions, the weak \
                ones act as a ridge penalty of about e: the shortest fit interpolates, but fits \
                the signal as ridge regression would. The noise that the strong directions do \
                not take up goes into the weak ones, where it costs about σ²m/N. So the excess \
                error is about σ²(k/m + m/N) plus the shrinkage of the signal by e/(m + e): \
                small where k ≪ m ≪ N and e ≪ m. The error itself never falls below σ². Without \
                weak directions, with few of them, or with weak directions whose variances decay \
                fast, the noise does harm.",
            refuted_by: "A small excess error without many weak directions, or a large one with them.",
            seeds: Extent {
                full: 50,
                quick: 30,
            },
            seconds: Extent {
                full: 1.1,
                quick: 0.3,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            STRONG.parameter(),
            ENERGY.parameter(),
            NOISE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        Ok(Findings::new()
            .claims(of_the_theorem(setup, &all))
            .claims(of_the_excess(setup, &all))
            .claims(of_the_answer(setup, &all))
            .claims(of_the_spectrum(setup, &all))
            .claims(of_the_energy(&all))
            .figure("excess", figure(setup, &all)))
    }
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let (samples, energy) = (setup.get(SAMPLES), setup.get(ENERGY));
    let fit = |name: &str, place: usize, weak: &[f64]| fit(setup, streams, (name, place), weak);
    let flat = |count: usize, energy: f64| vec![energy / count as f64; count];
    let flats = WEAK.iter().enumerate();
    let flats = flats.map(|(place, count)| fit("flat", place, &flat(count * samples, energy)));
    let energies = ENERGIES.iter().enumerate().map(|(place, factor)| {
        let weak = flat(10 * samples, factor * energy);
        fit("energies", place, &weak)
    });
    // The same energy in variances that fall like i^(−2).
    let falling = |index: usize| (index as f64).powi(-2);
    let total: f64 = (1..=10 * samples).map(falling).sum();
    let decaying: Vec<f64> = (1..=10 * samples)
        .map(|index| falling(index) * energy / total)
        .collect();
    let ones = Col::from_fn(1_000, |index| if index < 10 { 1.0 } else { 0.0 });
    let answer = isotropic_parts(&mut streams.stream("answer", 0), 100, &ones, 0.1)?;
    Ok(Measured {
        flat: flats.collect::<Result<_, _>>()?,
        energies: energies.collect::<Result<_, _>>()?,
        decaying: fit("decaying", 0, &decaying)?,
        isotropic: without_weak(setup, streams)?,
        answer: answer.excess + 0.01,
    })
}

/// The truth, on the strong directions only, among so many.
fn truth(setup: &Setup, streams: Streams, count: usize) -> Col<f64> {
    let strong = setup.get(STRONG);
    let signal = draw::on_sphere(&mut streams.stream("truth", 0), strong);
    Col::from_fn(
        count,
        |index| {
            if index < strong { signal[index] } else { 0.0 }
        },
    )
}

/// The shortest fit with weak directions of these variances, on a stream of its own.
fn fit(
    setup: &Setup,
    streams: Streams,
    (name, place): (&str, usize),
    weak: &[f64],
) -> Result<Overfit, ExperimentError> {
    setup.go_on()?;
    let strong = std::iter::repeat_n(1.0, setup.get(STRONG));
    let variances: Vec<f64> = strong.chain(weak.iter().copied()).collect();
    let truth = truth(setup, streams, variances.len());
    let mut rng = streams.stream(name, place as u64);
    overfit(
        &mut rng,
        setup.get(SAMPLES),
        &variances,
        &truth,
        setup.get(NOISE),
    )
}

/// The effect of the noise with twice as many features as samples, all of variance 1.
fn without_weak(setup: &Setup, streams: Streams) -> Result<f64, ExperimentError> {
    let samples = setup.get(SAMPLES);
    let truth = truth(setup, streams, 2 * samples);
    let mut rng = streams.stream("isotropic", 0);
    Ok(isotropic_parts(&mut rng, samples, &truth, setup.get(NOISE))?.variance)
}

fn of_the_theorem(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let id = "flat-vs-sharp T1.8";
    let (m, k, s) = (
        setup.get(SAMPLES) as f64,
        setup.get(STRONG) as f64,
        setup.get(NOISE).powi(2),
    );
    let many = (WEAK[MANY] * setup.get(SAMPLES)) as f64;
    let bound = (k / m).sqrt();
    vec![
        Claim::printed(
            id,
            format!(
                "{k} strong directions, {m} samples, {many} weak directions: the fit interpolates \
                (largest residual below 1e-8)."
            ),
            Rule::Below(1e-8),
            Estimate::mean(&each(all, |one| one.flat[MANY].residual)),
        ),
        Claim::printed(
            id,
            format!(
                "The test error is below √(k/m) = {bound:.3}, the gap to a training error of 0 \
                that the theorem allows (its constant taken as 1)."
            ),
            Rule::Below(bound),
            Estimate::mean(&each(all, |one| one.flat[MANY].excess + s)),
        ),
        Claim::printed(
            id,
            "The test error is o(1): it is below a tenth of the variance of the labels' noise.",
            Rule::Below(0.1 * s),
            Estimate::mean(&each(all, |one| one.flat[MANY].excess + s)),
        ),
    ]
}

fn of_the_excess(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let id = "flat-vs-sharp T1.8";
    let (m, k, s) = (
        setup.get(SAMPLES) as f64,
        setup.get(STRONG) as f64,
        setup.get(NOISE).powi(2),
    );
    let many = (WEAK[MANY] * setup.get(SAMPLES)) as f64;
    let law = s * (k / m + m / many);
    vec![
        Claim::corrected(
            id,
            "What is small is the excess over the noise: it is below a fifth of σ².",
            Rule::Below(0.2 * s),
            Estimate::mean(&each(all, |one| one.flat[MANY].excess)),
        ),
        Claim::corrected(
            id,
            format!(
                "The fit to the noise alone costs about σ²(k/m + m/N) = {law:.3}, within 25 % \
                (ratio)."
            ),
            Rule::Equals {
                value: 1.0,
                tolerance: 0.25,
            },
            Estimate::mean(&each(all, |one| one.flat[MANY].of_noise / law)),
        ),
        Claim::must_fail(
            id,
            "With as few weak directions as samples the excess is below a fifth of σ², too.",
            Rule::Below(0.2 * s),
            Estimate::median(&each(all, |one| one.flat[FEW].excess)),
        ),
    ]
}

fn of_the_answer(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let id = "flat-vs-sharp A.3";
    let s = setup.get(NOISE).powi(2);
    let expected = isotropic_error(100, 1_000, 10.0, 0.0, 0.01).unwrap_or(f64::NAN);
    let answer = each(all, |one| one.answer);
    vec![
        Claim::printed(
            id,
            "Zero training loss with good predictions needs a penalty or early stopping: the \
            shortest fit, without either, has an excess error above σ².",
            Rule::Above(s),
            Estimate::mean(&each(all, |one| one.flat[MANY].excess)),
        ),
        Claim::printed(
            id,
            "The counterexample of the answer, 100 samples of 1000 even features of which ten \
            carry 1 each, noise 0.1, has a test error of 0.01, within a factor of 2.",
            Rule::Between(0.005, 0.02),
            Estimate::mean(&answer),
        ),
        Claim::corrected(
            id,
            format!("It has 10(1 − m/n) + σ²(1 + m/(n − m − 1)) = {expected:.3}, within 5 %."),
            Rule::Equals {
                value: expected,
                tolerance: 0.05 * expected,
            },
            Estimate::mean(&answer),
        ),
    ]
}

fn of_the_spectrum(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let id = "inductive-bias N9";
    let s = setup.get(NOISE).powi(2);
    let falling: Vec<Vec<f64>> = [FEW, 1, TEN, MANY]
        .map(|place| each(all, |one| -one.flat[place].of_noise.ln()))
        .to_vec();
    let median = |of: &dyn Fn(&Measured) -> f64| Estimate::median(&each(all, of));
    vec![
        Claim::printed(
            id,
            "The effect of the noise falls with the number of weak directions, from 1 to 3, 10 \
            and 60 per sample (least fall of the logarithm).",
            Rule::Above(0.0),
            Estimate::smallest_step(&falling),
        ),
        Claim::printed(
            id,
            "With 60 per sample it is below a fifth of σ².",
            Rule::Below(0.2 * s),
            Estimate::mean(&each(all, |one| one.flat[MANY].of_noise)),
        ),
        Claim::printed(
            id,
            "Without weak directions, with twice as many features as samples that are all alike, \
            it is harmful: above half of σ² (median).",
            Rule::Above(0.5 * s),
            median(&|one| one.isotropic),
        ),
        Claim::printed(
            id,
            "With weak directions whose variances fall as i⁻² it is harmful, though their number \
            and energy are those of ten per sample: more than 3 times as large as with equal \
            ones (median ratio).",
            Rule::Above(3.0),
            median(&|one| one.decaying.of_noise / one.flat[TEN].of_noise),
        ),
    ]
}

fn of_the_energy(all: &[Measured]) -> Vec<Claim> {
    let id = "inductive-bias N9";
    let median = |of: &dyn Fn(&Measured) -> f64| Estimate::median(&each(all, of));
    vec![
        Claim::corrected(
            id,
            format!(
                "Too much energy in the weak directions does harm as well, to the signal: {} \
                times as much makes the excess more than 3 times as large (median ratio).",
                ENERGIES[2]
            ),
            Rule::Above(3.0),
            median(&|one| one.energies[2].excess / one.energies[1].excess),
        ),
        Claim::must_fail(
            id,
            "That harm is of the noise: its effect alone is larger than with less energy (median \
            ratio).",
            Rule::Above(1.0),
            median(&|one| one.energies[2].of_noise / one.energies[1].of_noise),
        ),
    ]
}

fn figure(setup: &Setup, all: &[Measured]) -> Figure {
    let (m, k, s) = (
        setup.get(SAMPLES) as f64,
        setup.get(STRONG) as f64,
        setup.get(NOISE).powi(2),
    );
    let x = WEAK.map(|per_sample| per_sample as f64);
    let draws = |of: fn(&Overfit) -> f64| {
        all.iter()
            .map(|one| one.flat.iter().map(of).collect())
            .collect::<Vec<Vec<f64>>>()
    };
    let law = x.map(|per_sample| s * (k / m + 1.0 / per_sample)).to_vec();
    let weak = Axis::new("weak directions per sample", "1").log();
    let panel = Panel::new(weak, Axis::new("excess error", "1").log())
        .with(Mark::level("variance of the noise", s))
        .with(
            curve("excess", &x, &draws(|one| one.excess))
                .styled(style(0, 0))
                .with_markers(),
        )
        .with(
            curve("of the noise alone", &x, &draws(|one| one.of_noise))
                .styled(style(1, 1))
                .with_markers(),
        )
        .with(Line::new("σ²(k/m + m/N)", x.to_vec(), law).styled(style(2, 2)));
    Figure::new("Harm done by fitting the noise")
        .described(
            "The excess error of interpolating fits falls as the number of weak directions grows.",
        )
        .noted(format!(
            "{k} strong directions, {m} samples, weak directions of total variance {}.",
            setup.get(ENERGY)
        ))
        .with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counterexample_of_the_answer_has_nine_times_the_error_of_one_parameter() {
        let expected = isotropic_error(100, 1_000, 10.0, 0.0, 0.01).unwrap();
        assert!((expected - (9.0 + 0.01 * (1.0 + 100.0 / 899.0))).abs() < 1e-12);
    }
}
