//! What differences the user says do not matter.

use super::CompareError;
use crate::measure;
use crate::nearest::{hint, nearest};
pub use crate::statistics::equivalence::Margin;
use serde::{Serialize, Serializer};

/// The largest differences that do not matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Margins {
    /// Of every measure, as a part of the smaller mean.
    every: Option<f64>,
    /// Of single measures, which go before.
    named: Vec<(&'static str, Margin)>,
}

impl Margins {
    /// Reads margins as they are given on a command line: `10%` is for every measure and relative,
    /// `accuracy.test=0.005` for one and absolute, `hessian.trace=20%` for one and relative.
    ///
    /// # Errors
    ///
    /// [`CompareError::Margin`], with what is allowed.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, CompareError> {
        let mut margins = Self::default();
        for text in texts.iter().map(AsRef::as_ref) {
            let wrong = |reason: &str| CompareError::Margin {
                text: text.to_owned(),
                reason: reason.to_owned(),
            };
            match text.split_once('=') {
                None => match margin(text).map_err(wrong)? {
                    Margin::Ratio(ratio) => margins.every = Some(ratio),
                    Margin::Difference(_) => {
                        return Err(wrong(
                            "a difference of so much is large for one measure and small for another; give a share of \
                             the smaller mean (10%) or the measure",
                        ));
                    }
                },
                Some((name, amount)) => {
                    let Some(measure) = measure::find(name) else {
                        let hint = hint(nearest(name, &measure::names()));
                        return Err(wrong(&format!("`{name}` is no measure{hint}")));
                    };
                    let margin = margin(amount).map_err(wrong)?;
                    margins.named.push((measure.name, margin));
                }
            }
        }
        Ok(margins)
    }

    /// That of a measure.
    pub(super) fn of(&self, name: &str) -> Option<Margin> {
        let named = self.named.iter().rev().find(|(other, _)| *other == name);
        let every = self.every.map(Margin::Ratio);
        named.map(|(_, margin)| *margin).or(every)
    }

    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.every.is_none() && self.named.is_empty()
    }
}

/// Reads `10%` or `0.005`.
fn margin(text: &str) -> Result<Margin, &'static str> {
    const WRONG: &str = "neither a number above 0 nor a percentage above 0";
    let (number, is_share) = match text.trim().strip_suffix('%') {
        Some(number) => (number, true),
        None => (text.trim(), false),
    };
    let number: f64 = number.trim().parse().map_err(|_| WRONG)?;
    if !(number > 0.0 && number.is_finite()) {
        return Err(WRONG);
    }
    Ok(match is_share {
        true => Margin::Ratio(1.0 + number / 100.0),
        false => Margin::Difference(number),
    })
}

/// A margin in words: `10 %` or `0.005`.
pub fn margin_words(margin: Margin) -> String {
    match margin {
        Margin::Difference(most) => most.to_string(),
        // The share again, without what the sum with 1 has left of it.
        Margin::Ratio(most) => {
            let share = (100.0 * (most - 1.0) * 1e6).round() / 1e6;
            format!("{share} %")
        }
    }
}

/// Writes a margin in words.
pub(super) fn serialize<S: Serializer>(
    margin: &Option<Margin>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    margin.map(margin_words).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_shares_of_all_or_amounts_of_one() {
        let margins =
            Margins::parse(&["10%", "accuracy.test=0.005", "hessian.trace=20 %"]).unwrap();
        let words = |name| margins.of(name).map(margin_words);
        assert_eq!(words("norm.l2").as_deref(), Some("10 %"));
        assert_eq!(words("accuracy.test").as_deref(), Some("0.005"));
        assert_eq!(words("hessian.trace").as_deref(), Some("20 %"));
        assert_eq!(Margins::default().of("norm.l2"), None);
    }

    #[test]
    fn margins_that_mean_nothing_are_refused() {
        let cases = [
            ("0.1", "a difference of so much is large for one measure"),
            ("-5%", "neither a number above 0 nor a percentage"),
            ("norm.l2=nan", "neither a number above 0"),
            (
                "norm.l3=5%",
                "`norm.l3` is no measure; did you mean `norm.l2`?",
            ),
        ];
        for (text, expected) in cases {
            let message = Margins::parse(&[text]).unwrap_err().to_string();
            assert!(
                message.contains(text) && message.contains(expected),
                "{message}"
            );
        }
    }
}
