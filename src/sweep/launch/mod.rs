//! Ways to run the tasks of a sweep. What a task does is a command that does it wherever it is given: a launcher need
//! only see to it that each is given once.

pub mod local;
pub mod slurm;
