//! `lab demo`.

use super::find::within_program;
use super::interrupt;
use super::output::{check_folder, check_page, print, write_file, write_named};
use super::screen::markdown_table;
use super::train::quoted;
use super::{CommandError, ExitCode};
use crate::demo::{Command, LESSONS, Lesson, sentence};
use crate::figure::png_of_svg;
use crate::nearest::{hint, nearest};
use crate::plot::PlotError;
use crate::table::{Column, Table};
use clap::Args;
use lab_page::{Page, Part, Section};
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Ten lessons, a minute each: one command, one picture, one sentence.
///
/// Without a name it lists them. A lesson gives other commands of this program, which it prints; what they leave is in
/// DIR/NAME. Given a second time, it trains no run again that is whole.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// The lesson
    #[arg(value_name = "NAME", conflicts_with = "all")]
    name: Option<String>,
    /// All of them
    #[arg(long)]
    all: bool,
    /// The folder that lessons are written to, as DIR/NAME
    #[arg(long, value_name = "DIR", default_value = "demo")]
    out: PathBuf,
    /// Also write what was shown as one HTML file to hand out: pictures, sentences and commands
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// No progress, only the result
    #[arg(long)]
    quiet: bool,
}

/// Runs the command.
pub fn run(args: &DemoArgs) -> Result<ExitCode, CommandError> {
    let lessons: Vec<&Lesson> = match &args.name {
        Some(name) => vec![find(name)?],
        None if args.all => LESSONS.iter().collect(),
        None if args.page.is_some() => {
            let reason = "--page: of which lesson? Give its name, or --all";
            return Err(CommandError::Input(reason.to_owned()));
        }
        None => return list(),
    };
    if let Some(path) = &args.page {
        check_page(PAGE, path)?;
        check_folder(PAGE, path)?;
    }
    let mut sections = Vec::new();
    for (place, lesson) in lessons.iter().enumerate() {
        if place > 0 {
            print("\n")?;
        }
        match show(lesson, args)? {
            Ok(section) => sections.push(section),
            Err(code) => return Ok(code),
        }
    }
    if let Some(path) = &args.page {
        let page = page(sections);
        let html = page
            .html()
            .map_err(|error| CommandError::Other(error.to_string()))?;
        write_named(PAGE, path, html.as_bytes())?;
    }
    Ok(ExitCode::Success)
}

/// The flag that names the page.
const PAGE: &str = "--page";

/// Lessons to hand out.
fn page(sections: Vec<Section>) -> Page {
    let title = match sections.as_slice() {
        [only] => only.title.clone(),
        lessons => format!("{} lessons", lessons.len()),
    };
    Page {
        title,
        about: format!(
            "Made by lab {}; each lesson names the commands behind it.",
            env!("CARGO_PKG_VERSION")
        ),
        sections,
    }
}

fn find(name: &str) -> Result<&'static Lesson, CommandError> {
    let found = LESSONS.iter().find(|lesson| lesson.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = LESSONS.iter().map(|lesson| lesson.name).collect();
        let hint = hint(nearest(name, &names));
        CommandError::Input(format!(
            "no lesson `{name}`{hint} There are: {}",
            names.join(", ")
        ))
    })
}

fn list() -> Result<ExitCode, CommandError> {
    let columns = ["lesson", "what it shows"].map(Column::text);
    let rows = LESSONS
        .iter()
        .map(|lesson| vec![lesson.name.into(), lesson.about.into()]);
    print(&markdown_table(&Table::new(columns).with_rows(rows)))?;
    print("\nA lesson: lab demo edge-of-stability. All, in some minutes: lab demo --all")?;
    Ok(ExitCode::Success)
}

/// Gives the commands of a lesson, and tells what came of them; returns it as a part of a page, or how a command failed.
fn show(lesson: &Lesson, args: &DemoArgs) -> Result<Result<Section, ExitCode>, CommandError> {
    let begin = Instant::now();
    let folder = args.out.join(lesson.name);
    std::fs::create_dir_all(&folder)
        .map_err(|error| CommandError::Input(format!("--out {}: {error}", args.out.display())))?;
    let shown_folder = folder.to_string_lossy().into_owned();
    for command in lesson.commands {
        let code = give(command, &folder, args.quiet)?;
        if code != ExitCode::Success {
            let how = match code {
                ExitCode::Interrupted => "interrupted; the same command goes on",
                _ => "error: this command failed",
            };
            eprintln!("{how}: {}", line(command, &shown_folder));
            return Ok(Err(code));
        }
    }
    let sentence =
        sentence(lesson.shown, &folder).map_err(|error| CommandError::Other(error.to_string()))?;
    let picture = folder.join(lesson.picture);
    let svg = std::fs::read_to_string(&picture)
        .map_err(|error| CommandError::Other(format!("{}: {error}", picture.display())))?;
    let image = picture.with_extension("png");
    write_file(&image, &png_of_svg(&svg).map_err(PlotError::from)?)?;
    let shown = format!("Shown: {sentence}");
    let not_shown = format!("Not shown: {}.", lesson.not_shown);
    let commands: Vec<String> = lesson
        .commands
        .iter()
        .map(|command| line(command, &shown_folder))
        .collect();
    let mut lines = vec![
        format!("{}: {}.", lesson.name, lesson.about),
        String::new(),
        shown.clone(),
        not_shown.clone(),
        format!("Picture: {} and .png", picture.display()),
        format!("Behind it ({:.0} s):", begin.elapsed().as_secs_f64()),
    ];
    lines.extend(commands.iter().map(|command| format!("  {command}")));
    if let Some(config) = lesson.commands.iter().find_map(config) {
        lines.push(format!(
            "The config is {config}; `lab init` writes it, with all that it is based on."
        ));
    }
    print(&lines.join("\n"))?;
    let section = Section::new(lesson.name)
        .with(Part::Lead(format!("{}.", lesson.about)))
        .with(Part::Pictures(vec![lab_page::Picture {
            title: lesson.name.to_owned(),
            svg,
        }]))
        .paragraph(shown)
        .paragraph(not_shown)
        .with(Part::Code(commands.join("\n")));
    Ok(Ok(section))
}

/// A command as a shell takes it.
fn line(command: &Command, folder: &str) -> String {
    let words = command.words(folder).into_iter().map(quoted);
    let words: Vec<String> = std::iter::once("lab".to_owned()).chain(words).collect();
    match command.into {
        None => words.join(" "),
        Some(file) => {
            let file = Path::new(folder).join(file);
            let file = quoted(file.to_string_lossy().into_owned());
            format!("{} > {file}", words.join(" "))
        }
    }
}

/// The config or sweep within the program that a command names.
fn config(command: &Command) -> Option<String> {
    let found = command.words.split_whitespace().find_map(|word| {
        let path = PathBuf::from(format!("configs/{word}.toml"));
        within_program(&path)
    })?;
    Some(found.path.display().to_string())
}

/// Runs a command in a process of its own, like one that is given in a shell.
fn give(command: &Command, folder: &Path, quiet: bool) -> Result<ExitCode, CommandError> {
    let program = std::env::current_exe()
        .map_err(|error| CommandError::Other(format!("this program is not found: {error}")))?;
    let mut process = process::Command::new(program);
    process.args(command.words(&folder.to_string_lossy()));
    process.stdin(Stdio::null()).stdout(Stdio::piped());
    if quiet {
        process.stderr(Stdio::piped());
    }
    // An interrupt of the terminal reaches the command as well, which ends in its own way.
    let interrupted = interrupt::flag();
    let output = process
        .spawn()
        .and_then(process::Child::wait_with_output)
        .map_err(|error| CommandError::Other(format!("a command cannot be run: {error}")))?;
    let code = match output.status.code() {
        _ if interrupted.load(Ordering::Relaxed) => ExitCode::Interrupted,
        Some(0) => ExitCode::Success,
        Some(2) => ExitCode::BadInput,
        Some(130) => ExitCode::Interrupted,
        _ => ExitCode::Failed,
    };
    if code == ExitCode::Success {
        if let Some(file) = command.into {
            write_file(&folder.join(file), &output.stdout)?;
        }
    } else if quiet && code != ExitCode::Interrupted {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_lessons_are_commands() {
        use clap::Parser;
        for lesson in LESSONS {
            for command in lesson.commands {
                let words = std::iter::once("lab".to_owned()).chain(command.words("a folder"));
                let parsed = super::super::Cli::try_parse_from(words);
                assert!(parsed.is_ok(), "{}: {:?}", lesson.name, parsed.err());
            }
        }
    }

    #[test]
    fn configs_of_lessons_are_within_the_program() {
        for lesson in LESSONS {
            for command in lesson.commands {
                let first = command.words.split_whitespace().next().unwrap();
                let named = matches!(first, "train" | "sweep");
                assert_eq!(config(command).is_some(), named, "{}", command.words);
            }
        }
    }

    #[test]
    fn an_unknown_lesson_is_answered_with_the_nearest() {
        let error = find("edge-of-stabilty").unwrap_err().to_string();
        assert!(
            error.contains("did you mean `edge-of-stability`?"),
            "{error}"
        );
    }

    #[test]
    fn a_command_is_printed_as_a_shell_takes_it() {
        let command = Command {
            words: "compare {folder}/sam --by arm",
            into: Some("comparison.json"),
        };
        assert_eq!(
            line(&command, "my demo/sam"),
            "lab compare 'my demo/sam/sam' --by arm > 'my demo/sam/comparison.json'"
        );
    }
}
