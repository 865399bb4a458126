//! What an experiment finds: claims with their verdicts, tables and figures.

use crate::figure::Figure;
use crate::statistics::{Estimate, Rule, Verdict};
use crate::table::Table;

/// Whose claim it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is what the source prints.
    Printed,
    /// It is what is right where the source prints something else.
    Corrected,
    /// A negative control: it must fail where the source's reason is missing, or hold where that is not needed. This
    /// verdict it must get, or the experiment sees nothing.
    Control(Verdict),
}

impl Standing {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Printed => "printed",
            Self::Corrected => "corrected",
            Self::Control(_) => "control",
        }
    }
}

/// A claim with what was measured of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Its place in the catalogue of sources, such as `theory 3-1`.
    pub id: &'static str,
    /// One sentence that is true or false, without the verdict in it.
    pub text: String,
    /// Whose it is.
    pub standing: Standing,
    /// What it says of the number.
    pub rule: Rule,
    /// The number.
    pub estimate: Estimate,
}

impl Claim {
    /// What the source prints.
    pub fn printed(
        id: &'static str,
        text: impl Into<String>,
        rule: Rule,
        estimate: Estimate,
    ) -> Self {
        Self::of(Standing::Printed, id, text, rule, estimate)
    }

    /// What is right where the source, under the same id, prints something else.
    pub fn corrected(
        id: &'static str,
        text: impl Into<String>,
        rule: Rule,
        estimate: Estimate,
    ) -> Self {
        Self::of(Standing::Corrected, id, text, rule, estimate)
    }

    /// A negative control that must fail: the source's reason is missing.
    pub fn must_fail(
        id: &'static str,
        text: impl Into<String>,
        rule: Rule,
        estimate: Estimate,
    ) -> Self {
        Self::of(Standing::Control(Verdict::Fails), id, text, rule, estimate)
    }

    /// A negative control that must hold: the source's reason is not needed.
    pub fn must_hold(
        id: &'static str,
        text: impl Into<String>,
        rule: Rule,
        estimate: Estimate,
    ) -> Self {
        Self::of(Standing::Control(Verdict::Holds), id, text, rule, estimate)
    }

    fn of(
        standing: Standing,
        id: &'static str,
        text: impl Into<String>,
        rule: Rule,
        estimate: Estimate,
    ) -> Self {
        let text = text.into();
        Self {
            id,
            text,
            standing,
            rule,
            estimate,
        }
    }

    /// Whether it holds.
    pub fn verdict(&self) -> Verdict {
        self.rule.judge(&self.estimate)
    }

    /// How the verdict is reached: the statistic and how many values it is of.
    pub fn how(&self) -> String {
        let what = match self.rule {
            Rule::Equals { .. } => "equality within a tolerance",
            Rule::Below(_) | Rule::Above(_) | Rule::Between(..) => "inequality",
            Rule::Contains { .. } => "interval contains",
        };
        format!("{what}, {}", self.estimate.method.words())
    }
}

/// What an experiment finds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Claims with what was measured of them.
    pub claims: Vec<Claim>,
    /// Tables with the names of their files.
    pub tables: Vec<(&'static str, Table)>,
    /// Figures with the names of their files.
    pub figures: Vec<(&'static str, Figure)>,
}

impl Findings {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a claim more.
    pub fn claim(mut self, claim: Claim) -> Self {
        self.claims.push(claim);
        self
    }

    /// With some claims more.
    pub fn claims(mut self, claims: impl IntoIterator<Item = Claim>) -> Self {
        self.claims.extend(claims);
        self
    }

    /// With a table more, in a file of that name.
    pub fn table(mut self, name: &'static str, table: Table) -> Self {
        self.tables.push((name, table));
        self
    }

    /// With a figure more, in files of that name.
    pub fn figure(mut self, name: &'static str, figure: Figure) -> Self {
        self.figures.push((name, figure));
        self
    }

    /// What was found, in one sentence that is made of the verdicts: how many claims hold as they are printed, the first
    /// that does not, and how many corrected ones do.
    pub fn sentence(&self) -> String {
        let of = |standing: Standing| {
            self.claims
                .iter()
                .filter(move |claim| claim.standing == standing)
        };
        let counted = |standing: Standing, verdict: Verdict| {
            of(standing)
                .filter(|claim| claim.verdict() == verdict)
                .count()
        };
        let share = |standing: Standing| {
            format!(
                "{} of {}",
                counted(standing, Verdict::Holds),
                of(standing).count()
            )
        };
        let mut sentence = format!("{} claims hold as printed", share(Standing::Printed));
        for (verdict, one, several) in [
            (Verdict::Fails, "fails:", "fail, such as"),
            (Verdict::NotDecided, "not decided:", "not decided, such as"),
        ] {
            if let Some(first) = of(Standing::Printed).find(|claim| claim.verdict() == verdict) {
                let count = counted(Standing::Printed, verdict);
                sentence += &format!(
                    "; {count} {} \"{}\" ({} where {} is expected)",
                    if count == 1 { one } else { several },
                    first.text.trim_end_matches('.'),
                    number(first.estimate.value),
                    first.rule.expected(),
                );
            }
        }
        if of(Standing::Corrected).next().is_some() {
            sentence += &format!("; {} corrected ones hold", share(Standing::Corrected));
        }
        sentence + "."
    }
}

fn number(value: f64) -> String {
    crate::table::significant(value)
}
