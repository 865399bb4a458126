//! Lists of names on the command line.

use super::CommandError;
use crate::measure::{self, Preset};
use crate::nearest::{hint, nearest};
use crate::reparam::MapKind;

/// The measures of a list, in which presets stand for theirs; each once.
pub fn measures(list: &str) -> Result<Vec<&'static str>, CommandError> {
    let mut names: Vec<&'static str> = Vec::new();
    for word in list.split(',').map(str::trim) {
        let found = match word {
            "light" => Preset::Light.measures(),
            "full" => Preset::Full.measures(),
            name => vec![measure_named(name)?],
        };
        for name in found {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

fn measure_named(name: &str) -> Result<&'static str, CommandError> {
    let unknown = || {
        let names = measure::names();
        let hint = hint(nearest(name, &names));
        let names = names.join(", ");
        CommandError::Input(format!(
            "--measures: there is no measure `{name}`{hint} Allowed: light, full, {names}"
        ))
    };
    let found = measure::find(name).ok_or_else(unknown)?;
    Ok(found.name)
}

/// The kinds of maps of a list, each once.
pub fn maps(list: &str) -> Result<Vec<MapKind>, CommandError> {
    let mut kinds: Vec<MapKind> = Vec::new();
    for word in list.split(',').map(str::trim) {
        let kind = map_named(word)?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

fn map_named(word: &str) -> Result<MapKind, CommandError> {
    let kinds = MapKind::ALL;
    let found = kinds.iter().find(|kind| kind.as_str() == word);
    found.copied().ok_or_else(|| {
        let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let hint = hint(nearest(word, &words));
        let words = words.join(", ");
        CommandError::Input(format!(
            "--maps: there is no map `{word}`{hint} Allowed: {words}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_each_name_once() {
        assert_eq!(
            maps("permutation, unit-rescaling,permutation").unwrap(),
            [MapKind::Permutation, MapKind::UnitRescaling]
        );
        let light = measures("light").unwrap();
        assert_eq!(measures("light,norm.l2").unwrap(), light);
    }

    #[test]
    fn an_unknown_map_suggests_the_nearest() {
        let message = maps("permutation,layer_rescaling").unwrap_err().to_string();
        assert!(
            message.contains("no map `layer_rescaling`; did you mean `layer-rescaling`?"),
            "{message}"
        );
        assert!(
            maps("")
                .unwrap_err()
                .to_string()
                .contains("Allowed: layer-rescaling")
        );
    }
}
