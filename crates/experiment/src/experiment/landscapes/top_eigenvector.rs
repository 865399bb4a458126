//! The landscape of the top eigenvector: all of its critical points, what their Hessians say, and that no approximate
//! second-order stationary point is bad.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Colours, Field, Figure, Line, Mark, Panel, Points, Width};
use crate::problem::dense;
use crate::problem::saddle::TopEigenvector;
use crate::problem::vector;
use crate::statistics::{Estimate, Rule};
use crate::table::{Column, Table};

/// The largest of the eigenvalues of the matrix; the others are in between.
const LARGEST: Number =
    Number::new("largest", "largest eigenvalue of the matrix", 5.0).allowed(1.1, 100.0);
const SECOND: Number =
    Number::new("second", "second eigenvalue of the matrix", 3.0).allowed(0.1, 99.0);
const THIRD: Number =
    Number::new("third", "third eigenvalue of the matrix", 1.0).allowed(0.01, 98.0);
const STARTS: Count = Count::new("starts", "starts of Newton's method per seed", 200)
    .quick(40)
    .allowed(5.0, 1e4);
const NODES: Count = Count::new("nodes", "nodes of the scan along each axis", 600)
    .quick(150)
    .allowed(20.0, 3e3);
const SLOPE: Number = Number::new(
    "slope",
    "c: the gradient counts as small below c times the excess loss",
    0.25,
)
.allowed(1e-6, 10.0);

/// Theory of Deep Learning, sections 6.1, 6.3 and 6.4.
#[derive(Debug)]
pub struct TopEigenvectorLandscape;

impl Experiment for TopEigenvectorLandscape {
    fn about(&self) -> About {
        About {
            name: "top-eigenvector-landscape",
            subject: Subject::Landscapes,
            claim: "The loss ¼‖M − xxᵀ‖² has no bad local minimum: each critical point but the \
                best one has a direction of negative curvature.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 6.1, 6.3 and 6.4",
            mathematics: "For a symmetric M with eigenvalues λ₁ > λ₂ ≥ … and eigenvectors vᵢ \
                the loss is f(x) = ¼‖M − xxᵀ‖², with gradient (xxᵀ − M)x and Hessian ‖x‖²I + \
                2xxᵀ − M. The gradient vanishes only at 0 and ±√λᵢ·vᵢ. At √λᵢ·vᵢ the Hessian \
                has the eigenvalue 2λᵢ along vᵢ and λᵢ − λⱼ along each other vⱼ, so that only \
                at i = 1 all are positive. A function is locally optimizable if, for each τ, \
                points with a small gradient and no strongly negative curvature have a loss \
                within τ of the least. For M = zzᵀ only a = ⟨x, z⟩ and the rest b of x count, \
                so that a scan of the plane (a, b) sees every point.",
            refuted_by: "A critical point elsewhere, a Hessian spectrum that is not the one \
                above, or a point with a small gradient, no negative curvature and a large \
                loss.",
            seeds: Extent { full: 20, quick: 5 },
            seconds: Extent {
                full: 0.5,
                quick: 0.03,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            LARGEST.parameter(),
            SECOND.parameter(),
            THIRD.parameter(),
            STARTS.parameter(),
            NODES.parameter(),
            SLOPE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let eigenvalues = vec![setup.get(LARGEST), setup.get(SECOND), setup.get(THIRD)];
        if !eigenvalues.is_sorted_by(|a, b| a > b) {
            return Err(ExperimentError::because(
                "largest, second and third must be in descending order",
            ));
        }
        let top = TopEigenvector { eigenvalues };
        let (rows, spectra) = spectra(&top)?;
        let claims = critical(&top, spectra)?
            .into_iter()
            .chain([newton(setup, &top)?])
            .chain(classes(&top)?)
            .chain(scan(setup)?);
        Ok(Findings::new()
            .claims(claims)
            .table("spectra", rows)
            .figure("landscape", figure(&top)))
    }
}

/// The table of critical points, and the largest deviation of a spectrum from its closed form.
fn spectra(top: &TopEigenvector) -> Result<(Table, f64), ExperimentError> {
    let mut table = Table::new(
        [Column::text("critical point")]
            .into_iter()
            .chain(["loss", "gradient norm", "lowest", "middle", "highest"].map(Column::number)),
    );
    let mut largest: f64 = 0.0;
    for (index, point) in top.critical_points().iter().enumerate() {
        let found = dense::eigenvalues(top.hessian(point).as_ref())?;
        if index > 0 {
            largest = largest.max(vector::distance(&found, &top.spectrum_at(index - 1)));
        }
        let name = if index == 0 {
            "0".to_owned()
        } else {
            format!("√λ{index}·v{index}")
        };
        let gradient = vector::norm(&top.gradient(point));
        let numbers = [top.value(point), gradient, found[0], found[1], found[2]];
        table = table.with_rows([std::iter::once(name.into())
            .chain(numbers.map(Into::into))
            .collect()]);
    }
    Ok((
        table.captioned("Eigenvalues of the Hessian at each critical point."),
        largest,
    ))
}

fn critical(top: &TopEigenvector, spectra: f64) -> Result<Vec<Claim>, ExperimentError> {
    let points = top.critical_points();
    let gradients = points
        .iter()
        .map(|point| vector::norm(&top.gradient(point)));
    let mut highest_of_lowest = f64::NEG_INFINITY;
    for point in points
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != 1)
        .map(|(_, point)| point)
    {
        highest_of_lowest =
            highest_of_lowest.max(dense::eigenvalues(top.hessian(point).as_ref())?[0]);
    }
    let best = dense::eigenvalues(top.hessian(&points[1]).as_ref())?;
    Ok(vec![
        Claim::printed(
            "theory 6-7",
            "The gradient (xxᵀ − M)x vanishes at 0 and at each √λᵢ·vᵢ (largest norm)",
            Rule::Below(1e-12),
            Estimate::exact(gradients.fold(0.0, f64::max), 1e-14),
        ),
        Claim::printed(
            "theory 6-7",
            "At √λᵢ·vᵢ the Hessian has the eigenvalues 2λᵢ and λᵢ − λⱼ (largest deviation)",
            Rule::Below(1e-10),
            Estimate::exact(spectra, 1e-13),
        ),
        Claim::printed(
            "theory 6-7",
            "At each critical point but the best one the Hessian has a negative eigenvalue \
             (the highest of the lowest)",
            Rule::Below(0.0),
            Estimate::exact(highest_of_lowest, 1e-12),
        ),
        Claim::printed(
            "theory 6-7",
            "At the best one all are positive (the lowest)",
            Rule::Above(0.0),
            Estimate::exact(best[0], 1e-12),
        ),
    ])
}

/// Newton's method goes to critical points of any kind: it must find none but the listed ones.
fn newton(setup: &Setup, top: &TopEigenvector) -> Result<Claim, ExperimentError> {
    let listed = top.critical_points();
    let starts = setup.get(STARTS);
    let found = setup.over_seeds(|streams| {
        let mut rng = streams.stream("starts", 0);
        let mut farthest: f64 = 0.0;
        for _ in 0..starts {
            let mut x = vector::normals(&mut rng, 3);
            x.iter_mut()
                .for_each(|x| *x *= 2.0 * top.eigenvalues[0].sqrt());
            if !is_critical(top, &mut x) {
                continue;
            }
            let positive: Vec<f64> = x.iter().map(|x| x.abs()).collect();
            let nearest = listed
                .iter()
                .map(|point| vector::distance(point, &positive));
            farthest = farthest.max(nearest.fold(f64::INFINITY, f64::min));
        }
        Ok(farthest)
    })?;
    let farthest = found.iter().copied().fold(0.0, f64::max);
    let text = format!(
        "There are no critical points but 0 and ±√λᵢ·vᵢ (largest distance to one of them of \
         the ends of Newton's method from {} starts)",
        starts * found.len()
    );
    Ok(Claim::printed(
        "theory 6-7",
        text,
        Rule::Below(1e-6),
        Estimate::exact(farthest, 1e-8),
    ))
}

fn is_critical(top: &TopEigenvector, x: &mut [f64]) -> bool {
    use faer::linalg::solvers::Solve;
    for _ in 0..200 {
        let gradient = dense::column(&top.gradient(x));
        if gradient.norm_l2() < 1e-11 {
            return true;
        }
        let step = top.hessian(x).partial_piv_lu().solve(&gradient);
        vector::add(x, -1.0, &dense::numbers(step.as_ref()));
    }
    false
}

/// What values on a small sphere say of a critical point: −1 all are lower, 1 all are higher, 0 there are both.
fn by_values(value: impl Fn(&[f64]) -> f64, point: &[f64]) -> i32 {
    const RADIUS: f64 = 1e-3;
    let here = value(point);
    let mut signs = [false; 2];
    let count = if point.len() == 1 { 2 } else { 2_000 };
    for index in 0..count {
        let direction = spiral(index, count, point.len());
        let mut moved = point.to_vec();
        vector::add(&mut moved, RADIUS, &direction);
        signs[usize::from(value(&moved) > here)] = true;
    }
    i32::from(signs[1]) - i32::from(signs[0])
}

/// Directions that cover the unit sphere of three dimensions evenly (a spiral with the golden angle), or the two of one.
fn spiral(index: usize, count: usize, dimensions: usize) -> Vec<f64> {
    if dimensions == 1 {
        return vec![2.0 * index as f64 - 1.0];
    }
    let height = 1.0 - (2.0 * index as f64 + 1.0) / count as f64;
    let angle = index as f64 * std::f64::consts::PI * (3.0 - 5f64.sqrt());
    let width = (1.0 - height * height).sqrt();
    vec![width * angle.cos(), width * angle.sin(), height]
}

fn by_spectrum(spectrum: &[f64]) -> Option<i32> {
    match (spectrum[0], spectrum[spectrum.len() - 1]) {
        (lowest, _) if lowest > 0.0 => Some(1),
        (_, highest) if highest < 0.0 => Some(-1),
        (lowest, highest) if lowest < 0.0 && highest > 0.0 => Some(0),
        _ => None,
    }
}

fn classes(top: &TopEigenvector) -> Result<Vec<Claim>, ExperimentError> {
    let mut wrong = 0;
    for point in top.critical_points() {
        let spectrum = dense::eigenvalues(top.hessian(&point).as_ref())?;
        wrong += usize::from(by_spectrum(&spectrum) != Some(by_values(|x| top.value(x), &point)));
    }
    // Three functions with the Hessian 0 at 0, of which each is of another class.
    let powers: [fn(f64) -> f64; 3] = [|w| w.powi(4), |w| -w.powi(4), |w| w.powi(3)];
    let mut classes: Vec<i32> = powers
        .iter()
        .map(|power| by_values(|x| power(x[0]), &[0.0]))
        .collect();
    let minima = classes.iter().filter(|class| **class == 1).count();
    // Of all points: the minima with a negative eigenvalue, and the others without one.
    let (mut without, mut more) = (0, classes.len() - minima);
    for point in top.critical_points() {
        let lowest = dense::eigenvalues(top.hessian(&point).as_ref())?[0];
        let is_minimum = by_values(|x| top.value(x), &point) == 1;
        without += usize::from(is_minimum && lowest < 0.0);
        more += usize::from(!is_minimum && lowest >= 0.0);
    }
    classes.dedup();
    Ok(vec![
        Claim::printed(
            "theory 6-1",
            "A definite Hessian makes a minimum or a maximum, an indefinite one a saddle point \
             (how many critical points of f are of another class by the values around them)",
            Rule::Below(0.5),
            Estimate::exact(wrong as f64, 0.0),
        ),
        Claim::printed(
            "theory 6-1",
            "The remaining Hessians decide nothing: w⁴, −w⁴ and w³ have the Hessian 0 at 0 and \
             are of three classes",
            Rule::Equals {
                value: 3.0,
                tolerance: 0.5,
            },
            Estimate::exact(classes.len() as f64, 0.0),
        ),
        Claim::printed(
            "theory 6-1",
            "A stationary point whose Hessian is positive semidefinite is a local minimum, as \
             Definition 2.1.5 has it (share of w⁴, −w⁴ and w³, whose Hessian is 0 at 0, that have \
             one)",
            Rule::Above(0.99),
            Estimate::exact(minima as f64 / 3.0, 0.0),
        ),
        Claim::corrected(
            "theory 6-1",
            "A positive semidefinite Hessian is not sufficient for a local minimum: of the critical \
             points of f and of w⁴, −w⁴ and w³, some have one and are none (how many)",
            Rule::Above(0.5),
            Estimate::exact(more as f64, 0.0),
        ),
        Claim::corrected(
            "theory 6-1",
            "It is necessary: none of these points is a local minimum without one (how many)",
            Rule::Below(0.5),
            Estimate::exact(without as f64, 0.0),
        ),
    ])
}

/// The least ratios of gradient to excess loss over the points of the plane without negative curvature.
struct Least {
    /// Of the whole gradient, at points where no eigenvalue of the Hessian is below −1/4.
    stationary: f64,
    /// Of its parts along x and z, at points where the curvature along both is above −1/4.
    directions: f64,
    /// The same without a look at curvature.
    without: f64,
}

fn scan(setup: &Setup) -> Result<Vec<Claim>, ExperimentError> {
    let (nodes, slope) = (setup.get(NODES), setup.get(SLOPE));
    let top = TopEigenvector {
        eigenvalues: vec![1.0, 0.0],
    };
    let mut least = Least {
        stationary: f64::INFINITY,
        directions: f64::INFINITY,
        without: f64::INFINITY,
    };
    for row in 0..nodes {
        setup.go_on()?;
        for column in 0..nodes {
            let at = |index: usize| 2.5 * index as f64 / nodes as f64;
            look(&top, [at(row), at(column)], &mut least);
        }
    }
    let text = |what: &str| {
        format!(
            "For M = zzᵀ, ‖z‖ = 1 and all τ < 1: {what} has f(x) ≤ τ (least c that a point \
            would refute)"
        )
    };
    let sosp = text(&format!("each x with ‖∇f‖ ≤ {slope}·τ and λmin ≥ −1/4"));
    let both = text(&format!(
        "each x of which neither x nor z is a ({slope}·τ, 1/4)-direction \
        of improvement"
    ));
    let none = text(&format!(
        "each x at which the slopes along x and z are below {slope}·τ, \
        whatever the curvature,"
    ));
    Ok(vec![
        Claim::printed(
            "theory 6-6",
            sosp,
            Rule::Above(slope),
            Estimate::exact(least.stationary, 1e-3),
        ),
        Claim::printed(
            "theory 6-8",
            both,
            Rule::Above(slope),
            Estimate::exact(least.directions, 1e-3),
        ),
        Claim::must_fail(
            "theory 6-8",
            none,
            Rule::Above(slope),
            Estimate::exact(least.without, 1e-3),
        ),
    ])
}

fn look(top: &TopEigenvector, x: [f64; 2], least: &mut Least) {
    let excess = top.value(&x).min(1.0);
    if excess < 1e-9 {
        return;
    }
    let (gradient, hessian, length) = (top.gradient(&x), top.hessian(&x), vector::norm(&x));
    let along_x = if length > 0.0 {
        vector::inner(&gradient, &x).abs() / length
    } else {
        0.0
    };
    let largest = along_x.max(gradient[0].abs()) / excess;
    least.without = least.without.min(largest);
    let column = dense::column(&x);
    let curvature_x = if length > 0.0 {
        crate::problem::linear_class::form(&hessian, column.as_ref())
    } else {
        0.0
    };
    if hessian[(0, 0)] >= -0.25 && curvature_x >= -0.25 * length * length {
        least.directions = least.directions.min(largest);
    }
    // Across the plane all eigenvalues are ‖x‖², which is not negative.
    let (half, spread) = (
        (hessian[(0, 0)] + hessian[(1, 1)]) / 2.0,
        (hessian[(0, 0)] - hessian[(1, 1)]) / 2.0,
    );
    if half - spread.hypot(hessian[(0, 1)]) >= -0.25 {
        least.stationary = least.stationary.min(vector::norm(&gradient) / excess);
    }
}

fn figure(top: &TopEigenvector) -> Figure {
    let reach = 1.35 * top.eigenvalues[0].sqrt();
    let nodes: Vec<f64> = (0..=80)
        .map(|index| reach * (f64::from(index) / 40.0 - 1.0))
        .collect();
    let value = |a: f64, b: f64| top.value(&[a, b, 0.0]) - top.least();
    let values = nodes
        .iter()
        .map(|b| nodes.iter().map(|a| value(*a, *b).log10()).collect())
        .collect();
    let colour = Axis::new("log₁₀ of the excess loss", "1");
    let field = Field {
        x: nodes.clone(),
        y: nodes.clone(),
        values,
        colour,
        colours: Colours::Sequential,
    };
    let axes = || {
        (
            Axis::new("x along v₁", "1").over([-reach, reach]),
            Axis::new("x along v₂", "1").over([-reach, reach]),
        )
    };
    let (a, b) = (top.eigenvalues[0].sqrt(), top.eigenvalues[1].sqrt());
    let panel = Panel::new(axes().0, axes().1)
        .titled("Descent past the saddle points")
        .with(Mark::Contour(field));
    let starts = [
        [0.02, 2.6],
        [-0.05, 2.6],
        [0.3, 0.05],
        [-0.2, -2.8],
        [2.5, -1.5],
    ];
    let panel = starts
        .iter()
        .enumerate()
        .fold(panel, |panel, (index, start)| {
            let mut x = vec![start[0], start[1], 0.0];
            let mut path = [vec![x[0]], vec![x[1]]];
            for _ in 0..400 {
                top.descend(&mut x, 0.02);
                path[0].push(x[0]);
                path[1].push(x[1]);
            }
            let [along, across] = path;
            let label = if index == 0 { "gradient descent" } else { "" };
            let style = crate::figure::Style {
                colour: Some(0),
                dash: 0,
            };
            panel.with(Line::new(label, along, across).styled(style))
        });
    let panel = panel
        .with(Points::new("minimum", vec![a, -a], vec![0.0, 0.0]))
        .with(Points::new("saddle point", vec![0.0, 0.0], vec![b, -b]))
        .with(Points::new("maximum", vec![0.0], vec![0.0]));
    Figure {
        width: Width::Column,
        ..Figure::new("The landscape of the top eigenvector").with(panel)
    }
    .described(
        "Contours of the loss in the plane of the first two eigenvectors, with its \
            critical points.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_around_a_point_tell_its_class() {
        assert_eq!(by_values(vector::square, &[0.0; 3]), 1);
        assert_eq!(by_values(|x| -vector::square(x), &[0.0; 3]), -1);
        assert_eq!(by_values(|x| x[0] * x[0] - x[1] * x[1], &[0.0; 3]), 0);
        assert_eq!(by_spectrum(&[-1.0, 2.0]), Some(0));
        assert_eq!(by_spectrum(&[0.0, 2.0]), None);
    }

    #[test]
    fn newton_s_method_ends_at_a_saddle_point_too() {
        let top = TopEigenvector {
            eigenvalues: vec![5.0, 3.0, 1.0],
        };
        let mut x = vec![0.1, 1.7, 0.1];
        assert!(is_critical(&top, &mut x));
        assert!(vector::distance(&x, &top.critical_points()[2]) < 1e-9);
    }

    #[test]
    fn at_the_origin_only_curvature_helps() {
        let top = TopEigenvector {
            eigenvalues: vec![1.0, 0.0],
        };
        let mut least = Least {
            stationary: f64::INFINITY,
            directions: f64::INFINITY,
            without: f64::INFINITY,
        };
        look(&top, [0.0, 0.0], &mut least);
        assert_eq!(
            (least.without, least.directions, least.stationary),
            (0.0, f64::INFINITY, f64::INFINITY)
        );
    }
}
