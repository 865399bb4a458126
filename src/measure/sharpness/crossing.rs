//! Where a function of a positive number first exceeds a level.

use crate::measure::failure::{Failure, FailureKind};

/// Two numbers between which a function crosses a level, and its values there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Crossing {
    /// The function does not exceed the level here.
    pub below: f64,
    /// The value there.
    pub value_below: f64,
    /// It does here, or is not finite.
    pub above: f64,
    /// The value there.
    pub value_above: f64,
}

impl Crossing {
    /// The ratio of the two numbers at which the search ends.
    const PRECISION: f64 = 1.02;

    /// How often a number is doubled or halved in search of the two.
    const DOUBLINGS: usize = 60;

    /// The place of the crossing, and how far it may be off, relative to it.
    pub fn place(&self) -> (f64, f64) {
        let place = (self.below * self.above).sqrt();
        (place, self.above / place - 1.0)
    }

    /// Whether the search came to its end.
    pub fn is_narrow(&self) -> bool {
        self.above <= Self::PRECISION * self.below
    }

    /// How steep the function is between the two.
    pub fn slope(&self) -> f64 {
        (self.value_above - self.value_below) / (self.above - self.below)
    }

    /// Searches from `start` by doubling or halving, then by bisection of the logarithm. A function
    /// that answers `None` has come to the end of its budget: what is known then is returned.
    ///
    /// # Errors
    ///
    /// Where the function crosses the level nowhere, does so again further on, or fails itself.
    pub fn find(
        function: &mut dyn FnMut(f64) -> Result<Option<f64>, Failure>,
        level: f64,
        start: f64,
    ) -> Result<Self, Failure> {
        let mut crossing = Self::bracket(function, level, start)?;
        while !crossing.is_narrow() {
            let middle = (crossing.below * crossing.above).sqrt();
            let Some(value) = function(middle)? else {
                return Ok(crossing);
            };
            crossing.narrow(middle, value, level);
        }
        let further = function(2.0 * crossing.above)?;
        if further.is_some_and(|value| value <= level) {
            return Err(Failure::not_found(format!(
                "the loss rises past the level at {:.1e} and is below it again at twice that: there \
                 is no one threshold",
                crossing.above
            )));
        }
        Ok(crossing)
    }

    fn bracket(
        function: &mut dyn FnMut(f64) -> Result<Option<f64>, Failure>,
        level: f64,
        start: f64,
    ) -> Result<Self, Failure> {
        let ended = || {
            let reason = "the budget ended before a threshold was found";
            Failure::new(FailureKind::Budget, reason)
        };
        let value = function(start)?.ok_or_else(ended)?;
        let mut crossing = Self {
            below: 0.0,
            value_below: f64::NAN,
            above: f64::INFINITY,
            value_above: f64::NAN,
        };
        crossing.narrow(start, value, level);
        let is_below = crossing.below == start;
        let factor = if is_below { 2.0 } else { 0.5 };
        let mut place = start;
        for _ in 0..Self::DOUBLINGS {
            place *= factor;
            let value = function(place)?.ok_or_else(ended)?;
            crossing.narrow(place, value, level);
            if crossing.below > 0.0 && crossing.above.is_finite() {
                return Ok(crossing);
            }
        }
        Err(Failure::not_found(if is_below {
            format!("the loss stays below the level up to {place:.1e}")
        } else {
            format!("the loss is above the level down to {place:.1e}")
        }))
    }

    fn narrow(&mut self, place: f64, value: f64, level: f64) {
        if value <= level {
            (self.below, self.value_below) = (place, value);
        } else {
            (self.above, self.value_above) = (place, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(function: impl Fn(f64) -> f64, level: f64, start: f64) -> Result<Crossing, Failure> {
        Crossing::find(&mut |x| Ok(Some(function(x))), level, start)
    }

    #[test]
    fn a_root_is_found_from_either_side_within_its_error() {
        for start in [1e-6, 1e5] {
            let crossing = find(|x| x * x, 2.0, start).unwrap();
            let (place, error) = crossing.place();
            assert!(crossing.is_narrow() && error <= 0.01);
            assert!((place / 2.0f64.sqrt() - 1.0).abs() <= error, "{place}");
            assert!((crossing.slope() - 2.0 * place).abs() < 0.03);
        }
    }

    #[test]
    fn what_is_not_finite_is_above_every_level() {
        let crossing = find(|x| if x < 3.0 { 0.0 } else { f64::NAN }, 1.0, 1.0).unwrap();
        assert!(crossing.below < 3.0 && crossing.above >= 3.0);
    }

    #[test]
    fn no_threshold_and_two_are_refused() {
        let message = |result: Result<Crossing, Failure>| result.unwrap_err().to_string();
        assert!(message(find(|_| 0.0, 1.0, 1.0)).contains("stays below"));
        assert!(message(find(|_| 2.0, 1.0, 1.0)).contains("is above the level down"));
        let bump = |x: f64| if (1.0..1.5).contains(&x) { 1.0 } else { 0.0 };
        assert!(message(find(bump, 0.5, 0.6)).contains("no one threshold"));
    }

    #[test]
    fn a_budget_ends_the_search_honestly() {
        let mut left = 3;
        let mut function = |x: f64| {
            left -= 1;
            Ok((left >= 0).then_some(x))
        };
        let crossing = Crossing::find(&mut function, 1.5, 1.0).unwrap();
        assert!(!crossing.is_narrow() && crossing.below < 1.5 && crossing.above > 1.5);
        let none = Crossing::find(&mut |_| Ok(None), 1.0, 1.0).unwrap_err();
        assert!(none.to_string().contains("budget"));
    }
}
