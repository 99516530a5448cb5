
pub mod real;
