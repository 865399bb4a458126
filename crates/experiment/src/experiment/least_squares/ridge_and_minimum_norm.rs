//! Three routes to the shortest solution: descent, the pseudo-inverse, and ridge regression with a vanishing penalty.

use super::{beside, curve, each, largest, style};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Panel, Rule as Mark};
use crate::problem::draw;
use crate::problem::least_squares::{LeastSquares, pseudo_inverse, relative_distance};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use faer::{Mat, Scale};

const SAMPLES: Count = Count::new("samples", "rows of the data matrix", 100)
    .quick(40)
    .allowed(5.0, 200.0);
const FEATURES: Count = Count::new("features", "columns of the data matrix", 500)
    .quick(200)
    .allowed(10.0, 1_000.0);
const NOISE: Number =
    Number::new("noise", "standard deviation of the label noise", 0.01).allowed(0.0, 1e3);
const STEPS: Count = Count::new("steps", "steps of gradient descent", 1_000).allowed(10.0, 1e5);

/// The penalties `λ` of `‖Xw − y‖² + λ‖w‖²`.
const PENALTIES: [f64; 8] = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0];

/// The place of the penalty of the text, 0.001.
const OF_THE_TEXT: usize = 2;

/// The perturbations of the data.
const PERTURBATIONS: [f64; 3] = [1e-5, 1e-4, 1e-3];

/// Ridge regression, the pseudo-inverse and descent.
#[derive(Debug)]
pub struct RidgeAndMinimumNorm;

#[derive(Debug)]
struct Measured {
    descent: f64,
    norms: Vec<f64>,
    distances: Vec<f64>,
    residuals: Vec<f64>,
    from_elsewhere: f64,
    orthogonal_rows: f64,
    perturbed: [f64; 3],
    halved: f64,
    penrose: f64,
    formulas: f64,
    agreement: f64,
    agreement_with_signs: f64,
}

impl Experiment for RidgeAndMinimumNorm {
    fn about(&self) -> About {
        About {
            name: "ridge-and-minimum-norm",
            subject: Subject::LeastSquares,
            claim: "Gradient descent, the pseudo-inverse and ridge regression with a vanishing \
                penalty agree.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), Example \
                2; Arora et al., Theory of Deep Learning (draft), sec. 3.1.1; Inductive bias of \
                optimisation (lecture notes).",
            mathematics: "The minimiser of ‖Xw − y‖² + λ‖w‖² is w_λ = Xᵀ(XXᵀ + λI)⁻¹y. Along a singular \
                direction σ it is the share σ²/(σ² + λ) of X⁺y: always shorter than X⁺y, never \
                interpolating for λ > 0, and X⁺y in the limit, from which it differs by about \
                λ/σ². So the end of the path of penalties (structural risk minimisation, λ → 0) \
                is where descent from zero ends; descent from elsewhere ends elsewhere. The \
                pseudo-inverse M⁺ = Σ vᵢuᵢᵀ/σᵢ of M = Σ σᵢuᵢvᵢᵀ satisfies MM⁺M = M and M⁺MM⁺ = \
                M⁺. For a symmetric M the singular vectors are those of the spectral \
                decomposition up to a sign: vᵢ = uᵢ where the eigenvalue is positive, −uᵢ where \
                it is not.",
            refuted_by: "A ridge solution longer than X⁺y, or a limit of ridge solutions that descent \
                from zero does not reach.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 2.0,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            NOISE.parameter(),
            STEPS.parameter(),
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
            .claims(of_the_routes(&all))
            .claims(of_the_time(&all))
            .claims(of_the_norm(&all))
            .claims(of_the_residual(&all))
            .claims(of_the_path(&all))
            .claims(of_the_inverse(&all))
            .figure("path", figure(&all)))
    }
}

fn measure(setup: &Setup, streams: Streams) -> Result<Measured, ExperimentError> {
    let mut rng = streams.stream("data", 0);
    let truth = draw::normals(&mut rng, setup.get(FEATURES));
    let problem = LeastSquares::gaussian(&mut rng, setup.get(SAMPLES), &truth, setup.get(NOISE));
    let shortest = problem.shortest()?;
    let step = 1.0 / problem.sharpness()?;
    let reached = problem.descend(&problem.origin(), step, setup.get(STEPS));
    let start = draw::normals(&mut streams.stream("start", 0), setup.get(FEATURES));
    let elsewhere = problem.descend(&start, step, setup.get(STEPS));
    let ridges = PENALTIES
        .iter()
        .map(|&penalty| problem.ridge(penalty))
        .collect::<Result<Vec<_>, _>>()?;
    let mut matrices = streams.stream("matrices", 0);
    let symmetric = symmetric(&mut matrices)?;
    Ok(Measured {
        descent: relative_distance(&reached, &shortest),
        norms: ridges
            .iter()
            .map(|ridge| ridge.norm_l2() / shortest.norm_l2())
            .collect(),
        distances: ridges
            .iter()
            .map(|ridge| relative_distance(ridge, &shortest))
            .collect(),
        residuals: ridges
            .iter()
            .map(|ridge| problem.residual(ridge).norm_l2() / problem.y.norm_l2())
            .collect(),
        from_elsewhere: relative_distance(&elsewhere, &ridges[0]),
        orthogonal_rows: orthogonal_rows(&mut matrices)?,
        perturbed: perturbed(&problem, &mut matrices)?,
        halved: steps_until(&problem, 0.1 * step)? / steps_until(&problem, 0.2 * step)?,
        penrose: penrose(&mut matrices)?,
        formulas: formulas(&problem)?,
        agreement: symmetric[0],
        agreement_with_signs: symmetric[1],
    })
}

/// With orthonormal rows: how far `X⁺y` is from `Xᵀy`.
fn orthogonal_rows(rng: &mut StreamRng) -> Result<f64, ExperimentError> {
    let basis = draw::orthogonal(rng, 12);
    let x = basis.get(..5, ..).to_owned();
    let problem = LeastSquares {
        x,
        y: draw::normals(rng, 5),
    };
    Ok(relative_distance(
        &(problem.x.transpose() * &problem.y),
        &problem.shortest()?,
    ))
}

/// By how much the shortest solution changes where `X` becomes `X + εE` with standard normal `E`.
fn perturbed(problem: &LeastSquares, rng: &mut StreamRng) -> Result<[f64; 3], ExperimentError> {
    let error = draw::gaussian(rng, problem.x.nrows(), problem.unknowns());
    let shortest = problem.shortest()?;
    let mut changes = [0.0; 3];
    for (change, size) in changes.iter_mut().zip(PERTURBATIONS) {
        let other = LeastSquares {
            x: &problem.x + Scale(size) * &error,
            y: problem.y.clone(),
        };
        *change = relative_distance(&other.shortest()?, &shortest);
    }
    Ok(changes)
}

/// Steps of descent until the residual is a thousandth of the labels.
fn steps_until(problem: &LeastSquares, step: f64) -> Result<f64, ExperimentError> {
    const MOST: usize = 5_000;
    let mut w = problem.origin();
    for steps in 0..MOST {
        let residual = problem.residual(&w);
        if residual.norm_l2() < 1e-3 * problem.y.norm_l2() {
            return Ok(steps as f64);
        }
        w = &w - Scale(step) * (problem.x.transpose() * residual);
    }
    Err(ExperimentError::because(format!(
        "descent takes more than {MOST} steps: choose `features` farther from `samples`"
    )))
}

/// The worse of `‖MM⁺M − M‖/‖M‖` and `‖M⁺MM⁺ − M⁺‖/‖M⁺‖` for a matrix of 30 by 20 and rank 7.
fn penrose(rng: &mut StreamRng) -> Result<f64, ExperimentError> {
    let matrix = draw::gaussian(rng, 30, 7) * draw::gaussian(rng, 7, 20);
    let inverse = pseudo_inverse(&matrix)?;
    let first = (&matrix * &inverse * &matrix - &matrix).norm_l2() / matrix.norm_l2();
    let second = (&inverse * &matrix * &inverse - &inverse).norm_l2() / inverse.norm_l2();
    Ok(first.max(second))
}

/// How far `(XᵀX)⁺Xᵀy` is from `Xᵀ(XXᵀ)⁻¹y`.
fn formulas(problem: &LeastSquares) -> Result<f64, ExperimentError> {
    let curvature: Mat<f64> = problem.x.transpose() * &problem.x;
    let first = pseudo_inverse(&curvature)? * (problem.x.transpose() * &problem.y);
    Ok(relative_distance(&first, &problem.ridge(0.0)?))
}

/// For a symmetric matrix with eigenvalues of both signs: the least `uᵢ·vᵢ`, and the least `uᵢ·vᵢ` times the sign of
/// `uᵢᵀMuᵢ`.
fn symmetric(rng: &mut StreamRng) -> Result<[f64; 2], ExperimentError> {
    let matrix = draw::symmetric(rng, &[5.0, -4.0, 3.0, -2.0, 1.0]);
    let svd = matrix
        .thin_svd()
        .map_err(|_| ExperimentError::because("a matrix has no singular values"))?;
    let mut least = [f64::INFINITY; 2];
    for index in 0..5 {
        let (left, right) = (svd.U().col(index), svd.V().col(index));
        let product = left.transpose() * right;
        let form = left.transpose() * &matrix * left;
        least = [least[0].min(product), least[1].min(product * form.signum())];
    }
    Ok(least)
}

fn of_the_routes(all: &[Measured]) -> Vec<Claim> {
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    let logs = PERTURBATIONS.map(f64::ln);
    let slopes = each(all, |one| {
        Estimate::slope(&logs, &one.perturbed.map(f64::ln)).value
    });
    vec![
        Claim::printed(
            "flat-vs-sharp E2",
            "Descent from zero ends at X⁺y, to a share of 1e-6.",
            Rule::Below(1e-6),
            mean(|one| one.descent),
        ),
        Claim::printed(
            "flat-vs-sharp E2",
            "Ridge regression with λ = 0.001 is as near to descent: the distance is a share below \
            1e-4.",
            Rule::Below(1e-4),
            mean(|one| one.distances[OF_THE_TEXT]),
        ),
        Claim::printed(
            "flat-vs-sharp E2",
            "With XXᵀ = I the shortest solution is Xᵀy, to a share of 1e-10.",
            Rule::Below(1e-10),
            mean(|one| one.orthogonal_rows),
        ),
        Claim::printed(
            "flat-vs-sharp E2",
            "A perturbation εE of the data changes the shortest solution in proportion to ε: \
            slope 1 in logarithms, within 0.05.",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.05,
            },
            Estimate::mean(&slopes),
        ),
    ]
}

fn of_the_time(all: &[Measured]) -> Vec<Claim> {
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![Claim::printed(
        "flat-vs-sharp E2",
        "Half the step takes twice as many steps, within 5 % (ratio, from 0.2 to 0.1/λ_max).",
        Rule::Equals {
            value: 2.0,
            tolerance: 0.1,
        },
        mean(|one| one.halved),
    )]
}

fn of_the_norm(all: &[Measured]) -> Vec<Claim> {
    let shorter: Vec<Vec<f64>> = (0..PENALTIES.len())
        .map(|place| each(all, |one| -one.norms[place]))
        .collect();
    vec![
        Claim::printed(
            "flat-vs-sharp E2",
            "The ridge solution with λ = 0.001 is 1.05 times as long as X⁺y, within 0.01.",
            Rule::Equals {
                value: 1.05,
                tolerance: 0.01,
            },
            Estimate::mean(&each(all, |one| one.norms[OF_THE_TEXT])),
        ),
        Claim::corrected(
            "flat-vs-sharp E2",
            "Ridge solutions are shorter than X⁺y, the more the larger the penalty, from 1e-5 to \
            100 (least fall of the share).",
            Rule::Above(0.0),
            Estimate::smallest_step(&shorter),
        ),
        Claim::printed(
            "flat-vs-sharp E2",
            "The ridge solution with λ = 0.001 interpolates as that of descent does: its residual \
            is below 1e-10 of the labels.",
            Rule::Below(1e-10),
            Estimate::mean(&each(all, |one| one.residuals[OF_THE_TEXT])),
        ),
    ]
}

fn of_the_residual(all: &[Measured]) -> Vec<Claim> {
    let logs = PENALTIES[..6]
        .iter()
        .map(|penalty| penalty.ln())
        .collect::<Vec<f64>>();
    let slopes = each(all, |one| {
        let residuals: Vec<f64> = one.residuals[..6]
            .iter()
            .map(|residual| residual.ln())
            .collect();
        Estimate::slope(&logs, &residuals).value
    });
    vec![Claim::corrected(
        "flat-vs-sharp E2",
        "Its residual is proportional to the penalty up to λ = 1: slope 1 in logarithms, \
            within 0.05.",
        Rule::Equals {
            value: 1.0,
            tolerance: 0.05,
        },
        Estimate::mean(&slopes),
    )]
}

fn of_the_path(all: &[Measured]) -> Vec<Claim> {
    let logs = PENALTIES[..6]
        .iter()
        .map(|penalty| penalty.ln())
        .collect::<Vec<f64>>();
    let slopes = each(all, |one| {
        let distances: Vec<f64> = one.distances[..6]
            .iter()
            .map(|distance| distance.ln())
            .collect();
        Estimate::slope(&logs, &distances).value
    });
    vec![
        Claim::printed(
            "inductive-bias N10",
            "The path of penalties ends where descent from zero ends: at λ = 1e-5 the distance is \
            a share below 1e-6.",
            Rule::Below(1e-6),
            Estimate::mean(&each(all, |one| one.distances[0] + one.descent)),
        ),
        Claim::printed(
            "inductive-bias N10",
            "On the way the distance is proportional to the penalty: slope 1 in logarithms, \
            within 0.05, up to λ = 1.",
            Rule::Equals {
                value: 1.0,
                tolerance: 0.05,
            },
            Estimate::mean(&slopes),
        ),
        Claim::must_fail(
            "inductive-bias N10",
            "Descent from a random start ends at the end of the path, too, to a share of 1e-6.",
            Rule::Below(1e-6),
            Estimate::mean(&each(all, |one| one.from_elsewhere)),
        ),
    ]
}

fn of_the_inverse(all: &[Measured]) -> Vec<Claim> {
    let mean = |of: fn(&Measured) -> f64| Estimate::mean(&each(all, of));
    vec![
        Claim::printed(
            "theory 3-2",
            "MM⁺M = M and M⁺MM⁺ = M⁺ for matrices of 30 by 20 and rank 7, to a share of 1e-10.",
            Rule::Below(1e-10),
            mean(|one| one.penrose),
        ),
        Claim::printed(
            "theory 3-2",
            "(XᵀX)⁺Xᵀy = Xᵀ(XXᵀ)⁻¹y for independent rows, to a share of 1e-10.",
            Rule::Below(1e-10),
            mean(|one| one.formulas),
        ),
        Claim::printed(
            "theory 3-2",
            "For a symmetric matrix the left and right singular vectors are the same: the least \
            product uᵢ·vᵢ is 1, with eigenvalues of both signs.",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-9,
            },
            mean(|one| one.agreement),
        ),
        Claim::corrected(
            "theory 3-2",
            "They are the same up to the sign of the eigenvalue: the least product with it is 1.",
            Rule::Equals {
                value: 1.0,
                tolerance: 1e-9,
            },
            mean(|one| one.agreement_with_signs),
        ),
    ]
}

fn figure(all: &[Measured]) -> Figure {
    let line = |label: &str, of: fn(&Measured) -> &Vec<f64>, colour: usize| {
        let draws: Vec<Vec<f64>> = all.iter().map(|one| of(one).clone()).collect();
        curve(label, &PENALTIES, &draws)
            .styled(style(colour, colour))
            .with_markers()
    };
    let penalty = || Axis::new("penalty λ", "1").log();
    let longest = largest(all.iter().flat_map(|one| one.norms.iter().copied())).max(1.06);
    let norms = Panel::new(
        penalty(),
        Axis::new("norm over that of X⁺y", "1")
            .linear()
            .including(longest),
    )
    .with(line("norm", |one| &one.norms, 0))
    .with(Mark::level("printed for λ = 0.001", 1.05));
    let distances = Panel::new(penalty(), Axis::new("share", "1").log())
        .with(line("distance to X⁺y", |one| &one.distances, 1))
        .with(line("residual", |one| &one.residuals, 2));
    let figure = Figure::new("The path of ridge solutions as the penalty vanishes")
        .described(
            "The norm of ridge solutions rises to that of the shortest solution; distance and \
            residual vanish with the penalty.",
        )
        .with(norms)
        .with(distances);
    beside(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_symmetric_matrix_with_both_signs_some_singular_vectors_are_opposite() {
        let [plain, signed] = symmetric(&mut Streams::new(0).stream("test", 0)).unwrap();
        assert!((plain + 1.0).abs() < 1e-12 && (signed - 1.0).abs() < 1e-12);
    }

    #[test]
    fn penrose_s_equations_hold_and_orthonormal_rows_need_no_inverse() {
        let mut rng = Streams::new(0).stream("test", 0);
        assert!(penrose(&mut rng).unwrap() < 1e-12);
        assert!(orthogonal_rows(&mut rng).unwrap() < 1e-13);
    }
}
