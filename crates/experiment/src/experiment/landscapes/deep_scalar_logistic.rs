//! Logistic regression with one weight that is a product of several: from which step size on descent explodes.

use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Style, Width};
use crate::problem::linear_class::sigmoid;
use crate::statistics::{Estimate, Rule};

const FACTORS: Count =
    Count::new("factors", "k, how many weights are multiplied; even", 4).allowed(2.0, 40.0);
const STARTS: Numbers = Numbers::new(
    "starts",
    "products at the start, above the minimiser",
    &[1.5, 2.0, 3.0, 5.0],
)
.allowed(0.1, 50.0);
const SHIFT: Number = Number::new(
    "shift",
    "by how much, relatively, a step size is above or below a threshold",
    0.02,
)
.allowed(1e-4, 0.2);

/// The inputs times labels: three examples agree and one does not, so that the minimiser is ln 3.
const MARGINS: [f64; 4] = [1.0, 1.0, 1.0, -1.0];

/// The product from which on a run has exploded.
const HUGE: f64 = 1e3;

/// Theory of Deep Learning, Problem 13.1.1.
#[derive(Debug)]
pub struct DeepScalarLogistic;

fn slope(product: f64) -> f64 {
    MARGINS
        .iter()
        .map(|margin| -margin * sigmoid(-margin * product))
        .sum()
}

/// The products after each step of descent on all factors, which stay equal; ends where they explode.
fn products(start: f64, factors: usize, step: f64, steps: usize) -> Vec<f64> {
    let power = factors as i32;
    let mut w = start.powf(1.0 / factors as f64);
    let mut all = vec![start];
    for _ in 0..steps {
        w -= step * slope(w.powi(power)) * w.powi(power - 1);
        all.push(w.powi(power));
        if w.powi(power).abs() > HUGE {
            break;
        }
    }
    all
}

fn explodes(start: f64, factors: usize, step: f64) -> bool {
    let all = products(start, factors, step, 200);
    all.windows(2).all(|pair| pair[1] > pair[0]) && all[all.len() - 1] > HUGE
}

/// The step size from which on the product explodes, by bisection.
fn threshold(start: f64, factors: usize) -> f64 {
    let (mut low, mut high) = (0.0, 1e3);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if explodes(start, factors, middle) {
            high = middle
        } else {
            low = middle
        }
    }
    high
}

/// `2/|l̂′(W₀)|·W₀^exponent`.
fn formula(start: f64, exponent: f64) -> f64 {
    2.0 / slope(start).abs() * start.powf(exponent)
}

impl Experiment for DeepScalarLogistic {
    fn about(&self) -> About {
        About {
            name: "deep-scalar-logistic",
            subject: Subject::Landscapes,
            claim: "Logistic regression with a product of equal weights explodes above a step \
                size that depends on the start.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 13.1, Problem 13.1.1",
            mathematics: "The loss is l̂(W) with W = w₁⋯w_k and l̂(W) = Σ log(1 + e^(−x·y·W)). \
                With equal factors w = W^(1/k) a step of size η takes w to w − \
                η·l̂′(W)·w^(k−1). For even k and W₀ above the minimiser the product grows where \
                |w − η·l̂′·w^(k−1)| > w, that is η·l̂′·w^(k−2) > 2, or η > 2/|l̂′(W₀)|·W₀^(2/k − \
                1). It then goes on growing, as l̂′ and w grow. The exponent is printed as 1/k \
                − 1.",
            refuted_by: "A run above the printed threshold that does not explode, or one below \
                it that does.",
            seeds: Extent { full: 0, quick: 0 },
            seconds: Extent {
                full: 0.01,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![FACTORS.parameter(), STARTS.parameter(), SHIFT.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (factors, starts, shift) = (setup.get(FACTORS), setup.get(STARTS), setup.get(SHIFT));
        if !factors.is_multiple_of(2) {
            return Err(ExperimentError::because("factors must be even"));
        }
        let minimiser = 3f64.ln();
        if starts.iter().any(|start| *start <= minimiser) {
            return Err(ExperimentError::because(
                "all starts must be above ln 3, the minimiser",
            ));
        }
        let (printed, right) = (1.0 / factors as f64 - 1.0, 2.0 / factors as f64 - 1.0);
        let explosions = |exponent: f64, side: f64| {
            let hits = starts
                .iter()
                .filter(|start| explodes(**start, factors, formula(**start, exponent) * side));
            Estimate::exact(hits.count() as f64 / starts.len() as f64, 0.0)
        };
        let off = starts
            .iter()
            .map(|start| (threshold(*start, factors) / formula(*start, right) - 1.0).abs());
        let last = starts[starts.len() - 1];
        let plain = products(last, 1, formula(last, right) * (1.0 + shift), 2_000);
        let claims = [
            Claim::printed(
                "theory 13-1",
                format!(
                    "{:.0} % above 2/|l̂′(W₀)|·W₀^(1/k − 1), k = {factors}, the product grows \
                     at each step and explodes (share of starts)",
                    100.0 * shift
                ),
                Rule::Above(0.99),
                explosions(printed, 1.0 + shift),
            ),
            Claim::corrected(
                "theory 13-1",
                format!(
                    "{:.0} % above 2/|l̂′(W₀)|·W₀^(2/k − 1) it does (share of starts)",
                    100.0 * shift
                ),
                Rule::Above(0.99),
                explosions(right, 1.0 + shift),
            ),
            Claim::corrected(
                "theory 13-1",
                format!(
                    "The least step size that explodes is 2/|l̂′(W₀)|·W₀^(2/k − 1) (largest \
                     relative deviation over W₀ of {})",
                    tested(&starts)
                ),
                Rule::Below(1e-6),
                Estimate::exact(off.fold(0.0, f64::max), 1e-10),
            ),
            Claim::must_fail(
                "theory 13-1",
                format!(
                    "A single weight with the step of W₀ = {last} explodes, too (its \
                    product after 2000 steps)"
                ),
                Rule::Above(HUGE),
                Estimate::exact(plain[plain.len() - 1], 1e-9),
            ),
        ];
        Ok(Findings::new()
            .claims(claims)
            .figure("threshold", figure(factors, &starts, shift)))
    }
}

fn figure(factors: usize, starts: &[f64], shift: f64) -> Figure {
    let (printed, right) = (1.0 / factors as f64 - 1.0, 2.0 / factors as f64 - 1.0);
    let (low, high) = starts
        .iter()
        .fold((f64::INFINITY, 0.0f64), |(low, high), start| {
            (low.min(*start), high.max(*start))
        });
    let grid: Vec<f64> = (0..=60)
        .map(|index| {
            0.9f64
                .mul_add(low, f64::from(index) / 60.0 * (high * 1.1 - 0.9 * low))
                .max(1.2)
        })
        .collect();
    let of = |exponent: f64| {
        grid.iter()
            .map(|start| formula(*start, exponent))
            .collect::<Vec<_>>()
    };
    let measured = starts
        .iter()
        .map(|start| threshold(*start, factors))
        .collect();
    let found = Points::new("by bisection", starts.to_vec(), measured);
    let thresholds = Panel::new(
        Axis::new("product at the start", "1"),
        Axis::new("step size", "1").log(),
    )
    .titled("Least step that explodes")
    .with(Line::new("corrected, W₀^(2/k−1)", grid.clone(), of(right)))
    .with(
        Line::new("printed, W₀^(1/k−1)", grid.clone(), of(printed)).styled(Style {
            colour: Some(1),
            dash: 1,
        }),
    )
    .with(Points {
        style: Some(Style {
            colour: Some(2),
            dash: 0,
        }),
        ..found
    });
    let runs = Panel::new(Axis::counting("step"), Axis::new("product", "1").log()).titled(format!(
        "Runs \
        from W₀ = {}",
        starts[0]
    ));
    let runs = [
        (1.0 + shift, "above the threshold"),
        (1.0 - shift, "below it"),
    ]
    .iter()
    .enumerate()
    .fold(runs, |panel, (colour, (side, label))| {
        let path = products(starts[0], factors, formula(starts[0], right) * side, 40);
        let steps = (0..path.len()).map(|step| step as f64).collect();
        panel.with(
            Line::new(*label, steps, path)
                .styled(Style {
                    colour: Some(3 + colour),
                    dash: 0,
                })
                .with_markers(),
        )
    });
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("When a product of weights explodes")
    }
    .with(thresholds)
    .with(runs)
    .described(
        "Thresholds found by bisection lie on the corrected curve, above the \
            printed one.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_the_golden_ones() {
        for (start, golden, printed) in [(1.5, 6.0415, 5.459), (3.0, 1.42504, 1.083)] {
            assert!((formula(start, -0.5) - golden).abs() < 5e-5 * golden);
            assert!((threshold(start, 4) - golden).abs() < 5e-5 * golden);
            assert!((formula(start, -0.75) - printed).abs() < 5e-4);
        }
    }

    #[test]
    fn the_minimiser_is_the_logarithm_of_three() {
        assert!(slope(3f64.ln()).abs() < 1e-15);
        let path = products(3.0, 1, 1.0, 500);
        assert!((path[path.len() - 1] - 3f64.ln()).abs() < 1e-9);
    }
}
