//! How long the shortest solution is, and whether short means good.

use super::{curve, each, largest};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Panel, Rule as Mark, Style};
use crate::problem::draw;
use crate::problem::least_squares::{LeastSquares, relative_distance};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use faer::{Col, Mat};

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 100).allowed(10.0, 200.0);
const FEATURES: Count =
    Count::new("features", "columns of the data matrix", 500).allowed(20.0, 1_000.0);
const NOISE: Number =
    Number::new("noise", "standard deviation of the label noise", 0.01).allowed(1e-6, 1e3);
const STEP: Number =
    Number::new("step", "step of gradient descent on ½‖Xw − y‖²", 0.001).allowed(1e-6, 1e-3);
const STEPS: Count = Count::new("steps", "steps of gradient descent", 600).allowed(10.0, 1e5);
const RANK: Count = Count::new("rank", "strong directions of the spectra", 7).allowed(2.0, 9.0);
const TAIL: Number =
    Number::new("tail", "singular value of the weak directions", 0.002).allowed(1e-6, 1.0);

/// The ratio of the largest to the smallest strong singular value, in the sweep.
const SPREADS: [f64; 5] = [1.0, 3.0, 10.0, 30.0, 100.0];

/// The norm of the shortest solution.
#[derive(Debug)]
pub struct NormOfTheInterpolant;

#[derive(Debug)]
struct Measured {
    norm: f64,
    share: f64,
    distance: f64,
    growth: f64,
    from_elsewhere: f64,
    left_behind: f64,
    test_over_noise: f64,
    test_over_null: f64,
    ratios: Vec<f64>,
    bounds: Vec<f64>,
    with_a_tail: f64,
    bound_with_a_tail: f64,
}

impl Experiment for NormOfTheInterpolant {
    fn about(&self) -> About {
        About {
            name: "norm-of-the-interpolant",
            subject: Subject::LeastSquares,
            claim: "The shortest solution is much shorter than the truth, and generalises well \
                because of that.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), Example 1 \
                and B.16.",
            mathematics: "For standard normal X with m rows and n columns, X⁺Xθ is the projection of θ on \
                m random directions, so that E‖X⁺y‖² = ‖θ‖²m/n + σ²m/(n − m − 1): with θ of n \
                standard normal numbers, m. What is not projected is lost: the test error is \
                ‖θ‖²(1 − m/n) and more, hardly less than the ‖θ‖² of predicting nothing. For any \
                X, ‖X⁺y‖ ≤ ‖y‖/σ_min, with equality only where y lies along the last direction; \
                where it lies along all of them, ‖y‖/σ_r is too large by about the ratio of the \
                singular values, and where weak directions carry label noise it is too small by \
                as much.",
            refuted_by: "A norm beyond the bound, or a test error near the noise on isotropic data with m \
                < n.",
            seeds: Extent {
                full: 20,
                quick: 16,
            },
            seconds: Extent {
                full: 0.5,
                quick: 0.4,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            NOISE.parameter(),
            STEP.parameter(),
            STEPS.parameter(),
            RANK.parameter(),
            TAIL.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        if setup.get(FEATURES) < 2 * setup.get(SAMPLES) {
            return Err(ExperimentError::because(
                "`features` must be at least twice `samples`",
            ));
        }
        let all = setup.over_seeds(|streams| measure(setup, streams))?;
        Ok(Findings::new()
            .claims(of_the_example(setup, &all))
            .claims(of_the_norm(setup, &all))
            .claims(of_the_error(setup, &all))
            .claims(of_the_spectrum(setup, &all))
            .claims(of_the_bound(setup, &all))
            .figure("norms", figure(&all)))
    }
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let mut rng = streams.stream("data", 0);
    let (noise, step, steps) = (setup.get(NOISE), setup.get(STEP), setup.get(STEPS));
    let truth = draw::normals(&mut rng, setup.get(FEATURES));
    let problem = LeastSquares::gaussian(&mut rng, setup.get(SAMPLES), &truth, noise);
    let (origin, shortest) = (problem.origin(), problem.shortest()?);
    let first = Col::from_fn(origin.nrows(), |index| if index == 0 { 1.0 } else { 0.0 });
    let from_first = problem.descend(&first, step, steps);
    let error = (&shortest - &truth).squared_norm_l2();
    let mut strong = streams.stream("spectra", 0);
    let spectra: Vec<[f64; 2]> = SPREADS
        .iter()
        .map(|spread| spectrum(setup, &mut strong, *spread, 0.0))
        .collect::<Result<_, _>>()?;
    let with_a_tail = spectrum(setup, &mut strong, 3.0, setup.get(TAIL))?;
    Ok(Measured {
        norm: shortest.norm_l2(),
        share: shortest.squared_norm_l2() / setup.get(SAMPLES) as f64,
        distance: relative_distance(&problem.descend(&origin, step, steps), &shortest),
        growth: (problem.descend(&origin, 0.1, 10).norm_l2() / shortest.norm_l2()).log10(),
        from_elsewhere: relative_distance(&from_first, &problem.nearest(&first)?),
        left_behind: (&from_first - &shortest).squared_norm_l2(),
        test_over_noise: error / noise.powi(2) + 1.0,
        test_over_null: error / truth.squared_norm_l2(),
        ratios: spectra.iter().map(|[ratio, _]| *ratio).collect(),
        bounds: spectra.iter().map(|[_, bound]| *bound).collect(),
        with_a_tail: with_a_tail[0],
        bound_with_a_tail: with_a_tail[1],
    })
}

/// `‖X⁺y‖` over `‖y‖/σ_r` and over `‖y‖/σ_min`, for `X` with `rank` strong singular values that fall geometrically from
/// 1 to one over `spread`, and all others `tail`; `y = Xθ` for an even truth, with noise where there is a tail.
fn spectrum(
    setup: &Setup,
    rng: &mut StreamRng,
    spread: f64,
    tail: f64,
) -> Result<[f64; 2], ExperimentError> {
    const SHAPE: [usize; 2] = [50, 200];
    const LABEL_NOISE: f64 = 0.1;
    let rank = setup.get(RANK);
    let strong = |index: usize| spread.powf(-(index as f64) / (rank as f64 - 1.0));
    let left = draw::orthogonal(rng, SHAPE[0]);
    let right = draw::gaussian(rng, SHAPE[1], SHAPE[0])
        .qr()
        .compute_thin_Q();
    let count = if tail > 0.0 { SHAPE[0] } else { rank };
    let scaled = Mat::from_fn(SHAPE[0], count, |row, index| {
        left[(row, index)] * if index < rank { strong(index) } else { tail }
    });
    let x = scaled * right.get(.., ..count).transpose();
    let truth = draw::normals(rng, SHAPE[1]);
    let noise = if tail > 0.0 { LABEL_NOISE } else { 0.0 };
    let y = &x * truth + faer::Scale(noise) * draw::normals(rng, SHAPE[0]);
    let problem = LeastSquares { x, y };
    let norm = problem.shortest()?.norm_l2() / problem.y.norm_l2();
    let least = if tail > 0.0 {
        tail.min(strong(rank - 1))
    } else {
        strong(rank - 1)
    };
    Ok([norm * strong(rank - 1), norm * least])
}

fn of_the_example(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let (m, n, steps, step) = (
        setup.get(SAMPLES),
        setup.get(FEATURES),
        setup.get(STEPS),
        setup.get(STEP),
    );
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            "flat-vs-sharp E1",
            format!(
                "{m} equations, {n} unknowns: {steps} steps of {step} from zero end at X⁺y, to a \
                share of 1e-6."
            ),
            Rule::Below(1e-6),
            mean(|one| one.distance),
        ),
        Claim::printed(
            "flat-vs-sharp E1",
            "With step 0.1 descent diverges: after 10 steps the norm has grown to more than 1e6 \
            times that of X⁺y (power of 10).",
            Rule::Above(6.0),
            mean(|one| one.growth),
        ),
        Claim::printed(
            "flat-vs-sharp E1",
            "From the first unit vector it ends at the solution nearest to that, to a share of \
            1e-6.",
            Rule::Below(1e-6),
            mean(|one| one.from_elsewhere),
        ),
    ]
}

fn of_the_norm(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let (m, n) = (setup.get(SAMPLES), setup.get(FEATURES));
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::corrected(
            "flat-vs-sharp E1",
            "That solution is away from X⁺y by what the unit vector has outside the rows, 1 − m/n \
            of its square, within 10 %.",
            Rule::Equals {
                value: 1.0 - m as f64 / n as f64,
                tolerance: 0.1 * (1.0 - m as f64 / n as f64),
            },
            mean(|one| one.left_behind),
        ),
        Claim::printed(
            "flat-vs-sharp E1",
            "The norm of the solution is between 5 and 8, where that of the truth is √n.",
            Rule::Between(5.0, 8.0),
            mean(|one| one.norm),
        ),
        Claim::corrected(
            "flat-vs-sharp E1",
            format!("Its mean square is m = {m}, within 10 % (ratio)."),
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            mean(|one| one.share),
        ),
    ]
}

fn of_the_error(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let (m, n) = (setup.get(SAMPLES) as f64, setup.get(FEATURES) as f64);
    let lost = 1.0 - m / n;
    vec![
        Claim::printed(
            "flat-vs-sharp E1",
            "The test error of the shortest solution is dominated by the noise: it is below 10 \
            times σ².",
            Rule::Below(10.0),
            Estimate::median(&each(all, |one| one.test_over_noise)),
        ),
        Claim::corrected(
            "flat-vs-sharp E1",
            format!("It is 1 − m/n = {lost:.3} of that of predicting zero, within 5 %."),
            Rule::Equals {
                value: lost,
                tolerance: 0.05 * lost,
            },
            Estimate::mean(&each(all, |one| one.test_over_null)),
        ),
    ]
}

fn of_the_spectrum(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let logs: Vec<f64> = SPREADS.iter().map(|spread| spread.ln()).collect();
    let slopes = each(all, |one| {
        let ratios: Vec<f64> = one.ratios.iter().map(|ratio| ratio.ln()).collect();
        Estimate::slope(&logs, &ratios).value
    });
    let (rank, tail) = (setup.get(RANK), setup.get(TAIL));
    vec![
        Claim::printed(
            "flat-vs-sharp B.16",
            format!(
                "For data of rank {rank} the norm is Θ(‖y‖/σ_r): over a spread of singular values \
                from 1 to 100 the ratio has slope 0 in logarithms, within 0.2."
            ),
            Rule::Equals {
                value: 0.0,
                tolerance: 0.2,
            },
            Estimate::mean(&slopes),
        ),
        Claim::printed(
            "flat-vs-sharp B.16",
            format!(
                "With effective rank {rank}, all other singular values {tail} and noisy labels, \
                the norm is within a factor of 10 of ‖y‖/σ_r."
            ),
            Rule::Between(0.1, 10.0),
            Estimate::mean(&each(all, |one| one.with_a_tail)),
        ),
    ]
}

fn of_the_bound(setup: &Setup, all: &[Measured]) -> Vec<Claim> {
    let worst = each(all, |one| {
        largest(one.bounds.iter().copied().chain([one.bound_with_a_tail]))
    });
    let rank = setup.get(RANK);
    vec![
        Claim::corrected(
            "flat-vs-sharp B.16",
            "‖y‖/σ_min, σ_min the smallest singular value that is not zero, is an upper bound in \
            all these cases (largest ratio).",
            Rule::Below(1.0 + 1e-9),
            Estimate::mean(&worst),
        ),
        Claim::must_hold(
            "flat-vs-sharp B.16",
            format!(
                "With {rank} equal singular values and nothing else the norm is ‖y‖/σ_r, to a \
                share of 1e-9."
            ),
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-9,
            },
            Estimate::mean(&each(all, |one| one.ratios[0])),
        ),
    ]
}

fn figure(all: &[Measured]) -> Figure {
    let ratios: Vec<Vec<f64>> = all.iter().map(|one| one.ratios.clone()).collect();
    let inverse: Vec<f64> = SPREADS.iter().map(|spread| 1.0 / spread).collect();
    let panel = Panel::new(
        Axis::new("largest / smallest singular value", "1").log(),
        Axis::new("‖X⁺y‖ over ‖y‖/σ_r", "1").log().including(2.0),
    )
    .with(Mark::level("upper bound", 1.0))
    .with(curve("measured", &SPREADS, &ratios).with_markers())
    .with(
        crate::figure::Line::new("one over the spread", SPREADS.to_vec(), inverse).styled(Style {
            colour: None,
            dash: 1,
        }),
    );
    Figure::new("The norm of the shortest solution against its bound")
        .described("The ratio of the norm to its bound falls as the singular values spread.")
        .with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn the_bound_is_met_by_equal_singular_values_and_kept_by_others() {
        let stop = AtomicBool::new(false);
        let setup = Setup::new(Default::default(), vec![0], true, &stop);
        let mut rng = Streams::new(0).stream("test", 0);
        let [ratio, bound] = spectrum(&setup, &mut rng, 1.0, 0.0).unwrap();
        assert!((ratio - 1.0).abs() < 1e-10 && (bound - 1.0).abs() < 1e-10);
        let [ratio, bound] = spectrum(&setup, &mut rng, 3.0, 0.01).unwrap();
        assert!(ratio > 3.0 && bound < 1.0, "{ratio} {bound}");
    }
}
