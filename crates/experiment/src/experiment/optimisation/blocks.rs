//! A step size for each block of a Hessian, and one for all.

use super::{each, equals};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::dense::{eigen, eigenvalues, scaled_identity};
use crate::problem::draw;
use crate::problem::quadratic::lowest;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Mat, MatRef};

const WIDTHS: Numbers =
    Numbers::new("widths", "coordinates of each block", &[4.0, 12.0, 32.0]).allowed(1.0, 300.0);
const SAMPLES: Count = Count::new(
    "samples",
    "Gaussian rows of which each block is the second moment",
    80,
)
.allowed(8.0, 2000.0);
const SCALES: Numbers = Numbers::new(
    "scales",
    "by what each block is multiplied",
    &[1.0, 10.0, 0.1],
)
.allowed(1e-3, 1e3);
const COUPLING: Number =
    Number::new("coupling", "correlation between neighbouring blocks", 0.5).allowed(0.0, 0.95);

/// Structure B.15.
#[derive(Debug)]
pub struct BlockwiseStepSizes;

/// What a seed gives.
struct Seed {
    /// For each block: the least and the largest eigenvalue, the best step size that was searched, and its contraction.
    blocks: Vec<[f64; 4]>,
    /// The contraction of all blocks together with step sizes of their own, of a search around them, and with the best for
    /// all.
    together: [f64; 3],
    /// With coupling between the blocks: with the step sizes of the blocks, and with the best for all.
    coupled: [f64; 2],
}

impl Experiment for BlockwiseStepSizes {
    fn about(&self) -> About {
        About {
            name: "blockwise-step-sizes",
            subject: Subject::Optimisation,
            claim: "On a block-diagonal Hessian the best step size of a block is 2/(λmax + λmin) of that block, and the slowest \
                    block sets the speed.",
            source: "The Mathematical Structure of Machine Learning (course text), Exercise B.15",
            mathematics: "A step of size η multiplies a block's errors by I − ηH, whose norm is max(|1 − ηλmin|, |1 − ηλmax|). \
                Both are equal, and the larger of the two least, at η = 2/(λmax + λmin), where the norm is \
                (κ − 1)/(κ + 1) with κ = λmax/λmin. Blocks with step sizes of their own contract together as the slowest of \
                them; one step size for all has the condition number of the whole Hessian. Where blocks are coupled, the \
                eigenvalues of the blocks no longer are those of the whole. Blocks are second moments of Gaussian rows, whose \
                condition number grows with the width of the block (Marchenko & Pastur 1967).",
            refuted_by: "A searched best step size other than 2/(λmax + λmin).",
            seeds: Extent {
                full: 20,
                quick: 10,
            },
            seconds: Extent {
                full: 0.2,
                quick: 0.1,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            WIDTHS.parameter(),
            SAMPLES.parameter(),
            SCALES.parameter(),
            COUPLING.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (widths, scales, samples) = (setup.get(WIDTHS), setup.get(SCALES), setup.get(SAMPLES));
        if widths.len() != scales.len() || widths.len() < 2 {
            return Err(ExperimentError::because(
                "`widths` and `scales` must be two or more, and equally many",
            ));
        }
        if widths.iter().any(|width| *width >= samples as f64) {
            return Err(ExperimentError::because(
                "`samples` must exceed every number in `widths`, or a block has no inverse",
            ));
        }
        let coupling = setup.get(COUPLING);
        let seeds =
            setup.over_seeds(|streams| seed(&widths, &scales, samples, coupling, streams))?;
        Ok(Findings::new()
            .claims(blocks(&seeds))
            .claims(together(&seeds, coupling))
            .figure("contraction", figure(&widths, &seeds)))
    }
}

fn blocks(seeds: &[Seed]) -> Vec<Claim> {
    let id = "structure B.15";
    let off = |of: fn(&[f64; 4]) -> f64| {
        let largest = |seed: &Seed| seed.blocks.iter().map(of).fold(0.0, f64::max);
        Estimate::median(&each(seeds, largest))
    };
    let radii = |lambda: f64| {
        let step = best_step(&[lambda, 1.0]);
        step[0]
    };
    vec![
        Claim::printed(
            id,
            "The best step size of a block, found by search, is 2/(λmax + λmin): the largest relative difference is below 10⁻⁶.",
            Rule::Below(1e-6),
            off(|[low, high, step, _]| (step * (low + high) / 2.0 - 1.0).abs()),
        ),
        Claim::printed(
            id,
            "With it a block contracts by (κ − 1)/(κ + 1) each step: the largest difference is below 10⁻⁶.",
            Rule::Below(1e-6),
            off(|[low, high, _, contraction]| (contraction - (high - low) / (high + low)).abs()),
        ),
        Claim::printed(
            id,
            "The best step sizes are determined by the spectral radii of the blocks: two blocks with the radius 1 and smallest \
             eigenvalues 0.9 and 0.1 have the same one, a ratio of 1.",
            equals(1.0, 0.01),
            Estimate::exact(radii(0.9) / radii(0.1), 1e-6),
        ),
        Claim::corrected(
            id,
            "They are determined by both ends of a block's spectrum: for these two the ratio is (1 + 0.1)/(1 + 0.9).",
            equals(1.1 / 1.9, 1e-3),
            Estimate::exact(radii(0.9) / radii(0.1), 1e-6),
        ),
    ]
}

fn together(seeds: &[Seed], coupling: f64) -> Vec<Claim> {
    let id = "structure B.15";
    let median = |of: &dyn Fn(&Seed) -> f64| Estimate::median(&each(seeds, of));
    vec![
        Claim::printed(
            id,
            "All blocks together contract as the slowest of them: the difference is below 10⁻⁶.",
            Rule::Below(1e-6),
            median(&|seed| {
                let slowest = seed.blocks.iter().map(|block| block[3]).fold(0.0, f64::max);
                (seed.together[0] - slowest).abs()
            }),
        ),
        Claim::printed(
            id,
            "No step sizes tried around those of the blocks contract faster: the best gain is at most 10⁻⁶.",
            Rule::Below(1e-6),
            median(&|seed| seed.together[0] - seed.together[1]),
        ),
        Claim::printed(
            id,
            "With the best single step size for all blocks, an error takes more than twice the steps.",
            Rule::Above(2.0),
            median(&|seed| seed.together[0].ln() / seed.together[2].ln()),
        ),
        Claim::must_fail(
            id,
            format!(
                "With a correlation of {coupling} between neighbouring blocks, all still contract as the slowest block alone: the \
                     difference is below 10⁻⁶."
            ),
            Rule::Below(1e-6),
            median(&|seed| {
                let slowest = seed.blocks.iter().map(|block| block[3]).fold(0.0, f64::max);
                (seed.coupled[0] - slowest).abs()
            }),
        ),
    ]
}

fn seed(
    widths: &[f64],
    scales: &[f64],
    samples: usize,
    coupling: f64,
    streams: Streams,
) -> Result<Seed, ExperimentError> {
    let mut rng = streams.stream("blocks", 0);
    let rows = |width: &f64| draw::gaussian(&mut rng, samples, *width as usize);
    let roots: Vec<Mat<f64>> = widths.iter().map(rows).collect();
    let block = |(root, scale): (&Mat<f64>, &f64)| {
        root.transpose() * root * faer::Scale(scale / samples as f64)
    };
    let matrices: Vec<Mat<f64>> = roots.iter().zip(scales).map(block).collect();
    let found: Result<Vec<[f64; 4]>, ExperimentError> = matrices
        .iter()
        .map(|matrix| {
            let spectrum = eigenvalues(matrix.as_ref())?;
            let [step, contraction] = best_step(&spectrum);
            Ok([spectrum[0], spectrum[spectrum.len() - 1], step, contraction])
        })
        .collect();
    let found = found?;
    let steps: Vec<f64> = found.iter().map(|block| block[2]).collect();
    let whole = joined(&matrices, 0.0)?;
    let sizes: Vec<usize> = widths.iter().map(|width| *width as usize).collect();
    let all = contraction(whole.as_ref(), &sizes, &steps)?;
    let mut searched = f64::INFINITY;
    for _ in 0..30 {
        let other: Vec<f64> = steps
            .iter()
            .map(|step| step * (0.05 * draw::normal(&mut rng)).exp())
            .collect();
        searched = searched.min(contraction(whole.as_ref(), &sizes, &other)?);
    }
    let single = best_step(&eigenvalues(whole.as_ref())?)[1];
    let linked = joined(&matrices, coupling)?;
    let coupled = contraction(linked.as_ref(), &sizes, &steps)?;
    let coupled_single = best_step(&eigenvalues(linked.as_ref())?)[1];
    Ok(Seed {
        blocks: found,
        together: [all, searched, single],
        coupled: [coupled, coupled_single],
    })
}

/// The step size with which a spectrum contracts most, by search, and by how much it then does.
fn best_step(spectrum: &[f64]) -> [f64; 2] {
    let norm = |step: f64| {
        spectrum.iter().fold(0.0, |largest: f64, lambda| {
            largest.max((1.0 - step * lambda).abs())
        })
    };
    let largest = spectrum.iter().copied().fold(0.0, f64::max);
    let step = lowest(0.0, 2.0 / largest, norm);
    [step, norm(step)]
}

/// Blocks along the diagonal. With coupling, coordinates of neighbouring blocks that stand at the same place are correlated
/// as much, in the sense of `H = D^(1/2) (I + C) D^(1/2)` with the blocks' matrix `D`, so that H stays positive.
fn joined(blocks: &[Mat<f64>], coupling: f64) -> Result<Mat<f64>, ExperimentError> {
    let starts: Vec<usize> = blocks
        .iter()
        .scan(0, |start, block| {
            let here = *start;
            *start += block.nrows();
            Some(here)
        })
        .collect();
    let size = blocks.iter().map(Mat::nrows).sum();
    let mut root = Mat::zeros(size, size);
    for (block, start) in blocks.iter().zip(&starts) {
        let (values, vectors) = eigen(block.as_ref())?;
        let count = block.nrows();
        let scaled = Mat::from_fn(count, count, |row, column| {
            vectors[(row, column)] * values[column].max(0.0).sqrt()
        });
        let square_root = scaled * vectors.transpose();
        root.submatrix_mut(*start, *start, count, count)
            .copy_from(&square_root);
    }
    let mut middle = scaled_identity(size, 1.0);
    // One neighbour on each side: half of the coupling for each keeps the eigenvalues above 1 − coupling.
    for (pair, starts) in blocks.windows(2).zip(starts.windows(2)) {
        for place in 0..pair[0].nrows().min(pair[1].nrows()) {
            let (row, column) = (starts[0] + place, starts[1] + place);
            middle[(row, column)] = 0.5 * coupling;
            middle[(column, row)] = 0.5 * coupling;
        }
    }
    Ok(&root * middle * &root)
}

/// The spectral radius of `I − ΣH` with the blocks' step sizes in Σ: that of the symmetric `I − Σ^(1/2) H Σ^(1/2)`.
fn contraction(
    matrix: MatRef<f64>,
    sizes: &[usize],
    steps: &[f64],
) -> Result<f64, ExperimentError> {
    let each: Vec<f64> = sizes
        .iter()
        .zip(steps)
        .flat_map(|(size, step)| vec![step.sqrt(); *size])
        .collect();
    let scaled = Mat::from_fn(each.len(), each.len(), |row, column| {
        each[row] * matrix[(row, column)] * each[column]
    });
    let spectrum = eigenvalues(scaled.as_ref())?;
    Ok(spectrum
        .iter()
        .fold(0.0, |largest, lambda| largest.max((1.0 - lambda).abs())))
}

fn figure(widths: &[f64], seeds: &[Seed]) -> Figure {
    let mut blocks = Panel::new(
        Axis::new("step size × (λmax + λmin)/2", "1").linear(),
        Axis::new("contraction", "1").including(0.0),
    )
    .titled("Blocks of one Hessian");
    let shares: Vec<f64> = (0..=60)
        .map(|index| 0.4 + 0.8 * f64::from(index) / 60.0)
        .collect();
    if let Some(seed) = seeds.first() {
        for (width, [low, high, ..]) in widths.iter().zip(&seed.blocks) {
            let norm = |share: &f64| {
                let step = 2.0 * share / (low + high);
                (1.0 - step * low).abs().max((1.0 - step * high).abs())
            };
            blocks = blocks.with(Line::new(
                format!("width {width}"),
                shares.clone(),
                shares.iter().map(norm).collect(),
            ));
        }
    }
    let steps = |contraction: f64| (1e-6f64).ln() / contraction.ln();
    let x: Vec<f64> = (1..=seeds.len()).map(|seed| seed as f64).collect();
    let needed = |of: fn(&Seed) -> f64| -> Vec<f64> {
        let count = |seed: &Seed| {
            if of(seed) < 1.0 {
                steps(of(seed))
            } else {
                f64::NAN
            }
        };
        each(seeds, count)
    };
    let points = |label: &str, y: Vec<f64>| {
        crate::figure::Mark::Points(crate::figure::Points::new(label, x.clone(), y))
    };
    let all = Panel::new(
        Axis::counting("seeds").linear(),
        Axis::counting("steps to 10⁻⁶").log(),
    )
    .titled("All blocks")
    .with(points("one step size", needed(|seed| seed.together[2])))
    .with(points("one, coupled", needed(|seed| seed.coupled[1])))
    .with(points("blockwise", needed(|seed| seed.together[0])))
    .with(points("blockwise, coupled", needed(|seed| seed.coupled[0])));
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Step sizes for blocks of a Hessian")
    };
    figure.with(blocks).with(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_step_of_a_spectrum_is_the_textbook_s() {
        let [step, contraction] = best_step(&[1.0, 2.0, 9.0]);
        assert!((step - 0.2).abs() < 1e-8 && (contraction - 0.8).abs() < 1e-8);
    }

    #[test]
    fn joined_blocks_have_their_eigenvalues_and_coupling_moves_them() {
        let blocks = [scaled_identity(2, 3.0), scaled_identity(1, 0.5)];
        let apart = eigenvalues(joined(&blocks, 0.0).unwrap().as_ref()).unwrap();
        for (found, expected) in apart.iter().zip([0.5, 3.0, 3.0]) {
            assert!((found - expected).abs() < 1e-12);
        }
        let linked = joined(&blocks, 0.8).unwrap();
        // √3 · 0.4 · √0.5 beside the diagonal.
        assert!((linked[(0, 2)] - 0.4 * 1.5f64.sqrt()).abs() < 1e-12);
        // Steps of 1/3 and 2 annihilate both blocks; coupled, what is left is the coupling.
        let left = contraction(linked.as_ref(), &[2, 1], &[1.0 / 3.0, 2.0]).unwrap();
        assert!((left - 0.4).abs() < 1e-12);
    }
}
