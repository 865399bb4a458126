//! The tangent kernel of deep ReLU networks by its recursion over the layers.

use super::{at_least, banded, whole};
use crate::experiment::parameter::Handle;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Numbers, Parameter, Setup,
    Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::kernel::Layers;
use crate::problem::relu::deep_sample;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::Mat;

const HIDDEN: Count = Count::new("hidden", "hidden layers", 3).allowed(1.0, 10.0);
const WIDTHS: Numbers = Numbers::new(
    "widths",
    "units of each hidden layer",
    &[64.0, 128.0, 256.0, 512.0],
)
.allowed(2.0, 4096.0);
const ANGLES: Count = Count::new(
    "angles",
    "inputs on a half circle, evenly from the first on",
    7,
)
.allowed(3.0, 50.0);

/// What one draw gives, for each width.
struct Draw {
    /// The tangent kernel between the first input and each one, over the width.
    tangents: Vec<Vec<f64>>,
    /// The squared length of the last hidden layer's values.
    lengths: Vec<f64>,
    /// The same without the factor 2 of ReLU.
    lengths_without: f64,
}

/// The tangent kernel of deep ReLU networks.
#[derive(Debug)]
pub struct DeepKernel;

impl Experiment for DeepKernel {
    fn about(&self) -> About {
        About {
            name: "deep-tangent-kernel",
            subject: Subject::Kernels,
            claim: "The tangent kernel of a wide deep ReLU network follows from a recursion over its layers.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 9.4; Arora et al. 2019, On exact computation with an infinitely wide neural net; Cho & Saul 2009, Kernel methods for deep learning",
            mathematics: "Hidden layers are g⁽ʰ⁾ = √(c/m) σ(W⁽ʰ⁾g⁽ʰ⁻¹⁾) with standard normal weights and c = 1/E σ(z)² = 2 for ReLU, which \
                keeps the length of the input; the output is W⁽ᴸ⁺¹⁾g⁽ᴸ⁾. In the limit of wide layers the values have the covariances \
                Σ⁽⁰⁾ = x·x' and Σ⁽ʰ⁾ = c E σ(u)σ(v), where u and v are Gaussian with the covariance Σ⁽ʰ⁻¹⁾, and the slopes have \
                Σ̇⁽ʰ⁾ = c E σ'(u)σ'(v). For unit inputs these are the arc-cosine kernels Σ⁽ʰ⁾ = (ϱ(π − arccos ϱ) + √(1 − ϱ²))/π and \
                Σ̇⁽ʰ⁾ = (π − arccos ϱ)/π of ϱ = Σ⁽ʰ⁻¹⁾. Each weight matrix adds Σ⁽ʰ⁻¹⁾ Π_{h' ≥ h} Σ̇⁽ʰ'⁾ to the tangent kernel. \
                The print lets the product run to L + 1 and does not say what Σ̇⁽ᴸ⁺¹⁾ is: the output has no activation, so it is 1.",
            refuted_by: "A mean of the kernels of drawn networks off the recursion by more than their scatter.",
            seeds: Extent {
                full: 80,
                quick: 60,
            },
            seconds: Extent {
                full: 1.1,
                quick: 0.9,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![HIDDEN.parameter(), WIDTHS.parameter(), ANGLES.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        at_least(3, "widths", &setup.get(WIDTHS))?;
        let draws = setup.over_seeds(|streams| Ok(one(setup, streams)))?;
        Ok(Findings::new()
            .claims(claims(setup, &draws))
            .figure("kernel-by-angle", figure(setup, &draws)))
    }
}

/// The angles of the inputs to the first one, from 0 to a half turn.
fn angles(setup: &Setup) -> Vec<f64> {
    let count = setup.get(ANGLES);
    (0..count)
        .map(|index| std::f64::consts::PI * index as f64 / (count as f64 - 1.0))
        .collect()
}

fn one(setup: &Setup, streams: Streams) -> Draw {
    let (hidden, angles) = (setup.get(HIDDEN), angles(setup));
    let points = Mat::from_fn(angles.len(), 2, |row, column| {
        if column == 0 {
            angles[row].cos()
        } else {
            angles[row].sin()
        }
    });
    let (mut tangents, mut lengths) = (Vec::new(), Vec::new());
    let sample = |name: &str, width: usize, gain: f64| {
        deep_sample(
            &mut streams.stream(name, width as u64),
            points.as_ref(),
            hidden,
            width,
            gain,
        )
    };
    let widths = whole(&setup.get(WIDTHS));
    for width in &widths {
        let sample = sample("weights", *width, 2.0);
        tangents.push(
            (0..angles.len())
                .map(|index| sample.tangent[(0, index)])
                .collect(),
        );
        lengths.push(sample.covariances[hidden][(0, 0)]);
    }
    let lengths_without =
        sample("without", widths[widths.len() - 1], 1.0).covariances[hidden][(0, 0)];
    Draw {
        tangents,
        lengths,
        lengths_without,
    }
}

/// The exponent with which the root-mean-square difference to the recursion falls with the width.
fn exponent_of_scatter(setup: &Setup, draws: &[Draw]) -> Estimate {
    let widths = setup.get(WIDTHS);
    let errors: Vec<Vec<f64>> = draws.iter().map(|draw| deviations(setup, draw)).collect();
    let logs: Vec<f64> = widths.iter().map(|width| width.ln()).collect();
    Estimate::bootstrap(errors.len(), 1_000, Streams::new(0), |drawn| {
        let mean_square = |index: usize| {
            drawn
                .iter()
                .map(|seed| errors[*seed][index].powi(2))
                .sum::<f64>()
                / drawn.len() as f64
        };
        let scatter: Vec<f64> = (0..widths.len())
            .map(|index| 0.5 * mean_square(index).ln())
            .collect();
        Estimate::slope(&logs, &scatter).value
    })
}

/// The input whose angle is nearest to 60°, where the printed form and the correct one differ well.
fn near_60(angles: &[f64]) -> usize {
    let place = (1..angles.len()).min_by(|a, b| {
        let off = |index: usize| (angles[index] - std::f64::consts::FRAC_PI_3).abs();
        off(*a).total_cmp(&off(*b))
    });
    place.unwrap_or(0)
}

fn claims(setup: &Setup, draws: &[Draw]) -> Vec<Claim> {
    let (hidden, widths, angles) = (setup.get(HIDDEN), setup.get(WIDTHS), angles(setup));
    let last = widths.len() - 1;
    let width = widths[last];
    let place = near_60(&angles);
    let layers = Layers::of(hidden, angles[place].cos());
    let ratio = |expected: f64| {
        let values: Vec<f64> = draws
            .iter()
            .map(|draw| draw.tangents[last][place] / expected)
            .collect();
        Estimate::mean(&values)
    };
    let one = Rule::Equals {
        value: 1.0,
        tolerance: 0.1,
    };
    let words = |slope: &str| {
        format!(
            "The tangent kernel of {hidden} hidden layers of {width} units at {:.0}° is Σ Σ⁽ʰ⁻¹⁾ Π Σ̇⁽ʰ'⁾ over h' = h … L + 1 with {slope}: ratio to that",
            angles[place].to_degrees()
        )
    };
    let lengths =
        |of: &dyn Fn(&Draw) -> f64| Estimate::mean(&draws.iter().map(of).collect::<Vec<_>>());
    let kept = |gain: f64| {
        format!(
            "With the factor c = {gain} the {hidden} hidden layers of {width} units keep the squared length of the input: ratio"
        )
    };
    vec![
        Claim::printed(
            "theory 9-9",
            words("Σ̇⁽ᴸ⁺¹⁾ as of the other layers"),
            one,
            ratio(layers.tangent_with_slope_of_output()),
        ),
        Claim::corrected(
            "theory 9-9",
            words("Σ̇⁽ᴸ⁺¹⁾ = 1"),
            one,
            ratio(layers.tangent()),
        ),
        Claim::printed(
            "theory 9-9",
            kept(2.0),
            one,
            lengths(&|draw| draw.lengths[last]),
        ),
        Claim::must_fail(
            "theory 9-9",
            kept(1.0),
            one,
            lengths(&|draw| draw.lengths_without),
        ),
        // Nearer to −1/2 than to 0, where it would not fall, or to −1, that of a bias.
        Claim::printed(
            "theory 9-9",
            "The kernel of a drawn network comes to a fixed number: its root-mean-square difference falls with the width as m^(−1/2): exponent",
            Rule::Equals {
                value: -0.5,
                tolerance: 0.25,
            },
            exponent_of_scatter(setup, draws),
        ),
    ]
}

/// The root-mean-square relative difference to the recursion over the angles, over the widths.
fn deviations(setup: &Setup, draw: &Draw) -> Vec<f64> {
    let expected: Vec<f64> = angles(setup)
        .iter()
        .map(|angle| Layers::of(setup.get(HIDDEN), angle.cos()).tangent())
        .collect();
    let off = |row: &Vec<f64>| {
        let squares = row
            .iter()
            .zip(&expected)
            .map(|(value, expected)| (value - expected).powi(2));
        (squares.sum::<f64>() / row.len() as f64).sqrt() / expected[0]
    };
    draw.tangents.iter().map(off).collect()
}

fn figure(setup: &Setup, draws: &[Draw]) -> Figure {
    let (hidden, widths, angles) = (setup.get(HIDDEN), setup.get(WIDTHS), angles(setup));
    let degrees: Vec<f64> = angles.iter().map(|angle| angle.to_degrees()).collect();
    let grid: Vec<f64> = (0..=90).map(|index| 2.0 * f64::from(index)).collect();
    let over = |kernel: &dyn Fn(&Layers) -> f64| {
        grid.iter()
            .map(|degrees| kernel(&Layers::of(hidden, degrees.to_radians().cos())))
            .collect::<Vec<_>>()
    };
    let last = widths.len() - 1;
    let rows: Vec<Vec<f64>> = draws
        .iter()
        .map(|draw| draw.tangents[last].clone())
        .collect();
    let kernel = Panel::new(
        Axis::new("angle between the inputs", "°"),
        Axis::new("tangent kernel Θ", "1"),
    )
    .titled(format!("{hidden} hidden layers of {}", widths[last]))
    .with(banded("networks", &degrees, &rows).with_markers())
    .with(Line::new("recursion", grid.clone(), over(&Layers::tangent)))
    .with(
        Line::new(
            "with a slope of the output",
            grid.clone(),
            over(&Layers::tangent_with_slope_of_output),
        )
        .styled(Style::REFERENCE),
    );
    let errors: Vec<Vec<f64>> = draws.iter().map(|draw| deviations(setup, draw)).collect();
    let axes = (
        Axis::counting("units of each hidden layer").log(),
        Axis::new("relative difference", "1").log(),
    );
    let spread = Panel::new(axes.0, axes.1)
        .titled("distance to the recursion")
        .with(banded("networks", &widths, &errors));
    let figure = Figure::new("The tangent kernel of deep ReLU networks")
        .with(kernel)
        .with(spread);
    Figure {
        columns: 2,
        width: Width::Page,
        ..figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Value;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn a_wide_network_has_the_kernel_of_the_recursion_at_sixty_degrees() {
        let stop = AtomicBool::new(false);
        let values = [
            (WIDTHS.parameter().name, Value::Numbers(vec![3000.0])),
            (HIDDEN.parameter().name, Value::Count(1)),
            (ANGLES.parameter().name, Value::Count(4)),
        ];
        let setup = Setup::new(values.into(), vec![0], false, &stop);
        let place = near_60(&angles(&setup));
        assert_eq!(place, 1);
        // Σ⁽⁰⁾Σ̇⁽¹⁾ + Σ⁽¹⁾ = ½ · ⅔ + (½ · 2π/3 + √¾)/π.
        let expected =
            1.0 / 3.0 + (std::f64::consts::PI / 3.0 + 0.75f64.sqrt()) / std::f64::consts::PI;
        assert!((Layers::of(1, 0.5).tangent() - expected).abs() < 1e-12);
        let found = one(&setup, Streams::new(0));
        assert!((found.tangents[0][place] / expected - 1.0).abs() < 0.08);
        assert!((found.lengths[0] - 1.0).abs() < 0.1 && (found.lengths_without - 0.5).abs() < 0.05);
    }
}
