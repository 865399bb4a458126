//! How far a minimum looks like its Hessian, and what the largest eigenvalue says of the rise in a ball.

use crate::experiment::lines::each;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::linear_class::{Logistic, logistic_examples};
use crate::problem::{dense, draw};
use crate::random::{StreamRng, Streams};
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use faer::{Col, Scale};

const EXAMPLES: Count = Count::new("examples", "examples of the logistic regression", 200)
    .quick(100)
    .allowed(20.0, 1e4);
const DIMENSIONS: Count = Count::new("dimensions", "weights", 5).allowed(2.0, 50.0);
const RADII: Numbers = Numbers::new(
    "radii",
    "distances from the minimum, ascending",
    &[0.01, 0.03, 0.1, 0.3, 1.0],
)
.allowed(1e-3, 10.0);
const AWAY: Number = Number::new(
    "away",
    "distance from the minimum of a point that is none",
    0.05,
)
.allowed(1e-3, 1.0);

/// How many further problems each seed draws, for what orders the rises of different minima.
const PROBLEMS: usize = 5;

/// The minimum of a further problem.
struct DrawnMinimum {
    /// The largest rise in the ball of the first radius.
    rise: f64,
    /// The largest eigenvalue of the Hessian.
    largest: f64,
    /// The condition number of the Hessian.
    condition: f64,
    /// λmax·δ²/ℓ(θ*), with the first radius as δ.
    over_loss: f64,
}

/// What one seed gives: for each radius a number.
struct Seed {
    drawn: Vec<DrawnMinimum>,
    /// The largest relative deviation from the quadratic along an eigenvector.
    deviation: Vec<f64>,
    /// The largest rise in the ball over ½λmax·ρ², at the minimum.
    sharpness: Vec<f64>,
    /// The same at a point off the minimum.
    off: Vec<f64>,
    /// The same over ρ‖g‖ + ½λmax·ρ².
    off_with_gradient: Vec<f64>,
    regressions: Regressions,
}

/// Two linear regressions on the same inputs, with exact labels and with noise of variance 1.
struct Regressions {
    /// ℓ(θ*)/(λmax·δ²) of each, with the first radius as δ.
    room: [f64; 2],
    /// The rise at δ along the first eigenvector, with exact labels over that with noise.
    rises: f64,
}

/// Theorems 1.2 and 1.3 of the course text.
#[derive(Debug)]
pub struct FlatNeighbourhood;

impl Experiment for FlatNeighbourhood {
    fn about(&self) -> About {
        About {
            name: "flat-neighbourhood",
            subject: Subject::Landscapes,
            claim: "Near a minimum the loss is its quadratic, and the largest eigenvalue gives \
                the largest rise in a ball.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), \
                Theorems 1.2 and 1.3",
            mathematics: "At a minimum θ* with the Hessian H, ℓ(θ* + δ) = ℓ(θ*) + ½δᵀHδ + \
                O(‖δ‖³), so that the largest rise in a ball of radius ρ is S(ρ) = ½λmax·ρ² + \
                O(ρ³). Off the minimum the gradient g adds ρ‖g‖, which is the larger term \
                where ρ < 2‖g‖/λmax. The text calls a minimum flat where λmax·δ² ≪ ℓ(θ*), \
                which no minimum with the loss 0 is: of two linear regressions on the same inputs, \
                with exact and with noisy labels, the Hessians and so the rises are the same, and \
                ℓ(θ*) is 0 in one. The text names the condition number as a \
                measure of sharpness, too; but 10·ℓ has the condition number of ℓ and ten \
                times its rise. The test is logistic regression, whose minimum is strict.",
            refuted_by: "A deviation from the quadratic that does not vanish with the \
                distance, or S(ρ) away from ½λmax·ρ² at a minimum.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 1.0,
                quick: 0.08,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            EXAMPLES.parameter(),
            DIMENSIONS.parameter(),
            RADII.parameter(),
            AWAY.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let seeds = setup.over_seeds(|streams| one(setup, streams))?;
        let claims = quadratic(setup, &seeds)
            .into_iter()
            .chain(sharp(setup, &seeds));
        Ok(Findings::new()
            .claims(claims)
            .figure("rise", figure(setup, &seeds)))
    }
}

fn one(setup: &Setup, streams: Streams) -> Result<Seed, ExperimentError> {
    let mut rng = streams.stream("examples", 0);
    let teacher = vec![0.7; setup.get(DIMENSIONS)];
    let (x, y) = logistic_examples(&mut rng, setup.get(EXAMPLES), &teacher);
    let loss = Logistic::of_mean(x, y, 0.0);
    let minimum = loss.minimise()?;
    let (values, vectors) = dense::eigen(loss.hessian(minimum.as_ref()).as_ref())?;
    let largest = values[values.len() - 1];
    let away = &minimum + Scale(setup.get(AWAY)) * draw::on_sphere(&mut rng, minimum.nrows());
    let gradient = loss.gradient(away.as_ref()).norm_l2();
    let there = dense::eigenvalues(loss.hessian(away.as_ref()).as_ref())?;
    let there = there[there.len() - 1];
    let starts: Vec<Col<f64>> = (0..values.len())
        .flat_map(|index| [1.0, -1.0].map(|sign| Scale(sign) * vectors.col(index)))
        .collect();
    let floor = loss.value(minimum.as_ref());
    let deviation = |radius: f64| {
        let along = starts.iter().enumerate().map(|(index, direction)| {
            let rise = loss.value((&minimum + Scale(radius) * direction).as_ref()) - floor;
            (rise / (values[index / 2] * radius * radius / 2.0) - 1.0).abs()
        });
        along.fold(0.0, f64::max)
    };
    let mut seed = Seed {
        drawn: (0..PROBLEMS)
            .map(|index| drawn_minimum(setup, &mut streams.stream("problems", index as u64)))
            .collect::<Result<_, _>>()?,
        deviation: vec![],
        sharpness: vec![],
        off: vec![],
        off_with_gradient: vec![],
        regressions: regressions(setup, &mut streams.stream("regressions", 0))?,
    };
    for radius in setup.get(RADII) {
        let half = radius * radius / 2.0;
        seed.deviation.push(deviation(radius));
        seed.sharpness
            .push(largest_rise(&loss, &minimum, radius, &starts) / (largest * half));
        let rise = largest_rise(&loss, &away, radius, &starts);
        seed.off.push(rise / (there * half));
        seed.off_with_gradient
            .push(rise / (radius * gradient + there * half));
    }
    Ok(seed)
}

fn drawn_minimum(setup: &Setup, rng: &mut StreamRng) -> Result<DrawnMinimum, ExperimentError> {
    let (teacher, radius) = (vec![0.7; setup.get(DIMENSIONS)], setup.get(RADII)[0]);
    let (x, y) = logistic_examples(rng, setup.get(EXAMPLES), &teacher);
    let loss = Logistic::of_mean(x, y, 0.0);
    let minimum = loss.minimise()?;
    let (values, vectors) = dense::eigen(loss.hessian(minimum.as_ref()).as_ref())?;
    let last = values.len() - 1;
    let starts = [1.0, -1.0].map(|sign| Scale(sign) * vectors.col(last));
    Ok(DrawnMinimum {
        rise: largest_rise(&loss, &minimum, radius, &starts),
        largest: values[last],
        condition: values[last] / values[0],
        over_loss: values[last] * radius * radius / loss.value(minimum.as_ref()),
    })
}

/// The loss is mean (⟨w, x⟩ − y)²/2, whose Hessian XᵀX/n the labels do not enter.
fn regressions(setup: &Setup, rng: &mut StreamRng) -> Result<Regressions, ExperimentError> {
    let (examples, dimensions) = (setup.get(EXAMPLES), setup.get(DIMENSIONS));
    let radius = setup.get(RADII)[0];
    let x = draw::gaussian(rng, examples, dimensions);
    let exact = &x * Col::from_fn(dimensions, |_| 0.7);
    let noisy = &exact + draw::normals(rng, examples);
    let hessian = x.transpose() * &x * Scale(1.0 / examples as f64);
    let (values, vectors) = dense::eigen(hessian.as_ref())?;
    let last = dimensions - 1;
    let (mut room, mut rises) = ([0.0; 2], [0.0; 2]);
    for (place, labels) in [exact, noisy].iter().enumerate() {
        let minimum = dense::least_norm(x.as_ref(), labels.as_ref())?;
        let loss = |w: &Col<f64>| (&x * w - labels).squared_norm_l2() / (2.0 * examples as f64);
        let least = loss(&minimum);
        room[place] = least / (values[last] * radius * radius);
        rises[place] = loss(&(&minimum + Scale(radius) * vectors.col(last))) - least;
    }
    Ok(Regressions {
        room,
        rises: rises[0] / rises[1],
    })
}

/// Kendall's τ between a number of the drawn problems and their largest rise.
fn order(seeds: &[Seed], of: impl Fn(&DrawnMinimum) -> f64) -> Estimate {
    let pairs = seeds.iter().flat_map(|seed| &seed.drawn);
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.map(|minimum| (of(minimum), minimum.rise)).unzip();
    Estimate::rank_correlation(&x, &y)
}

/// The largest rise in a ball. The loss is convex, so that it is on the sphere, where the direction that is best for the
/// gradient at the last point is followed from several starts: each step raises a convex loss.
fn largest_rise(loss: &Logistic, centre: &Col<f64>, radius: f64, starts: &[Col<f64>]) -> f64 {
    let here = loss.value(centre.as_ref());
    let rises = starts.iter().map(|start| {
        let mut point = centre + Scale(radius) * start;
        for _ in 0..200 {
            let gradient = loss.gradient(point.as_ref());
            let next = centre + Scale(radius / gradient.norm_l2()) * gradient;
            let moved = (&next - &point).norm_l2();
            point = next;
            if moved < 1e-6 * radius {
                break;
            }
        }
        loss.value(point.as_ref()) - here
    });
    rises.fold(f64::NEG_INFINITY, f64::max)
}

fn at(seeds: &[Seed], index: usize, of: &dyn Fn(&Seed) -> &Vec<f64>) -> Vec<f64> {
    seeds.iter().map(|seed| of(seed)[index]).collect()
}

fn quadratic(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let radii = setup.get(RADII);
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for seed in seeds {
        x.extend(radii.iter().map(|radius| radius.ln()));
        y.extend(seed.deviation.iter().map(|deviation| deviation.ln()));
    }
    vec![
        Claim::printed(
            "flat-vs-sharp T1.2",
            format!(
                "At the distance {} along each eigenvector the rise is ½λt² within 5 % \
                (median of the largest deviation)",
                radii[0]
            ),
            Rule::Below(0.05),
            Estimate::median(&at(seeds, 0, &|seed| &seed.deviation)),
        ),
        Claim::must_fail(
            "flat-vs-sharp T1.2",
            format!(
                "It is at the distance {}, too (median of the largest deviation)",
                radii[radii.len() - 1]
            ),
            Rule::Below(0.05),
            Estimate::median(&at(seeds, radii.len() - 1, &|seed| &seed.deviation)),
        ),
        Claim::printed(
            "flat-vs-sharp T1.2",
            "The relative deviation vanishes in proportion to the distance, or faster (slope \
             of the logarithms)",
            Rule::Above(0.8),
            Estimate::slope(&x, &y),
        ),
        Claim::printed(
            "flat-vs-sharp T1.2",
            format!(
                "A minimum is the flatter the smaller λmax·δ²/ℓ(θ*) is: over drawn problems it \
                 orders the largest rises in balls of radius δ = {} (Kendall's τ above ½)",
                radii[0]
            ),
            Rule::Above(0.5),
            order(seeds, |minimum| minimum.over_loss),
        ),
        Claim::printed(
            "flat-vs-sharp T1.2",
            format!(
                "A minimum is flat where λmax·δ² ≪ ℓ(θ*), and one that fits all labels can be: of \
                 linear regression with exact labels ℓ(θ*) is more than 10 times λmax·δ², δ = {} \
                 (median ratio)",
                radii[0]
            ),
            Rule::Above(10.0),
            Estimate::median(&each(seeds, |seed| seed.regressions.room[0])),
        ),
        Claim::corrected(
            "flat-vs-sharp T1.2",
            "Only the Hessian says how flat a minimum is, not its loss: with exact labels the loss \
             rises as it does with labels of variance 1 around them, at the same inputs (median \
             ratio of the rises along the first eigenvector)",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-6,
            },
            Estimate::median(&each(seeds, |seed| seed.regressions.rises)),
        ),
        Claim::must_hold(
            "flat-vs-sharp T1.2",
            "With these noisy labels the printed criterion calls the minimum flat: ℓ(θ*) is more \
             than 10 times λmax·δ² (median ratio)",
            Rule::Above(10.0),
            Estimate::median(&each(seeds, |seed| seed.regressions.room[1])),
        ),
    ]
}

fn sharp(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let radii = setup.get(RADII);
    let near = Rule::Equals {
        value: 1.0,
        tolerance: 0.05,
    };
    vec![
        Claim::printed(
            "flat-vs-sharp T1.3",
            format!(
                "At a minimum the largest rise in a ball of radius {} is ½λmax·ρ² (median \
                ratio)",
                radii[0]
            ),
            near,
            Estimate::median(&at(seeds, 0, &|seed| &seed.sharpness)),
        ),
        Claim::must_fail(
            "flat-vs-sharp T1.3",
            format!(
                "It is ½λmax·ρ² at a point {} away from the minimum, too, at the radius {} \
                (median ratio)",
                setup.get(AWAY),
                radii[0]
            ),
            near,
            Estimate::median(&at(seeds, 0, &|seed| &seed.off)),
        ),
        Claim::corrected(
            "flat-vs-sharp T1.3",
            "There it is ρ‖g‖ + ½λmax·ρ², up to 15 % (median ratio)",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.15,
            },
            Estimate::median(&at(seeds, 0, &|seed| &seed.off_with_gradient)),
        ),
        Claim::printed(
            "flat-vs-sharp T1.3",
            format!(
                "The condition number measures sharpness: over drawn problems it orders the \
                 largest rises in balls of radius {} (Kendall's τ above ½)",
                radii[0]
            ),
            Rule::Above(0.5),
            order(seeds, |minimum| minimum.condition),
        ),
        Claim::corrected(
            "flat-vs-sharp T1.3",
            "The largest eigenvalue orders them (Kendall's τ above ½)",
            Rule::Above(0.5),
            order(seeds, |minimum| minimum.largest),
        ),
    ]
}

fn figure(setup: &Setup, seeds: &[Seed]) -> Figure {
    let radii = setup.get(RADII);
    let of = |of: &dyn Fn(&Seed) -> &Vec<f64>, pick: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        (0..radii.len())
            .map(|index| pick(&at(seeds, index, of)))
            .collect()
    };
    let low = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let line = |label: &str, pick: &dyn Fn(&Seed) -> &Vec<f64>, colour: usize| {
        Line::new(label, radii.clone(), of(pick, &median))
            .with_band(
                of(pick, &low),
                of(pick, &high),
                "smallest to largest of all seeds",
            )
            .with_markers()
            .styled(Style {
                colour: Some(colour),
                dash: 0,
            })
    };
    let deviation = Panel::new(
        Axis::new("distance", "1").log(),
        Axis::new("relative deviation", "1").log(),
    )
    .titled("From the quadratic")
    .with(line(
        "largest over eigenvectors",
        &|seed| &seed.deviation,
        0,
    ));
    let rise = Panel::new(
        Axis::new("radius of the ball", "1").log(),
        Axis::new(
            "largest rise \
        over prediction",
            "1",
        )
        .log(),
    )
    .titled("Largest rise in a ball")
    .with(line("at the minimum, ½λmax·ρ²", &|seed| &seed.sharpness, 1))
    .with(line("off it, ½λmax·ρ²", &|seed| &seed.off, 2))
    .with(line(
        "off it, with ρ‖g‖",
        &|seed| &seed.off_with_gradient,
        3,
    ))
    .with(crate::figure::Rule::level("prediction", 1.0));
    Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("The neighbourhood of a minimum")
    }
    .with(deviation)
    .with(rise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_rise_is_no_less_than_that_of_any_direction() {
        let mut rng = Streams::new(0).stream("test", 0);
        let (x, y) = logistic_examples(&mut rng, 60, &[0.7, 0.7]);
        let loss = Logistic::of_mean(x, y, 0.0);
        let minimum = loss.minimise().unwrap();
        let starts: Vec<Col<f64>> = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
            .iter()
            .map(|start| dense::column(start))
            .collect();
        let found = largest_rise(&loss, &minimum, 0.5, &starts);
        let here = loss.value(minimum.as_ref());
        let by_angle = (0..3_600).map(|index| {
            let angle = f64::from(index) * std::f64::consts::PI / 1_800.0;
            loss.value(
                (&minimum + Scale(0.5) * dense::column(&[angle.cos(), angle.sin()])).as_ref(),
            ) - here
        });
        let best = by_angle.fold(0.0, f64::max);
        assert!((found - best).abs() < 1e-6 * best, "{found} {best}");
    }
}
