//! A sweep on a real Slurm: two nodes on this machine. Where Slurm is not installed, or this is not root, the test says
//! that it is skipped. It takes a minute or two: Slurm looks at its nodes every few seconds.

use crate::lab::{Finished, Lab};
use crate::sweep::{BASE, SWEEP, endings, which};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Two nodes, each a process of its own, and what they need.
struct Cluster {
    folder: tempfile::TempDir,
}

/// Nothing that is waited for takes longer.
const LONG: Duration = Duration::from_secs(180);

impl Cluster {
    fn start() -> Option<Self> {
        let programs = [
            "munged",
            "slurmctld",
            "slurmd",
            "sbatch",
            "squeue",
            "scontrol",
            "scancel",
        ];
        // SAFETY: it takes nothing and cannot fail.
        let is_root = unsafe { libc::geteuid() } == 0;
        if let Some(missing) = programs.iter().find(|program| which(program).is_none()) {
            eprintln!("a sweep on a real Slurm: skipped: {missing} is not installed");
            return None;
        }
        if !is_root {
            eprintln!("a sweep on a real Slurm: skipped: its nodes need root");
            return None;
        }
        let cluster = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        cluster.configure();
        let path = |name: &str| cluster.path(name).display().to_string();
        cluster.run(
            "munged",
            &[
                "--force",
                &format!("--socket={}", path("munge/socket")),
                &format!("--key-file={}", path("munge/key")),
                &format!("--pid-file={}", path("munge/pid")),
                &format!("--log-file={}", path("munge/log")),
                &format!("--seed-file={}", path("munge/seed")),
            ],
        );
        cluster.run("slurmctld", &["-f", &path("slurm.conf")]);
        cluster.start_node("n1");
        cluster.start_node("n2");
        wait("the nodes are idle", || {
            let nodes = cluster.said("sinfo", &["--noheader", "--Node", "--format=%T"]);
            nodes.lines().filter(|state| *state == "idle").count() == 2
        });
        Some(cluster)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self) {
        for folder in ["munge", "state", "log", "n1", "n2"] {
            std::fs::create_dir(self.path(folder)).unwrap();
        }
        let key: Vec<u8> = (0..1024_u32)
            .map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        std::fs::write(self.path("munge/key"), key).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o400);
        std::fs::set_permissions(self.path("munge/key"), mode).unwrap();
        let host = Command::new("hostname").output().unwrap().stdout;
        let host = String::from_utf8(host).unwrap();
        let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [controller, one, two] =
            listeners.map(|listener| listener.local_addr().unwrap().port());
        let (host, at) = (host.trim(), self.folder.path().display());
        let text = format!(
            "ClusterName=lab\n\
             SlurmctldHost={host}(127.0.0.1)\n\
             SlurmctldPort={controller}\n\
             SlurmUser=root\n\
             SlurmdUser=root\n\
             AuthType=auth/munge\n\
             CredType=cred/munge\n\
             AuthInfo=socket={at}/munge/socket\n\
             ProctrackType=proctrack/linuxproc\n\
             TaskPlugin=task/none\n\
             SelectType=select/cons_tres\n\
             SelectTypeParameters=CR_CPU\n\
             SwitchType=switch/none\n\
             MpiDefault=none\n\
             StateSaveLocation={at}/state\n\
             SlurmctldPidFile={at}/controller.pid\n\
             SlurmctldLogFile={at}/log/controller\n\
             SlurmdPidFile={at}/%n/pid\n\
             SlurmdSpoolDir={at}/%n\n\
             SlurmdLogFile={at}/log/%n\n\
             SlurmdTimeout=10\n\
             KillWait=5\n\
             ReturnToService=2\n\
             MaxArraySize=3\n\
             NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={one} CPUs=2\n\
             NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={two} CPUs=2\n\
             PartitionName=all Nodes=n1,n2 Default=YES State=UP MaxTime=INFINITE\n"
        );
        std::fs::write(self.path("slurm.conf"), text).unwrap();
    }

    /// A command of Slurm for this cluster.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(which(program).unwrap());
        command.env("SLURM_CONF", self.path("slurm.conf"));
        command
    }

    /// Starts a daemon, or anything else whose words do not matter.
    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = self.command(program);
        let status = command
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{program}");
    }

    fn said(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Whether no job waits or runs. A controller that does not answer has said nothing about it.
    fn is_done(&self) -> bool {
        let output = self.command("squeue").arg("--noheader").output().unwrap();
        output.status.success() && output.stdout.trim_ascii().is_empty()
    }

    fn start_node(&self, node: &str) {
        let conf = self.path("slurm.conf").display().to_string();
        self.run("slurmd", &["-f", &conf, "-N", node]);
    }

    /// Ends a node with all that runs on it, as a power cut does.
    fn kill_node(&self, node: &str) {
        let own = format!("SLURM_CONF={}", self.path("slurm.conf").display());
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(environment) = std::fs::read(entry.path().join("environ")) else {
                continue;
            };
            let environment = String::from_utf8_lossy(&environment).into_owned();
            let has = |word: &str| environment.split('\0').any(|variable| variable == word);
            if has(&own) && has(&format!("SLURMD_NODENAME={node}")) {
                let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
                // What follows the name in brackets: state, parent.
                let parent = stat
                    .rsplit(") ")
                    .next()
                    .and_then(|rest| rest.split(' ').nth(1));
                parent.into_iter().for_each(kill);
                kill(&entry.file_name().to_string_lossy());
            }
        }
        kill(
            std::fs::read_to_string(self.path(node).join("pid"))
                .unwrap()
                .trim(),
        );
    }

    /// Submits a sweep; the answer is the numbers of its jobs.
    fn submit(&self, lab: &Lab, out: &str) -> Vec<String> {
        let mut command = lab.command(&[
            "sweep",
            "sweep.toml",
            "--launcher",
            "slurm",
            "--detach",
            "--out",
            out,
        ]);
        command.env("SLURM_CONF", self.path("slurm.conf"));
        let said = Finished::of(command.output().unwrap());
        assert_eq!(said.code, Some(0), "{said:?}");
        let jobs = said
            .stderr
            .split("submitted job ")
            .nth(1)
            .unwrap()
            .split(" (")
            .next()
            .unwrap();
        jobs.split(", ").map(str::to_owned).collect()
    }

    /// Waits until no job is left, and lets none wait that was queued again: Slurm keeps it back for two minutes.
    fn finish(&self) {
        wait("all jobs have ended", || {
            let waiting = self.said(
                "squeue",
                &["--noheader", "--array", "--states=PENDING", "--format=%i"],
            );
            for job in waiting.lines() {
                let job = format!("JobId={}", job.trim());
                self.said("scontrol", &["update", &job, "StartTime=now"]);
            }
            self.is_done()
        });
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.command("scancel").args(["--user=root"]).status();
        std::thread::sleep(Duration::from_secs(1));
        for name in ["n1/pid", "n2/pid", "controller.pid", "munge/pid"] {
            if let Ok(number) = std::fs::read_to_string(self.path(name)) {
                kill(number.trim());
            }
        }
    }
}

fn kill(number: &str) {
    let _ = Command::new("kill")
        .args(["-KILL", number])
        .stderr(Stdio::null())
        .status();
}

#[track_caller]
fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "{what}: not after {LONG:?}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Whether every one of the four members has saved something.
fn have_all_begun(lab: &Lab, out: &str) -> bool {
    let places = [(16, 0), (16, 1), (32, 0), (32, 1)];
    places.iter().all(|(size, seed)| {
        let folder = format!("{out}/sweep/batch_size-{size}/seed-{seed}/checkpoints");
        std::fs::read_dir(lab.path(&folder)).is_ok_and(|entries| entries.count() > 0)
    })
}

fn logs(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let texts = entries.map(|entry| std::fs::read_to_string(entry.path()).unwrap_or_default());
    texts.collect()
}

#[test]
fn on_two_nodes_a_lost_one_and_a_cancelled_job_cost_no_byte() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let lab = Lab::new();
    // Members of some seconds.
    let base = BASE.replace("epochs = 4", "epochs = 4000\ncheckpoint_every = 50");
    lab.write("base.toml", &base.replace("train = 64", "train = 320"));
    lab.write("sweep.toml", SWEEP);
    lab.run(&["sweep", "sweep.toml", "--out", "local"])
        .success();
    let expected = endings(&lab.path("local/sweep"));
    let same = |out: &str| {
        assert!(
            endings(&lab.path(&format!("{out}/sweep"))) == expected,
            "{out}"
        )
    };

    let jobs = cluster.submit(&lab, "lost");
    assert_eq!(jobs.len(), 2, "no index of an array reaches 3");
    wait("members begin", || have_all_begun(&lab, "lost"));
    cluster.kill_node("n2");
    cluster.finish();
    same("lost");
    cluster.start_node("n2");

    let jobs = cluster.submit(&lab, "cancelled");
    wait("members begin", || have_all_begun(&lab, "cancelled"));
    cluster.run(
        "scancel",
        &jobs.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    wait("jobs are gone", || {
        cluster.said("squeue", &["--noheader"]).trim().is_empty()
    });
    let status = lab
        .run(&["sweep", "status", "cancelled/sweep", "--format", "csv"])
        .success();
    assert!(status.contains("broken off"), "{status}");
    cluster.submit(&lab, "cancelled");
    cluster.finish();
    same("cancelled");
}

/// `cargo test --release --test end_to_end time_limit -- --ignored`
#[test]
#[ignore = "takes three minutes: Slurm looks at time limits twice a minute"]
fn a_member_saves_before_its_time_limit_and_goes_on_in_another_job() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let lab = Lab::new();
    // A minute or more.
    let long = "steps = 1000000\ncheckpoint_every = 2000\nevaluate_every = 100000";
    lab.write(
        "base.toml",
        &BASE
            .replace("epochs = 4", long)
            .replace("every = 2\n", "every = 100000\n"),
    );
    lab.write(
        "sweep.toml",
        "base = \"base.toml\"\n[slurm]\ntime = \"10\"\n",
    );
    lab.run(&["sweep", "sweep.toml", "--out", "local"])
        .success();
    let jobs = cluster.submit(&lab, "limited");
    let checkpoints = lab.path("limited/sweep/base/seed-0/checkpoints");
    wait("the member begins", || {
        std::fs::read_dir(&checkpoints).is_ok_and(|entries| entries.count() > 0)
    });
    // A limit that the job was begun with could be met before the member is there to be told.
    let job = format!("JobId={}", jobs[0]);
    cluster.run("scontrol", &["update", &job, "TimeLimit=2"]);
    let folder = lab.path("limited/sweep/slurm");
    wait("the member meets its limit", || {
        logs(&folder).contains("is back in the queue")
    });
    wait("the job waits", || {
        cluster
            .said("squeue", &["--noheader", "--format=%T"])
            .trim()
            == "PENDING"
    });
    cluster.run("scontrol", &["update", &job, "TimeLimit=10"]);
    cluster.finish();
    let [limited, local] =
        ["limited", "local"].map(|out| endings(&lab.path(&format!("{out}/sweep"))));
    assert!(
        limited == local,
        "{:?} against {:?}: {}",
        limited.keys(),
        local.keys(),
        logs(&folder)
    );
}
