//! All experiments by their names.

use super::parameter::{Parameter, Value};
use super::{Experiment, Subject};
use super::{
    capacity, double_descent, factorisations, kernels, landscapes, least_squares, margins,
    mirror_descent, optimisation, scaling,
};
use crate::nearest::{hint, nearest};
use std::collections::BTreeMap;
use thiserror::Error;

/// All experiments, subject by subject.
pub fn all() -> Vec<&'static dyn Experiment> {
    Subject::ALL.into_iter().flat_map(of).copied().collect()
}

/// Those of a subject, in the order in which they are read.
pub fn of(subject: Subject) -> &'static [&'static dyn Experiment] {
    match subject {
        Subject::LeastSquares => least_squares::EXPERIMENTS,
        Subject::DoubleDescent => double_descent::EXPERIMENTS,
        Subject::Margins => margins::EXPERIMENTS,
        Subject::MirrorDescent => mirror_descent::EXPERIMENTS,
        Subject::Factorisations => factorisations::EXPERIMENTS,
        Subject::Kernels => kernels::EXPERIMENTS,
        Subject::Optimisation => optimisation::EXPERIMENTS,
        Subject::Landscapes => landscapes::EXPERIMENTS,
        Subject::Capacity => capacity::EXPERIMENTS,
        Subject::Scaling => scaling::EXPERIMENTS,
    }
}

/// What is wrong with what the user asked for.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Refusal {
    /// There is no such experiment.
    #[error("there is no experiment `{name}`{hint} `lab experiment list` prints all.")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest name, as the end of a sentence.
        hint: String,
    },
    /// A setting is not `key=value`.
    #[error("--set {0}: a setting is key=value, such as samples=100")]
    NoSetting(String),
    /// None of the experiments has such a parameter.
    #[error("--set {key}: {of} has no parameter `{key}`{hint} It has {allowed}.")]
    NoParameter {
        /// What was set.
        key: String,
        /// What has been asked for.
        of: String,
        /// The nearest name, as the end of a sentence.
        hint: String,
        /// All there are.
        allowed: String,
    },
    /// A value is of another kind, or out of range.
    #[error("--set {key}={found}: `{key}` ({meaning}) is {expected}")]
    Value {
        /// What was set.
        key: String,
        /// To what.
        found: String,
        /// What the parameter is.
        meaning: &'static str,
        /// What is allowed.
        expected: String,
    },
}

/// The experiment of that name.
///
/// # Errors
///
/// [`Refusal::Unknown`].
pub fn find(name: &str) -> Result<&'static dyn Experiment, Refusal> {
    let all = all();
    let found = all
        .iter()
        .find(|experiment| experiment.about().name == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = all
            .iter()
            .map(|experiment| experiment.about().name)
            .collect();
        let nearest = nearest(name, &names);
        let hint = match nearest {
            Some(_) => hint(nearest),
            None => ";".to_owned(),
        };
        Refusal::Unknown {
            name: name.to_owned(),
            hint,
        }
    })
}

/// The values that some settings give the parameters of each of some experiments. A setting is for all experiments that
/// have such a parameter.
///
/// # Errors
///
/// [`Refusal`] where a setting is for none of them, or its value is not allowed.
pub fn settings(
    experiments: &[&dyn Experiment],
    settings: &[String],
) -> Result<Vec<BTreeMap<&'static str, Value>>, Refusal> {
    let mut values = vec![BTreeMap::new(); experiments.len()];
    for setting in settings {
        let (key, text) = setting
            .split_once('=')
            .ok_or_else(|| Refusal::NoSetting(setting.clone()))?;
        let mut is_used = false;
        for (experiment, values) in experiments.iter().zip(&mut values) {
            let parameters = experiment.parameters();
            if let Some(parameter) = parameters.iter().find(|known| known.name == key.trim()) {
                values.insert(parameter.name, value(parameter, text.trim())?);
                is_used = true;
            }
        }
        if !is_used {
            return Err(no_parameter(key.trim(), experiments));
        }
    }
    Ok(values)
}

fn no_parameter(key: &str, experiments: &[&dyn Experiment]) -> Refusal {
    let mut names: Vec<&str> = experiments
        .iter()
        .flat_map(|experiment| experiment.parameters())
        .map(|parameter| parameter.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    let of = match experiments {
        [one] => format!("`{}`", one.about().name),
        _ => "none of these experiments".to_owned(),
    };
    let of = if experiments.len() == 1 {
        of
    } else {
        format!("{of} that were asked for")
    };
    Refusal::NoParameter {
        key: key.to_owned(),
        of,
        hint: hint(nearest(key, &names)),
        allowed: if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        },
    }
}

/// Reads the value of a parameter, written as in TOML.
fn value(parameter: &Parameter, text: &str) -> Result<Value, Refusal> {
    let [least, greatest] = parameter.allowed;
    let is_allowed = |number: f64| least <= number && number <= greatest;
    let parsed: Option<toml::Value> = toml::from_str::<toml::Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"));
    let number = |value: &toml::Value| {
        let number = match value {
            toml::Value::Integer(whole) => Some(*whole as f64),
            toml::Value::Float(float) => Some(*float),
            _ => None,
        };
        number.filter(|number| number.is_finite() && is_allowed(*number))
    };
    let value = match (&parameter.full, &parsed) {
        (Value::Count(_), Some(toml::Value::Integer(count))) => usize::try_from(*count)
            .ok()
            .filter(|count| is_allowed(*count as f64))
            .map(Value::Count),
        (Value::Number(_), Some(found)) => number(found).map(Value::Number),
        (Value::Numbers(_), Some(toml::Value::Array(found))) if !found.is_empty() => found
            .iter()
            .map(number)
            .collect::<Option<Vec<f64>>>()
            .map(Value::Numbers),
        _ => None,
    };
    value.ok_or_else(|| Refusal::Value {
        key: parameter.name.to_owned(),
        found: text.to_owned(),
        meaning: parameter.meaning,
        expected: expected(parameter),
    })
}

/// What values a parameter takes, in words.
pub fn expected(parameter: &Parameter) -> String {
    let kind = match parameter.full {
        Value::Count(_) => "a whole number",
        Value::Number(_) => "a number",
        Value::Numbers(_) => "a list of numbers such as [1, 2.5], each",
    };
    let range = match parameter.allowed {
        [least, f64::MAX] if least == -f64::MAX => String::new(),
        [least, f64::MAX] => format!(" of at least {}", Value::Number(least)),
        [least, greatest] if least == -f64::MAX => {
            format!(" of at most {}", Value::Number(greatest))
        }
        [least, greatest] => format!(
            " from {} to {}",
            Value::Number(least),
            Value::Number(greatest)
        ),
    };
    format!("{kind}{range}")
        .trim_end_matches(", each")
        .to_owned()
}
