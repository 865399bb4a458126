//! How long a command still measures.

use std::collections::BTreeMap;

/// What is left to be measured of several runs that are alike, and what each thing has cost. Times are seconds since
/// some moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Remaining {
    /// The seconds each thing took last.
    costs: BTreeMap<String, f64>,
    /// What is left of this run.
    ahead: Vec<String>,
    /// All that there is to do about a run.
    whole: Vec<String>,
    /// Runs after this one.
    runs: usize,
    under_way: Option<(String, f64)>,
}

impl Remaining {
    /// There are so many runs.
    pub fn expect_runs(&mut self, runs: usize) {
        self.runs = runs;
    }

    /// The next run is begun.
    pub fn begins_run(&mut self, now: f64) {
        self.ends(now);
        self.runs = self.runs.saturating_sub(1);
        self.ahead.clear();
    }

    /// What there is to do about the run, after what begins it, and about all after it.
    pub fn expect_items(&mut self, first: &str, items: &[&str]) {
        let items = items.iter().map(|item| (*item).to_owned());
        self.ahead = items.collect();
        self.whole = self.ahead.clone();
        self.whole.push(first.to_owned());
    }

    /// How many runs there are after this one.
    pub fn runs_after(&self) -> usize {
        self.runs
    }

    /// A guess at what something costs.
    pub fn has_cost(&mut self, item: &str, seconds: f64) {
        self.costs.entry(item.to_owned()).or_insert(seconds);
    }

    /// Something is begun, and what was under way is over.
    pub fn begins(&mut self, item: &str, now: f64) {
        self.ends(now);
        self.passes(item);
        self.under_way = Some((item.to_owned(), now));
    }

    /// What was under way is over.
    pub fn ends(&mut self, now: f64) {
        if let Some((item, since)) = self.under_way.take() {
            self.costs.insert(item, now - since);
        }
    }

    /// Something need not be done.
    pub fn passes(&mut self, item: &str) {
        if let Some(place) = self.ahead.iter().position(|other| other == item) {
            self.ahead.remove(place);
        }
    }

    /// The seconds left, and whether it may be more because something has not been done yet; none where nothing is
    /// known.
    pub fn left(&self, now: f64) -> Option<(f64, bool)> {
        let cost = |item: &String| self.costs.get(item).copied();
        let of_runs = (0..self.runs).flat_map(|_| &self.whole);
        let ahead = self.ahead.iter().chain(of_runs).map(cost);
        let under_way = self.under_way.as_ref();
        let under_way = under_way.map(|(item, since)| Some((cost(item)? - (now - since)).max(0.0)));
        let all: Vec<Option<f64>> = ahead.chain(under_way).collect();
        let known: Vec<f64> = all.iter().flatten().copied().collect();
        (!known.is_empty()).then(|| (known.iter().sum(), known.len() < all.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two runs, each of which is read in a second and measured at two checkpoints in two and four.
    #[test]
    fn what_has_been_done_once_tells_what_is_left() {
        let mut remaining = Remaining::default();
        remaining.expect_runs(2);
        remaining.begins_run(0.0);
        remaining.begins("reading", 0.0);
        assert_eq!(remaining.left(0.5), None);
        remaining.expect_items("reading", &["fast", "slow", "fast", "slow"]);
        remaining.begins("fast", 1.0);
        // Of what is left only the reading of the other run is known.
        assert_eq!(remaining.left(1.0), Some((1.0, true)));
        remaining.begins("slow", 3.0);
        assert_eq!(remaining.left(3.0), Some((2.0 + 1.0 + 4.0, true)));
        remaining.ends(7.0);
        assert_eq!(remaining.left(7.0), Some((6.0 + 13.0, false)));
        remaining.begins("fast", 7.0);
        assert_eq!(remaining.left(8.5), Some((0.5 + 4.0 + 13.0, false)));
        // What takes longer than it did is over any moment.
        assert_eq!(remaining.left(12.0), Some((4.0 + 13.0, false)));
        remaining.ends(9.0);
        remaining.passes("slow");
        assert_eq!(remaining.left(9.0), Some((13.0, false)));
        remaining.begins_run(9.0);
        remaining.begins("reading", 9.0);
        assert_eq!(remaining.left(9.0).unwrap().0, 1.0);
    }

    #[test]
    fn a_guess_holds_until_it_is_known() {
        let mut remaining = Remaining::default();
        remaining.has_cost("fast", 5.0);
        remaining.has_cost("fast", 7.0);
        remaining.begins_run(0.0);
        remaining.expect_items("reading", &["fast", "fast"]);
        assert_eq!(remaining.left(0.0), Some((10.0, false)));
        remaining.begins("fast", 0.0);
        remaining.ends(1.0);
        assert_eq!(remaining.left(1.0), Some((1.0, false)));
    }
}
