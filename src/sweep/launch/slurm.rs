//! Tasks as elements of job arrays of Slurm. Nothing of ours has to run while they do: each saves, queues itself again
//! and goes on by itself.

use crate::sweep::{Slurm, SweepError};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Seconds before its time limit at which a member saves and queues itself again.
const SAVE_BEFORE: u64 = 120;

/// The largest array of a cluster that does not say.
pub const MAX_ARRAY_SIZE: usize = 1001;

/// The variable that says which task the element 0 of an array is.
const FIRST: &str = "LAB_FIRST_TASK";

/// One array: the task that its element 0 is, and its elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// The task of element 0.
    pub first: usize,
    /// The elements, as `sbatch --array` takes them.
    pub elements: String,
}

/// The job script of a sweep.
#[derive(Clone, Debug)]
pub struct Script<'a> {
    /// The sweep's name.
    pub name: &'a str,
    /// What is asked for.
    pub slurm: &'a Slurm,
    /// The folder that logs are written to.
    pub logs: &'a Path,
    /// The folder that commands are run in.
    pub folder: &'a Path,
    /// The command of a task as a shell reads it, without its number.
    pub command: &'a str,
}

impl Script<'_> {
    /// The text of the script.
    pub fn text(&self) -> String {
        let Self { slurm, .. } = self;
        let mut text = "#!/bin/bash\n# One task of a sweep for each element of an array; written by `lab sweep`.\n".to_owned();
        let mut option = |option: &str| {
            // A String takes any line.
            let _ = writeln!(text, "#SBATCH {option}");
        };
        option(&format!("--job-name=lab-{}", self.name));
        option(&format!("--output=\"{}/%A_%a.log\"", self.logs.display()));
        option("--open-mode=append");
        option(&format!("--chdir=\"{}\"", self.folder.display()));
        option("--ntasks=1");
        let cpus = slurm.cpus.unwrap_or(1);
        option(&format!("--cpus-per-task={cpus}"));
        let words = [
            ("partition", &slurm.partition),
            ("account", &slurm.account),
            ("qos", &slurm.qos),
            ("constraint", &slurm.constraint),
            ("time", &slurm.time),
            ("mem", &slurm.memory),
        ];
        for (name, word) in words {
            if let Some(word) = word {
                option(&format!("--{name}={word}"));
            }
        }
        slurm.options.iter().for_each(|given| option(given));
        // A node that dies puts its members back into the queue; before the time limit a member does so itself.
        option("--requeue");
        let before = slurm.save_before.unwrap_or(SAVE_BEFORE);
        option(&format!("--signal=B:TERM@{before}"));
        let setup = slurm.setup.iter().map(|line| format!("{line}\n"));
        let setup: String = setup.collect();
        format!(
            "{text}\n{setup}export RAYON_NUM_THREADS={cpus}\nexec {} --task $((${{{FIRST}:-0}} + SLURM_ARRAY_TASK_ID))\n",
            self.command
        )
    }
}

/// Tasks, ascending, as arrays that a cluster takes: no index of an array reaches `max_array_size`.
pub fn arrays(tasks: &[usize], max_array_size: usize) -> Vec<Array> {
    let size = max_array_size.max(1);
    let mut arrays: Vec<(usize, Vec<usize>)> = Vec::new();
    for task in tasks {
        let first = task / size * size;
        match arrays.last_mut() {
            Some((of, elements)) if *of == first => elements.push(task - first),
            _ => arrays.push((first, vec![task - first])),
        }
    }
    let arrays = arrays.into_iter().map(|(first, elements)| Array {
        first,
        elements: ranges(&elements),
    });
    arrays.collect()
}

/// Ascending numbers as `0-3,7,9-10`.
fn ranges(numbers: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let ranges = ranges.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    ranges.collect::<Vec<_>>().join(",")
}

/// The cluster's `MaxArraySize`: one more than the largest index of an array.
///
/// # Errors
///
/// Where there is no Slurm.
pub fn max_array_size() -> Result<usize, SweepError> {
    let config = said(Command::new("scontrol").args(["show", "config"]))?;
    let line = config.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == "MaxArraySize").then(|| value.trim().parse().ok())?
    });
    Ok(line.unwrap_or(MAX_ARRAY_SIZE))
}

/// What `sbatch` is given for an array, before the script.
pub fn options(array: &Array, concurrent: Option<usize>) -> [String; 3] {
    let at_most = concurrent.map_or_else(String::new, |count| format!("%{count}"));
    [
        "--parsable".to_owned(),
        format!("--array={}{at_most}", array.elements),
        format!("--export=ALL,{FIRST}={}", array.first),
    ]
}

/// Submits an array, to begin once some other jobs have ended; the answer is its number.
///
/// # Errors
///
/// What `sbatch` says.
pub fn submit(
    script: &Path,
    array: &Array,
    concurrent: Option<usize>,
    after: &[String],
) -> Result<String, SweepError> {
    let mut command = Command::new("sbatch");
    if !after.is_empty() {
        command.arg(format!("--dependency=afterany:{}", after.join(":")));
    }
    command.args(options(array, concurrent)).arg(script);
    let answer = said(&mut command)?;
    // "123", or "123;cluster"
    let number = answer.trim().split(';').next().unwrap_or_default();
    match number.chars().all(|c| c.is_ascii_digit()) && !number.is_empty() {
        true => Ok(number.to_owned()),
        false => Err(SweepError::Slurm(format!(
            "sbatch answered {answer:?}, which is no number of a job"
        ))),
    }
}

/// Whether one of some jobs is still queued or running.
///
/// # Errors
///
/// What `squeue` says, but that it knows no such job any more.
pub fn are_queued(jobs: &[String]) -> Result<bool, SweepError> {
    let mut command = Command::new("squeue");
    command.args(["--noheader", "--format=%i", "--jobs", &jobs.join(",")]);
    match said(&mut command) {
        Ok(list) => Ok(!list.trim().is_empty()),
        Err(SweepError::Slurm(reason)) if reason.contains("Invalid job id") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts the job that this process is back into the queue, unless it is being cancelled. The answer is whether it was
/// put there.
///
/// # Errors
///
/// What `scontrol` says, or that this is no job.
pub fn requeue() -> Result<bool, SweepError> {
    let job = this_job().ok_or_else(|| {
        SweepError::Slurm("--requeue is for jobs of Slurm, and this is none".to_owned())
    })?;
    let shown = said(Command::new("scontrol").args(["show", "job", "--oneliner", &job]))?;
    let mut words = shown.split_whitespace();
    if words.find_map(|word| word.strip_prefix("JobState=")) != Some("RUNNING") {
        return Ok(false);
    }
    said(Command::new("scontrol").args(["requeue", &job]))?;
    Ok(true)
}

/// The number of the job that this process is, as Slurm takes it back.
fn this_job() -> Option<String> {
    let named = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (named("SLURM_ARRAY_JOB_ID"), named("SLURM_ARRAY_TASK_ID")) {
        (Some(job), Some(task)) => Some(format!("{job}_{task}")),
        _ => named("SLURM_JOB_ID"),
    }
}

/// What a command of Slurm says.
fn said(command: &mut Command) -> Result<String, SweepError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| SweepError::NoSlurm {
        command: name.clone(),
        source,
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(SweepError::Slurm(format!(
            "{name}: {}",
            text(&output.stderr)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_cut_where_the_cluster_says() {
        assert_eq!(ranges(&[0, 1, 2, 3, 7, 9, 10]), "0-3,7,9-10");
        let array = |first, elements: &str| Array {
            first,
            elements: elements.to_owned(),
        };
        let all: Vec<usize> = (0..25).collect();
        assert_eq!(
            arrays(&all, 10),
            [array(0, "0-9"), array(10, "0-9"), array(20, "0-4")]
        );
        assert_eq!(arrays(&[3, 12, 13], 10), [array(0, "3"), array(10, "2-3")]);
        assert_eq!(arrays(&all, 1001), [array(0, "0-24")]);
        assert_eq!(arrays(&[], 10), []);
    }

    #[test]
    fn a_script_can_be_read() {
        let slurm = Slurm {
            partition: Some("short".to_owned()),
            time: Some("02:00:00".to_owned()),
            memory: Some("2G".to_owned()),
            cpus: Some(2),
            options: vec!["--gres=gpu:1".to_owned()],
            setup: vec!["module load cuda".to_owned()],
            ..Slurm::default()
        };
        let script = Script {
            name: "batch",
            slurm: &slurm,
            logs: Path::new("/home/a/runs/batch/slurm"),
            folder: Path::new("/home/a"),
            command: "/usr/bin/lab sweep run batch.toml --out runs --requeue",
        };
        insta::assert_snapshot!(script.text(), @r##"
        #!/bin/bash
        # One task of a sweep for each element of an array; written by `lab sweep`.
        #SBATCH --job-name=lab-batch
        #SBATCH --output="/home/a/runs/batch/slurm/%A_%a.log"
        #SBATCH --open-mode=append
        #SBATCH --chdir="/home/a"
        #SBATCH --ntasks=1
        #SBATCH --cpus-per-task=2
        #SBATCH --partition=short
        #SBATCH --time=02:00:00
        #SBATCH --mem=2G
        #SBATCH --gres=gpu:1
        #SBATCH --requeue
        #SBATCH --signal=B:TERM@120

        module load cuda
        export RAYON_NUM_THREADS=2
        exec /usr/bin/lab sweep run batch.toml --out runs --requeue --task $((${LAB_FIRST_TASK:-0} + SLURM_ARRAY_TASK_ID))
        "##);
    }
}
