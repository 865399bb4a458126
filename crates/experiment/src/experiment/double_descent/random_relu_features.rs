//! Random ReLU features: a set-up in which the error does fall, peak, and fall again below its first minimum.

use super::{curve, each, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Panel, Rule as Mark};
use crate::problem::draw;
use crate::random::{StreamRng, Streams};
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule, mean};
use crate::table::{Cell, Column, Table};
use faer::{Col, Mat, Scale};

const SAMPLES: Count = Count::new("samples", "training samples", 80)
    .quick(40)
    .allowed(20.0, 200.0);
const INPUTS: Count = Count::new("inputs", "dimensions of the inputs", 20).allowed(2.0, 100.0);
const NOISE: Number = Number::new(
    "noise",
    "standard deviation of the label noise; the teacher has norm 1",
    0.5,
)
.allowed(0.0, 10.0);
const PENALTY: Number =
    Number::new("penalty", "ridge penalty per sample", 0.02).allowed(1e-6, 10.0);

/// Features per sample.
const SHAPES: [f64; 12] = [
    0.1, 0.25, 0.4, 0.6, 0.8, 1.0, 1.25, 1.6, 2.5, 5.0, 10.0, 20.0,
];
const BELOW: std::ops::Range<usize> = 0..5;
const HALF: usize = 2;
const ONE: usize = 5;
const DOUBLE_AND_A_HALF: usize = 8;
const LAST: usize = 11;

/// Test points without noise.
const TESTS: usize = 200;

/// Double descent with random ReLU features.
#[derive(Debug)]
pub struct RandomReluFeatures;

/// Errors at all shapes.
#[derive(Debug)]
struct Measured {
    noisy: Vec<f64>,
    clean: Vec<f64>,
    ridge: Vec<f64>,
    training: Vec<f64>,
    condition: Vec<f64>,
}

impl Experiment for RandomReluFeatures {
    fn about(&self) -> About {
        About {
            name: "random-relu-features",
            subject: Subject::DoubleDescent,
            claim: "With random features the test error falls, peaks where it first interpolates, \
                and falls again.",
            source: "The Mathematical Structure of Machine Learning (course text), Example 5; \
                Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), A.7.",
            mathematics: "A linear teacher of unit norm labels Gaussian inputs, with noise; a linear model \
                is fitted, by its shortest least-squares solution, to P random features max(0, \
                w·x). With few features the teacher is out of reach; with as many as samples the \
                smallest singular value of the features is near zero and the fit amplifies noise \
                and what the features cannot express; with many more the features approximate a \
                kernel and the shortest fit is smooth. A ridge penalty keeps the small singular \
                values from being inverted. The error is that against the labels without noise, \
                on new inputs; it has heavy tails at the peak, so that medians are compared.",
            refuted_by: "No peak at as many features as samples, a peak with the ridge penalty, or a \
                second descent that stays above the first minimum.",
            seeds: Extent {
                full: 60,
                quick: 30,
            },
            seconds: Extent {
                full: 1.0,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            INPUTS.parameter(),
            NOISE.parameter(),
            PENALTY.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        Ok(Findings::new()
            .claims(of_the_shape(&all))
            .claims(of_the_end_and_the_condition(&all))
            .claims(of_the_ridge(setup, &all))
            .claims(of_the_noise(&all))
            .table("errors", table(&all))
            .figure("errors", figure(setup, &all)))
    }
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let (samples, inputs) = (setup.get(SAMPLES), setup.get(INPUTS));
    let mut rng = streams.stream("data", 0);
    let teacher = draw::on_sphere(&mut rng, inputs);
    let train = draw::gaussian(&mut rng, samples, inputs);
    let test = draw::gaussian(&mut rng, TESTS, inputs);
    let errors = Scale(setup.get(NOISE)) * draw::normals(&mut rng, samples);
    let labels = [&train * &teacher, &train * &teacher + errors];
    let truth = &test * &teacher;
    let mut found = Measured {
        noisy: Vec::new(),
        clean: Vec::new(),
        ridge: Vec::new(),
        training: Vec::new(),
        condition: Vec::new(),
    };
    for (place, shape) in SHAPES.iter().enumerate() {
        setup.go_on()?;
        let count = (samples as f64 * shape).round() as usize;
        let features = features(
            &mut streams.stream("features", place as u64),
            count,
            [&train, &test],
        );
        one_shape(setup, features, &labels, &truth, &mut found)?;
    }
    Ok(found)
}

/// `max(0, w·x)` over the root of their number, at training and test points.
fn features(rng: &mut StreamRng, count: usize, inputs: [&Mat<f64>; 2]) -> [Mat<f64>; 2] {
    let size = inputs[0].ncols();
    let weights = draw::gaussian(rng, size, count);
    let scale = 1.0 / ((size * count) as f64).sqrt();
    inputs.map(|inputs| {
        let product = inputs * &weights;
        Mat::from_fn(product.nrows(), count, |row, column| {
            scale * product[(row, column)].max(0.0)
        })
    })
}

fn one_shape(
    setup: &Setup,
    [train, test]: [Mat<f64>; 2],
    [clean, noisy]: &[Col<f64>; 2],
    truth: &Col<f64>,
    found: &mut Measured,
) -> Result<(), ExperimentError> {
    let samples = train.nrows() as f64;
    let svd = train
        .thin_svd()
        .map_err(|_| ExperimentError::because("the features have no singular values"))?;
    let sigma = svd.S().column_vector();
    let projected = test * svd.V();
    // Along each singular direction, the inverse of the singular value, or its ridge form.
    let penalty = setup.get(PENALTY) * samples;
    let error = |labels: &Col<f64>, penalty: f64| {
        let along = svd.U().transpose() * labels;
        let weights = Col::from_fn(along.nrows(), |index| {
            let value = sigma[index];
            // What is lost in rounding is no direction.
            if value > 1e-13 * sigma[0] {
                along[index] * value / (value * value + penalty)
            } else {
                0.0
            }
        });
        (&projected * weights - truth).squared_norm_l2() / TESTS as f64
    };
    let along = svd.U().transpose() * noisy;
    found.noisy.push(error(noisy, 0.0));
    found.clean.push(error(clean, 0.0));
    found.ridge.push(error(noisy, penalty));
    found
        .training
        .push(((noisy.squared_norm_l2() - along.squared_norm_l2()) / samples).max(0.0));
    found
        .condition
        .push(sigma[0] / sigma[sigma.nrows() - 1].max(1e-16 * sigma[0]));
    Ok(())
}

/// The logarithms of errors at some shapes, as arms in their order.
fn arms(
    all: &[Measured],
    of: fn(&Measured) -> &Vec<f64>,
    places: impl IntoIterator<Item = usize>,
) -> Vec<Vec<f64>> {
    places
        .into_iter()
        .map(|place| each(all, |one| -of(one)[place].ln()))
        .collect()
}

fn ratio(all: &[Measured], of: fn(&Measured) -> &Vec<f64>, over: usize, under: usize) -> Estimate {
    Estimate::median(&each(all, |one| of(one)[over] / of(one)[under]))
}

fn of_the_shape(all: &[Measured]) -> Vec<Claim> {
    let id = "structure Ex.5";
    vec![
        Claim::printed(
            id,
            "There is a first descent: the error with 0.25 features per sample is below that with \
            0.1 (median ratio).",
            Rule::Below(1.0),
            ratio(all, |one| &one.noisy, 1, 0),
        ),
        Claim::printed(
            id,
            "There is a peak: with as many features as samples the error is more than 5 times \
            that with 0.4 per sample (median ratio).",
            Rule::Above(5.0),
            ratio(all, |one| &one.noisy, ONE, HALF),
        ),
        Claim::printed(
            id,
            "It is more than 5 times that with 2.5 per sample (median ratio).",
            Rule::Above(5.0),
            ratio(all, |one| &one.noisy, ONE, DOUBLE_AND_A_HALF),
        ),
        Claim::printed(
            id,
            "There is a second descent: from 1.25 to 20 features per sample the error falls at \
            every step (least fall of the logarithm).",
            Rule::Above(0.0),
            Estimate::smallest_step(&arms(all, |one| &one.noisy, ONE + 1..=LAST)),
        ),
        Claim::printed(
            "flat-vs-sharp A.7",
            "It needs the noise of batches: with this exact solver the error with as many \
            features as samples is below twice that with 2.5 (median ratio).",
            Rule::Below(2.0),
            ratio(all, |one| &one.noisy, ONE, DOUBLE_AND_A_HALF),
        ),
    ]
}

fn of_the_end_and_the_condition(all: &[Measured]) -> Vec<Claim> {
    let id = "structure Ex.5";
    let noisy = |one: &Measured| one.noisy.clone();
    let before = each(all, |one| {
        let errors = noisy(one);
        errors[LAST] / errors[BELOW].iter().copied().fold(f64::INFINITY, f64::min)
    });
    vec![
        Claim::corrected(
            "flat-vs-sharp A.7",
            "With this exact solver the second descent ends below the smallest error of the first \
            (median ratio, 20 features per sample).",
            Rule::Below(1.0),
            Estimate::median(&before),
        ),
        Claim::printed(
            id,
            "The condition number of the features has its peak at as many as samples: it is more \
            than 5 times that at 0.4 and at 2.5 per sample (the smaller median ratio).",
            Rule::Above(5.0),
            Estimate::median(&each(all, |one| {
                one.condition[ONE] / one.condition[HALF].max(one.condition[DOUBLE_AND_A_HALF])
            })),
        ),
    ]
}

fn of_the_ridge(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let penalty = setup.get(PENALTY);
    vec![
        Claim::printed(
            "structure Ex.5",
            format!(
                "With a ridge penalty ({penalty} per sample) there is no peak: with as many \
                features as samples the error is below 1.2 times that with 0.4 (median ratio)."
            ),
            Rule::Below(1.2),
            ratio(all, |one| &one.ridge, ONE, HALF),
        ),
        Claim::must_fail(
            "structure Ex.5",
            "With the penalty the peak stays: the error is more than twice that with 2.5 features \
            per sample (median ratio).",
            Rule::Above(2.0),
            ratio(all, |one| &one.ridge, ONE, DOUBLE_AND_A_HALF),
        ),
    ]
}

fn of_the_noise(all: &[Measured]) -> Vec<Claim> {
    let id = "structure Ex.5";
    let amplified = each(all, |one| one.noisy[ONE] / one.clean[ONE]);
    vec![
        Claim::printed(
            id,
            "Label noise amplifies the spike: the error at the peak is more than 1.5 times that \
            without noise (median ratio).",
            Rule::Above(1.5),
            Estimate::median(&amplified),
        ),
        Claim::printed(
            id,
            "Bias falls with the number of features: without noise the error falls at every step \
            from 0.1 to 20 per sample (least fall of the logarithm).",
            Rule::Above(0.0),
            Estimate::smallest_step(&arms(all, |one| &one.clean, 0..=LAST)),
        ),
        Claim::corrected(
            id,
            "Without noise there is a peak, too: with as many features as samples the error is \
            more than 5 times that with 2.5 (median ratio).",
            Rule::Above(5.0),
            ratio(all, |one| &one.clean, ONE, DOUBLE_AND_A_HALF),
        ),
    ]
}

fn table(all: &[Measured]) -> Table {
    let columns = [
        "features per sample",
        "median error",
        "mean error",
        "median without noise",
        "median with ridge",
        "median training error",
        "median condition number",
    ];
    let rows = SHAPES.iter().enumerate().map(|(place, shape)| {
        let middle =
            |of: fn(&Measured) -> &Vec<f64>| Cell::number(median(&each(all, |one| of(one)[place])));
        vec![
            (*shape).into(),
            middle(|one| &one.noisy),
            mean(&each(all, |one| one.noisy[place])).into(),
            middle(|one| &one.clean),
            middle(|one| &one.ridge),
            middle(|one| &one.training),
            middle(|one| &one.condition),
        ]
    });
    Table::new(columns.map(Column::number))
        .captioned("Errors against labels without noise, over draws.")
        .with_rows(rows)
}

fn figure(setup: &Setup, all: &[Measured]) -> Figure {
    let line = |label: &str, of: fn(&Measured) -> &Vec<f64>, colour: usize| {
        let draws: Vec<Vec<f64>> = all.iter().map(|one| of(one).clone()).collect();
        curve(label, &SHAPES, &draws)
            .styled(style(colour, colour))
            .with_markers()
    };
    let panel = Panel::new(
        Axis::new("features per sample", "1").log(),
        Axis::new("error against labels without noise", "1").log(),
    )
    .with(Mark::upright("as many features as samples", 1.0))
    .with(line("noisy labels", |one| &one.noisy, 0))
    .with(line("labels without noise", |one| &one.clean, 1))
    .with(line("noisy, with ridge", |one| &one.ridge, 2));
    Figure::new("Test error with random ReLU features")
        .described("Medians of the test error over the number of random features per sample.")
        .noted(format!(
            "Medians; {} samples, {} inputs.",
            setup.get(SAMPLES),
            setup.get(INPUTS)
        ))
        .with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::dense;

    #[test]
    fn features_are_never_negative_and_their_squares_sum_to_half_the_inputs() {
        let mut rng = Streams::new(0).stream("test", 0);
        let inputs = draw::gaussian(&mut rng, 3, 4);
        let [found, _] = features(&mut rng, 20_000, [&inputs, &inputs]);
        let gram = &found * found.transpose();
        let expected = 0.5 * dense::dot(inputs.row(0).transpose(), inputs.row(0).transpose()) / 4.0;
        assert!((gram[(0, 0)] / expected - 1.0).abs() < 0.05);
        assert!(found[(0, 0)] >= 0.0);
    }
}
