//! Three conditions that stand in for convexity, and which of them make gradient descent converge geometrically.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel};
use crate::statistics::{Estimate, Rule};

const POWER: Number =
    Number::new("power", "p of the weakly quasi-convex loss |w|^p", 4.0).allowed(2.5, 20.0);
const STEPS: Count = Count::new("steps", "steps of gradient descent", 20_000)
    .quick(2_000)
    .allowed(200.0, 1e7);
const NODES: Count =
    Count::new("nodes", "points at which a condition is looked at", 20_000).allowed(100.0, 1e6);

/// How far from the minimum the conditions are looked at.
const REACH: f64 = 10.0;

/// Theory of Deep Learning, section 6.2.
#[derive(Debug)]
pub struct GradientConditions;

/// A function of one number with its minimum, 0, at 0.
#[derive(Clone, Copy)]
struct Loss<'a> {
    value: &'a dyn Fn(f64) -> f64,
    slope: &'a dyn Fn(f64) -> f64,
}

/// The largest constants of the three conditions.
#[derive(Debug)]
struct Constants {
    /// μ of `f′² ≥ μ·f`.
    polyak: f64,
    /// τ of `f′·w ≥ τ·f`.
    quasi_convex: f64,
    /// τ of `f′·w ≥ τ·w²`.
    secant: f64,
}

impl Experiment for GradientConditions {
    fn about(&self) -> About {
        About {
            name: "gradient-conditions",
            subject: Subject::Landscapes,
            claim: "The Polyak-Łojasiewicz, weak quasi-convexity and restricted secant \
                conditions each make gradient descent on a smooth function converge \
                geometrically.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 6.2, Claim 6.2.2; the \
                example w² + 3 sin² w is of Karimi, Nutini & Schmidt (2016)",
            mathematics: "With the minimum 0 at 0, the conditions are f′² ≥ μf \
                (Polyak-Łojasiewicz), f′·w ≥ τf (weak quasi-convexity) and f′·w ≥ τw² \
                (restricted secant inequality). A step of size 1/ℓ on an ℓ-smooth f takes f to \
                f − f′²/(2ℓ) at most, so that the first condition multiplies f by 1 − μ/(2ℓ); \
                with a step τ/ℓ² the third multiplies w² by 1 − τ²/ℓ². The second gives only f \
                = O(1/t): the convex f = |w|^p fulfils it with τ = p, but its flow dw/dt = \
                −p·w^(p−1) gives w ∝ t^(−1/(p−2)), a power and not a geometric rate.",
            refuted_by: "A geometric rate, with a factor that stays below one, on a loss that \
                only fulfils weak quasi-convexity.",
            seeds: Extent { full: 0, quick: 0 },
            seconds: Extent {
                full: 0.01,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![POWER.parameter(), STEPS.parameter(), NODES.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (power, steps, nodes) = (setup.get(POWER), setup.get(STEPS), setup.get(NODES));
        let wave = Loss {
            value: &|w| w * w + 3.0 * w.sin().powi(2),
            slope: &|w| 2.0 * w + 3.0 * (2.0 * w).sin(),
        };
        let flat = Loss {
            value: &|w: f64| w.abs().powf(power),
            slope: &|w: f64| power * w.abs().powf(power - 1.0) * w.signum(),
        };
        let wells = Loss {
            value: &|w| (w - 2.0).powi(2) * w * w,
            slope: &|w| 4.0 * w * (w - 1.0) * (w - 2.0),
        };
        // Second derivatives: 2 + 6 cos 2w is at most 8; p(p − 1)|w|^(p−2) at most p(p − 1) where |w| ≤ 1.
        let (wave_smooth, flat_smooth) = (8.0, power * (power - 1.0));
        let of_wave = constants(wave, nodes, REACH);
        let of_flat = constants(flat, nodes, 1.0);
        let polyak = descend(wave, 9.0, 1.0 / wave_smooth, steps);
        let secant = descend(wave, 9.0, of_wave.secant / wave_smooth / wave_smooth, steps);
        let slow = descend(flat, 1.0, 1.0 / flat_smooth, steps);
        let figure = figure([
            (&polyak, wave, "Polyak-Łojasiewicz"),
            (
                &secant,
                wave,
                "restricted \
            secant",
            ),
            (&slow, flat, "weak quasi-convexity"),
        ]);
        let claims = rates(&polyak, &secant, wave, &of_wave, wave_smooth)
            .into_iter()
            .chain(quasi_convex(power, &of_flat, &slow, flat))
            .chain([Claim::must_fail(
                "theory 6-2",
                "A loss with two wells, w²(w − 2)², fulfils the Polyak-Łojasiewicz condition \
                 too (largest μ)",
                Rule::Above(1e-3),
                Estimate::exact(constants(wells, nodes, REACH).polyak, 1e-4),
            )]);
        Ok(Findings::new().claims(claims).figure("rates", figure))
    }
}

fn constants(loss: Loss, nodes: usize, reach: f64) -> Constants {
    let mut least = Constants {
        polyak: f64::INFINITY,
        quasi_convex: f64::INFINITY,
        secant: f64::INFINITY,
    };
    for index in 0..=nodes {
        let w = reach * (2.0 * index as f64 / nodes as f64 - 1.0);
        let (value, slope) = ((loss.value)(w), (loss.slope)(w));
        // Where |w| is tiny the ratios are their limits; rounding spoils them.
        if w.abs() < 1e-3 * reach || value < 1e-12 {
            continue;
        }
        least.polyak = least.polyak.min(slope * slope / value);
        least.quasi_convex = least.quasi_convex.min(slope * w / value);
        least.secant = least.secant.min(slope / w);
    }
    least
}

fn descend(loss: Loss, start: f64, step: f64, steps: usize) -> Vec<f64> {
    let next = |w: &f64| Some(w - step * (loss.slope)(*w));
    std::iter::successors(Some(start), next)
        .take(steps + 1)
        .collect()
}

/// The largest ratio of a quantity after a step to that before, as long as it is above the rounding error.
fn worst_factor(path: &[f64], quantity: impl Fn(f64) -> f64) -> f64 {
    let pairs = path
        .windows(2)
        .map(|pair| (quantity(pair[0]), quantity(pair[1])));
    pairs
        .filter(|(before, _)| *before > 1e-24)
        .map(|(before, after)| after / before)
        .fold(0.0, f64::max)
}

fn rates(polyak: &[f64], secant: &[f64], wave: Loss, of: &Constants, smooth: f64) -> Vec<Claim> {
    let square = smooth * smooth;
    let (by_polyak, by_secant) = (
        1.0 - of.polyak / (2.0 * smooth),
        1.0 - (of.secant / smooth).powi(2),
    );
    vec![
        Claim::printed(
            "theory 6-2",
            format!(
                "Under the Polyak-Łojasiewicz condition (w² + 3 sin² w, μ = {:.3}) each step \
                 of size 1/{smooth} multiplies the loss by at most 1 − μ/{} = {by_polyak:.5}",
                of.polyak,
                2.0 * smooth
            ),
            Rule::Below(by_polyak),
            Estimate::exact(worst_factor(polyak, wave.value), 1e-9),
        ),
        Claim::printed(
            "theory 6-2",
            format!(
                "Under the restricted secant inequality (the same loss, τ = {:.3}) each step \
                 of size τ/{square} multiplies the squared distance by at most 1 − τ²/{square} \
                 = {by_secant:.5}",
                of.secant
            ),
            Rule::Below(by_secant),
            Estimate::exact(worst_factor(secant, |w| w * w), 1e-9),
        ),
    ]
}

fn quasi_convex(power: f64, of: &Constants, path: &[f64], loss: Loss) -> Vec<Claim> {
    let last = path.len() - 1;
    let decade: Vec<usize> = (0..=20)
        .map(|index| (last as f64 * 10f64.powf(f64::from(index) / 20.0 - 1.0)) as usize)
        .collect();
    let logs = |f: &dyn Fn(usize) -> f64| -> Vec<f64> {
        decade.iter().map(|step| f(*step).ln()).collect()
    };
    let slope = Estimate::slope(
        &logs(&|step| step as f64),
        &logs(&|step| (loss.value)(path[step])),
    );
    let factor = (loss.value)(path[last]) / (loss.value)(path[last - 1]);
    let expected = -power / (power - 2.0);
    vec![
        Claim::printed(
            "theory 6-2",
            format!(
                "|w|^{power} is weakly quasi-convex on [−1, 1] with τ = {power} (least \
                f′·w/f)"
            ),
            Rule::Equals {
                value: power,
                tolerance: 1e-9,
            },
            Estimate::exact(of.quasi_convex, 1e-10),
        ),
        Claim::printed(
            "theory 6-2",
            format!(
                "Under weak quasi-convexity (|w|^{power}) descent converges geometrically: \
                 after {last} steps a step still multiplies the loss by less than 0.99"
            ),
            Rule::Below(0.99),
            Estimate::exact(factor, 1e-12),
        ),
        Claim::corrected(
            "theory 6-2",
            "Under weak quasi-convexity the loss falls at least as fast as 1/t (slope of the \
             logarithms over the last decade)",
            Rule::Below(-1.0),
            slope,
        ),
        Claim::corrected(
            "theory 6-2",
            format!("It falls as t^(−p/(p−2)), here with the exponent {expected:.3}"),
            Rule::Equals {
                value: expected,
                tolerance: 0.02 * expected.abs(),
            },
            slope,
        ),
    ]
}

fn figure(paths: [(&Vec<f64>, Loss, &str); 3]) -> Figure {
    let panel = Panel::new(
        Axis::counting("step").log(),
        Axis::new("loss above the least", "1")
            .log()
            .over([1e-16, 1e3]),
    );
    let panel = paths.into_iter().fold(panel, |panel, (path, loss, label)| {
        let mut steps: Vec<usize> = (0..200)
            .map(|index| {
                10f64.powf(f64::from(index) / 199.0 * (path.len() as f64 - 1.0).log10()) as usize
            })
            .collect();
        steps.dedup();
        let of = |step: &usize| {
            Some((loss.value)(path[*step]))
                .filter(|value| *value > 1e-17)
                .unwrap_or(f64::NAN)
        };
        let values = steps.iter().map(of).collect();
        panel.with(Line::new(
            label,
            steps.iter().map(|step| *step as f64).collect(),
            values,
        ))
    });
    Figure::new("Gradient descent under three conditions")
        .with(panel)
        .described(
            "The loss over the steps: two curves fall faster than any power, one as a \
            power.",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parabola_has_the_constants_of_its_curvature() {
        let parabola = Loss {
            value: &|w| 1.5 * w * w,
            slope: &|w| 3.0 * w,
        };
        let of = constants(parabola, 100, 1.0);
        // f′² = 9w² = 6f, f′w = 3w² = 2f.
        assert!((of.polyak - 6.0).abs() < 1e-12 && (of.quasi_convex - 2.0).abs() < 1e-12);
        assert!((of.secant - 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_wave_fulfils_the_condition_with_the_constant_of_its_paper() {
        // Karimi et al. 2016, sec. 2.2: ½f′² ≥ f/32, which is not the largest constant.
        let wave = Loss {
            value: &|w| w * w + 3.0 * w.sin().powi(2),
            slope: &|w| 2.0 * w + 3.0 * (2.0 * w).sin(),
        };
        assert!(constants(wave, 20_000, 10.0).polyak > 1.0 / 16.0);
    }

    #[test]
    fn factors_are_of_single_steps() {
        assert_eq!(worst_factor(&[4.0, 2.0, 1.5], |w| w), 0.75);
    }
}
