//! Gradient descent that starts at a saddle point stays there; a small perturbation makes it leave, after a time that
//! hardly grows with the dimension.

use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Points, Width};
use crate::problem::saddle::{self, TopEigenvector};
use crate::problem::vector;
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use crate::table::{Column, Table};

const DIMENSIONS: Numbers = Numbers::new(
    "dimensions",
    "dimensions to compare, ascending",
    &[10.0, 50.0, 250.0, 1250.0, 6250.0],
)
.quick(&[10.0, 50.0, 250.0])
.allowed(3.0, 1e5);
const STEP: Number = Number::new(
    "step",
    "step size η; at most 1/3, the inverse of the \
    smoothness",
    0.25,
)
.allowed(1e-3, 1.0 / 3.0);
const RADIUS: Number =
    Number::new("radius", "r, the size of the perturbation", 1e-3).allowed(1e-9, 1e-1);
const TARGET: Number = Number::new(
    "target",
    "loss above the least at which a run has escaped",
    1e-4,
)
.allowed(1e-12, 0.2);
const GAPS: Numbers = Numbers::new(
    "gaps",
    "gaps of the two first eigenvalues, descending",
    &[0.4, 0.2, 0.1, 0.05, 0.025],
)
.quick(&[0.4, 0.2, 0.1])
.allowed(1e-3, 0.9);
const GATE: Number = Number::new(
    "gate",
    "ε, the size of the gradient at which a perturbation comes",
    0.01,
)
.allowed(1e-6, 0.1);
const FAILURE: Number = Number::new(
    "failure",
    "δ, the chance of failing to escape that is \
    allowed",
    0.1,
)
.allowed(1e-6, 0.5);
const CONSTANT: Number = Number::new(
    "constant",
    "absolute constant before the logarithm ι of the lemma",
    4.0,
)
.allowed(1.0, 100.0);
const LIMIT: Count = Count::new("limit", "steps at most", 100_000).allowed(10.0, 1e7);

/// ℓ and ρ, the Lipschitz constants of gradient and Hessian in the unit ball.
const SMOOTH: f64 = 3.0;
const BEND: f64 = 6.0;

/// Theory of Deep Learning, section 7.2 and Lemma 7.3.1.
#[derive(Debug)]
pub struct SaddleEscape;

/// How a run is perturbed.
#[derive(Clone, Copy, PartialEq)]
enum Perturbation {
    /// By Gaussian noise at each step.
    Each,
    /// Evenly in a ball, where the gradient is small and no perturbation was in the last 𝒯 steps.
    Gated,
    /// So, but not along the direction of escape.
    Across,
}

/// A run.
struct Run {
    /// The loss above the least at the start and after each step, until it is below the target.
    losses: Vec<f64>,
    /// Whether it is in the end.
    escaped: bool,
    /// Before which steps there was a perturbation.
    perturbed: Vec<usize>,
}

/// A run until the loss is below the target. With noise at each step it starts at the saddle point 0. With gated
/// perturbations (Jin et al. 2017, "How to escape saddle points efficiently", algorithm 1) it starts at a unit vector across
/// the direction of escape, from which descent alone goes to the saddle point; 𝒯 is that of the lemma for the gate ε.
fn run(
    setup: &Setup,
    top: &TopEigenvector,
    how: Perturbation,
    streams: Streams,
) -> Result<Run, ExperimentError> {
    let (step, radius, target) = (setup.get(STEP), setup.get(RADIUS), setup.get(TARGET));
    let gate = setup.get(GATE);
    let dimensions = top.eigenvalues.len();
    let mut rng = streams.stream("perturbation", dimensions as u64);
    let mut x = vec![0.0; dimensions];
    if how != Perturbation::Each {
        x[1] = 1.0;
    }
    let wait = grant(
        dimensions,
        (BEND * gate).sqrt(),
        top.value(&x) - top.least(),
        [setup.get(FAILURE), setup.get(CONSTANT)],
    )
    .steps;
    let mut perturbed: Vec<usize> = Vec::new();
    let limit = if how == Perturbation::Across {
        2_000
    } else {
        setup.get(LIMIT)
    };
    let mut losses = vec![top.value(&x) - top.least()];
    for index in 0..limit {
        if index % 1024 == 0 {
            setup.go_on()?;
        }
        let is_free = perturbed.last().is_none_or(|last| index - last > wait);
        if how != Perturbation::Each && is_free && vector::norm(&top.gradient(&x)) <= gate {
            let mut noise = saddle::in_ball(&mut rng, dimensions, radius);
            if how == Perturbation::Across {
                noise[0] = 0.0;
            }
            vector::add(&mut x, -step, &noise);
            perturbed.push(index);
        }
        top.descend(&mut x, step);
        if how == Perturbation::Each {
            let noise = vector::normals(&mut rng, dimensions);
            vector::add(&mut x, -step * radius / (dimensions as f64).sqrt(), &noise);
        }
        losses.push(top.value(&x) - top.least());
        if losses[losses.len() - 1] < target {
            break;
        }
    }
    Ok(Run {
        escaped: losses[losses.len() - 1] < target,
        losses,
        perturbed,
    })
}

fn rank_one(dimensions: usize) -> TopEigenvector {
    let mut eigenvalues = vec![0.0; dimensions];
    eigenvalues[0] = 1.0;
    TopEigenvector { eigenvalues }
}

/// What the lemma grants at a saddle point whose lowest curvature is −gap.
struct Grant {
    /// 𝒯, the steps.
    steps: usize,
    /// By how much the loss falls.
    drop: f64,
    /// r, the radius of the perturbation.
    radius: f64,
}

/// With the constants of Jin et al. (2021, J. ACM 68, "On nonconvex optimization for machine learning"): ι = c·log(dℓΔ/(ρεδ))
/// with an absolute constant c, 𝒯 = ιℓ/√(ρε), a fall of √(ε³/ρ)/(50ι³), r = ε/(400ι³), and √(ρε) = gap.
fn grant(dimensions: usize, gap: f64, excess: f64, [failure, constant]: [f64; 2]) -> Grant {
    let (smooth, bend) = (SMOOTH, BEND);
    let epsilon = gap * gap / bend;
    let iota = constant
        * (dimensions as f64 * smooth * excess / (bend * epsilon * failure))
            .ln()
            .max(1.0);
    Grant {
        steps: (iota * smooth / gap).ceil() as usize,
        drop: (epsilon.powi(3) / bend).sqrt() / (50.0 * iota.powi(3)),
        radius: epsilon / (400.0 * iota.powi(3)),
    }
}

/// What one seed gives.
struct Seed {
    each: Vec<f64>,
    gated: Vec<f64>,
    /// How many of these escaped.
    escaped: usize,
    /// Of the gated runs, how many were perturbed at the first step that the gate allows, after some steps without.
    late: usize,
    path: Vec<f64>,
    across: bool,
    /// For each gap how many times the granted fall the loss fell in the granted steps, and when half of all it can
    /// fall was reached, in steps.
    falls: Vec<f64>,
    times: Vec<f64>,
}

impl Experiment for SaddleEscape {
    fn about(&self) -> About {
        About {
            name: "saddle-escape",
            subject: Subject::Landscapes,
            claim: "Perturbed gradient descent leaves a saddle point after a number of steps \
                that grows with the logarithm of the dimension only.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 7.2, Theorem 7.2.1 \
                and Lemma 7.3.1; constants of Jin et al. (2021)",
            mathematics: "At 0 the loss ¼‖zzᵀ − xxᵀ‖² with ‖z‖ = 1 has the gradient 0 and the \
                curvature −1 along z. A perturbation of size r has a part of about r/√d along \
                z, and each step multiplies it by 1 + η, so that after log(√d/r)/log(1 + η) \
                steps it is of order one: escape takes ½ ln d/ln(1 + η) steps more in d \
                dimensions than in one. Between the two first eigenvalues 1 and 1 − g of a \
                matrix, the second eigenvector is a saddle point with the curvature −g, and \
                the lemma grants a fall within ι·ℓ/g steps, up to logarithms. The gated \
                algorithm perturbs where ‖∇f‖ ≤ ε and no perturbation was in the last 𝒯 = \
                ι·ℓ/√(ρε) steps; its runs start at a unit vector across z, from which descent \
                goes to the saddle point. The lemma is tested by one perturbation at a saddle \
                point, as it is stated.",
            refuted_by: "An escape time that grows as a power of the dimension, or a fall that \
                is smaller than granted in more than a share δ of runs.",
            seeds: Extent { full: 40, quick: 8 },
            seconds: Extent {
                full: 0.8,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DIMENSIONS.parameter(),
            STEP.parameter(),
            RADIUS.parameter(),
            TARGET.parameter(),
            GAPS.parameter(),
            FAILURE.parameter(),
            GATE.parameter(),
            CONSTANT.parameter(),
            LIMIT.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let dimensions: Vec<usize> = setup.get(DIMENSIONS).iter().map(|d| *d as usize).collect();
        let seeds = setup.over_seeds(|streams| one(setup, &dimensions, streams))?;
        let claims = escapes(setup, &dimensions, &seeds)
            .into_iter()
            .chain(grants(setup, &seeds));
        Ok(Findings::new()
            .claims(claims)
            .table("times", table(&dimensions, &seeds))
            .figure("escape", figure(setup, &dimensions, &seeds)))
    }
}

fn one(setup: &Setup, dimensions: &[usize], streams: Streams) -> Result<Seed, ExperimentError> {
    let mut seed = Seed {
        each: vec![],
        gated: vec![],
        escaped: 0,
        late: 0,
        path: vec![],
        across: false,
        falls: vec![],
        times: vec![],
    };
    for count in dimensions {
        let top = rank_one(*count);
        let each = run(setup, &top, Perturbation::Each, streams)?;
        let gated = run(setup, &top, Perturbation::Gated, streams)?;
        seed.each.push(each.losses.len() as f64 - 1.0);
        seed.gated.push(gated.losses.len() as f64 - 1.0);
        seed.escaped += usize::from(each.escaped) + usize::from(gated.escaped);
        seed.late += usize::from(gated.perturbed.first().is_some_and(|first| *first > 0));
        if *count == dimensions[0] {
            seed.path = each.losses;
        }
    }
    seed.across = run(
        setup,
        &rank_one(dimensions[0]),
        Perturbation::Across,
        streams,
    )?
    .escaped;
    for (index, gap) in setup.get(GAPS).iter().enumerate() {
        let (fall, time) = fall(setup, *gap, streams.stream("gap", index as u64))?;
        seed.falls.push(fall);
        seed.times.push(time);
    }
    Ok(seed)
}

/// From the second eigenvector of a matrix with the eigenvalues 1 and 1 − gap: the fall in the granted steps over the
/// granted fall, and the steps until half of the possible fall.
fn fall(
    setup: &Setup,
    gap: f64,
    mut rng: crate::random::StreamRng,
) -> Result<(f64, f64), ExperimentError> {
    const DIMENSIONS: usize = 50;
    let mut eigenvalues = vec![0.0; DIMENSIONS];
    (eigenvalues[0], eigenvalues[1]) = (1.0, 1.0 - gap);
    let top = TopEigenvector { eigenvalues };
    let saddle_point = top.critical_points()[2].clone();
    let possible = top.value(&saddle_point) - top.least();
    let grant = grant(
        DIMENSIONS,
        gap,
        possible,
        [setup.get(FAILURE), setup.get(CONSTANT)],
    );
    let (mut x, step) = (saddle_point.clone(), 1.0 / 3.0);
    vector::add(
        &mut x,
        step,
        &saddle::in_ball(&mut rng, DIMENSIONS, grant.radius),
    );
    let (mut fallen, mut half) = (0.0, f64::NAN);
    for index in 1..=(20 * grant.steps) {
        top.descend(&mut x, step);
        let now = top.value(&saddle_point) - top.value(&x);
        if index == grant.steps {
            fallen = now;
        }
        if half.is_nan() && now > possible / 2.0 {
            half = index as f64;
        }
        if index >= grant.steps && !half.is_nan() {
            break;
        }
    }
    Ok((fallen / grant.drop, half))
}

fn slope_of(
    xs: &[f64],
    seeds: &[Seed],
    of: &dyn Fn(&Seed) -> &Vec<f64>,
    x_log: bool,
    y_log: bool,
) -> Estimate {
    let log = |value: f64, is_log: bool| if is_log { value.ln() } else { value };
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for seed in seeds {
        x.extend(xs.iter().map(|value| log(*value, x_log)));
        y.extend(of(seed).iter().map(|value| log(*value, y_log)));
    }
    Estimate::slope(&x, &y)
}

fn escapes(setup: &Setup, dimensions: &[usize], seeds: &[Seed]) -> Vec<Claim> {
    let (step, target) = (setup.get(STEP), setup.get(TARGET));
    let expected = 0.5 / step.ln_1p();
    let runs = 2 * dimensions.len() * seeds.len();
    let xs: Vec<f64> = dimensions.iter().map(|count| *count as f64).collect();
    let gate = setup.get(GATE);
    let mut still = vec![0.0; dimensions[0]];
    still[1] = 1.0;
    (0..1_000).for_each(|_| rank_one(dimensions[0]).descend(&mut still, step));
    let gated = |seed: &Seed| seed.gated.clone();
    vec![
        Claim::printed(
            "theory 7-2",
            format!(
                "Perturbed at each step from the saddle point on, or on the way to it where the \
                gradient is at most {gate} and no perturbation was in the last 𝒯 steps, descent \
                comes below the loss {target} (share of runs)"
            ),
            Rule::Above(0.9),
            Estimate::proportion(seeds.iter().map(|seed| seed.escaped).sum(), runs),
        ),
        Claim::must_fail(
            "theory 7-2",
            "Descent without a perturbation does, too, from the start of the gated runs (its loss \
             after 1000 steps)",
            Rule::Below(target),
            Estimate::exact(rank_one(dimensions[0]).value(&still), 1e-12),
        ),
        Claim::must_fail(
            "theory 7-2",
            "A perturbation across the direction of escape is as good (share of runs that come \
             below that loss in 2000 steps)",
            Rule::Above(0.9),
            Estimate::proportion(seeds.iter().filter(|seed| seed.across).count(), seeds.len()),
        ),
        Claim::printed(
            "theory 7-3",
            format!(
                "The steps until escape grow by {expected:.3} for each unit of ln d, as \
                ½/ln(1 + η) (noise at each step)"
            ),
            Rule::Equals {
                value: expected,
                tolerance: 0.25 * expected,
            },
            slope_of(&xs, seeds, &|seed| &seed.each, true, false),
        ),
        Claim::printed(
            "theory 7-3",
            "They grow more slowly than any power of d above d^0.1 (gated perturbations; slope of \
             the logarithms)",
            Rule::Below(0.1),
            slope_of(&xs, seeds, &|seed| &seed.gated, true, true),
        ),
        Claim::printed(
            "theory 7-3",
            format!(
                "They are fewer than ℓ(f(x₀) − f*)/ε² with ε = {gate}, the gradient at which a \
                 perturbation comes (largest ratio)"
            ),
            Rule::Below(1.0),
            Estimate::exact(
                // The unit vector across has the value ½, and the least one is 0.
                seeds.iter().flat_map(gated).fold(0.0, f64::max) * gate * gate / (SMOOTH * 0.5),
                1e-9,
            ),
        ),
        Claim::must_hold(
            "theory 7-3",
            "The gate is at work: the first perturbation of a gated run comes after some steps \
             without one (share of runs)",
            Rule::Above(0.8),
            Estimate::proportion(
                seeds.iter().map(|seed| seed.late).sum(),
                dimensions.len() * seeds.len(),
            ),
        ),
    ]
}

fn grants(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let (gaps, failure) = (setup.get(GAPS), setup.get(FAILURE));
    let enough = seeds
        .iter()
        .flat_map(|seed| &seed.falls)
        .filter(|fall| **fall >= 1.0)
        .count();
    let inverse: Vec<f64> = gaps.iter().map(|gap| 1.0 / gap).collect();
    let share = 1.0 - failure;
    vec![
        Claim::printed(
            "theory 7-4",
            format!(
                "In ι·ℓ/√(ρε) steps, with ι = {}·log(dℓΔ/(ρεδ)), the loss falls by \
                 √(ε³/ρ)/(50ι³) at least, with chance {share} (share of runs over the gaps {})",
                setup.get(CONSTANT),
                tested(&gaps)
            ),
            Rule::Above(share),
            Estimate::proportion(enough, seeds.len() * gaps.len()),
        ),
        Claim::printed(
            "theory 7-4",
            "The steps until half of the possible fall grow as the inverse of the curvature \
             √(ρε), up to logarithms (slope of the logarithms)",
            Rule::Between(1.0, 1.35),
            slope_of(&inverse, seeds, &|seed| &seed.times, true, true),
        ),
    ]
}

fn table(dimensions: &[usize], seeds: &[Seed]) -> Table {
    let columns = [
        Column::number("dimension"),
        Column::number("noise at each step"),
        Column::number("gated perturbations"),
    ];
    let at = |index: usize, of: &dyn Fn(&Seed) -> &Vec<f64>| {
        median(&seeds.iter().map(|seed| of(seed)[index]).collect::<Vec<_>>())
    };
    let rows = dimensions.iter().enumerate().map(|(index, count)| {
        vec![
            (*count).into(),
            at(index, &|seed| &seed.each).into(),
            at(index, &|seed| &seed.gated).into(),
        ]
    });
    Table::new(columns).with_rows(rows).captioned(
        "Median steps until the loss is below the \
        target.",
    )
}

fn figure(setup: &Setup, dimensions: &[usize], seeds: &[Seed]) -> Figure {
    Figure {
        columns: 3,
        width: Width::Page,
        ..Figure::new("Escape from a saddle point")
    }
    .with(panel_of_losses(dimensions[0], seeds))
    .with(panel_of_dimensions(setup, dimensions, seeds))
    .with(panel_of_curvatures(setup, seeds))
}

/// How the loss falls along each run in the first dimension.
fn panel_of_losses(dimension: usize, seeds: &[Seed]) -> Panel {
    let losses = Panel::new(
        Axis::counting("step"),
        Axis::new("loss above the least", "1").log(),
    )
    .titled(format!(
        "Runs \
        in {dimension} dimensions"
    ));
    let style = crate::figure::Style {
        colour: Some(0),
        dash: 0,
    };
    seeds.iter().fold(losses, |panel, seed| {
        let steps = (0..seed.path.len()).map(|index| index as f64).collect();
        panel.with(
            Line::new("", steps, seed.path.clone())
                .styled(style)
                .faint(),
        )
    })
}

/// Steps until escape over dimensions, beside their law.
fn panel_of_dimensions(setup: &Setup, dimensions: &[usize], seeds: &[Seed]) -> Panel {
    let xs: Vec<f64> = dimensions.iter().map(|count| *count as f64).collect();
    let step = setup.get(STEP);
    let values = |of: &dyn Fn(&Seed) -> &Vec<f64>, pick: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        (0..xs.len())
            .map(|index| pick(&seeds.iter().map(|seed| of(seed)[index]).collect::<Vec<_>>()))
            .collect()
    };
    let low = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let with_band = |label: &str, of: &dyn Fn(&Seed) -> &Vec<f64>| {
        Line::new(label, xs.clone(), values(of, &median))
            .with_band(
                values(of, &low),
                values(of, &high),
                "smallest to largest of all seeds",
            )
            .with_markers()
    };
    let mid = values(&|seed| &seed.each, &median)[0];
    let law = xs
        .iter()
        .map(|x| mid + 0.5 * (x / xs[0]).ln() / step.ln_1p())
        .collect();
    Panel::new(
        Axis::counting("dimension").log(),
        Axis::counting("steps until escape").including(0.0),
    )
    .titled("Dimension")
    .with(with_band("noise at each step", &|seed| &seed.each))
    .with(with_band("gated perturbations", &|seed| &seed.gated))
    .with(Line::new("½ ln d/ln(1 + η)", xs.clone(), law).styled(crate::figure::Style::REFERENCE))
}

/// Steps over how little the loss curves down.
fn panel_of_curvatures(setup: &Setup, seeds: &[Seed]) -> Panel {
    let gaps = setup.get(GAPS);
    let inverse: Vec<f64> = gaps.iter().map(|gap| 1.0 / gap).collect();
    let medians = (0..gaps.len()).map(|index| {
        median(
            &seeds
                .iter()
                .map(|seed| seed.times[index])
                .collect::<Vec<_>>(),
        )
    });
    Panel::new(
        Axis::new("inverse of the negative curvature", "1").log(),
        Axis::counting(
            "steps \
        until half the fall",
        )
        .log(),
    )
    .titled("Curvature")
    .with(Points::new("median", inverse, medians.collect()).with_fit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn escape_takes_about_sixty_steps_in_fifty_dimensions() {
        // The golden run: step ¼, r = 1e-3, d = 50; f < 1e-4 near step 60.
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), vec![0], false, &stop);
        let found = run(&setup, &rank_one(50), Perturbation::Each, Streams::new(0)).unwrap();
        let steps = found.losses.len();
        assert!(found.escaped && (45..80).contains(&steps), "{steps}");
        assert!((found.losses[0] - 0.25).abs() < 1e-15);
    }

    #[test]
    fn gated_perturbations_come_where_the_gradient_is_small_and_then_not_for_a_while() {
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), vec![0], false, &stop);
        // Across the direction of escape ‖x‖ falls as 1/√(1 + 2ηt): the gradient ‖x‖³ is 0.01 after about 41 steps.
        let found = run(&setup, &rank_one(10), Perturbation::Across, Streams::new(0)).unwrap();
        assert!(!found.escaped && (36..46).contains(&found.perturbed[0]));
        let wait = grant(10, 0.06f64.sqrt(), 0.5, [0.1, 4.0]).steps;
        let gaps: Vec<usize> = found
            .perturbed
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect();
        assert!(
            !gaps.is_empty() && gaps.iter().all(|gap| *gap == wait + 1),
            "{gaps:?}"
        );
    }

    #[test]
    fn the_granted_steps_are_those_of_the_inverse_curvature() {
        let (one, half) = (
            grant(50, 0.2, 0.1, [0.1, 1.0]),
            grant(50, 0.1, 0.1, [0.1, 1.0]),
        );
        let ratio = half.steps as f64 / one.steps as f64;
        assert!(ratio > 2.0 && ratio < 3.0, "{ratio}");
        assert!(half.drop < one.drop && half.radius < one.radius);
    }
}
