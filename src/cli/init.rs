//! `lab init`.

use super::output::{print, unwritten};
use super::{CommandError, ExitCode};
use crate::files::Together;
use crate::report::counted;
use crate::starters::STARTERS;
use clap::Args;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Write the configs that come with the program, to begin from.
///
/// They are written to `DIR/configs`, with the schema that completes keys in an editor. A file that is there already is
/// left as it is.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// The folder to begin in, made where it is missing
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// What became of a file.
enum Place {
    Written,
    /// It was there, as the program has it.
    Same,
    /// It was there with other content, and still is.
    Kept(PathBuf),
}

/// Runs the command.
pub fn run(args: &InitArgs) -> Result<ExitCode, CommandError> {
    let configs = args.folder.join("configs");
    let (mut places, mut together) = (Vec::new(), Together::default());
    make_folder(&mut together, &args.folder, &configs)?;
    for starter in STARTERS {
        let path = configs.join(starter.path);
        places.push(begin(&mut together, &path, starter.bytes)?);
    }
    together.keep();
    let count = |wanted: fn(&Place) -> bool| places.iter().filter(|place| wanted(place)).count();
    let (written, same) = (
        count(|place| matches!(place, Place::Written)),
        count(|place| matches!(place, Place::Same)),
    );
    let mut lines = vec![format!(
        "{}: {} written{}",
        configs.display(),
        counted(written, "file"),
        match same {
            0 => String::new(),
            1 => ", 1 was there".to_owned(),
            same => format!(", {same} were there"),
        }
    )];
    lines.extend(places.iter().filter_map(|place| match place {
        Place::Kept(path) => Some(format!(
            "kept as it is, which is not what this version would write: {}",
            path.display()
        )),
        _ => None,
    }));
    lines.push(next(&args.folder));
    print(&lines.join("\n"))?;
    Ok(ExitCode::Success)
}

/// Makes the folder of configs, before anything is written.
fn make_folder(together: &mut Together, folder: &Path, configs: &Path) -> Result<(), CommandError> {
    together.folder(configs).map_err(|error| {
        CommandError::Input(format!(
            "DIR {}: the folder {} cannot be made there: {error}. Name a folder that may be written to: lab init DIR",
            folder.display(),
            configs.display()
        ))
    })
}

/// Writes a file where there is none.
fn begin(together: &mut Together, path: &Path, bytes: &[u8]) -> Result<Place, CommandError> {
    match fs::read(path) {
        Ok(there) if there == bytes => return Ok(Place::Same),
        Ok(_) => return Ok(Place::Kept(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => (),
        Err(error) => return Err(unwritten(&path.display().to_string(), &error)),
    }
    let written = together.file(path, bytes);
    written.map_err(|error| unwritten(&path.display().to_string(), &error))?;
    Ok(Place::Written)
}

/// What to do next.
fn next(folder: &Path) -> String {
    let change = match folder == Path::new(".") {
        true => String::new(),
        false => format!(
            "  cd {}\n",
            super::train::quoted(folder.to_string_lossy().into_owned())
        ),
    };
    format!(
        "\nTo begin (the digits are within the program):\n{change}  \
         lab doctor\n  \
         lab train --config sgd_b32 --seeds 0..5\n  \
         lab train --config sgd_b512 --seeds 0..5\n  \
         lab compare runs/sgd_b32 runs/sgd_b512\n\
         Every key with its meaning: lab config keys. Ten lessons of a minute: lab demo"
    )
}
