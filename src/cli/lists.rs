//! Lists of names on the command line.

use super::CommandError;
use crate::data::Task;
use crate::measure::{self, Measure, Named, Preset};
use crate::nearest::{families, hint, nearest};
use crate::reparam::MapKind;

/// The measures of a list, in which presets stand for theirs; each once.
pub fn measures(list: &str) -> Result<Vec<&'static str>, CommandError> {
    let mut names: Vec<&'static str> = Vec::new();
    for word in list.split(',').map(str::trim) {
        let found = match word {
            "light" => of_any_task(Preset::Light),
            "full" => of_any_task(Preset::Full),
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

/// The measures of a preset, whatever is to be predicted.
fn of_any_task(preset: Preset) -> Vec<&'static str> {
    let of = |measure: &'static Measure| {
        let task = measure.task.unwrap_or_default();
        preset
            .measures(task)
            .contains(&measure.name)
            .then_some(measure.name)
    };
    measure::catalogue().filter_map(of).collect()
}

/// Those of a list's measures that mean something where this is to be predicted, and those that it names itself.
pub fn applying(list: &str, names: &[&'static str], task: Task) -> Vec<&'static str> {
    let is_named = |name: &str| list.split(',').any(|word| word.trim() == name);
    let applies = |name: &str| measure::find(name).is_none_or(|measure| measure.applies_to(task));
    let names = names.iter().copied();
    names
        .filter(|name| applies(name) || is_named(name))
        .collect()
}

fn measure_named(name: &str) -> Result<&'static str, CommandError> {
    if let Some(measure) = measure::find(name) {
        return Ok(measure.name);
    }
    Err(CommandError::Input(match Named::parse(name) {
        Some(Named::UnderMap(map, measure)) => {
            let measure = measure.name;
            format!(
                "--measures: `{name}` is {measure} after a map, over its value before, which `lab reparam \
                 --measures {measure} --maps {map}` takes; while training, a hook with `maps` does"
            )
        }
        _ => {
            let names = measure::names();
            format!(
                "--measures: there is no measure `{name}`{} Allowed: light, full, and the names that `lab \
                 measure --help` lists, of the families {}",
                hint(nearest(name, &names)),
                families(&names).join(", ")
            )
        }
    }))
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
    fn an_unknown_measure_suggests_the_nearest_and_where_all_are() {
        let message = |name: &str| measures(name).unwrap_err().to_string();
        let near = message("hessian.lamda_max");
        assert!(
            near.contains("did you mean `hessian.lambda_max`?"),
            "{near}"
        );
        let far = message("zzz");
        assert!(far.contains("`lab measure --help`"), "{far}");
        assert!(
            far.contains("loss, gap, accuracy, r2, rmse, calibration, margin, norm"),
            "{far}"
        );
        assert!(far.len() < 400 && !far.contains("hessian.trace"), "{far}");
    }

    #[test]
    fn a_measure_after_a_map_is_another_command_s() {
        insta::assert_snapshot!(
            measures("norm.l2,reparam.permutation.hessian.trace").unwrap_err().to_string(),
            @"--measures: `reparam.permutation.hessian.trace` is hessian.trace after a map, over its value before, which `lab reparam --measures hessian.trace --maps permutation` takes; while training, a hook with `maps` does"
        );
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
