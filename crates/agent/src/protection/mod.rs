//! Which protection runs here already: other vendors' products, and other installations of our own sensor.
//!
//! The supervisor asks before it installs the sensor, so that nothing is installed twice; the sensor asks to
//! decide its mode; the inventory reports it as evidence. Nothing here changes a machine: another vendor's
//! product is recognised and left alone.

mod own;
mod products;

pub use own::{UnitFolders, other_sensors};
pub use products::{Signs, installed, process_names, products};
