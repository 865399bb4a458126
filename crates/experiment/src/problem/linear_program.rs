//! Linear programmes with few variables, solved exactly but for rounding by the dual simplex method (Lemke 1954;
//! Dantzig 1963, "Linear programming and extensions", chapter 11): with costs that are not negative, the origin is
//! optimal for the dual, and nothing else is needed to begin.

/// `min c·x` such that `x ≥ 0` and `a·x ≥ b` for each constraint `(a, b)`.
#[derive(Clone, Debug)]
pub struct LinearProgram {
    /// The costs `c`, none negative.
    pub costs: Vec<f64>,
    /// The constraints.
    pub constraints: Vec<(Vec<f64>, f64)>,
}

/// A solution with what certifies it: `c·x` of a feasible `x` is at least `b·y` of any `y ≥ 0` with `Aᵀy ≤ c`, so that
/// both are optimal where they are equal.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The variables.
    pub variables: Vec<f64>,
    /// The multipliers `y`, one for each constraint.
    pub multipliers: Vec<f64>,
}

/// What rounding leaves of zero.
const ZERO: f64 = 1e-11;

impl LinearProgram {
    /// With the constraint `a·x = b`, which is two.
    pub fn with_equality(mut self, row: Vec<f64>, value: f64) -> Self {
        let opposite = row.iter().map(|entry| -entry).collect();
        self.constraints.extend([(row, value), (opposite, -value)]);
        self
    }

    /// An optimal solution; none where the constraints exclude each other.
    pub fn solve(&self) -> Option<Solution> {
        let mut dictionary = Dictionary::new(self);
        while let Some(row) = dictionary.leaving() {
            let column = dictionary.entering(row)?;
            dictionary.exchange(row, column);
        }
        Some(dictionary.solution(self.costs.len()))
    }
}

/// Every basic variable as a constant and a combination of the others, and the cost likewise. Variables are numbered: those
/// of the programme, then the slack of each constraint.
struct Dictionary {
    basic: Vec<usize>,
    others: Vec<usize>,
    constants: Vec<f64>,
    rows: Vec<Vec<f64>>,
    costs: Vec<f64>,
}

impl Dictionary {
    fn new(programme: &LinearProgram) -> Self {
        let (variables, slacks) = (programme.costs.len(), programme.constraints.len());
        Self {
            basic: (variables..variables + slacks).collect(),
            others: (0..variables).collect(),
            constants: programme
                .constraints
                .iter()
                .map(|(_, bound)| -bound)
                .collect(),
            rows: programme
                .constraints
                .iter()
                .map(|(row, _)| row.clone())
                .collect(),
            costs: programme.costs.clone(),
        }
    }

    /// The first variable below zero, by its number: Bland's rule, which cannot go round in circles.
    fn leaving(&self) -> Option<usize> {
        let below = (0..self.basic.len()).filter(|row| self.constants[*row] < -ZERO);
        below.min_by_key(|row| self.basic[*row])
    }

    /// The variable that lifts it at the least cost, the first of equals; none where nothing lifts it.
    fn entering(&self, row: usize) -> Option<usize> {
        let lifting = (0..self.others.len()).filter(|column| self.rows[row][*column] > ZERO);
        lifting.min_by(|a, b| {
            let ratio = |column: &usize| self.costs[*column] / self.rows[row][*column];
            ratio(a)
                .total_cmp(&ratio(b))
                .then(self.others[*a].cmp(&self.others[*b]))
        })
    }

    /// Lets the variable of a column take the place of that of a row.
    fn exchange(&mut self, row: usize, column: usize) {
        let pivot = self.rows[row][column];
        let constant = -self.constants[row] / pivot;
        let mut replaced: Vec<f64> = self.rows[row].iter().map(|entry| -entry / pivot).collect();
        replaced[column] = 1.0 / pivot;
        for (other, (entries, value)) in self.rows.iter_mut().zip(&mut self.constants).enumerate() {
            if other != row {
                *value += entries[column] * constant;
                substitute(entries, &replaced, column);
            }
        }
        substitute(&mut self.costs, &replaced, column);
        self.rows[row] = replaced;
        self.constants[row] = constant;
        std::mem::swap(&mut self.basic[row], &mut self.others[column]);
    }

    fn solution(&self, variables: usize) -> Solution {
        let mut all = vec![0.0; self.basic.len() + self.others.len()];
        for (index, constant) in self.basic.iter().zip(&self.constants) {
            all[*index] = constant.max(0.0);
        }
        // What a unit of slack costs is the multiplier of its constraint.
        let mut costs = vec![0.0; all.len()];
        for (index, cost) in self.others.iter().zip(&self.costs) {
            costs[*index] = cost.max(0.0);
        }
        Solution {
            variables: all[..variables].to_vec(),
            multipliers: costs[variables..].to_vec(),
        }
    }
}

/// Puts a combination in the place of one variable.
fn substitute(entries: &mut [f64], replaced: &[f64], column: usize) {
    let factor = entries[column];
    entries[column] = 0.0;
    for (entry, replaced) in entries.iter_mut().zip(replaced) {
        *entry += factor * replaced;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::draw;
    use crate::random::Streams;

    fn inner(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn a_diet_is_that_of_paper_and_pencil() {
        // min 2x + 3y with x + y ≥ 4, x + 3y ≥ 6: at (3, 1), cost 9, multipliers 3/2 and 1/2.
        let programme = LinearProgram {
            costs: vec![2.0, 3.0],
            constraints: vec![(vec![1.0, 1.0], 4.0), (vec![1.0, 3.0], 6.0)],
        };
        let solution = programme.solve().unwrap();
        for (found, expected) in solution.variables.iter().zip([3.0, 1.0]) {
            assert!((found - expected).abs() < 1e-12, "{solution:?}");
        }
        for (found, expected) in solution.multipliers.iter().zip([1.5, 0.5]) {
            assert!((found - expected).abs() < 1e-12, "{solution:?}");
        }
    }

    #[test]
    fn an_equality_is_kept_to() {
        // min x + 3y with x + 2y = 4: at (4, 0).
        let programme = LinearProgram {
            costs: vec![1.0, 3.0],
            constraints: Vec::new(),
        };
        let solution = programme
            .with_equality(vec![1.0, 2.0], 4.0)
            .solve()
            .unwrap();
        assert!((solution.variables[0] - 4.0).abs() < 1e-12 && solution.variables[1].abs() < 1e-12);
    }

    #[test]
    fn constraints_that_exclude_each_other_have_no_solution() {
        // x ≥ 2 and −x ≥ −1.
        let constraints = vec![(vec![1.0], 2.0), (vec![-1.0], -1.0)];
        let programme = LinearProgram {
            costs: vec![1.0],
            constraints,
        };
        assert_eq!(programme.solve(), None);
    }

    #[test]
    fn solutions_are_certified_by_their_multipliers() {
        for seed in 0..20 {
            let mut rng = Streams::new(seed).stream("programme", 0);
            let (variables, count) = (8, 20);
            let costs: Vec<f64> = (0..variables)
                .map(|_| draw::normal(&mut rng).abs())
                .collect();
            // Feasible at (1, ..., 1).
            let constraints: Vec<(Vec<f64>, f64)> = (0..count)
                .map(|_| {
                    let row: Vec<f64> = (0..variables).map(|_| draw::normal(&mut rng)).collect();
                    let bound = row.iter().sum::<f64>() - draw::normal(&mut rng).abs();
                    (row, bound)
                })
                .collect();
            let programme = LinearProgram { costs, constraints };
            let Solution {
                variables,
                multipliers,
            } = programme.solve().unwrap();
            assert!(
                variables
                    .iter()
                    .chain(&multipliers)
                    .all(|value| *value >= 0.0)
            );
            for (row, bound) in &programme.constraints {
                assert!(inner(row, &variables) >= bound - 1e-9);
            }
            for (index, cost) in programme.costs.iter().enumerate() {
                let column: Vec<f64> = programme
                    .constraints
                    .iter()
                    .map(|(row, _)| row[index])
                    .collect();
                assert!(inner(&column, &multipliers) <= cost + 1e-9);
            }
            let bounds: Vec<f64> = programme
                .constraints
                .iter()
                .map(|(_, bound)| *bound)
                .collect();
            let gap = inner(&programme.costs, &variables) - inner(&bounds, &multipliers);
            assert!(gap.abs() < 1e-9, "seed {seed}: {gap}");
        }
    }
}
