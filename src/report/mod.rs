//! What a user sees: tables and progress. Data comes in, text goes out.

mod comparison;
mod finding;
mod forecast;
mod invariance;
mod number;
mod progress;
mod table;

pub use crate::table::{significant, two_digits};
pub use comparison::{comparison_csv, comparison_json, comparison_table};
pub use finding::Finding;
pub use forecast::Forecast;
pub use invariance::{invariance_csv, invariance_table};
pub use number::error_of;
pub use progress::Progress;
pub use table::{
    checks_csv, checks_table, config_keys_csv, config_keys_table, density_csv, markdown, rows_csv,
    rows_table, run_table,
};
