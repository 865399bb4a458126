//! Parameterisations whose gradient fields commute have a mirror map: only the sum of the gradients counts, and not
//! their order.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Parameter, Setup,
    Subject,
};
use crate::figure::{Axis, Figure, Line, Panel};
use crate::problem::draw;
use crate::problem::mirror::Parameterisation;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use faer::{Col, ColRef};

const SIZE: Count = Count::new(
    "size",
    "weights of a parameterisation; for UV^T rows of the square factors",
    2,
)
.allowed(2.0, 6.0);

/// See the file.
#[derive(Debug)]
pub struct CommutingParameterisations;

const NAMES: [&str; 5] = ["linear", "θ²", "u · v", "θ₊² − θ₋²", "matrix product"];

/// How many of them commute; they come first.
const COMMUTING: usize = 4;

/// How long each of two gradients is followed.
const TIMES: [f64; 6] = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0];

impl Experiment for CommutingParameterisations {
    fn about(&self) -> About {
        About {
            name: "commuting-parameterisations",
            subject: Subject::MirrorDescent,
            claim: "Gradient flow on a parameterisation whose gradient fields commute depends on the gradients that it \
                    follows only through their sum, as a mirror flow does.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 8.1.4, Definition 8.1.8; after Li, Wang, Lee & \
                     Arora, Implicit bias of gradient descent on reparametrized models (2022)",
            mathematics: "A parameterisation w = G(θ) commutes where the Lie brackets [∇Gᵢ, ∇Gⱼ] = ∇²Gᵢ∇Gⱼ − ∇²Gⱼ∇Gᵢ \
                          of all pairs vanish: following −∇Gᵢ for a time and then −∇Gⱼ leads to the same place as the \
                          other order. Then θ, and w, is a function of the sum of all gradients, which is what a mirror \
                          flow ∇R(w) = ∇R(w₀) − ∫∇L dt says. Where a bracket b does not vanish, the two orders end about \
                          s²b apart after a time s along each. Linear maps, θ², u·v and θ₊² − θ₋² are tried, and the \
                          product of two matrices, whose entries share factors. The printed definition has ∇²Gᵢ∇Gᵢ as \
                          the second term, which is no bracket.",
            refuted_by: "A bracket, or a difference between the two orders, that is not zero within rounding for one of \
                         the first four.",
            seeds: Extent {
                full: 20,
                quick: 20,
            },
            seconds: Extent {
                full: 0.1,
                quick: 0.05,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![SIZE.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let size = setup.get(SIZE);
        let runs = setup.over_seeds(|streams| run(streams, size))?;
        let of =
            |get: &dyn Fn(&Run) -> f64| Estimate::mean(&runs.iter().map(get).collect::<Vec<_>>());
        let largest = |values: &[f64]| values[..COMMUTING].iter().copied().fold(0.0, f64::max);
        let logs: Vec<f64> = TIMES[..4].iter().map(|time| time.ln()).collect();
        let slope = |run: &Run| {
            let apart: Vec<f64> = run.apart[COMMUTING][..4]
                .iter()
                .map(|apart| apart.ln())
                .collect();
            Estimate::slope(&logs, &apart).value
        };
        let last = |run: &Run| {
            run.apart
                .iter()
                .map(|apart| apart[TIMES.len() - 1])
                .collect::<Vec<_>>()
        };
        Ok(Findings::new()
            .claim(Claim::printed(
                "theory 8-10",
                "With the bracket as it is printed, ∇²Gᵢ∇Gⱼ − ∇²Gᵢ∇Gᵢ, linear maps, θ², u·v and θ₊² − θ₋² all \
                 commute: the largest is below 1e-12 of its terms.",
                Rule::Below(1e-12),
                of(&|run| largest(&run.printed)),
            ))
            .claim(Claim::corrected(
                "theory 8-10",
                "With the bracket ∇²Gᵢ∇Gⱼ − ∇²Gⱼ∇Gᵢ, linear maps, θ², u·v and θ₊² − θ₋² all commute: the largest is \
                 below 1e-12 of its terms.",
                Rule::Below(1e-12),
                of(&|run| largest(&run.brackets)),
            ))
            .claim(Claim::printed(
                "theory 8-10",
                "Those four move as a mirror flow does: one gradient after the other, each for a time of 1, leads to the \
                 same weights in both orders, within 1e-8 of their norm.",
                Rule::Below(1e-8),
                of(&|run| largest(&last(run))),
            ))
            .claim(Claim::must_hold(
                "theory 8-10",
                "The product of two square matrices does not commute: its largest bracket is above a tenth of its terms.",
                Rule::Above(0.1),
                of(&|run| run.brackets[COMMUTING]),
            ))
            .claim(Claim::must_hold(
                "theory 8-10",
                format!(
                    "For the product of two matrices the orders part as a bracket says: with the square of the time \
                     along each, from {} to {}.",
                    TIMES[0], TIMES[3]
                ),
                // What is lost to the third order at the longest of these times.
                Rule::Equals { value: 2.0, tolerance: 0.1 },
                of(&slope),
            ))
            .figure("orders", figure(&runs)))
    }
}

/// What one seed gives for each parameterisation.
struct Run {
    /// The largest bracket as a share of its terms, with the right and with the printed second term.
    brackets: Vec<f64>,
    printed: Vec<f64>,
    /// How far two orders end apart, after each of the times, as a share of the weights.
    apart: Vec<Vec<f64>>,
}

fn run(streams: Streams, size: usize) -> Result<Run, ExperimentError> {
    let mut rng = streams.stream("maps", 0);
    let maps = [
        Parameterisation::linear(draw::gaussian(&mut rng, size, 2 * size)),
        Parameterisation::squares(size),
        Parameterisation::pairs(size),
        Parameterisation::signed_squares(size),
        Parameterisation::matrix_product(size),
    ];
    let mut run = Run {
        brackets: Vec::new(),
        printed: Vec::new(),
        apart: Vec::new(),
    };
    for map in &maps {
        let start = draw::normals(&mut rng, map.parameters());
        let gradients = [0, 1].map(|_| draw::normals(&mut rng, map.weights()));
        run.brackets
            .push(largest_bracket(map, start.as_ref(), |i, j| (j, i)));
        run.printed
            .push(largest_bracket(map, start.as_ref(), |i, _| (i, i)));
        run.apart.push(orders(map, &start, &gradients)?);
    }
    Ok(run)
}

/// The largest `‖∇²Gᵢ∇Gⱼ − ∇²G_a∇G_b‖` over the sum of the norms of both terms, of all pairs, with `(a, b)` the indices
/// of the second term.
fn largest_bracket(
    map: &Parameterisation,
    parameters: ColRef<f64>,
    second: impl Fn(usize, usize) -> (usize, usize),
) -> f64 {
    let term = |i: usize, j: usize| map.curve(i, map.gradient(j, parameters).as_ref());
    let mut largest = 0.0f64;
    for i in 0..map.weights() {
        for j in 0..map.weights() {
            let (a, b) = second(i, j);
            let (first, second) = (term(i, j), term(a, b));
            let size = first.norm_l2() + second.norm_l2();
            if size > 0.0 {
                largest = largest.max((&first - &second).norm_l2() / size);
            }
        }
    }
    largest
}

/// How far the weights are apart where two constant gradients are followed in one and in the other order.
fn orders(
    map: &Parameterisation,
    start: &Col<f64>,
    gradients: &[Col<f64>; 2],
) -> Result<Vec<f64>, ExperimentError> {
    let follow =
        |parameters: &Col<f64>, which: usize, time: f64| -> Result<Col<f64>, ExperimentError> {
            let mut path = map.flow(parameters.as_ref(), &[time], |_| gradients[which].clone())?;
            path.pop()
                .ok_or_else(|| ExperimentError::because("a flow has no end"))
        };
    TIMES
        .iter()
        .map(|time| {
            let ends = [0, 1].map(|first| -> Result<Col<f64>, ExperimentError> {
                let between = follow(start, first, *time)?;
                Ok(map.value(follow(&between, 1 - first, *time)?.as_ref()))
            });
            let [one, other] = ends;
            let (one, other) = (one?, other?);
            Ok((&one - other).norm_l2() / one.norm_l2())
        })
        .collect()
}

fn figure(runs: &[Run]) -> Figure {
    let mut panel = Panel::new(
        Axis::new("time along each gradient", "1").log(),
        Axis::new("distance between the orders", "‖w‖").log(),
    );
    for (index, name) in NAMES.iter().enumerate() {
        let at = |place: usize| {
            runs.iter()
                .map(|run| run.apart[index][place].max(1e-17))
                .collect::<Vec<_>>()
        };
        let of = |get: &dyn Fn(&[f64]) -> f64| {
            (0..TIMES.len())
                .map(|place| get(&at(place)))
                .collect::<Vec<_>>()
        };
        let fold = |by: fn(f64, f64) -> f64, first: f64| {
            of(&|values: &[f64]| values.iter().copied().fold(first, by))
        };
        panel = panel.with(
            Line::new(*name, TIMES.to_vec(), of(&mean))
                .with_markers()
                .with_band(
                    fold(f64::min, f64::INFINITY),
                    fold(f64::max, 0.0),
                    format!("smallest to largest of {} seeds", runs.len()),
                ),
        );
    }
    Figure::new("Two gradients followed in both orders").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::dense;

    #[test]
    fn the_bracket_of_a_product_of_matrices_is_known() {
        // G₀ = ab and G₁ = cb share b: ∇²G₀∇G₁ − ∇²G₁∇G₀ is (c, 0, −a) on (a, b, c). In UVᵀ of two by two with
        // V's first row (b, 0) and U = (a, 0; c, 0), the entries (0, 0) and (1, 0) are these two.
        let map = Parameterisation::matrix_product(2);
        let (a, b, c) = (2.0, 3.0, 5.0);
        // U column by column, then V: U₀₀, U₁₀, U₀₁, U₁₁, V₀₀, V₁₀, V₀₁, V₁₁.
        let parameters = dense::column(&[a, c, 0.0, 0.0, b, 0.0, 0.0, 0.0]);
        let parameters = parameters.as_ref();
        let term = |i: usize, j: usize| map.curve(i, map.gradient(j, parameters).as_ref());
        let bracket = term(0, 1) - term(1, 0);
        assert_eq!(
            dense::numbers(bracket.as_ref()),
            [c, -a, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        );
    }
}
