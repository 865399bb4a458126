//! Job arrays, with stand-ins for the commands of Slurm.

use super::launched::{longer, signal, wait_for_a_checkpoint};
use super::{SWEEP, endings, lab, which};
use crate::lab::{Finished, Lab};

/// Stand-ins for the commands of Slurm, which run each element of an array at once.
const COMMANDS: [(&str, &str); 3] = [
    (
        "sbatch",
        r#"
        for word in "$@"; do
            case $word in
                --array=*) elements=${word#--array=};;
                --export=ALL,LAB_FIRST_TASK=*) export LAB_FIRST_TASK=${word##*=};;
            esac
            script=$word
        done
        echo "$@" >> submitted
        number=$(wc -l < submitted)
        export SLURM_ARRAY_JOB_ID=$number
        for range in $(echo ${elements%\%*} | tr , ' '); do
            for element in $(seq ${range%-*} ${range#*-}); do
                SLURM_ARRAY_TASK_ID=$element bash $script > log-$number-$element 2>&1
            done
        done
        echo "$number;here"
        "#,
    ),
    (
        "squeue",
        "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1",
    ),
    (
        "scontrol",
        r#"
        case $1 in
            show) [ $2 = config ] && echo 'MaxArraySize            = 3' || echo "JobId=1 JobState=$STATE";;
            requeue) echo $2 >> requeued;;
        esac
        "#,
    ),
];

fn with_slurm(lab: &Lab) -> String {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir(lab.path("slurm")).unwrap();
    for (name, script) in COMMANDS {
        let file = format!("slurm/{name}");
        lab.write(&file, &format!("#!/bin/bash\n{script}"));
        std::fs::set_permissions(lab.path(&file), PermissionsExt::from_mode(0o755)).unwrap();
    }
    format!(
        "{}:{}",
        lab.path("slurm").display(),
        std::env::var("PATH").unwrap()
    )
}

#[test]
fn array_jobs_are_cut_to_the_cluster_and_end_with_the_same_bytes() {
    let lab = lab(&format!(
        "{SWEEP}\n[slurm]\npartition = \"short\"\nconcurrent = 2\n"
    ));
    let path = with_slurm(&lab);
    let slurm = || {
        let mut command = lab.command(&["sweep", "sweep.toml", "--launcher", "slurm"]);
        Finished::of(command.env("PATH", &path).output().unwrap())
    };
    lab.run(&["sweep", "run", "sweep.toml", "--task", "1"])
        .success();
    let out = slurm();
    assert!(out.stderr.contains("submitted job 1, 2 ("), "{out:?}");
    assert!(out.success().contains("4 of 4 tasks are finished"));
    let submitted = lab.read("submitted");
    let submitted: Vec<&str> = submitted.lines().collect();
    // What is finished is not submitted, and no index of an array reaches 3.
    assert!(
        submitted[0].contains("--array=0,2%2 --export=ALL,LAB_FIRST_TASK=0"),
        "{submitted:?}"
    );
    assert!(
        submitted[1].contains("--array=0%2 --export=ALL,LAB_FIRST_TASK=3"),
        "{submitted:?}"
    );
    let script = lab.read("runs/sweep/slurm/job.sh");
    assert!(script.contains("#SBATCH --partition=short"), "{script}");
    lab.run(&["sweep", "sweep.toml", "--out", "local"])
        .success();
    assert_eq!(
        endings(&lab.path("runs/sweep")),
        endings(&lab.path("local/sweep"))
    );
    assert!(slurm().stderr.contains("nothing is left to submit"));
    if which("scontrol").is_none() {
        let arguments = ["sweep", "sweep.toml", "--launcher", "slurm", "--out", "x"];
        let message = lab.run(&arguments).failure(2);
        assert!(message.contains("is Slurm installed here?"), "{message}");
        assert!(!lab.exists("x"));
    }
}

#[test]
fn a_member_that_is_asked_to_stop_goes_back_into_the_queue() {
    let lab = longer();
    let path = with_slurm(&lab);
    for (state, expected) in [("RUNNING", "7_0\n"), ("CANCELLED", "")] {
        let arguments = [
            "sweep",
            "run",
            "sweep.toml",
            "--task",
            "0",
            "--requeue",
            "--out",
            state,
        ];
        let mut command = lab.command(&arguments);
        command.envs([("PATH", path.as_str()), ("STATE", state)]);
        command.envs([("SLURM_ARRAY_JOB_ID", "7"), ("SLURM_ARRAY_TASK_ID", "0")]);
        let child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn();
        let child = child.unwrap();
        wait_for_a_checkpoint(&lab, &format!("{state}/sweep"));
        signal(&child, "-TERM");
        Finished::of(child.wait_with_output().unwrap()).failure(130);
        let requeued = std::fs::read_to_string(lab.path("requeued")).unwrap_or_default();
        assert_eq!(requeued, expected, "{state}");
        let _ = std::fs::remove_file(lab.path("requeued"));
    }
}
