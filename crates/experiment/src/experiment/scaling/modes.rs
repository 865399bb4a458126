//! The excess loss of a quadratic problem whose modes are many: powers of their index are its curvatures and losses.

/// How many modes stand for themselves.
const SINGLE: usize = 200;

/// By which ratio the index grows from one group of modes to the next, nearly.
const RATIO: f64 = 1.09;

/// Modes `j = 1, 2, ...` with curvature `λ_j = j^(−b)`, of which each has `j^(−a)` of the loss at the start. After
/// 200 single modes they stand in groups of nearly equal curvature, in equal ratios of the index.
#[derive(Clone, Debug, PartialEq)]
pub struct Modes {
    /// The curvature of each.
    pub curvatures: Vec<f64>,
    /// What each has of the loss before the first step.
    pub losses: Vec<f64>,
    /// How many modes each stands for.
    pub numbers: Vec<f64>,
}

impl Modes {
    /// With the power `a` of the losses, above one, and the power `b` of the curvatures, up to the `last` mode, which is
    /// beyond the single ones.
    pub fn new(a: f64, b: f64, last: f64) -> Self {
        let edge = SINGLE as f64 + 0.5;
        let count = ((last / edge).ln() / RATIO.ln()).ceil();
        let ratio = (last / edge).powf(1.0 / count);
        let group = |index: usize| edge * ratio.powf(index as f64);
        let single = (1..=SINGLE).map(|index| (index as f64, 1.0, (index as f64).powf(-a)));
        // The integrals of the group's number and loss; its curvature is the one in its middle.
        let groups = (0..count as usize).map(|index| {
            let (from, to) = (group(index), group(index + 1));
            let loss = (from.powf(1.0 - a) - to.powf(1.0 - a)) / (a - 1.0);
            ((from * to).sqrt(), to - from, loss)
        });
        let all: Vec<(f64, f64, f64)> = single.chain(groups).collect();
        Self {
            curvatures: all.iter().map(|(index, _, _)| index.powf(-b)).collect(),
            losses: all.iter().map(|(_, _, loss)| *loss).collect(),
            numbers: all.iter().map(|(_, number, _)| *number).collect(),
        }
    }

    /// The loss where each mode has this share of its error left.
    pub fn loss(&self, left: impl Fn(f64) -> f64) -> f64 {
        let pairs = self.curvatures.iter().zip(&self.losses);
        pairs
            .map(|(curvature, loss)| loss * left(*curvature).powi(2))
            .sum()
    }

    /// The loss of gradient flow at a time.
    pub fn of_flow(&self, time: f64) -> f64 {
        self.loss(|curvature| (-curvature * time).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stand_for_their_modes() {
        let modes = Modes::new(1.5, 1.5, 1e16);
        // ζ(3/2) at the start, but for what lies beyond the last group.
        assert!((modes.of_flow(0.0) - 2.612_375_348_7).abs() < 1e-6);
        // Against the sum over a million modes and the rest, which has not moved.
        let sum: f64 = (1..1_000_000)
            .map(f64::from)
            .map(|j| j.powf(-1.5) * (-2.0 * j.powf(-1.5) * 100.0).exp())
            .sum();
        let exact = sum + 2.0 * 999_999.5f64.powf(-0.5);
        assert!((modes.of_flow(100.0) / exact - 1.0).abs() < 1e-5);
    }
}
