//! `--normalize`: how the model of a file of weights wants its pixels.

use super::CommandError;
use crate::config::Override;
use crate::data::PixelNormalisation;
use crate::words::Word;
use toml::Value as Toml;

/// The keys of the config that `--normalize WAY` stands for.
///
/// # Errors
///
/// [`CommandError::Input`] where it is neither a word nor means and deviations.
pub(super) fn overrides(way: &str) -> Result<Vec<Override>, CommandError> {
    let flag = format!("--normalize {way}");
    let set = |key: &str, value: Toml| Override::from_flag(&flag, key, &value);
    if PixelNormalisation::of_word(way).is_some_and(|word| word != PixelNormalisation::Given) {
        return Ok(vec![set("data.normalize", way.into())]);
    }
    let [mean, deviation] = pair(way).ok_or_else(|| {
        CommandError::Input(format!(
            "{flag}: must be unit, standard, imagenet, cifar, or means and deviations such as 0.1307/0.3081 or \
             0.49,0.48,0.45/0.25,0.24,0.26"
        ))
    })?;
    Ok(vec![
        set("data.normalize", PixelNormalisation::Given.as_str().into()),
        set("data.mean", mean),
        set("data.deviation", deviation),
    ])
}

/// Two lists of numbers with a slash between them.
fn pair(text: &str) -> Option<[Toml; 2]> {
    let (mean, deviation) = text.split_once('/')?;
    let list = |text: &str| {
        let numbers = text.split(',').map(|number| number.trim().parse::<f64>());
        let numbers: Result<Vec<f64>, _> = numbers.collect();
        Some(Toml::from(numbers.ok()?))
    };
    Some([list(mean)?, list(deviation)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_become_keys() {
        let keys = |way: &str| -> Vec<String> {
            let overrides = overrides(way).unwrap();
            overrides.iter().map(|it| it.key().to_owned()).collect()
        };
        assert_eq!(keys("imagenet"), ["data.normalize"]);
        assert_eq!(
            keys("0.5, 0.4/0.2,0.1"),
            ["data.normalize", "data.mean", "data.deviation"]
        );
        for wrong in ["given", "0.5", "0.5/x", "imagnet", ""] {
            let error = overrides(wrong).unwrap_err().to_string();
            assert!(error.contains("must be unit, standard"), "{error}");
        }
    }
}
