//! The landscape of a linear autoencoder with dropout: one value at all minima, equal columns, strict saddles.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel};
use crate::problem::factorisation::{Autoencoder, equalising_rotation, sunk};
use crate::problem::{dense, draw};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule, mean};
use crate::table::{Column, Table};
use faer::{Mat, MatRef, Scale};

const STARTS: Count = Count::new("starts", "random starts of descent for each matrix", 6)
    .quick(3)
    .allowed(2.0, 200.0);
const STEPS: Count = Count::new("steps", "the most steps of gradient descent", 40_000)
    .quick(20_000)
    .allowed(1000.0, 1e7);
const WEAK: Number =
    Number::new("weak", "strength λ below the bound of the theorem", 0.3).allowed(0.02, 0.44);
const STRONG: Number = Number::new("strong", "strength λ above it", 2.0).allowed(0.45, 20.0);

/// The eigenvalues of the matrix, and the strength and width of the third case; the first two are as wide as the matrix.
const EIGENVALUES: [f64; 4] = [3.0, 2.0, 1.0, 0.5];
const NARROW: (f64, usize) = (1.0, 2);

/// See the file.
#[derive(Debug)]
pub struct DropoutLandscape;

impl Experiment for DropoutLandscape {
    fn about(&self) -> About {
        About {
            name: "dropout-landscape",
            subject: Subject::Factorisations,
            claim: "All local minima of a tied linear autoencoder with dropout are equalised and, for weak dropout, global; \
                    there the eigenvalues of the matrix have sunk by one number; all saddles are strict.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 11.3, Theorems 11.3.1 and 11.3.5, Lemmas 11.3.2, \
                     11.3.3 and 11.3.6; after Mianjy, Arora & Vidal, On the implicit bias of dropout (2018)",
            mathematics: "The loss is ‖M − UUᵀ‖² + λΣ‖uᵢ‖⁴ with U of r columns. For a given UUᵀ the penalty is least where \
                          all columns are equally long, and then (λ/r)(tr UUᵀ)². So at the global minimum the eigenvalues \
                          of M sink by λρκ/(r + λρ), where κ is the mean of the first ρ of them and ρ the largest number \
                          for which the ρ-th is above that; the text prints λ_ρκ_ρ/(r + λ_ρ) with an eigenvalue in the \
                          place of λρ. Descent is run from random starts, and its ends are compared with this closed \
                          form. The saddles with equal columns are those made of other sets of eigenvectors, and one \
                          without is √(λᵢ/(1 + λ))vᵢ in each column; at each the second derivative is computed in full. \
                          Along the rotation of two orthogonal columns it is −4λ(‖u₁‖² − ‖u₂‖²)²; the text prints it \
                          without λ. The squared singular values of a critical point with equal columns, made of r' eigenvectors, \
                          are (I − λ/(r + λr')·11ᵀ) times their eigenvalues; eq. 11.14 prints the matrix without 11ᵀ. \
                          Where it has vⱼ for an eigenvector w' of larger eigenvalue, the second derivative along the \
                          rotation of vⱼ to w' is −4σⱼ²(w'ᵀMw' − vⱼᵀMvⱼ); the text prints vⱼ(t) for w', with which it is \
                          0 at t = 0. The loss is the risk E‖y − UUᵀx‖² of isotropic x up to a constant, tr C_y − ‖M‖² with \
                          M = (C_yx + C_xy)/2; the text prints ‖C_yx‖² for ‖M‖². Theorem 11.3.5 asks for λ < rλ_r/(Σλᵢ − rλ_r).",
            refuted_by: "A local minimum whose loss is above the closed form, or a saddle without negative curvature.",
            seeds: Extent { full: 12, quick: 4 },
            seconds: Extent {
                full: 0.6,
                quick: 0.2,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            STARTS.parameter(),
            STEPS.parameter(),
            WEAK.parameter(),
            STRONG.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let cases = [(setup.get(WEAK), 4), (setup.get(STRONG), 4), NARROW];
        let runs = setup.over_seeds(|streams| run(setup, streams, &cases))?;
        Ok(Findings::new()
            .claims(claims_of_spectra(&cases, &runs))
            .claims(claims_of_minima(&cases, &runs))
            .claims(claims_of_saddles(setup, &runs))
            .table("eigenvalues", table(&cases, &runs))
            .figure("descent", figure(&cases, &runs)))
    }
}

/// What descent finds in one case.
struct Case {
    /// The largest relative distance of UUᵀ from the closed form, right and as printed.
    distances: [f64; 2],
    /// The largest relative distance of its eigenvalues from eq. 11.14, as printed and with 11ᵀ.
    of_system: [f64; 2],
    /// The largest excess of the loss over that of the closed form, as a share.
    excess: f64,
    /// The largest relative deviation of a column's norm from the mean.
    uneven: f64,
    /// The least eigenvalue of M − UUᵀ, and of the second derivative.
    below: f64,
    curvature: f64,
    /// The eigenvalues of UUᵀ at the first end, descending, and the loss on the way there over that of the closed form.
    eigenvalues: Vec<f64>,
    path: Vec<(f64, f64)>,
}

/// What one seed gives.
struct Run {
    cases: Vec<Case>,
    /// The largest of the least curvatures of saddles with equal columns, and with unequal ones.
    saddles: [f64; 2],
    /// The second derivative along the rotation over −4(‖u₁‖² − ‖u₂‖²)², and over λ times that.
    rotation: [f64; 2],
    /// At the saddle of all but the first eigenvector: the second derivative along the rotation of the last one to the
    /// first as eq. 11.14's case 3 has it, as printed and corrected, over what it is.
    exchange: [f64; 2],
    /// The logarithm to base 10 of the share by which the risk of another target differs from the loss and the constant, as
    /// printed and corrected.
    risk: [f64; 2],
}

fn run(setup: &Setup, streams: Streams, cases: &[(f64, usize)]) -> Result<Run, ExperimentError> {
    let matrix = draw::symmetric(&mut streams.stream("matrix", 0), &EIGENVALUES);
    let mut found = Vec::new();
    for (index, (strength, width)) in cases.iter().enumerate() {
        setup.go_on()?;
        let autoencoder = Autoencoder {
            matrix: matrix.clone(),
            strength: *strength,
        };
        found.push(descend(setup, streams, &autoencoder, *width, index as u64)?);
    }
    let autoencoder = Autoencoder {
        matrix,
        strength: setup.get(WEAK),
    };
    let (saddles, rotation) = saddles(&autoencoder)?;
    let exchange = exchange(&autoencoder)?;
    Ok(Run {
        cases: found,
        saddles,
        rotation,
        exchange,
        risk: risk(streams),
    })
}

/// A critical point with equal columns made of the last three eigenvectors, and the second derivative of the loss where
/// the last of them is turned to the first, which is missing. With the angle t it is `−4σ²(w'ᵀMw' − vᵀMv)`; as the text
/// prints it, with `v(t)` for `w'`, it is 0 at t = 0.
fn exchange(autoencoder: &Autoencoder) -> Result<[f64; 2], ExperimentError> {
    let (vectors, strength) = (vectors(autoencoder.matrix.as_ref())?, autoencoder.strength);
    let by = strength * EIGENVALUES[1..].iter().sum::<f64>() / (4.0 + 3.0 * strength);
    let size = |j: usize| {
        if j == 0 {
            0.0
        } else {
            (EIGENVALUES[j] - by).max(0.0)
        }
    };
    let gram = Mat::from_fn(4, 4, |i, j| if i == j { size(i) } else { 0.0 });
    let mix = equalising_rotation(gram.as_ref());
    let turned = |angle: f64| {
        let direction = |i: usize, j: usize| match j {
            3 => angle.cos() * vectors[(i, 3)] + angle.sin() * vectors[(i, 0)],
            _ => vectors[(i, j)],
        };
        Mat::from_fn(4, 4, |i, j| direction(i, j) * size(j).sqrt()) * &mix
    };
    let loss = |angle: f64| autoencoder.loss(turned(angle).as_ref());
    let step = 1e-3;
    let bend = (loss(step) - 2.0 * loss(0.0) + loss(-step)) / (step * step);
    let form =
        |vector: faer::ColRef<f64>| dense::dot(vector, (&autoencoder.matrix * vector).as_ref());
    let old = form(vectors.col(3));
    let formula = |new: f64| -4.0 * size(3) * (new - old);
    Ok([formula(old) / bend, formula(form(vectors.col(0))) / bend])
}

/// The risk E‖y − UUᵀx‖² of y = Ax with A drawn, over the points √d·eᵢ, which are isotropic: the logarithm to base 10
/// of the relative difference of the loss plus tr C_y − ‖C_yx‖², as it is printed, and plus tr C_y − ‖M‖².
fn risk(streams: Streams) -> [f64; 2] {
    let mut rng = streams.stream("risk", 0);
    let (a, u) = (
        draw::gaussian(&mut rng, 4, 4),
        draw::gaussian(&mut rng, 4, 4),
    );
    let product = &u * u.transpose();
    let squares = (0..4).map(|i| {
        let x = faer::Col::from_fn(4, |j| if i == j { 2.0 } else { 0.0 });
        (&a * &x - &product * &x).squared_norm_l2()
    });
    let risk = squares.sum::<f64>() / 4.0;
    let m = (&a + a.transpose()) * Scale(0.5);
    let loss = (&m - &product).squared_norm_l2();
    // C_yx is A, and C_y is AAᵀ, whose trace is ‖A‖².
    let trace = a.squared_norm_l2();
    [a.squared_norm_l2(), m.squared_norm_l2()].map(|square| {
        ((loss + trace - square) / risk - 1.0)
            .abs()
            .max(1e-17)
            .log10()
    })
}

/// The eigenvectors of the matrix in the order of `EIGENVALUES`, as columns.
fn vectors(matrix: MatRef<f64>) -> Result<Mat<f64>, ExperimentError> {
    let (_, basis) = dense::eigen(matrix)?;
    Ok(Mat::from_fn(4, 4, |i, j| basis[(i, 3 - j)]))
}

/// The matrix with the given eigenvalues instead of its own.
fn with_eigenvalues(vectors: &Mat<f64>, values: &[f64]) -> Mat<f64> {
    let scaled = Mat::from_fn(4, 4, |i, j| vectors[(i, j)] * values[j]);
    scaled * vectors.transpose()
}

/// How far eigenvalues sink as it is printed: `λ_jκ_j/(r + λ_j)` with the eigenvalue `λ_j`, at the largest `j` for which
/// it is less than `λ_j`.
fn printed_sinking(width: usize) -> f64 {
    let mut sum = 0.0;
    let mut threshold = 0.0;
    for (index, value) in EIGENVALUES.iter().take(width).enumerate() {
        sum += value;
        let at = value * sum / (index as f64 + 1.0) / (width as f64 + value);
        if *value > at {
            threshold = at;
        }
    }
    threshold
}

fn descend(
    setup: &Setup,
    streams: Streams,
    autoencoder: &Autoencoder,
    width: usize,
    case: u64,
) -> Result<Case, ExperimentError> {
    let vectors = vectors(autoencoder.matrix.as_ref())?;
    let right = sunk(&EIGENVALUES, autoencoder.strength, width);
    let by = printed_sinking(width);
    let printed = EIGENVALUES.map(|value| (value - by).max(0.0));
    let goals = [right.as_slice(), &printed].map(|values| with_eigenvalues(&vectors, values));
    let lost = EIGENVALUES
        .iter()
        .zip(&right)
        .map(|(value, goal)| (value - goal).powi(2));
    let penalty = autoencoder.strength / width as f64 * right.iter().sum::<f64>().powi(2);
    let least = lost.sum::<f64>() + penalty;
    let mut found = Case::default();
    let mut rng = streams.stream("starts", case);
    for start in 0..setup.get(STARTS) {
        setup.go_on()?;
        let mut u = draw::gaussian(&mut rng, 4, width) * Scale(0.5);
        if start == 0 {
            (u, found.path) = follow(autoencoder, u, least);
        }
        u = autoencoder.descend(u, setup.get(STEPS));
        found.see(autoencoder, &u, &goals, least)?;
        if start == 0 {
            let values = dense::eigenvalues((&u * u.transpose()).as_ref())?;
            found.eigenvalues = values.into_iter().rev().collect();
        }
    }
    Ok(found)
}

impl Case {
    /// Takes an end of descent in.
    fn see(
        &mut self,
        autoencoder: &Autoencoder,
        u: &Mat<f64>,
        goals: &[Mat<f64>; 2],
        least: f64,
    ) -> Result<(), ExperimentError> {
        let product = u * u.transpose();
        for (goal, distance) in goals.iter().zip(&mut self.distances) {
            *distance = distance.max((&product - goal).norm_l2() / goal.norm_l2());
        }
        let excess = (autoencoder.loss(u.as_ref()) / least - 1.0).abs();
        self.excess = self.excess.max(excess);
        let norms: Vec<f64> = (0..u.ncols()).map(|j| u.col(j).norm_l2()).collect();
        let level = mean(&norms);
        let uneven = norms.iter().map(|norm| (norm / level - 1.0).abs());
        self.uneven = uneven.fold(self.uneven, f64::max);
        let values = dense::eigenvalues(product.as_ref())?;
        let values: Vec<f64> = values.into_iter().rev().collect();
        for (with_ones, distance) in [false, true].into_iter().zip(&mut self.of_system) {
            let expected = of_system(&values, autoencoder.strength, u.ncols(), with_ones);
            let off = crate::problem::vector::distance(&values, &expected);
            *distance = distance.max(off / crate::problem::vector::norm(&values));
        }
        let remaining = dense::eigenvalues((&autoencoder.matrix - &product).as_ref())?;
        self.below = self.below.min(remaining[0]);
        let curvature = autoencoder.curvatures(u.as_ref())?[0];
        self.curvature = self.curvature.min(curvature);
        Ok(())
    }
}

impl Default for Case {
    fn default() -> Self {
        Self {
            distances: [0.0; 2],
            of_system: [0.0; 2],
            excess: 0.0,
            uneven: 0.0,
            below: f64::INFINITY,
            curvature: f64::INFINITY,
            eigenvalues: Vec::new(),
            path: Vec::new(),
        }
    }
}

/// What eq. 11.14 says of the eigenvalues of UUᵀ at a critical point with as many of them above zero as `found`, made of
/// the first eigenvectors: `(I − λ/(r + λr'))` times those of the matrix as it is printed, or with `11ᵀ` behind the
/// fraction.
fn of_system(found: &[f64], strength: f64, width: usize, with_ones: bool) -> Vec<f64> {
    let rank = found.iter().filter(|value| **value > 1e-6).count();
    let factor = strength / (width as f64 + strength * rank as f64);
    let sum: f64 = EIGENVALUES.iter().take(rank).sum();
    let each = EIGENVALUES.iter().enumerate().map(|(place, value)| {
        let taken = if with_ones { sum } else { *value };
        if place < rank {
            value - factor * taken
        } else {
            0.0
        }
    });
    each.collect()
}

/// The first steps of descent, with the excess of the loss after some of them.
fn follow(autoencoder: &Autoencoder, mut u: Mat<f64>, least: f64) -> (Mat<f64>, Vec<(f64, f64)>) {
    let mut path = Vec::new();
    let mut next = 0;
    for step in 0..1000 {
        if step == next {
            path.push((
                step as f64 + 1.0,
                autoencoder.loss(u.as_ref()) / least - 1.0,
            ));
            next = (next as f64 * 1.2).ceil() as usize + 1;
        }
        u = autoencoder.descend(u, 1);
    }
    (u, path)
}

/// The largest of the least curvatures at saddles with equal and with unequal columns, and the second derivative along
/// the rotation of two columns over both formulas.
fn saddles(autoencoder: &Autoencoder) -> Result<([f64; 2], [f64; 2]), ExperimentError> {
    let vectors = vectors(autoencoder.matrix.as_ref())?;
    let strength = autoencoder.strength;
    let mut equal = f64::NEG_INFINITY;
    // All sets of eigenvectors but that of the global minimum; with the eigenvalues sunk by λΣ/(r + λ·how many).
    let best = sunk(&EIGENVALUES, strength, 4)
        .iter()
        .filter(|value| **value > 0.0)
        .count();
    for set in 0..15u32 {
        if set == (1 << best) - 1 {
            continue;
        }
        let chosen: Vec<usize> = (0..4).filter(|j| set >> j & 1 == 1).collect();
        let sum: f64 = chosen.iter().map(|j| EIGENVALUES[*j]).sum();
        let by = strength * sum / (4.0 + strength * chosen.len() as f64);
        if chosen.iter().any(|j| EIGENVALUES[*j] <= by) {
            continue;
        }
        let size = |j: usize| {
            if chosen.contains(&j) {
                EIGENVALUES[j] - by
            } else {
                0.0
            }
        };
        let gram = Mat::from_fn(4, 4, |i, j| if i == j { size(i) } else { 0.0 });
        let root = Mat::from_fn(4, 4, |i, j| vectors[(i, j)] * size(j).sqrt());
        let u = root * equalising_rotation(gram.as_ref());
        equal = equal.max(least_curvature(autoencoder, &u)?);
    }
    let size = |j: usize| EIGENVALUES[j] / (1.0 + strength);
    let u = Mat::from_fn(4, 4, |i, j| vectors[(i, j)] * size(j).sqrt());
    let unequal = least_curvature(autoencoder, &u)?;
    // Along (u₂, −u₁): the curve's own bend counts for nothing where the gradient is zero.
    let along = Mat::from_fn(4, 4, |i, j| match j {
        0 => u[(i, 1)],
        1 => -u[(i, 0)],
        _ => 0.0,
    });
    let bend = autoencoder.bend(u.as_ref(), along.as_ref());
    let formula = -4.0 * (size(0) - size(1)).powi(2);
    Ok((
        [equal, unequal],
        [bend / formula, bend / (strength * formula)],
    ))
}

/// The least curvature at a point that must be critical.
fn least_curvature(autoencoder: &Autoencoder, u: &Mat<f64>) -> Result<f64, ExperimentError> {
    if autoencoder.gradient(u.as_ref()).norm_l2() > 1e-9 {
        return Err(ExperimentError::because(
            "a saddle of the closed form is not critical",
        ));
    }
    Ok(autoencoder.curvatures(u.as_ref())?[0])
}

/// The mean over runs of the largest of all cases.
fn worst(runs: &[Run], get: impl Fn(&Case) -> f64) -> Estimate {
    let all = |run: &Run| run.cases.iter().map(&get).fold(f64::NEG_INFINITY, f64::max);
    Estimate::mean(&runs.iter().map(all).collect::<Vec<_>>())
}

/// The mean over runs in one case.
fn of_case(runs: &[Run], case: usize, get: impl Fn(&Case) -> f64) -> Estimate {
    Estimate::mean(
        &runs
            .iter()
            .map(|run| get(&run.cases[case]))
            .collect::<Vec<_>>(),
    )
}

fn in_words(cases: &[(f64, usize)]) -> Vec<String> {
    cases
        .iter()
        .map(|(strength, width)| format!("λ = {strength} and r = {width}"))
        .collect()
}

/// How far the spectrum of the least loss has sunk, and the risk there.
fn claims_of_spectra(cases: &[(f64, usize)], runs: &[Run]) -> Vec<Claim> {
    let words = in_words(cases);
    let all = words.join(", ");
    vec![
        Claim::printed(
            "theory 11-6",
            format!(
                "At the minimum the eigenvalues have sunk by λ_ρκ_ρ/(r + λ_ρ), to 1e-4 of UUᵀ, for {}.",
                words[0]
            ),
            Rule::Below(1e-4),
            of_case(runs, 0, |case| case.distances[1]),
        ),
        Claim::corrected(
            "theory 11-6",
            format!(
                "At the minimum the eigenvalues have sunk by λρκ_ρ/(r + λρ), to 1e-4 of UUᵀ, for {all}."
            ),
            Rule::Below(1e-4),
            worst(runs, |case| case.distances[0]),
        ),
        Claim::printed(
            "theory 11-6",
            "For another target y, the risk is the loss and tr C_y − ‖C_yx‖²: to a share of 1e-10 for y = Ax with A drawn (its logarithm).",
            Rule::Below(-10.0),
            Estimate::mean(&runs.iter().map(|run| run.risk[0]).collect::<Vec<_>>()),
        ),
        Claim::corrected(
            "theory 11-6",
            "For another target y, the risk is the loss and tr C_y − ‖M‖²: to a share of 1e-10 for y = Ax with A drawn (its logarithm).",
            Rule::Below(-10.0),
            Estimate::mean(&runs.iter().map(|run| run.risk[1]).collect::<Vec<_>>()),
        ),
        Claim::printed(
            "theory 11-6",
            "There UUᵀ is no larger than M: the least eigenvalue of M − UUᵀ is above −1e-6.",
            Rule::Above(-1e-6),
            Estimate::mean(
                &runs
                    .iter()
                    .map(|run| {
                        run.cases
                            .iter()
                            .map(|case| case.below)
                            .fold(f64::INFINITY, f64::min)
                    })
                    .collect::<Vec<_>>(),
            ),
        ),
    ]
}

/// That all local minima are equalised and global, and what critical points are.
fn claims_of_minima(cases: &[(f64, usize)], runs: &[Run]) -> Vec<Claim> {
    let words = in_words(cases);
    let all = words.join(", ");
    vec![
        Claim::printed(
            "theory 11-7",
            format!(
                "All local minima are equalised, however weak dropout is: the columns of all ends are equally long to \
                     0.1 %, for {all}."
            ),
            Rule::Below(1e-3),
            worst(runs, |case| case.uneven),
        ),
        Claim::printed(
            "theory 11-7",
            format!(
                "With λ below the bound all local minima are global: all ends have the loss of the closed form to \
                     1e-8, for {}.",
                words[0]
            ),
            Rule::Below(1e-8),
            of_case(runs, 0, |case| case.excess),
        ),
        Claim::corrected(
            "theory 11-7",
            format!(
                "With λ above the bound they are global too: all ends have the loss of the closed form to 1e-8, for \
                     {}.",
                words[1]
            ),
            Rule::Below(1e-8),
            of_case(runs, 1, |case| case.excess),
        ),
        Claim::printed(
            "theory 11-7",
            format!(
                "The squared singular values of a critical point with equal columns are (I − λ/(r + λr')) times the \
                     eigenvalues: to 1e-4 at all ends, for {all}."
            ),
            Rule::Below(1e-4),
            worst(runs, |case| case.of_system[0]),
        ),
        Claim::corrected(
            "theory 11-7",
            format!(
                "The squared singular values of a critical point with equal columns are (I − λ/(r + λr')·11ᵀ) times the \
                     eigenvalues: to 1e-4 at all ends, for {all}."
            ),
            Rule::Below(1e-4),
            worst(runs, |case| case.of_system[1]),
        ),
        Claim::must_hold(
            "theory 11-7",
            "The ends are minima: the least curvature of all is above −1e-5.",
            Rule::Below(1e-5),
            worst(runs, |case| -case.curvature),
        ),
    ]
}

fn claims_of_saddles(setup: &Setup, runs: &[Run]) -> Vec<Claim> {
    let of = |get: fn(&Run) -> f64| Estimate::mean(&runs.iter().map(get).collect::<Vec<_>>());
    let exactly_one = Rule::Equals {
        value: 1.0,
        tolerance: 1e-8,
    };
    let one_by_differences = Rule::Equals {
        value: 1.0,
        tolerance: 1e-3,
    };
    let strength = setup.get(WEAK);
    vec![
        Claim::printed(
            "theory 11-7",
            format!(
                "At λ = {strength} all saddles with equal columns are strict: the largest of their least curvatures is \
                     below −0.01."
            ),
            Rule::Below(-0.01),
            of(|run| run.saddles[0]),
        ),
        Claim::printed(
            "theory 11-7",
            format!("So is the saddle with the unequal columns √(λᵢ/(1 + λ))vᵢ at λ = {strength}."),
            Rule::Below(-0.01),
            of(|run| run.saddles[1]),
        ),
        Claim::printed(
            "theory 11-7",
            "Along the rotation of its first two columns the second derivative is −4(‖u₁‖² − ‖u₂‖²)²: their ratio is 1.",
            exactly_one,
            of(|run| run.rotation[0]),
        ),
        Claim::corrected(
            "theory 11-7",
            "Along the rotation of its first two columns the second derivative is −4λ(‖u₁‖² − ‖u₂‖²)²: their ratio is 1.",
            exactly_one,
            of(|run| run.rotation[1]),
        ),
        Claim::printed(
            "theory 11-7",
            "At the saddle of all but the first eigenvector, whose last one is turned to the first by t, the second derivative \
             is −4σⱼ²(wⱼ(t)ᵀMwⱼ(t) − wⱼᵀMwⱼ) at t = 0: that over it is 1.",
            one_by_differences,
            of(|run| run.exchange[0]),
        ),
        Claim::corrected(
            "theory 11-7",
            "There it is −4σⱼ²(w'ᵀMw' − wⱼᵀMwⱼ) with the first eigenvector w': that over it is 1.",
            one_by_differences,
            of(|run| run.exchange[1]),
        ),
    ]
}

fn table(cases: &[(f64, usize)], runs: &[Run]) -> Table {
    let rows = cases.iter().enumerate().map(|(index, (strength, width))| {
        let right = sunk(&EIGENVALUES, *strength, *width);
        let found = |place: usize| {
            mean(
                &runs
                    .iter()
                    .map(|run| run.cases[index].eigenvalues[place])
                    .collect::<Vec<_>>(),
            )
        };
        let mut row = vec![(*strength).into(), (*width).into()];
        for (place, right) in right.iter().enumerate() {
            row.push((*right).into());
            row.push(found(place).into());
        }
        row
    });
    let columns = (1..=4).flat_map(|place| {
        [
            Column::number(format!("eigenvalue {place}, closed form")),
            Column::number(format!("eigenvalue {place}, found")),
        ]
    });
    Table::new(
        [Column::number("λ"), Column::number("r")]
            .into_iter()
            .chain(columns),
    )
    .with_rows(rows)
}

fn figure(cases: &[(f64, usize)], runs: &[Run]) -> Figure {
    let mut panel = Panel::new(
        Axis::counting("steps + 1").log(),
        Axis::new("loss above the closed form", "the closed form").log(),
    );
    for (index, (strength, width)) in cases.iter().enumerate() {
        for (place, run) in runs.iter().enumerate() {
            let path = &run.cases[index].path;
            let x = path.iter().map(|(step, _)| *step).collect();
            // Rounding may leave nothing, or less.
            let y = path
                .iter()
                .map(|(_, excess)| if *excess > 1e-14 { *excess } else { f64::NAN })
                .collect();
            let label = if place == 0 {
                format!("λ = {strength}, r = {width}")
            } else {
                String::new()
            };
            let style = crate::figure::Style {
                colour: Some(index),
                dash: [0, 1, 3][index % 3],
            };
            panel = panel.with(Line::new(label, x, y).styled(style).faint());
        }
    }
    Figure::new("Descent of a tied autoencoder with dropout")
        .with(panel)
        .noted("One line for each seed.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_threshold_is_that_of_the_printed_formula() {
        // j = 4: 0.5·1.625/4.5 < 0.5.
        assert!((printed_sinking(4) - 0.5 * 1.625 / 4.5).abs() < 1e-15);
    }

    #[test]
    fn columns_of_the_weak_optimum_have_the_length_of_the_literature() {
        // Σ‖u‖² = 5 over four columns: 1.25.
        let autoencoder = Autoencoder {
            matrix: Mat::from_fn(4, 4, |i, j| if i == j { EIGENVALUES[i] } else { 0.0 }),
            strength: 0.3,
        };
        let start = draw::gaussian(&mut Streams::new(3).stream("test", 0), 4, 4) * Scale(0.5);
        let found = autoencoder.descend(start, 40_000);
        for j in 0..4 {
            assert!((found.col(j).squared_norm_l2() - 1.25).abs() < 1e-6);
        }
    }

    #[test]
    fn the_closed_form_of_a_saddle_has_the_curvature_of_a_rotation() {
        let autoencoder = Autoencoder {
            matrix: Mat::from_fn(4, 4, |i, j| if i == j { EIGENVALUES[i] } else { 0.0 }),
            strength: 0.7,
        };
        let ([equal, unequal], [_, ratio]) = saddles(&autoencoder).unwrap();
        assert!(equal < 0.0 && unequal < 0.0 && (ratio - 1.0).abs() < 1e-12);
    }
}
