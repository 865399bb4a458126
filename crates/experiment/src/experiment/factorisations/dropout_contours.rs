//! The loss of a tied autoencoder with one input and two hidden units, as a picture.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Colours, Field, Figure, Mark, Panel, Points, Width};
use crate::problem::draw;
use crate::problem::factorisation::Autoencoder;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use faer::{Mat, Scale};

const MATRIX: Number =
    Number::new("matrix", "the one number m of the matrix", 1.0).allowed(0.1, 10.0);
const STRENGTHS: Numbers = Numbers::new(
    "strengths",
    "strengths λ of dropout, ascending from 0",
    &[0.0, 0.6, 3.0],
)
.allowed(0.0, 20.0);
const STEPS: Count =
    Count::new("steps", "the most steps of gradient descent", 20_000).allowed(100.0, 1e6);

/// See the file.
#[derive(Debug)]
pub struct DropoutContours;

impl Experiment for DropoutContours {
    fn about(&self) -> About {
        About {
            name: "dropout-contours",
            subject: Subject::Factorisations,
            claim: "With one input and two hidden units the minima of a tied autoencoder are a ring without dropout, and \
                    with it four points with equal weights, which move to zero as dropout grows.",
            source: "Arora et al., Theory of Deep Learning (draft), Figure 11.1",
            mathematics: "The loss is (m − u₁² − u₂²)² + λ(u₁⁴ + u₂⁴). For λ = 0 it is zero on the ring u₁² + u₂² = m. For \
                          λ > 0 the derivatives vanish together at u₁² = u₂² = m/(2 + λ), which are its minima, and at \
                          points on the axes, u² = m/(1 + λ), which are saddles.",
            refuted_by: "An end of descent that is not at one of the four points.",
            seeds: Extent {
                full: 40,
                quick: 12,
            },
            seconds: Extent {
                full: 0.1,
                quick: 0.05,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![MATRIX.parameter(), STRENGTHS.parameter(), STEPS.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let strengths = setup.get(STRENGTHS);
        if strengths.len() < 3
            || !strengths.is_sorted()
            || strengths[0] != 0.0
            || strengths[1] < 0.01
        {
            return Err(ExperimentError::because(
                "strengths must be 0 and at least two ascending numbers from 0.01 on",
            ));
        }
        let ends = setup.over_seeds(|streams| Ok(run(setup, streams)))?;
        Ok(Findings::new()
            .claims(claims(setup.get(MATRIX), &strengths, &ends))
            .figure("contours", figure(setup.get(MATRIX), &strengths, &ends)))
    }
}

fn autoencoder(number: f64, strength: f64) -> Autoencoder {
    Autoencoder {
        matrix: Mat::from_fn(1, 1, |_, _| number),
        strength,
    }
}

/// Where descent from one start ends, for each strength.
fn run(setup: &Setup, streams: Streams) -> Vec<[f64; 2]> {
    let number = setup.get(MATRIX);
    let start = draw::gaussian(&mut streams.stream("start", 0), 1, 2) * Scale(number.sqrt());
    let end = |strength: &f64| {
        let u = autoencoder(number, *strength).descend(start.clone(), setup.get(STEPS));
        [u[(0, 0)], u[(0, 1)]]
    };
    setup.get(STRENGTHS).iter().map(end).collect()
}

fn claims(number: f64, strengths: &[f64], ends: &[Vec<[f64; 2]>]) -> Vec<Claim> {
    let of = |place: usize, get: &dyn Fn([f64; 2]) -> f64| {
        ends.iter().map(|end| get(end[place])).collect::<Vec<_>>()
    };
    let radius = |[a, b]: [f64; 2]| (a * a + b * b) / number;
    let last = strengths.len() - 1;
    let away = |place: usize| {
        let expected = (number / (2.0 + strengths[place])).sqrt();
        of(place, &|end| {
            end.into_iter()
                .map(|u| (u.abs() / expected - 1.0).abs())
                .fold(0.0, f64::max)
        })
    };
    let id = "theory 11-8";
    let mut claims = vec![
        Claim::printed(
            id,
            "Without dropout all ends are on the ring u₁² + u₂² = m, to 1e-6.",
            Rule::Below(1e-6),
            Estimate::mean(&of(0, &|end| (radius(end) - 1.0).abs())),
        ),
        Claim::must_hold(
            id,
            "Without dropout the weights are not equal: |u₁² − u₂²| is above 0.2 m in the mean.",
            Rule::Above(0.2),
            Estimate::mean(&of(0, &|[a, b]| (a * a - b * b).abs() / number)),
        ),
    ];
    for (place, strength) in strengths.iter().enumerate().skip(1) {
        claims.push(Claim::printed(
            id,
            format!("At λ = {strength} all ends have both weights at ±√(m/(2 + λ)), to 1e-4."),
            Rule::Below(1e-4),
            Estimate::mean(&away(place)),
        ));
    }
    claims.push(Claim::printed(
        id,
        "They move to zero as λ grows: the mean of u₁² + u₂² falls from each strength to the next.",
        Rule::Above(0.0),
        Estimate::exact(
            (0..last)
                .map(|place| mean(&of(place, &radius)) - mean(&of(place + 1, &radius)))
                .fold(f64::INFINITY, f64::min),
            1e-6,
        ),
    ));
    claims
}

/// The loss at `u₁² = u₂² = m/(2 + λ)`: `m²λ/(2 + λ)`.
fn least_loss(number: f64, strength: f64) -> f64 {
    number * number * strength / (2.0 + strength)
}

fn figure(number: f64, strengths: &[f64], ends: &[Vec<[f64; 2]>]) -> Figure {
    let nodes: Vec<f64> = (-24..=24)
        .map(|k| f64::from(k) / 24.0 * 1.25 * number.sqrt())
        .collect();
    let mut figure = Figure {
        columns: 3,
        width: Width::Page,
        shares_x: true,
        shares_y: true,
        ..Figure::new("Loss of a tied autoencoder with two hidden units")
    };
    for (place, strength) in strengths.iter().enumerate() {
        let loss = |a: f64, b: f64| {
            autoencoder(number, *strength)
                .loss(Mat::from_fn(1, 2, |_, j| if j == 0 { a } else { b }).as_ref())
        };
        let least = least_loss(number, *strength);
        // The root, since it is even where the loss is flat; rounding may leave less than nothing.
        let root = |a: f64, b: f64| (loss(a, b) - least).max(0.0).sqrt();
        let values = nodes
            .iter()
            .map(|b| nodes.iter().map(|a| root(*a, *b)).collect())
            .collect();
        let field = Field {
            x: nodes.clone(),
            y: nodes.clone(),
            values,
            colour: Axis::new("√(loss − least)", "1").linear(),
            colours: Colours::Sequential,
        };
        let of = |which: usize| ends.iter().map(|end| end[place][which]).collect();
        let mut panel = Panel::new(Axis::new("u₁", "1"), Axis::new("u₂", "1"))
            .titled(format!("λ = {strength}"));
        panel.marks.push(Mark::Contour(field));
        figure = figure.with(panel.with(Points::new("ends of descent", of(0), of(1))));
    }
    figure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_loss_is_at_the_four_points() {
        let (number, strength) = (2.0f64, 0.5);
        let u = (number / (2.0 + strength)).sqrt();
        let at = Mat::from_fn(1, 2, |_, _| u);
        assert!(
            (autoencoder(number, strength).loss(at.as_ref()) - least_loss(number, strength)).abs()
                < 1e-14
        );
    }

    #[test]
    fn the_four_points_are_critical() {
        let u = (2.0f64 / 2.5).sqrt();
        let autoencoder = autoencoder(2.0, 0.5);
        let at = Mat::from_fn(1, 2, |_, j| if j == 0 { u } else { -u });
        assert!(autoencoder.gradient(at.as_ref()).norm_l2() < 1e-14);
        assert!(autoencoder.curvatures(at.as_ref()).unwrap()[0] > 0.0);
    }
}
