//! The Shapley values of training examples: what they add up to, and how many evaluations estimate them.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::linear_class::{IN_NEARLY_ALL, share_below, solve_all};
use crate::problem::vector;
use crate::problem::{dense, draw};
use crate::random::{StreamRng, Streams};
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use faer::Mat;
use rand::RngExt;

const PLAYERS: Count = Count::new("players", "N, training examples that share the credit", 8)
    .quick(6)
    // Of eight players there are 40 320 orders, all of which are taken.
    .allowed(3.0, 8.0);
const RIDGE: Number =
    Number::new("ridge", "ridge of the regression that is the utility", 0.5).allowed(1e-3, 100.0);
const ERROR: Number = Number::new(
    "error",
    "ε, the error that is asked for, over the largest \
    marginal R",
    0.1,
)
.allowed(0.01, 1.0);
const EVALUATIONS: Numbers = Numbers::new(
    "evaluations",
    "evaluations of the utility to \
    compare, ascending",
    &[100.0, 400.0, 1_600.0, 6_400.0],
)
.allowed(20.0, 1e6);

/// Theory of Deep Learning, section 10.2.
#[derive(Debug)]
pub struct ShapleyValues;

/// A utility for each set of players, the set being the bits of the index.
struct Game {
    players: usize,
    utilities: Vec<f64>,
}

/// What one seed gives.
struct Seed {
    orders: f64,
    differences: f64,
    sum: f64,
    sum_from_nothing: f64,
    empty: f64,
    enough: bool,
    few: f64,
    null: f64,
    /// For each number of evaluations the errors over R of random orders and of random sets.
    by_orders: Vec<f64>,
    by_sets: Vec<f64>,
    /// The same of sets by coins, whose sizes have another law than the estimate takes them to have.
    by_coins: Vec<f64>,
}

impl Experiment for ShapleyValues {
    fn about(&self) -> About {
        About {
            name: "shapley-values",
            subject: Subject::Capacity,
            claim: "Shapley values share the whole utility among the examples, and random \
                orders estimate them.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 10.2; Jia et al. \
                (2019) for the estimate by sets",
            mathematics: "The value of player i is the mean of U(S ∪ i) − U(S) over random \
                orders, S being those before i: a sum over sets with the weights |S|!(N − |S| \
                − 1)!/N!. Along an order the marginals add up to U(all) − U(∅), so that the \
                values do; the text leaves out U(∅), which is not zero for a loss without \
                data. R²N·log N/ε² random orders give an error of ε, where R is the largest \
                marginal. Differences sᵢ − sⱼ come from random sets of a suitable size, each \
                of which serves all pairs: R²N·log N/ε² evaluations; the text leaves out ε².",
            refuted_by: "Values by orders and by sets that differ, a sum that is not U(all) − \
                U(∅), or a larger error.",
            seeds: Extent {
                full: 30,
                quick: 17,
            },
            seconds: Extent {
                full: 0.09,
                quick: 0.01,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            PLAYERS.parameter(),
            RIDGE.parameter(),
            ERROR.parameter(),
            EVALUATIONS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let seeds = setup.over_seeds(|streams| one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims_of_values(&seeds))
            .claims(claims_of_estimates(setup, &seeds))
            .figure("errors-of-estimates", figure(setup, &seeds)))
    }
}

impl Game {
    /// The utility of a set of examples is minus the mean squared error on a test set of ridge regression on it; the last
    /// player is of no use: an example whose input and target are zero.
    fn draw(setup: &Setup, rng: &mut StreamRng) -> Result<Self, ExperimentError> {
        const INPUTS: usize = 3;
        let players = setup.get(PLAYERS);
        let teacher = [1.0, -1.0, 0.5];
        let examples = |rng: &mut StreamRng, count: usize| {
            let x = draw::gaussian(rng, count, INPUTS);
            let y: Vec<f64> = (0..count)
                .map(|row| {
                    (0..INPUTS).map(|c| x[(row, c)] * teacher[c]).sum::<f64>()
                        + 0.3 * draw::normal(rng)
                })
                .collect();
            (x, y)
        };
        let (mut x, mut y) = examples(rng, players);
        (0..INPUTS).for_each(|column| x[(players - 1, column)] = 0.0);
        y[players - 1] = 0.0;
        let (test, targets) = examples(rng, 50);
        let utility = |set: usize| -> Result<f64, ExperimentError> {
            let rows: Vec<usize> = (0..players).filter(|row| set >> row & 1 == 1).collect();
            let mut gram = dense::scaled_identity(INPUTS, setup.get(RIDGE));
            let mut right = Mat::<f64>::zeros(INPUTS, 1);
            for row in rows {
                for a in 0..INPUTS {
                    right[(a, 0)] += x[(row, a)] * y[row];
                    (0..INPUTS).for_each(|b| gram[(a, b)] += x[(row, a)] * x[(row, b)]);
                }
            }
            let outputs = &test * solve_all(&gram, &right)?;
            let squares = targets
                .iter()
                .enumerate()
                .map(|(row, target)| (outputs[(row, 0)] - target).powi(2));
            Ok(-squares.sum::<f64>() / targets.len() as f64)
        };
        let utilities = (0..1 << players).map(utility).collect::<Result<_, _>>()?;
        Ok(Self { players, utilities })
    }

    fn marginal(&self, set: usize, player: usize) -> f64 {
        self.utilities[set | 1 << player] - self.utilities[set]
    }

    /// The sum over sets (Problem 10.2.2).
    fn values(&self) -> Vec<f64> {
        let of = |player: usize| {
            let sets = (0..self.utilities.len()).filter(|set| set >> player & 1 == 0);
            let share = |set: usize| {
                1.0 / (self.players as f64 * binomial(self.players - 1, set.count_ones() as usize))
            };
            sets.map(|set| share(set) * self.marginal(set, player))
                .sum()
        };
        (0..self.players).map(of).collect()
    }

    /// The same by all orders (Definition 10.2.1).
    fn values_by_orders(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.players];
        let mut order: Vec<usize> = (0..self.players).collect();
        let mut count = 0.0;
        permute(&mut order, 0, &mut |order| {
            self.along(order, &mut sums);
            count += 1.0;
        });
        sums.into_iter().map(|sum| sum / count).collect()
    }

    fn along(&self, order: &[usize], sums: &mut [f64]) {
        let mut set = 0;
        for player in order {
            sums[*player] += self.marginal(set, *player);
            set |= 1 << player;
        }
    }

    /// The difference of two values by sets without both (Theorem 10.2.5).
    fn difference(&self, i: usize, j: usize) -> f64 {
        let sets = (0..self.utilities.len()).filter(|set| set >> i & 1 == 0 && set >> j & 1 == 0);
        let of = |set: usize| {
            (self.marginal(set, i) - self.marginal(set, j))
                / binomial(self.players - 2, set.count_ones() as usize)
        };
        sets.map(of).sum::<f64>() / (self.players as f64 - 1.0)
    }

    fn largest_marginal(&self) -> f64 {
        let all = (0..self.players)
            .flat_map(|player| (0..self.utilities.len()).map(move |set| (set, player)));
        all.map(|(set, player)| self.marginal(set, player).abs())
            .fold(0.0, f64::max)
    }

    /// By random orders, N + 1 evaluations each.
    fn estimate(&self, evaluations: usize, rng: &mut StreamRng) -> Vec<f64> {
        let orders = (evaluations / (self.players + 1)).max(1);
        let mut sums = vec![0.0; self.players];
        let mut order: Vec<usize> = (0..self.players).collect();
        for _ in 0..orders {
            for place in (1..self.players).rev() {
                order.swap(place, rng.random_range(0..=place));
            }
            self.along(&order, &mut sums);
        }
        sums.into_iter().map(|sum| sum / orders as f64).collect()
    }

    /// By random sets (Jia et al. 2019, algorithm 1): a size k with a chance ∝ 1/k + 1/(N − k), and an even set of that size;
    /// sᵢ − sⱼ is Z times the mean of U(S)(1[i ∈ S] − 1[j ∈ S]), and the sum of all is known.
    fn estimate_by_sets(&self, evaluations: usize, rng: &mut StreamRng) -> Vec<f64> {
        self.estimate_by_sizes(&self.chances(), evaluations, rng)
    }

    /// What the chance of the sizes 1 to N − 1 is in proportion to.
    fn chances(&self) -> Vec<f64> {
        let n = self.players;
        (1..n)
            .map(|k| 1.0 / k as f64 + 1.0 / (n - k) as f64)
            .collect()
    }

    /// The same with sets whose players are in by coins, all and none left out.
    fn estimate_by_coins(&self, evaluations: usize, rng: &mut StreamRng) -> Vec<f64> {
        let n = self.players;
        let weights: Vec<f64> = (1..n).map(|k| binomial(n, k)).collect();
        self.estimate_by_sizes(&weights, evaluations, rng)
    }

    fn estimate_by_sizes(
        &self,
        weights: &[f64],
        evaluations: usize,
        rng: &mut StreamRng,
    ) -> Vec<f64> {
        let n = self.players;
        let whole_weight: f64 = weights.iter().sum();
        let total: f64 = self.chances().iter().sum();
        let mut sums = vec![0.0; n];
        let mut order: Vec<usize> = (0..n).collect();
        for _ in 0..evaluations {
            let mut left = rng.random::<f64>() * whole_weight;
            let size = 1 + weights
                .iter()
                .position(|weight| {
                    left -= weight;
                    left < 0.0
                })
                .unwrap_or(n - 2);
            for place in 0..size {
                order.swap(place, rng.random_range(place..n));
            }
            let set = order[..size]
                .iter()
                .fold(0, |set, player| set | 1 << player);
            order[..size].iter().for_each(|player| {
                sums[*player] += self.utilities[set] * total / evaluations as f64
            });
        }
        let whole = self.utilities[self.utilities.len() - 1] - self.utilities[0];
        let mean = sums.iter().sum::<f64>() / n as f64;
        sums.into_iter()
            .map(|sum| whole / n as f64 + sum - mean)
            .collect()
    }
}

fn binomial(n: usize, k: usize) -> f64 {
    (0..k)
        .map(|index| (n - index) as f64 / (index + 1) as f64)
        .product()
}

fn permute(order: &mut Vec<usize>, from: usize, visit: &mut dyn FnMut(&[usize])) {
    if from == order.len() {
        visit(order);
        return;
    }
    for index in from..order.len() {
        order.swap(from, index);
        permute(order, from + 1, visit);
        order.swap(from, index);
    }
}

fn one(setup: &Setup, streams: Streams) -> Result<Seed, ExperimentError> {
    let game = Game::draw(setup, &mut streams.stream("examples", 0))?;
    let (values, n) = (game.values(), game.players);
    let (largest, error) = (game.largest_marginal(), setup.get(ERROR));
    let whole = game.utilities[game.utilities.len() - 1];
    let pairs = (0..n).flat_map(|i| (0..n).filter(move |j| *j != i).map(move |j| (i, j)));
    let differences = pairs
        .map(|(i, j)| (game.difference(i, j) - values[i] + values[j]).abs())
        .fold(0.0, f64::max);
    let logs = n as f64 * (n as f64).ln();
    let mut rng = streams.stream("orders", 0);
    let off = |estimate: Vec<f64>| vector::distance(&estimate, &values) / largest;
    // In units of R: R²N log N/ε² orders.
    let orders = (logs / (error * error)).ceil() as usize;
    let enough = off(game.estimate(orders * (n + 1), &mut rng)) <= error;
    let few = off(game.estimate_by_sets(logs.ceil() as usize, &mut rng));
    let each = setup.get(EVALUATIONS);
    let mut sets = streams.stream("sets", 0);
    let mut coins = streams.stream("coins", 0);
    Ok(Seed {
        orders: vector::distance(&game.values_by_orders(), &values),
        differences,
        sum: values.iter().sum::<f64>() - (whole - game.utilities[0]),
        sum_from_nothing: values.iter().sum::<f64>() - whole,
        empty: game.utilities[0].abs(),
        enough,
        few: few / error,
        null: values[n - 1].abs(),
        by_orders: each
            .iter()
            .map(|count| off(game.estimate(*count as usize, &mut rng)))
            .collect(),
        by_sets: each
            .iter()
            .map(|count| off(game.estimate_by_sets(*count as usize, &mut sets)))
            .collect(),
        by_coins: each
            .iter()
            .map(|count| off(game.estimate_by_coins(*count as usize, &mut coins)))
            .collect(),
    })
}

/// Where the claims stand in the sources.
const ID: &str = "theory 10-3";

fn each(seeds: &[Seed], f: impl Fn(&Seed) -> f64) -> Vec<f64> {
    seeds.iter().map(f).collect()
}

/// The formulas of the values, and what they add up to.
fn claims_of_values(seeds: &[Seed]) -> Vec<Claim> {
    let vanishes =
        |f: &dyn Fn(&Seed) -> f64| share_below(1e-10, &each(seeds, |seed| f(seed).abs()));
    let exact =
        |text: &str, f: &dyn Fn(&Seed) -> f64| Claim::printed(ID, text, IN_NEARLY_ALL, vanishes(f));
    vec![
        exact(
            "The mean over orders is the sum over sets, to 1e-10 (share of seeds)",
            &|seed| seed.orders,
        ),
        exact(
            "sᵢ − sⱼ is the mean over sets without both, to 1e-10 (share of seeds)",
            &|seed| seed.differences,
        ),
        exact(
            "A player that adds nothing gets nothing, to 1e-10 (share of seeds)",
            &|seed| seed.null,
        ),
        Claim::printed(
            ID,
            "The values add up to U(all) (median deviation over |U(∅)|)",
            Rule::Below(1e-6),
            Estimate::median(&each(seeds, |seed| {
                seed.sum_from_nothing.abs() / seed.empty
            })),
        ),
        Claim::corrected(
            ID,
            "The values add up to U(all) − U(∅), to 1e-10 (share of seeds)",
            IN_NEARLY_ALL,
            vanishes(&|seed| seed.sum),
        ),
    ]
}

/// How many evaluations estimates of the values take.
fn claims_of_estimates(setup: &Setup, seeds: &[Seed]) -> Vec<Claim> {
    let error = setup.get(ERROR);
    let counts = setup.get(EVALUATIONS);
    let slope = |f: &dyn Fn(&Seed) -> &Vec<f64>| {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for seed in seeds {
            x.extend(counts.iter().map(|count| count.ln()));
            y.extend(f(seed).iter().map(|error| error.ln()));
        }
        Estimate::slope(&x, &y)
    };
    vec![
        Claim::printed(
            ID,
            format!(
                "R²N·log N/ε² random orders give all values within ε = {error}·R in norm \
                (share of seeds)"
            ),
            Rule::Above(0.8),
            Estimate::proportion(seeds.iter().filter(|seed| seed.enough).count(), seeds.len()),
        ),
        Claim::printed(
            ID,
            format!(
                "By sets R²N·log N evaluations are enough for ε = {error}·R (median error \
                over ε, R being the unit)"
            ),
            Rule::Below(1.0),
            Estimate::median(&each(seeds, |seed| seed.few)),
        ),
        Claim::corrected(
            ID,
            "The error by sets falls as the root of the number of evaluations (slope of the \
             logarithms)",
            Rule::Equals {
                value: -0.5,
                tolerance: 0.1,
            },
            slope(&|seed| &seed.by_sets),
        ),
        Claim::must_fail(
            ID,
            "It does, too, where each player is in a set by a coin, and not by a set of \
             suitable size (slope of the logarithms)",
            Rule::Equals {
                value: -0.5,
                tolerance: 0.1,
            },
            slope(&|seed| &seed.by_coins),
        ),
    ]
}

fn figure(setup: &Setup, seeds: &[Seed]) -> Figure {
    let x = setup.get(EVALUATIONS);
    let of = |f: &dyn Fn(&Seed) -> &Vec<f64>, pick: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        (0..x.len())
            .map(|index| pick(&seeds.iter().map(|seed| f(seed)[index]).collect::<Vec<_>>()))
            .collect()
    };
    let low = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let line = |label: &str, f: &dyn Fn(&Seed) -> &Vec<f64>, colour: usize| {
        Line::new(label, x.clone(), of(f, &median))
            .with_band(
                of(f, &low),
                of(f, &high),
                "smallest to largest of all seeds",
            )
            .with_markers()
            .styled(Style {
                colour: Some(colour),
                dash: 0,
            })
    };
    let start = of(&|seed| &seed.by_orders, &median)[0];
    let law = x
        .iter()
        .map(|count| start * (x[0] / count).sqrt())
        .collect();
    let panel = Panel::new(
        Axis::counting("evaluations of the utility").log(),
        Axis::new(
            "error \
        in norm over R",
            "1",
        )
        .log(),
    )
    .with(line("random orders", &|seed| &seed.by_orders, 0))
    .with(line("random sets", &|seed| &seed.by_sets, 1))
    .with(Line::new("slope −½", x.clone(), law).styled(Style::REFERENCE));
    Figure {
        width: Width::Column,
        ..Figure::new("Estimates of Shapley values")
    }
    .with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glove() -> Game {
        // Two left gloves, players 0 and 1, and a right one, player 2: a pair is worth one.
        let utilities = (0..8)
            .map(|set: usize| {
                if set & 4 != 0 && set & 3 != 0 {
                    1.0
                } else {
                    0.0
                }
            })
            .collect();
        Game {
            players: 3,
            utilities,
        }
    }

    #[test]
    fn the_glove_game_has_its_textbook_values() {
        for values in [glove().values(), glove().values_by_orders()] {
            for (value, expected) in values.iter().zip([1.0 / 6.0, 1.0 / 6.0, 2.0 / 3.0]) {
                assert!((value - expected).abs() < 1e-15);
            }
        }
        assert!((glove().difference(2, 0) - 0.5).abs() < 1e-15);
    }

    #[test]
    fn both_estimates_come_near() {
        let mut rng = Streams::new(0).stream("test", 0);
        let game = glove();
        for estimate in [
            game.estimate(40_000, &mut rng),
            game.estimate_by_sets(40_000, &mut rng),
        ] {
            assert!(
                vector::distance(&estimate, &game.values()) < 0.03,
                "{estimate:?}"
            );
        }
    }
}
