//! How fast the smallest gradient of gradient descent vanishes at worst.

use super::power;
use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style};
use crate::problem::quadratic::Waves;
use crate::problem::vector::{moved, square};
use crate::statistics::{Estimate, Rule};

const SMOOTHNESS: Number = Number::new("smoothness", "smoothness β", 4.0).allowed(1e-3, 1e3);
const RANGE: Number = Number::new("range", "range M of the function", 2.0).allowed(1e-3, 1e3);
const HORIZONS: Numbers = Numbers::new(
    "horizons",
    "numbers of steps T",
    &[3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4],
)
.quick(&[3.0, 10.0, 30.0, 100.0, 300.0, 1e3])
.allowed(2.0, 1e6);

/// Theory 2-9.
#[derive(Debug)]
pub struct RateOfGradientDescent;

/// The smallest squared gradient within each horizon, for one kind of function.
struct Course {
    label: &'static str,
    squares: Vec<f64>,
}

impl Experiment for RateOfGradientDescent {
    fn about(&self) -> About {
        About {
            name: "rate-of-gradient-descent",
            subject: Subject::Optimisation,
            claim: "Within T steps of size 1/β, gradient descent meets a squared gradient of at most 2Mβ/T on any function \
                    with smoothness β and range M, and some functions make it almost that slow.",
            source: "Arora et al., Theory of Deep Learning (draft), Theorem 2.5.1",
            mathematics: "A step of size 1/β lowers f by ‖∇_t‖²/(2β) or more. Over T steps f falls by no more than its \
                range M, so that the mean of ‖∇_t‖² is at most 2βM/T. A function that makes each step lower it little \
                has the slope −g at every iterate; in between, its second derivative is first β and then −β, so that \
                the slope relaxes to −g/2 halfway and returns. A step then lowers it by ¾ g²/β, and a range M \
                suffices for T steps with g² = (4/3) Mβ/T. With a constant slope instead, g² = Mβ/T.",
            refuted_by: "A function with smoothness β and range M on which T steps of size 1/β leave the squared gradient \
                         above 2Mβ/T.",
            seeds: Extent { full: 0, quick: 0 },
            seconds: Extent {
                full: 0.05,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SMOOTHNESS.parameter(),
            RANGE.parameter(),
            HORIZONS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (smoothness, range) = (setup.get(SMOOTHNESS), setup.get(RANGE));
        let horizons = setup.get(HORIZONS);
        let courses = courses(smoothness, range, &horizons);
        let scaled = |square: f64, horizon: f64| square * horizon / (range * smoothness);
        let ratios = courses
            .iter()
            .flat_map(|course| course.squares.iter().zip(&horizons));
        let worst = ratios
            .map(|(square, horizon)| scaled(*square, *horizon))
            .fold(0.0, f64::max);
        let bound = |factor: f64| {
            format!(
                "On the four functions tried, with T of {}, the smallest squared gradient is below {factor} Mβ/T.",
                tested(&horizons)
            )
        };
        let worst = Estimate::exact(worst, 1e-6);
        let slope = Estimate::exact(power(&horizons, &courses[0].squares), 1e-3);
        Ok(Findings::new()
            .claim(Claim::printed("theory 2-9", bound(4.0), Rule::Below(4.0), worst))
            .claim(Claim::corrected("theory 2-9", bound(2.0), Rule::Below(2.0), worst))
            .claim(Claim::must_fail("theory 2-9", bound(1.0), Rule::Below(1.0), worst))
            .claim(Claim::printed(
                "theory 2-9",
                "The rate is no better than the bound: on the functions with a relaxing slope, one for each T, the smallest \
                 squared gradient falls as the power −1 of T.",
                super::equals(-1.0, 0.02),
                slope,
            ))
            .figure("rate", figure(smoothness, range, &horizons, &courses)))
    }
}

fn courses(smoothness: f64, range: f64, horizons: &[f64]) -> Vec<Course> {
    let hardest = |share: f64, derivative: fn(f64, f64, f64) -> f64| {
        let within = |horizon: &f64| {
            let slope = (range * smoothness / (share * horizon)).sqrt();
            least_square(vec![0.0], smoothness, *horizon, |w| {
                vec![derivative(w[0], slope, smoothness)]
            })
        };
        horizons.iter().map(within).collect()
    };
    let along = |of: fn(f64, f64, f64) -> f64| {
        horizons
            .iter()
            .map(|horizon| of(smoothness, range, *horizon))
            .collect()
    };
    let course = |label, squares| Course { label, squares };
    vec![
        course("relaxing slope", hardest(0.75, relaxing)),
        course("constant slope", hardest(1.0, |_, slope, _| -slope)),
        course("(1 + w²)^(−0.05)", along(on_tail)),
        course("two waves", along(on_waves)),
    ]
}

/// The smallest squared gradient on `M (1 + z²)^(−0.05)`, with z scaled to the smoothness: the second derivative is 0.1 in
/// size at z = 0.
fn on_tail(smoothness: f64, range: f64, horizon: f64) -> f64 {
    let scale = (smoothness / (0.1 * range)).sqrt();
    let slope = |w: f64| {
        let z = scale * w;
        -0.1 * range * scale * z * (1.0 + z * z).powf(-1.05)
    };
    least_square(vec![1.0 / scale], smoothness, horizon, |w| {
        vec![slope(w[0])]
    })
}

/// The smallest squared gradient on two waves, whose length is such that both range and smoothness are as given.
fn on_waves(smoothness: f64, range: f64, horizon: f64) -> f64 {
    let waves = Waves {
        heights: vec![smoothness, 0.1 * smoothness],
    };
    let factor = range / waves.range();
    let stretch = factor.sqrt();
    let slope = |w: &[f64]| -> Vec<f64> {
        let inside: Vec<f64> = w.iter().map(|w| w / stretch).collect();
        let slopes = waves.gradient(&inside).into_iter();
        slopes.map(|slope| factor / stretch * slope).collect()
    };
    least_square(vec![3.0 * stretch; 2], smoothness, horizon, slope)
}

/// The derivative of the function that makes steps of size 1/β lower it little: −g at multiples of g/β, and −g/2
/// halfway between them.
fn relaxing(w: f64, slope: f64, smoothness: f64) -> f64 {
    let step = slope / smoothness;
    // Sums of many steps round: iterates just below a multiple of g/β count as on it.
    let within = w - step * (w / step + 1e-6).floor();
    -slope + smoothness * within.max(0.0).min(step - within)
}

/// The smallest squared gradient among the first T iterates with step size 1/β.
fn least_square(
    start: Vec<f64>,
    smoothness: f64,
    horizon: f64,
    gradient: impl Fn(&[f64]) -> Vec<f64>,
) -> f64 {
    let (mut w, mut least) = (start, f64::INFINITY);
    for _ in 0..horizon as usize {
        let slope = gradient(&w);
        least = least.min(square(&slope));
        w = moved(&w, -1.0 / smoothness, &slope);
    }
    least
}

fn figure(smoothness: f64, range: f64, horizons: &[f64], courses: &[Course]) -> Figure {
    let bound = |factor: f64| {
        horizons
            .iter()
            .map(|horizon| factor * range * smoothness / horizon)
            .collect()
    };
    let mut panel = Panel::new(
        Axis::new("steps T", "1").log(),
        Axis::new("smallest squared gradient", "1")
            .log()
            .over([1e-6, 1e2]),
    )
    .with(Line::new("2Mβ/T", horizons.to_vec(), bound(2.0)).styled(Style::REFERENCE));
    for course in courses {
        let visible = |square: &f64| if *square > 0.0 { *square } else { f64::NAN };
        let squares = course.squares.iter().map(visible).collect();
        let line = Line::new(course.label, horizons.to_vec(), squares);
        panel = panel.with(line.with_markers());
    }
    Figure::new("The smallest gradient within T steps").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relaxing_slope_has_its_smoothness_and_its_drop() {
        let (slope, smoothness) = (0.3, 4.0);
        let step = slope / smoothness;
        let mut drop = 0.0;
        let cells = 2000;
        for cell in 0..cells {
            let place = |cell: f64| step * cell / f64::from(cells);
            let (here, next) = (place(f64::from(cell)), place(f64::from(cell) + 0.99));
            drop -=
                relaxing(place(f64::from(cell) + 0.5), slope, smoothness) * step / f64::from(cells);
            let curvature = (relaxing(next, slope, smoothness) - relaxing(here, slope, smoothness))
                / (next - here);
            assert!(curvature.abs() <= smoothness * (1.0 + 1e-6));
        }
        assert!((drop - 0.75 * slope * slope / smoothness).abs() < 1e-9);
        // Every iterate of 1000 steps still has the slope −g.
        let least = least_square(vec![0.0], smoothness, 1000.0, |w| {
            vec![relaxing(w[0], slope, smoothness)]
        });
        assert!((least - slope * slope).abs() < 1e-6);
    }
}
