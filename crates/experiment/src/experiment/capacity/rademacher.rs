//! The Rademacher complexity of linear and kernel classes, and what it says of the gap and of random labels.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Bars, Figure, Line, Panel, Style, Width};
use crate::problem::linear_class::{form, solve_all};
use crate::problem::{dense, draw};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, mean};
use faer::{Col, Mat, Scale};

const SAMPLES: Count = Count::new("samples", "m, training samples", 100)
    .quick(50)
    .allowed(10.0, 2e3);
const FEATURES: Count = Count::new("features", "inputs of the linear class", 20).allowed(2.0, 1e3);
const WIDE: Count = Count::new(
    "wide",
    "features of the class that fits any labels, over the \
    samples",
    2,
)
.allowed(2.0, 10.0);
const SIGNS: Count = Count::new("signs", "random signs per seed", 200)
    .quick(50)
    .allowed(10.0, 1e5);
const SCALE: Number = Number::new(
    "scale",
    "by what the kernel is multiplied, which leaves its \
    predictor as it is",
    0.01,
)
.allowed(1e-6, 1.0);
const FAILURE: Number = Number::new(
    "failure",
    "δ, the chance with which the bound may fail",
    0.05,
)
.allowed(1e-4, 0.5);

/// What one seed gives.
struct Seed {
    /// The complexity of the unit ball over max‖xᵢ‖/√m, and over ‖X‖_F/m.
    of_largest: f64,
    of_mean: f64,
    /// The gap of the best training loss, and half the largest difference of two samples.
    gap: f64,
    twice: f64,
    /// The complexity of the kernel class, and the two bounds, with the kernel as it is and scaled.
    kernel: [[f64; 3]; 2],
    /// Training accuracies of the wide and of the narrow class on true, half-flipped and random labels.
    wide: [f64; 3],
    narrow: [f64; 3],
}

/// Theory of Deep Learning, section 5.3.
#[derive(Debug)]
pub struct RademacherComplexity;

impl Experiment for RademacherComplexity {
    fn about(&self) -> About {
        About {
            name: "rademacher-complexity",
            subject: Subject::Capacity,
            claim: "How well a class can follow random signs bounds its generalisation gap.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 5.3, Theorem 5.3.1, \
                Problems 5.3.2 and 5.3.3",
            mathematics: "The complexity of linear functions with ‖w‖ ≤ 1 on a sample is \
                E‖Σσᵢxᵢ‖/m with random signs σ, at most ‖X‖_F/m ≤ max‖xᵢ‖/√m. With the loss \
                ½(1 − y⟨w, x⟩) the definition by two samples, E sup|ΣL₁ − ΣL₂|/(2m), is E‖μ₁ − \
                μ₂‖/4 with the means μ of yx; the gap of the weights of least training loss is \
                ½⟨ŵ, μ̂ − μ⟩. A kernel's predictor zᵀG⁻¹y has the squared norm yᵀG⁻¹y, so that \
                its ball has the complexity √(yᵀG⁻¹y)·E√(σᵀGσ)/n ≤ √(yᵀG⁻¹y·tr G)/n. The text \
                prints yᵀGy for yᵀG⁻¹y; but a kernel times c has the same predictor and \
                complexity, and the printed bound shrinks with c. A class that fits all labels \
                has the largest complexity, and the bound says nothing. Theorem 5.3.1 adds \
                O(log(1/δ)/√m) for the chance δ of failure; the deviation of a mean of m \
                losses that is exceeded with the chance δ is of the order √(log(1/δ)/m), as \
                Hoeffding's inequality has it, and its exact values follow from the binomial law.",
            refuted_by: "A complexity above its bound, or a gap above twice the complexity and \
                its deviation.",
            seeds: Extent { full: 30, quick: 8 },
            seconds: Extent {
                full: 0.1,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            WIDE.parameter(),
            SIGNS.parameter(),
            SCALE.parameter(),
            FAILURE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let seeds = setup.over_seeds(|streams| one(setup, streams))?;
        let claims = gaps(setup, &seeds)
            .into_iter()
            .chain(deviations())
            .chain(kernels(setup, &seeds))
            .chain(labels(setup, &seeds));
        Ok(Findings::new()
            .claims(claims)
            .figure("complexity", figure(setup, &seeds)?))
    }
}

fn one(setup: &Setup, streams: Streams) -> Result<Seed, ExperimentError> {
    let (samples, features) = (setup.get(SAMPLES), setup.get(FEATURES));
    let mut rng = streams.stream("sample", 0);
    let x = draw::gaussian(&mut rng, samples, features);
    let complexity = of_ball(&x, setup.get(SIGNS), &mut streams.stream("signs", 0));
    let largest = (0..samples)
        .map(|row| x.row(row).norm_l2())
        .fold(0.0, f64::max);
    let (gap, twice) = gap(setup, &mut streams.stream("gap", 0));
    let kernel = kernel(setup, &x, streams)?;
    let wide = accuracies(samples, setup.get(WIDE) * samples, streams)?;
    let narrow = accuracies(samples, (samples / 10).max(1), streams)?;
    Ok(Seed {
        of_largest: complexity / (largest / (samples as f64).sqrt()),
        of_mean: complexity / (x.norm_l2() / samples as f64),
        gap,
        twice,
        kernel,
        wide,
        narrow,
    })
}

/// E‖Σσᵢxᵢ‖/m.
pub fn of_ball(x: &Mat<f64>, signs: usize, rng: &mut StreamRng) -> f64 {
    let one = |_| {
        let sigma = Col::from_fn(x.nrows(), |_| draw::sign(rng));
        (x.transpose() * sigma).norm_l2() / x.nrows() as f64
    };
    let values: Vec<f64> = (0..signs).map(one).collect();
    mean(&values)
}

/// With x even on the sphere and y = 1 with chance ½(1 + ⟨w*, x⟩), for which E yx = w*/k: the gap of the weights of least
/// training loss, and twice the complexity by two samples.
fn gap(setup: &Setup, rng: &mut StreamRng) -> (f64, f64) {
    use rand::RngExt;
    let (samples, features) = (setup.get(SAMPLES), setup.get(FEATURES));
    let teacher = draw::on_sphere(rng, features);
    let mut sample_mean = || {
        let mut sum = Col::<f64>::zeros(features);
        for _ in 0..samples {
            let x = draw::on_sphere(rng, features);
            let chance = (1.0 + dense::dot(x.as_ref(), teacher.as_ref())) / 2.0;
            let y = if rng.random::<f64>() < chance {
                1.0
            } else {
                -1.0
            };
            sum += Scale(y / samples as f64) * x;
        }
        sum
    };
    let (first, second) = (sample_mean(), sample_mean());
    let truth = Scale(1.0 / features as f64) * &teacher;
    let best = &first * Scale(1.0 / first.norm_l2());
    let gap = dense::dot(best.as_ref(), (&first - &truth).as_ref()) / 2.0;
    (gap, (&first - &second).norm_l2() / 2.0)
}

/// The complexity of the ball of the predictor, the printed bound and the corrected one; for the Gaussian kernel and for it
/// scaled.
fn kernel(setup: &Setup, x: &Mat<f64>, streams: Streams) -> Result<[[f64; 3]; 2], ExperimentError> {
    let samples = x.nrows();
    let width = 2.0 * x.ncols() as f64;
    let gram = Mat::from_fn(samples, samples, |row, column| {
        let jitter = if row == column { 1e-6 } else { 0.0 };
        (-(x.row(row) - x.row(column)).squared_norm_l2() / width).exp() + jitter
    });
    let y = Mat::from_fn(samples, 1, |row, _| x[(row, 0)].signum());
    let mut both = [[0.0; 3]; 2];
    for (scale, numbers) in [1.0, setup.get(SCALE)].into_iter().zip(&mut both) {
        let gram = &gram * Scale(scale);
        let solved = solve_all(&gram, &y)?;
        let norm = dense::dot(y.col(0), solved.col(0));
        let mut rng = streams.stream("kernel signs", 0);
        let signs = (0..setup.get(SIGNS)).map(|_| {
            let sigma = Col::from_fn(samples, |_| draw::sign(&mut rng));
            (norm * form(&gram, sigma.as_ref())).sqrt() / samples as f64
        });
        let signs: Vec<f64> = signs.collect();
        let trace: f64 = (0..samples).map(|index| gram[(index, index)]).sum();
        let bound = |square: f64| (2.0 * square * trace).sqrt() / samples as f64;
        *numbers = [mean(&signs), bound(form(&gram, y.col(0))), bound(norm)];
    }
    Ok(both)
}

/// The share of labels that the signs of the least-squares fit (with a little ridge) get right: of labels of a linear rule, of
/// those with half of them flipped, and of random ones.
fn accuracies(
    samples: usize,
    features: usize,
    streams: Streams,
) -> Result<[f64; 3], ExperimentError> {
    let mut rng = streams.stream("labels", features as u64);
    let x = draw::gaussian(&mut rng, samples, features);
    let rule: Vec<f64> = (0..samples).map(|row| x[(row, 0)].signum()).collect();
    let flipped = rule
        .iter()
        .enumerate()
        .map(|(row, y)| if row % 2 == 0 { -y } else { *y })
        .collect();
    let random = (0..samples).map(|_| draw::sign(&mut rng)).collect();
    let mut shares = [0.0; 3];
    for (share, labels) in shares.iter_mut().zip([rule, flipped, random]) {
        let y = Mat::from_fn(samples, 1, |row, _| labels[row]);
        let gram = &x * x.transpose() + dense::scaled_identity(samples, 1e-6);
        let outputs = &x * (x.transpose() * solve_all(&gram, &y)?);
        let hits = (0..samples)
            .filter(|row| outputs[(*row, 0)] * labels[*row] > 0.0)
            .count();
        *share = hits as f64 / samples as f64;
    }
    Ok(shares)
}

fn all(seeds: &[Seed], f: impl Fn(&Seed) -> f64) -> Vec<f64> {
    seeds.iter().map(f).collect()
}

fn gaps(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let (samples, failure) = (setup.get(SAMPLES), setup.get(FAILURE));
    let twice = mean(&all(seeds, |seed| seed.twice));
    let deviation = ((1.0 / failure).ln() / samples as f64).sqrt();
    let within = seeds
        .iter()
        .filter(|seed| seed.gap <= twice + deviation)
        .count();
    vec![
        Claim::printed(
            "theory 5-6",
            "The complexity of the unit ball of linear functions is at most max‖xᵢ‖/√m (mean \
             ratio)",
            Rule::Below(1.0),
            Estimate::mean(&all(seeds, |seed| seed.of_largest)),
        ),
        Claim::printed(
            "flat-vs-sharp B.10",
            "It is between ‖X‖_F/(√2·m) and ‖X‖_F/m (mean ratio to the latter)",
            Rule::Between(0.5f64.sqrt(), 1.0),
            Estimate::mean(&all(seeds, |seed| seed.of_mean)),
        ),
        Claim::printed(
            "theory 5-5",
            "The gap of the weights of least training loss is on average below twice the \
             complexity (mean difference)",
            Rule::Below(0.0),
            Estimate::difference(&all(seeds, |seed| seed.twice), &all(seeds, |seed| seed.gap)),
        ),
        Claim::corrected(
            "theory 5-5",
            format!(
                "It is below twice the complexity and √(log(1/δ)/m), δ = {failure}, in \
                more than 0.8 of the seeds (share)"
            ),
            Rule::Above(0.8),
            Estimate::proportion(within, seeds.len()),
        ),
        Claim::must_fail(
            "theory 5-5",
            "There is no gap on average",
            Rule::Equals {
                value: 0.0,
                tolerance: 0.01,
            },
            Estimate::mean(&all(seeds, |seed| seed.gap)),
        ),
    ]
}

/// How many losses of 0 or 1 the exact deviations are of the mean of.
const LOSSES: usize = 10_000;

/// ln(1/δ) of the chances for which the exact deviations are compared.
const LOG_CHANCES: [f64; 5] = [10.0, 18.0, 32.0, 56.0, 100.0];

/// By how much the mean of [`LOSSES`] losses, each 0 or 1 with equal chances, is above ½ with the chance e⁻ˡ: the exact
/// quantile of the binomial law, its tail being summed from the far end on.
fn exact_deviations(log_chances: &[f64]) -> Vec<f64> {
    let all = LOSSES as f64;
    let (mut term, mut tail) = (-all * 2f64.ln(), f64::NEG_INFINITY);
    let mut found = vec![0.5; log_chances.len()];
    for count in (LOSSES / 2..=LOSSES).rev() {
        let count = count as f64;
        tail = tail.max(term) + (-(tail - term).abs()).exp().ln_1p();
        for (found, log_chance) in found.iter_mut().zip(log_chances) {
            if tail <= -log_chance {
                *found = count / all - 0.5;
            }
        }
        term += (count / (all - count + 1.0)).ln();
    }
    found
}

fn deviations() -> Vec<Claim> {
    let logs = |numbers: &[f64]| numbers.iter().map(|number| number.ln()).collect::<Vec<_>>();
    let power = Estimate::slope(&logs(&LOG_CHANCES), &logs(&exact_deviations(&LOG_CHANCES)));
    let text = |term: &str, power: &str| {
        format!(
            "The term for the chance δ of failure is of the order {term}: the deviation of the mean of {LOSSES} losses \
             that is exceeded with the chance δ grows as log(1/δ) to the power {power}, for log(1/δ) from {} to {} \
             (slope of the logarithms)",
            LOG_CHANCES[0],
            LOG_CHANCES[LOG_CHANCES.len() - 1]
        )
    };
    let equals = |value: f64| Rule::Equals {
        value,
        tolerance: 0.1,
    };
    vec![
        Claim::printed("theory 5-5", text("log(1/δ)/√m", "1"), equals(1.0), power),
        Claim::corrected("theory 5-5", text("√(log(1/δ)/m)", "½"), equals(0.5), power),
    ]
}

fn kernels(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let scale = setup.get(SCALE);
    let ratio = |which: usize, bound: usize| {
        Estimate::mean(&all(seeds, |seed| {
            seed.kernel[which][0] / seed.kernel[which][bound]
        }))
    };
    vec![
        Claim::printed(
            "theory 5-7",
            "The complexity of the ball of a kernel's predictor is at most √(2yᵀGy·tr G)/n \
             (Gaussian kernel, mean ratio)",
            Rule::Below(1.0),
            ratio(0, 1),
        ),
        Claim::printed(
            "theory 5-7",
            format!(
                "It is for the same kernel times {scale}, too, whose predictor is the same \
                (mean ratio)"
            ),
            Rule::Below(1.0),
            ratio(1, 1),
        ),
        Claim::corrected(
            "theory 5-7",
            "It is at most √(2yᵀG⁻¹y·tr G)/n (mean ratio)",
            Rule::Below(1.0),
            ratio(0, 2),
        ),
        Claim::corrected(
            "theory 5-7",
            format!("also for the kernel times {scale} (mean ratio)"),
            Rule::Below(1.0),
            ratio(1, 2),
        ),
    ]
}

fn labels(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let features = setup.get(WIDE) * setup.get(SAMPLES);
    vec![
        Claim::printed(
            "theory 5-5",
            format!(
                "A class with {features} features fits labels of which half are flipped, \
                so that its complexity is the largest (mean accuracy)"
            ),
            Rule::Above(0.999),
            Estimate::mean(&all(seeds, |seed| seed.wide[1])),
        ),
        Claim::printed(
            "theory 5-5",
            "It fits random labels as well (mean accuracy)",
            Rule::Above(0.999),
            Estimate::mean(&all(seeds, |seed| seed.wide[2])),
        ),
        Claim::must_fail(
            "theory 5-5",
            "A class with a tenth as many features as samples fits them, too (mean accuracy)",
            Rule::Above(0.999),
            Estimate::mean(&all(seeds, |seed| seed.narrow[2])),
        ),
    ]
}

fn figure(setup: &Setup, seeds: &[Seed]) -> Result<Figure, ExperimentError> {
    let means = |f: &dyn Fn(&Seed) -> [f64; 3]| {
        (0..3)
            .map(|index| mean(&all(seeds, |seed| f(seed)[index])))
            .collect::<Vec<_>>()
    };
    let labels = Panel::new(
        Axis::of_categories("labels", ["true", "half flipped", "random"]),
        Axis::new(
            "training \
        accuracy",
            "1",
        )
        .over([0.0, 1.0]),
    )
    .titled("Following labels")
    .with(Bars::new(
        "more features than samples",
        means(&|seed| seed.wide),
    ))
    .with(Bars::new("a tenth as many", means(&|seed| seed.narrow)));
    let sizes: Vec<usize> = [25, 50, 100, 200, 400].into_iter().collect();
    let features = setup.get(FEATURES);
    let of = |samples: &usize| {
        let streams = Streams::new(0);
        let x = draw::gaussian(
            &mut streams.stream("figure", *samples as u64),
            *samples,
            features,
        );
        let complexity = of_ball(
            &x,
            100,
            &mut streams.stream("figure signs", *samples as u64),
        );
        let largest = (0..*samples)
            .map(|row| x.row(row).norm_l2())
            .fold(0.0, f64::max);
        Ok([
            complexity,
            largest / (*samples as f64).sqrt(),
            x.norm_l2() / *samples as f64,
        ])
    };
    let numbers: Vec<[f64; 3]> = setup.over(&sizes, of)?;
    let x: Vec<f64> = sizes.iter().map(|size| *size as f64).collect();
    let column = |index: usize| numbers.iter().map(|row| row[index]).collect::<Vec<f64>>();
    let complexity = Panel::new(
        Axis::counting("samples").log(),
        Axis::new("complexity", "1").log(),
    )
    .titled("Unit ball of linear functions")
    .with(Line::new("measured", x.clone(), column(0)).with_markers())
    .with(Line::new("‖X‖_F/m", x.clone(), column(2)).styled(Style {
        colour: Some(1),
        dash: 1,
    }))
    .with(Line::new("max‖x‖/√m", x, column(1)).styled(Style {
        colour: Some(2),
        dash: 3,
    }));
    Ok(Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Rademacher complexity")
    }
    .with(complexity)
    .with(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_vector_the_complexity_is_its_norm() {
        let x = Mat::from_fn(1, 2, |_, column| [3.0, 4.0][column]);
        assert_eq!(of_ball(&x, 5, &mut Streams::new(0).stream("test", 0)), 5.0);
        // Two orthogonal vectors: ‖±x₁ ± x₂‖/2 is √2/2 whatever the signs.
        let x = dense::scaled_identity(2, 1.0);
        assert!(
            (of_ball(&x, 5, &mut Streams::new(0).stream("test", 0)) - 0.5f64.sqrt()).abs() < 1e-15
        );
    }

    #[test]
    fn more_features_than_samples_fit_any_labels() {
        assert_eq!(accuracies(20, 40, Streams::new(1)).unwrap(), [1.0; 3]);
        assert!(accuracies(100, 5, Streams::new(1)).unwrap()[2] < 0.8);
    }
}
