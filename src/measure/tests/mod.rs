//! Tests of measures of several families.

mod claims;
mod coverage;
mod least_squares;
mod reference;
mod rows;
